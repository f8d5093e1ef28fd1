// A client for tests that sends exactly the bytes it is told to, when it is told to, over a plain socket. Nothing of what it
// tests is part of it.

import Foundation
import Synchronization

/// One TCP connection to a server on loopback.
final class RawClient: Sendable {
    struct Failure: Error { var what: String, code: Int32 }

    private let descriptor: Int32
    /// What arrived and was not asked for yet.
    private let received = Mutex<[UInt8]>([])

    /// - Parameter patience: Seconds after which a read gives up; only a failing test reaches them.
    init(port: Int, patience: Int = 20) throws {
        descriptor = socket(AF_INET, streamSocketType, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(what: "connect", code: errno) }
    }

    /// Sends all bytes; throws when the server does not take them any more.
    func send(_ bytes: [UInt8]) async throws {
        try await onThread { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { buffer in
                    unsafe Foundation.send(descriptor, buffer.baseAddress, buffer.count, noSignal)
                }
                guard count > 0 else { throw Failure(what: "send", code: errno) }
                rest = rest.dropFirst(count)
            }
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// No more will be sent; answers can still be read.
    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    func close() { _ = Foundation.close(descriptor) }

    /// Whether the server has closed its side, with nothing more before that.
    func isAtEnd() async throws -> Bool { try await receive() == nil }

    /// Everything up to and including `pattern`.
    func read(through pattern: String) async throws -> String {
        let pattern = Array(pattern.utf8)
        while true {
            let found = received.withLock { received -> [UInt8]? in
                guard let range = received.firstRange(of: pattern) else { return nil }
                defer { received.removeSubrange(..<range.upperBound) }
                return Array(received[..<range.upperBound])
            }
            if let found { return String(decoding: found, as: UTF8.self) }
            guard let bytes = try await receive() else { throw Failure(what: "the connection ended", code: 0) }
            received.withLock { $0 += bytes }
        }
    }

    /// The next response, its body complete.
    func response() async throws -> RawResponse {
        var lines = try await read(through: "\r\n\r\n").components(separatedBy: "\r\n")
        let status = Int(lines.removeFirst().split(separator: " ").dropFirst().first ?? "") ?? 0
        var response = RawResponse(status: status, headers: [:], body: "")
        for line in lines where !line.isEmpty {
            let halves = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            response.headers[halves[0].lowercased()] = halves.count == 2 ? halves[1] : ""
        }
        if response.headers["transfer-encoding"] == "chunked" {
            while true {
                let size = try await read(through: "\r\n").trimmingCharacters(in: .newlines)
                let chunk = try await read(count: (Int(size, radix: 16) ?? 0) + 2)
                if chunk.count == 2 { break }
                response.body += String(decoding: chunk.dropLast(2), as: UTF8.self)
            }
        } else if let length = response.headers["content-length"].flatMap({ Int($0) }) {
            response.body = String(decoding: try await read(count: length), as: UTF8.self)
        }
        return response
    }

    private func read(count: Int) async throws -> [UInt8] {
        while received.withLock({ $0.count }) < count {
            guard let bytes = try await receive() else { throw Failure(what: "the connection ended", code: 0) }
            received.withLock { $0 += bytes }
        }
        return received.withLock { received in
            defer { received.removeFirst(count) }
            return Array(received[..<count])
        }
    }

    /// The next bytes; nil at the end of the connection.
    private func receive() async throws -> [UInt8]? {
        try await onThread { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            // A reset is an end too.
            if count == 0 || (count < 0 && errno == ECONNRESET) { return nil }
            guard count > 0 else { throw Failure(what: "receive", code: errno) }
            return Array(buffer[..<count])
        }
    }
}

struct RawResponse: Sendable {
    var status: Int
    /// By lower-case name.
    var headers: [String: String]
    var body: String
}

/// One request on a connection of its own.
func fetch(
    _ method: String, _ path: String, port: Int, headers: [String: String] = [:], body: [UInt8] = []
) async throws -> RawResponse {
    let client = try RawClient(port: port)
    defer { client.close() }
    var head = "\(method) \(path) HTTP/1.1\r\n"
    var headers = headers
    if headers["Host"] == nil { headers["Host"] = "127.0.0.1:\(port)" }
    if headers["Content-Length"] == nil { headers["Content-Length"] = String(body.count) }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    try await client.send(Array("\(head)\r\n".utf8) + body)
    return try await client.response()
}

/// Blocking work must not occupy the threads that the server under test runs on.
private func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: work)) }
    }
}

#if os(Linux)
private let streamSocketType = Int32(SOCK_STREAM.rawValue)
private let noSignal = Int32(MSG_NOSIGNAL)
#else
private let streamSocketType = SOCK_STREAM
private let noSignal: Int32 = 0
#endif
