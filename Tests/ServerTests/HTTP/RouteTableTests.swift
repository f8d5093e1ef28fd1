// FastAPI's manners around the handlers: which path, which method, which error. The routes are the test's own.

import Hummingbird
import Testing
import VectorStore

@testable import Server

@Suite struct RouteTableTests {
    private let routes: [Route] = [
        .get("/thing") { _ in .text("thing") }, .post("/thing") { _ in .text("posted") },
        .get("/item/{id}") { call in .text(call.parameter) },
    ]

    @Test(arguments: [
        ("GET", "/nowhere", 404, #"{"detail":"Not Found"}"#), ("GET", "/item/", 404, #"{"detail":"Not Found"}"#),
        ("GET", "/item/a/b", 404, #"{"detail":"Not Found"}"#), ("GET", "/item/a%20b%2Fc", 200, "a b/c"),
        ("GET", "/thing?x=1", 200, "thing"), ("GET", "//thing", 404, #"{"detail":"Not Found"}"#),
        ("PUT", "/thing", 405, #"{"detail":"Method Not Allowed"}"#),
        ("OPTIONS", "/thing", 405, #"{"detail":"Method Not Allowed"}"#),
    ])
    func `a path leads to its handler or to a refusal`(
        method: String, path: String, status: Int, body: String
    ) async throws {
        try await TestServer.serve(routes: routes) { port in
            let response = try await TestServer.send("\(method) \(path) HTTP/1.1", port: port)
            #expect(response.status == status)
            #expect(response.text == body)
            #expect(response.headers["allow"] == (status == 405 ? "GET, POST" : nil))
        }
    }

    /// A body would be taken for the beginning of the connection's next answer.
    @Test func `the answer to HEAD has no body`() async throws {
        try await TestServer.serve(routes: routes) { port in
            let connection = try await RawConnection(port: port)
            defer { connection.close() }
            try await connection.write(Array("HEAD /thing HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            let answer = String(decoding: try await connection.read(once: true), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 405 ") && answer.hasSuffix("\r\n\r\n"))
            try await connection.write(Array("GET /thing HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            let next = try await connection.readResponse()
            #expect(next.status == 200 && next.text == "thing")
        }
    }

    @Test(arguments: [
        (RequestError.badRequest("why") as any Error, 400, nil as String?), (RequestError.notFound("why"), 404, nil),
        (RequestError.tooLarge("why"), 413, nil), (RequestError.overloaded("why", retryAfter: 7), 429, "7"),
        (RequestError.unavailable("why"), 503, "5"), (MultipartError.invalid, 400, nil),
        (ChatError.modelNotFound(model: "m"), 404, nil), (ChatError.overloaded(waiting: 3), 429, "10"),
        (ChatError.busy("loading"), 503, "10"), (ChatError.tokenTimeout(after: .seconds(60)), 504, "30"),
        (StoreError.diskFull(path: "p"), 507, nil), (StoreError.damaged(path: "p", reason: "r"), 500, nil),
        (InvalidRequest([]), 422, nil),
    ])
    func `every error has its status and its Retry-After`(
        error: any Error, status: Int, retryAfter: String?
    ) async throws {
        try await TestServer.serve(routes: [.get("/fail") { _ in throw error }]) { port in
            let response = try await TestServer.send("GET /fail HTTP/1.1", port: port)
            #expect(response.status == status)
            #expect(response.headers["retry-after"] == retryAfter)
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.json.object?.keys == ["detail"])
        }
    }

    @Test func `an unforeseen error gives nothing away`() async throws {
        struct Secret: Error { var password = "hunter2" }
        try await TestServer.serve(routes: [.get("/fail") { _ in throw Secret() }]) { port in
            let response = try await TestServer.send("GET /fail HTTP/1.1", port: port)
            #expect(response.status == 500 && response.text == "Internal Server Error")
            #expect(response.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test(arguments: [
        ("attacker.example:x", 403), ("a:b", 403), ("1.2.3.4.5", 403), ("0x7f.1", 403), ("[::1]:5002", 200),
        ("host.docker.internal", 200),
    ])
    func `only what is an address counts as one`(host: String, status: Int) async throws {
        try await TestServer.serve(routes: routes) { port in
            let response = try await TestServer.send("GET /thing HTTP/1.1", port: port, headers: ["Host: \(host)"])
            #expect(response.status == status)
        }
    }

    @Test func `a refused page cannot even read the refusal`() async throws {
        try await TestServer.serve(routes: routes) { port in
            let headers = ["Origin: https://attacker.example"]
            let response = try await TestServer.send("POST /thing HTTP/1.1", port: port, headers: headers)
            #expect(response.status == 403)
            #expect(response.headers["access-control-allow-origin"] == nil)
        }
    }
}
