// Who may call: the Host header, the Origin header, the API key.
//
// A server on 127.0.0.1 is still within reach of every web page its user opens: a page can name a host that resolves to
// 127.0.0.1 (DNS rebinding, CVE-2024-28224), and it can send a form without asking (multipart needs no preflight). So the
// names by which we are called and the pages that may call us are both checked.

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import VectorStore

/// The checks in front of every route.
struct RequestGuard: Sendable {
    /// Whether the server listens on a loopback address only: then only local names may be used for it.
    let isLoopback: Bool
    /// Origins allowed beside local ones, such as `https://app.example.org`.
    let allowedOrigins: Set<String>
    let apiKey: String?
    var dialect = Dialect.fastAPI

    /// Open without a key: probes, and the pages that say how to use the rest.
    private static let openPaths = probes.union(["/", "/docs", "/openapi.json"])
    static let probes: Set<String> = ["/healthz", "/livez", "/readyz"]

    /// Lets a request through, or answers it: a refusal, or a CORS preflight.
    func answer(to request: Request) -> Response? {
        if isLoopback, let host = request.head.authority, !isLocalName(Self.hostName(host)) {
            return refuse(
                403, "This server does not answer to the name '\(host)'. Use http://localhost or http://127.0.0.1.")
        }
        let origin = request.headers[.origin]
        if let origin, !isAllowed(origin: origin, host: request.head.authority) {
            return refuse(
                403, "Pages of \(origin) may not call this server. Allow them with --allowed-origin \(origin).")
        }
        if request.method == .options, origin != nil, request.headers[.accessControlRequestMethod] != nil {
            return preflight(request)
        }
        if let apiKey, !Self.openPaths.contains(request.uri.path), !hasKey(apiKey, request) {
            return refuse(
                401, "This server needs its API key: Authorization: Bearer KEY, or api-key: KEY.",
                [.wwwAuthenticate: "Bearer"])
        }
        return nil
    }

    private func refuse(_ status: Int, _ text: String, _ headers: HTTPFields = [:]) -> Response {
        var answer = ErrorAnswer(status, .string(text))
        answer.headers = headers
        return dialect.refusal(answer)
    }

    /// What an allowed page needs to read the answer.
    func corsHeaders(for request: Request) -> HTTPFields {
        guard let origin = request.headers[.origin], isAllowed(origin: origin, host: request.head.authority) else {
            return [:]
        }
        return [.accessControlAllowOrigin: origin, .accessControlAllowCredentials: "true", .vary: "Origin"]
    }

    private func preflight(_ request: Request) -> Response {
        var headers = corsHeaders(for: request)
        headers[.accessControlAllowMethods] = dialect == .qdrant ? "DELETE, GET, PATCH, POST, PUT" : "DELETE, GET, POST"
        headers[.accessControlMaxAge] = "600"
        headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders] ?? ""
        return .content(Array("OK".utf8), type: "text/plain; charset=utf-8", headers: headers)
    }

    // MARK: - Names

    /// The host of `host:port`, in lower case, without the brackets of an IPv6 address.
    static func hostName(_ authority: String) -> String {
        var name = authority.lowercased()[...]
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") { return String(name.dropFirst()[..<end]) }
        if let colon = name.lastIndex(of: ":"), name[name.index(after: colon)...].allSatisfy(\.isNumber) {
            name = name[..<colon]
        }
        while name.last == "." { name = name.dropLast() }
        return String(name)
    }

    /// Names that only this machine or this network gives itself; no page can make its own resolve to them.
    private func isLocalName(_ name: String) -> Bool {
        // A literal address needs no name server, so that it cannot be rebound.
        if name.isEmpty || name == "localhost" || IPAddress.isLiteral(name) { return true }
        if [".localhost", ".local", ".internal"].contains(where: name.hasSuffix) { return true }
        return name == ProcessInfo.processInfo.hostName.lowercased()
    }

    private func isAllowed(origin: String, host: String?) -> Bool {
        if allowedOrigins.contains(origin) || allowedOrigins.contains("*") { return true }
        guard let separator = origin.range(of: "://") else { return false }  // "null": a sandboxed page or a file
        let scheme = origin[..<separator.lowerBound].lowercased()
        if ["app", "tauri", "vscode-webview"].contains(scheme) { return true }
        guard scheme == "http" || scheme == "https" else { return false }
        let authority = String(origin[separator.upperBound...])
        if let host, authority.lowercased() == host.lowercased() { return true }  // our own page
        let name = Self.hostName(authority)
        return ["localhost", "127.0.0.1", "0.0.0.0", "::1"].contains(name) || name.hasSuffix(".localhost")
    }

    // MARK: - Key

    private func hasKey(_ key: String, _ request: Request) -> Bool {
        var candidates = [request.headers[.apiKey]]
        if let authorization = request.headers[.authorization], authorization.lowercased().hasPrefix("bearer ") {
            candidates.append(String(authorization.dropFirst(7)))
        }
        return candidates.contains { $0.map { Self.isEqual($0, key) } ?? false }
    }

    /// Compares digests, in a time that says nothing about where the first difference is.
    static func isEqual(_ a: String, _ b: String) -> Bool {
        zip(SHA256.digest(a.utf8), SHA256.digest(b.utf8)).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Literal IP addresses.
enum IPAddress {
    static func isLiteral(_ text: String) -> Bool {
        do {
            _ = try SocketAddress(ipAddress: text, port: 0)
            return true
        } catch {
            return false
        }
    }

    /// Whether a server bound to this name or address is reachable from this machine only.
    static func isLoopback(_ text: String) -> Bool {
        let text = text.lowercased()
        return text == "localhost" || text == "::1" || (isLiteral(text) && text.hasPrefix("127."))
    }
}

extension HTTPField.Name {
    static let apiKey = HTTPField.Name("api-key")!
}
