// An HTTP client made of a socket: it sends what no well-behaved client would, and leaves when it likes.

import Foundation
import VectorStore

/// A response as it came.
struct RawResponse: Sendable {
    var status: Int
    /// By lower-case name; of a repeated one the last.
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    /// The body as JSON; null when it is none.
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}

/// A connection to a server on this machine, used by one task. Its calls block threads of their own, never Swift's cooperative
/// pool, which the server under test needs for itself.
struct RawConnection: Sendable {
    struct Failure: Error { var call: String, code: Int32 }

    private let descriptor: Int32

    init(port: Int) async throws {
        descriptor = try await blocking { try Self.connected(to: port) }
    }

    private static func connected(to port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "connect", code: errno) }
        // A server that never answers fails the test instead of hanging it.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    func close() { _ = Foundation.close(descriptor) }

    /// Says that nothing more will be sent; the answer can still be read.
    func finishWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Writes everything, or as much as the server takes before it closes.
    func write(_ bytes: [UInt8]) async throws { try await blocking { try writeAll(bytes) } }

    private func writeAll(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 {
                if errno == EPIPE || errno == ECONNRESET { return }
                throw Failure(call: "send", code: errno)
            }
            sent += count
        }
    }

    /// Bytes up to the end of the stream, or at most one read when `once`.
    func read(once: Bool = false) async throws -> [UInt8] { try await blocking { try readAll(once: once) } }

    private func readAll(once: Bool) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        repeat {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 {
                if errno == ECONNRESET { break }
                throw Failure(call: "recv", code: errno)
            }
            if count == 0 { break }
            bytes += buffer[..<count]
        } while !once
        return bytes
    }

    /// Reads one response, to the end its headers promise or until the server closes; interim 100s are passed over.
    func readResponse() async throws -> RawResponse {
        var bytes: [UInt8] = []
        while true {
            let more = try await read(once: true)
            bytes += more
            if more.isEmpty || Self.isComplete(bytes) { return try Self.parse(bytes) }
        }
    }

    /// Whether a response with a Content-Length is all there; others end when the connection does.
    private static func isComplete(_ bytes: [UInt8]) -> Bool {
        guard bytes.firstRange(of: Array("\r\n\r\n".utf8)) != nil, let response = try? parse(bytes),
            let length = response.headers["content-length"].flatMap({ Int($0) })
        else { return false }
        return response.body.count >= length
    }

    static func parse(_ bytes: [UInt8]) throws -> RawResponse {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw Failure(call: "parse: no header end in \(bytes.count) bytes", code: 0)
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        var body = Array(bytes[end.upperBound...])
        if status == 100 { return try parse(body) }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        if headers["transfer-encoding"] == "chunked" { body = unchunked(body) }
        return RawResponse(status: status, headers: headers, body: body)
    }

    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) ?? 0
            rest = rest[line.upperBound...]
            if size == 0 || rest.count < size { break }
            result += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return result
    }
}

/// Runs blocking work on a thread of its own. Dispatch's would not do: it has 64 of them, the server under test needs some,
/// and more tests than that may wait at the same time.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}
