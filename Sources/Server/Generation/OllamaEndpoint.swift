// Where Ollama listens: the variable OLLAMA_HOST in every spelling that Ollama's own programs accept.

import Foundation

/// The address of an Ollama server.
///
/// | OLLAMA_HOST | connects to |
/// |---|---|
/// | (empty) | http://127.0.0.1:11434 |
/// | `1.2.3.4`, `name`, `[::1]`, `::1` | the same host, port 11434 |
/// | `:56789` | 127.0.0.1, that port |
/// | `http://name` | port 80 |
/// | `https://name` | port 443, TLS |
/// | `https://name/path` | a server behind a path of a proxy |
/// | `0.0.0.0`, `[::]` | loopback: "every interface" is something to listen on, not to connect to |
struct OllamaEndpoint: Sendable, Hashable, CustomStringConvertible {
    static let defaultPort = 11434

    /// Scheme, host, port and path, without a trailing slash.
    let base: URL

    /// Reads OLLAMA_HOST. Blanks and quotes around the value are ignored, as Ollama does; where Ollama would replace
    /// a bad port by the default, this says so instead.
    init(_ text: String = "") throws(ChatError) {
        let value = text.trimmingCharacters(in: CharacterSet(charactersIn: "\"'").union(.whitespacesAndNewlines))
        var scheme = "http"
        var rest = value[...]
        var port = Self.defaultPort
        if let separator = value.range(of: "://") {
            scheme = value[..<separator.lowerBound].lowercased()
            rest = value[separator.upperBound...]
            switch scheme {
            case "http": port = 80
            case "https": port = 443
            default: throw .invalidEndpoint(text, reason: "the scheme \"\(scheme)\" is neither http nor https")
            }
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var path = rest[slash...]
        while path.hasSuffix("/") { path.removeLast() }

        let (host, explicitPort) = Self.split(rest[..<slash])
        if let explicitPort {
            guard let number = UInt16(explicitPort), number > 0 else {
                throw .invalidEndpoint(text, reason: "\"\(explicitPort)\" is not a port from 1 to 65535")
            }
            port = Int(number)
        }

        var components = URLComponents()
        components.scheme = scheme
        components.port = port
        components.path = String(path)
        switch host {
        case "", "0.0.0.0": components.host = "127.0.0.1"
        case "::", "0:0:0:0:0:0:0:0": components.host = "[::1]"
        default:
            guard host.unicodeScalars.allSatisfy(Self.isHostScalar) else {
                throw .invalidEndpoint(text, reason: "\"\(host)\" is not a host name or an address")
            }
            components.host = host.contains(":") ? "[\(host)]" : host
        }
        guard let url = components.url, url.host != nil else {
            throw .invalidEndpoint(text, reason: "it is not a host, a host:port or an http address")
        }
        base = url
    }

    var description: String { base.absoluteString }

    /// The address of one route, such as `/api/chat`.
    func url(_ route: String) -> URL { base.appendingPathComponent(route) }

    /// Host and port of `host`, `host:port`, `:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
    private static func split(_ authority: Substring) -> (host: String, port: String?) {
        if authority.first == "[", let close = authority.firstIndex(of: "]") {
            let host = String(authority[authority.index(after: authority.startIndex)..<close])
            let tail = authority[authority.index(after: close)...]
            return (host, tail.first == ":" ? String(tail.dropFirst()) : (tail.isEmpty ? nil : String(tail)))
        }
        guard let colon = authority.lastIndex(of: ":") else { return (String(authority), nil) }
        // More than one colon and no brackets: an IPv6 address without a port.
        if authority.firstIndex(of: ":") != colon { return (String(authority), nil) }
        return (String(authority[..<colon]), String(authority[authority.index(after: colon)...]))
    }

    /// What names and addresses are made of: anything else (`@`, `?`, blanks) would change the meaning of the URL.
    private static func isHostScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_", ":", "%": true
        default: false
        }
    }
}
