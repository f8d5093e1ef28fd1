// Bodies that are too large, late, broken off; connections that idle; servers that stop.

import Foundation
import Logging
import ServiceLifecycle
import Testing

@testable import Server

@Suite struct ConnectionTests {
    private let megabyte = [UInt8](repeating: 97, count: 1 << 20)

    /// A body that says it is 200 MB is refused at once: nothing of it has to be sent.
    @Test func aBodyThatSaysItIsTooLargeIsRefusedUnread() async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(head("Content-Length: 209715200"))
            let response = try await client.response()
            #expect(response.status == 413)
            #expect(response.headers["connection"] == "close")
            #expect(response.body.contains("32 MB"))
        }
    }

    /// Clients that send everything before they read (as Python's http.client does) get the answer too.
    @Test(arguments: ["Content-Length: 62914560", "Transfer-Encoding: chunked"], ["keep-alive", "close"])
    func whoeverSendsItAllReadsTheRefusal(framing: String, connection: String) async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(head("\(framing)\r\nConnection: \(connection)"))
            let isChunked = framing.hasPrefix("Transfer")
            if isChunked { try await client.send("\(String(beginning.utf8.count, radix: 16))\r\n\(beginning)\r\n") }
            for _ in 0..<60 {
                try await client.send(isChunked ? Array("100000\r\n".utf8) + megabyte + Array("\r\n".utf8) : megabyte)
            }
            if isChunked { try await client.send("0\r\n\r\n") }
            #expect(try await client.response().status == 413)
        }
    }

    /// The same for whoever is refused for another reason than size.
    @Test(arguments: [("/nowhere", "localhost", 404), ("/vector/text-to-vector", "attacker.example", 403)])
    func whoeverSendsItAllReadsAnyRefusal(path: String, host: String, status: Int) async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(
                "POST \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nContent-Length: 20971520\r\n\r\n")
            for _ in 0..<20 { try await client.send(megabyte) }
            let response = try await client.response()
            #expect(response.status == status)
            #expect(try await client.isAtEnd())
        }
    }

    /// Without a length, the body is refused as soon as it is too large, while the client still sends.
    @Test func aChunkedBodyIsRefusedWhenItGrowsTooLarge() async throws {
        var configuration = HTTPConfiguration()
        configuration.maxUpload = 3 << 20
        try await RunningServer.run(configuration) { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(head("Transfer-Encoding: chunked"))
            try await client.send("\(String(beginning.utf8.count, radix: 16))\r\n\(beginning)\r\n")
            for _ in 0..<4 { try await client.send(Array("100000\r\n".utf8) + megabyte + Array("\r\n".utf8)) }
            #expect(try await client.response().status == 413)
        }
    }

    @Test func aBodyOfExactlyTheLimitIsTaken() async throws {
        let empty = Form(title: "t", file: "").body.count
        var configuration = HTTPConfiguration()
        configuration.maxUpload = empty + 1000
        try await RunningServer.run(configuration) { port in
            let text = String(repeating: "word ", count: 200)
            let fitting = try await post(Form(title: "t", file: text), port)
            #expect(fitting.status == 200)
            let larger = try await post(Form(title: "t", file: text + "x"), port)
            #expect(larger.status == 413)
        }
    }

    @Test func expect100ContinueIsAnswered() async throws {
        try await RunningServer.run { port in
            let body = Form(title: "t", file: "Some text.").body
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(head("Content-Length: \(body.count)\r\nExpect: 100-continue"))
            #expect(try await client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
            try await client.send(body)
            #expect(try await client.response().status == 200)

            let large = try RawClient(port: port)
            defer { large.close() }
            try await large.send(head("Content-Length: 209715200\r\nExpect: 100-continue"))
            #expect(try await large.response().status == 413)
        }
    }

    /// Content-Length promised more than came.
    @Test func aBrokenOffBodyIs400AndNothingIsStored() async throws {
        try await RunningServer.run { port in
            let body = Form(title: "t", file: "Some text.").body
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send(Array(head("Content-Length: \(body.count + 10)").utf8) + body)
            client.finishSending()
            let response = try await client.response()
            #expect(response.status == 400)
            #expect(response.body.contains("whole"))
            #expect(
                try await fetch("GET", "/vector/documents", port: port).body == #"{"documents":[],"next_offset":null}"#)
        }
    }

    @Test func aFormMayArriveByteByByte() async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            let body = Form(title: "t", file: "Some text.").body
            try await client.send(head("Content-Length: \(body.count)"))
            for byte in body { try await client.send([byte]) }
            #expect(try await client.response().status == 200)
        }
    }

    /// Uploads and questions watch their connection for a hang-up and use it up; the answer has to say so, or a client
    /// that reuses it loses its next request.
    @Test func anAnswerThatEndsTheConnectionSaysSo() async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            let body = Form(title: "t", file: "Some text.").body
            try await client.send(Array(head("Content-Length: \(body.count)").utf8) + body)
            #expect(try await client.response().headers["connection"] == "close")
            #expect(try await client.isAtEnd())
        }
    }

    @Test func otherConnectionsAreKept() async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            for path in ["/healthz", "/vector/documents", "/nowhere", "/healthz"] {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let response = try await client.response()
                #expect(response.headers["connection"] == nil)
            }
        }
    }

    @Test func garbageGets400() async throws {
        try await RunningServer.run { port in
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send("\u{16}\u{03}\u{01} not http\r\n\r\n")
            #expect(try await client.read(through: "\r\n").contains("400"))
            #expect(try await fetch("GET", "/healthz", port: port).status == 200)
        }
    }

    /// Stopping closes idle connections and waits for requests under way.
    @Test func stoppingClosesIdleConnectionsAndFinishesRequests() async throws {
        let (started, start) = AsyncStream<Void>.makeStream()
        let slow = Route.get("/slow") { _ in
            start.yield()
            try await Task.sleep(for: .milliseconds(300))
            return .text("done")
        }
        let (clients, keep) = AsyncStream<RawClient>.makeStream()
        try await RunningServer.run([slow, .get("/quick") { _ in .text("quick") }]) { port in
            let idle = try RawClient(port: port)
            try await idle.send("GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await idle.response().body == "quick")
            let busy = try RawClient(port: port)
            try await busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for await _ in started { break }
            keep.yield(idle)
            keep.yield(busy)
        }
        // `run` has stopped the server by now.
        var iterator = clients.makeAsyncIterator()
        let idle = try #require(await iterator.next())
        let busy = try #require(await iterator.next())
        defer {
            idle.close()
            busy.close()
        }
        #expect(try await idle.isAtEnd())
        #expect(try await busy.response().body == "done")
    }

    @Test func aPortInUseIsNamed() async throws {
        try await RunningServer.run([]) { port in
            var configuration = HTTPConfiguration()
            configuration.ports = [port]
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let services = try HTTPServer.services(configuration, routes: [], logger: logger) { _ in }
            let error = await #expect(throws: ListenError.self) { try await services[0].run() }
            #expect(error?.description.hasPrefix("127.0.0.1:\(port) is in use.") == true)
        }
    }
}

/// The beginning of a form, up to the content of its file.
private let beginning = "------form\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"

/// The head of an upload.
private func head(_ fields: String) -> String {
    "POST /vector/text-to-vector HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(Form.contentType)\r\n\(fields)\r\n\r\n"
}
