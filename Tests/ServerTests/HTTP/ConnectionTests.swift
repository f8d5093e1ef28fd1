// What happens on the wire: bodies that are unwanted, late or broken off, connections that end or stay, servers that stop.

import Foundation
import Logging
import ServiceLifecycle
import Testing
import VectorStore

@testable import Server

@Suite struct ConnectionTests {
    private let megabyte = [UInt8](repeating: 97, count: 1 << 20)

    /// Clients that send everything before they read, as Python's do, must not wait for a server that has stopped reading.
    @Test(
        arguments: [
            (Unwanted(fields: "Content-Length: 62914560"), 413), (Unwanted(fields: "Transfer-Encoding: chunked"), 413),
            (Unwanted(path: "/nowhere", fields: "Content-Length: 62914560"), 404),
            (Unwanted(host: "attacker.example", fields: "Content-Length: 62914560"), 403),
        ], ["keep-alive", "close"])
    func `whoever sends it all can read why it was refused`(
        request: (unwanted: Unwanted, status: Int), connection: String
    ) async throws {
        try await TestServer.run { server in
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            let unwanted = request.unwanted
            try await client.write(
                head("\(unwanted.fields)\r\nConnection: \(connection)", path: unwanted.path, host: unwanted.host))
            if unwanted.isChunked {
                // A form that would be well so far, so that its size is the reason.
                let beginning = Form.body([], file: []).dropLast(Form.boundary.utf8.count + 8)
                try await client.write(chunk(Array(beginning)))
            }
            for _ in 0..<60 { try await client.write(unwanted.isChunked ? chunk(megabyte) : megabyte) }
            if unwanted.isChunked { try await client.write(Array("0\r\n\r\n".utf8)) }
            let response = try await client.readResponse()
            #expect(response.status == request.status)
            #expect(response.headers["connection"] == "close")
        }
    }

    @Test func `whoever expects an invitation to too much gets the refusal instead`() async throws {
        try await TestServer.run { server in
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            try await client.write(head("Content-Length: 209715200\r\nExpect: 100-continue"))
            let answer = String(decoding: try await client.read(once: true), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `a body shorter than it said is 400, and nothing is stored`() async throws {
        try await TestServer.run { server in
            let body = Form.body([("title", "t")], file: Array("Some text.".utf8))
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            try await client.write(head("Content-Length: \(body.count + 10)") + body)
            client.finishWriting()
            let response = try await client.readResponse()
            #expect(response.status == 400)
            #expect(response.json["detail"]?.string?.contains("whole") == true)
            #expect(try await server.points() == 0)
        }
    }

    @Test func `a form may arrive byte by byte`() async throws {
        try await TestServer.run { server in
            let body = Form.body([("title", "t")], file: Array("Some text.".utf8))
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            try await client.write(head("Content-Length: \(body.count)"))
            for byte in body { try await client.write([byte]) }
            #expect(try await client.readResponse().status == 200)
        }
    }

    /// Uploads and questions watch their connection for a hang-up and use it up; a client that reused it would lose its
    /// next request.
    @Test func `an answer that ends the connection says so`() async throws {
        try await TestServer.run { server in
            let body = Form.body([("title", "t")], file: Array("Some text.".utf8))
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            try await client.write(head("Content-Length: \(body.count)") + body)
            #expect(try await client.readResponse().headers["connection"] == "close")
            #expect(try await client.read(once: true).isEmpty)
        }
    }

    @Test func `other connections are kept`() async throws {
        try await TestServer.run { server in
            let client = try await RawConnection(port: server.port)
            defer { client.close() }
            for path in ["/healthz", "/vector/documents", "/nowhere", "/healthz"] {
                try await client.write(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                #expect(try await client.readResponse().headers["connection"] == nil)
            }
        }
    }

    @Test func `stopping closes idle connections and finishes requests under way`() async throws {
        let (started, start) = AsyncStream<Void>.makeStream()
        let slow = Route.get("/slow") { _ in
            start.yield()
            try await Task.sleep(for: .milliseconds(300))
            return .text("done")
        }
        var connections: [RawConnection] = []
        defer { for connection in connections { connection.close() } }
        try await TestServer.serve(routes: [slow, .get("/quick") { _ in .text("quick") }]) { port in
            let idle = try await RawConnection(port: port)
            try await idle.write(Array("GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            #expect(try await idle.readResponse().text == "quick")
            let busy = try await RawConnection(port: port)
            try await busy.write(Array("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            for await _ in started { break }
            connections = [idle, busy]
        }
        // The server has stopped by now.
        #expect(try await connections[0].read(once: true).isEmpty)
        #expect(try await connections[1].readResponse().text == "done")
    }

    @Test func `a port in use is named`() async throws {
        try await TestServer.serve(routes: []) { port in
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

/// A request whose body nobody will read.
struct Unwanted: Sendable {
    var path = "/vector/text-to-vector"
    var host = "localhost"
    var fields: String

    var isChunked: Bool { fields.hasPrefix("Transfer") }
}

private func head(_ fields: String, path: String = "/vector/text-to-vector", host: String = "localhost") -> [UInt8] {
    Array("POST \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: \(Form.type)\r\n\(fields)\r\n\r\n".utf8)
}

private func chunk(_ bytes: [UInt8]) -> [UInt8] {
    Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
}
