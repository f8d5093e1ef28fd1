// The sockets of StandInOllama: blocking reads and writes that also wake up when the stand-in stops.

import Foundation
import Synchronization
import VectorStore

/// A TCP listener on a free loopback port.
final class ListeningSocket: Sendable {
    struct Failure: Error { var call: String, code: Int32 }

    let port: UInt16
    private let descriptor: Int32
    /// Closing the write end makes the read end readable for every thread that polls it: the signal to stop.
    private let stopReading: Int32
    private let stopWriting: Mutex<Int32>
    private let isClosed = Mutex(false)

    /// - Parameter backlog: connections the kernel completes before they are accepted.
    init(backlog: Int32 = 128) throws {
        var pipeEnds: [Int32] = [-1, -1]
        guard unsafe pipe(&pipeEnds) == 0 else { throw Failure(call: "pipe", code: errno) }
        stopReading = pipeEnds[0]
        stopWriting = Mutex(pipeEnds[1])
        descriptor = socket(AF_INET, streamSocket, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(descriptor, address, length) == 0 else { return Int32(-1) }
                return unsafe getsockname(descriptor, address, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard status == 0, listen(descriptor, backlog) == 0 else { throw Failure(call: "bind", code: errno) }
    }

    /// The next connection; nil once stopped.
    func accept() -> Connection? {
        guard pollSocket(POLLIN, on: descriptor, stop: stopReading, limit: nil) == .ready else { return nil }
        let accepted = Foundation.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return nil }
        // As Go does, and so Ollama: else a line waits for the acknowledgement of the one before, 40 ms at times.
        var on: Int32 = 1
        _ = unsafe setsockopt(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout.size(ofValue: on)))
        return Connection(descriptor: accepted, stop: stopReading)
    }

    func stop() {
        stopWriting.withLock { writing in
            if writing >= 0 { _ = Foundation.close(writing) }
            writing = -1
        }
    }

    /// After `stop`, when no thread uses the listener any more.
    func close() {
        isClosed.withLock { isClosed in
            if !isClosed {
                _ = Foundation.close(descriptor)
                _ = Foundation.close(stopReading)
            }
            isClosed = true
        }
    }
}

private enum Wait: Equatable { case ready, timedOut, stopped }

/// Waits for an event (or a hang-up) on `descriptor`; the stop signal goes first.
private func pollSocket(_ event: Int32, on descriptor: Int32, stop: Int32, limit: Duration?) -> Wait {
    let end = limit.map { ContinuousClock.now + $0 }
    while true {
        var milliseconds: Int32 = -1
        if let end {
            let left = end - .now
            if left <= .zero { return .timedOut }
            milliseconds = Int32(left / .milliseconds(1)) + 1
        }
        var polled = [
            pollfd(fd: descriptor, events: Int16(event), revents: 0),
            pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
        ]
        let count = unsafe poll(&polled, 2, milliseconds)
        if count < 0, errno != EINTR { return .stopped }
        if polled[1].revents != 0 { return .stopped }
        if polled[0].revents != 0 { return .ready }
    }
}

/// One accepted connection: HTTP/1.1 requests in, replies out.
struct Connection: Sendable {
    let descriptor: Int32
    let stop: Int32

    func close() { _ = Foundation.close(descriptor) }

    /// The next request of the connection; nil when the client closed it or the stand-in stops.
    func readRequest() -> (method: String, path: String, body: JSONValue)? {
        var received: [UInt8] = []
        let blankLine = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            guard let bytes = receive() else { return nil }
            received += bytes
            headEnd = received.firstRange(of: blankLine)?.upperBound
        }
        guard let headEnd else { return nil }
        let head = String(decoding: received[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        let requestLine = head[0].split(separator: " ").map(String.init)
        guard requestLine.count == 3 else { return nil }
        func header(_ name: String) -> String? {
            head.dropFirst().first { $0.lowercased().hasPrefix(name + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
        if header("expect")?.lowercased() == "100-continue" { _ = write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        let length = header("content-length").flatMap { Int($0) } ?? 0
        while received.count - headEnd < length {
            guard let bytes = receive() else { return nil }
            received += bytes
        }
        let body = received[headEnd...]
        do throws(JSONError) {
            return (requestLine[0], requestLine[1], body.isEmpty ? .null : try JSONValue(parsing: body))
        } catch {
            return (requestLine[0], requestLine[1], .string(String(decoding: body, as: UTF8.self)))
        }
    }

    /// Sends a reply step by step.
    func send(_ reply: StandInOllama.Reply, headOnly: Bool) -> (outcome: StandInOllama.Outcome, keepAlive: Bool) {
        var pendingHead: [UInt8] = Array(
            """
            HTTP/1.1 \(reply.status) Status\r
            Content-Type: \(reply.contentType)\r
            Date: Fri, 02 Jan 2026 03:04:05 GMT\r
            Transfer-Encoding: chunked\r
            \r\n
            """.utf8)
        if headOnly { return (write(pendingHead) ? .replied : .clientLeft, true) }
        for step in reply.steps {
            switch step {
            case .send(let bytes):
                let chunk = Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
                guard write(pendingHead + chunk) else { return (.clientLeft, false) }
                pendingHead = []
            case .headers:
                guard write(pendingHead) else { return (.clientLeft, false) }
                pendingHead = []
            case .pause(let duration):
                if let outcome = wait(duration) { return (outcome, false) }
            case .stall:
                return (wait(nil) ?? .clientLeft, false)
            case .disconnect:
                return (.replied, false)
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                _ = unsafe setsockopt(
                    descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                return (.replied, false)
            }
        }
        return write(pendingHead + Array("0\r\n\r\n".utf8)) ? (.replied, true) : (.clientLeft, false)
    }

    /// Lets time pass; not nil when the client leaves or the stand-in stops meanwhile.
    private func wait(_ duration: Duration?) -> StandInOllama.Outcome? {
        switch pollSocket(POLLIN, on: descriptor, stop: stop, limit: duration) {
        case .timedOut: return nil
        case .stopped: return .stopped
        case .ready:
            // A client that waits for a reply sends nothing: input here is the end of the connection.
            return .clientLeft
        }
    }

    private func receive() -> [UInt8]? {
        guard pollSocket(POLLIN, on: descriptor, stop: stop, limit: nil) == .ready else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            // A client that does not read must not keep the stand-in from stopping.
            guard pollSocket(POLLOUT, on: descriptor, stop: stop, limit: nil) == .ready else { return false }
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Foundation.send(descriptor, buffer.baseAddress, buffer.count, sendFlags)
            }
            if count < 0, errno == EAGAIN { continue }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

#if os(Linux)
private let streamSocket = Int32(SOCK_STREAM.rawValue)
private let sendFlags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
#else
private let streamSocket = SOCK_STREAM
private let sendFlags = MSG_DONTWAIT
#endif

/// A listener whose queue of connections is full and stays so: whoever connects waits in vain.
struct FullListener {
    private let listener: ListeningSocket
    private let fillers: [Int32]

    var host: String { "127.0.0.1:\(listener.port)" }

    init() throws {
        listener = try ListeningSocket(backlog: 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = listener.port.bigEndian
        // More than the queue holds; non-blocking, because the last of them wait too.
        fillers = (0..<4).map { _ in
            let descriptor = socket(AF_INET, streamSocket, 0)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            return descriptor
        }
    }

    func close() {
        for descriptor in fillers { _ = Foundation.close(descriptor) }
        listener.stop()
        listener.close()
    }
}
