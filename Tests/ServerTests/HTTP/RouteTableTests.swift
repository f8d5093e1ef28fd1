// FastAPI's manners around the handlers: which path, which method, which error. The routes are the test's own.

import HTTPTypes
import Hummingbird
import NIOCore
import Testing
import VectorStore

@testable import Server

@Suite struct RouteTableTests {
    @Test(arguments: [
        ("GET", "/nowhere", 404, #"{"detail":"Not Found"}"#), ("GET", "/item/", 404, #"{"detail":"Not Found"}"#),
        ("GET", "/item/a/b", 404, #"{"detail":"Not Found"}"#),
        ("PUT", "/thing", 405, #"{"detail":"Method Not Allowed"}"#),
        ("OPTIONS", "/thing", 405, #"{"detail":"Method Not Allowed"}"#),
        ("GET", "/item/a%20b%2Fc", 200, "a b/c"), ("GET", "/thing?x=1", 200, "thing"), ("GET", "//thing", 404, nil),
    ])
    func routes(method: String, path: String, status: Int, body: String?) async throws {
        try await RunningServer.run(sample) { port in
            let response = try await fetch(method, path, port: port)
            #expect(response.status == status)
            if let body { #expect(response.body == body) }
        }
    }

    @Test func aMethodThatIsNotThereNamesThoseThatAre() async throws {
        try await RunningServer.run(sample) { port in
            #expect(try await fetch("DELETE", "/thing", port: port).headers["allow"] == "GET, POST")
            let client = try RawClient(port: port)
            defer { client.close() }
            try await client.send("HEAD /thing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
            // No body belongs to it: what comes next is the next answer.
            try await client.send("GET /thing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let next = try await client.response()
            #expect(next.status == 200)
            #expect(next.body == "thing")
        }
    }

    @Test func aTrailingSlashIsRedirectedWithItsQuery() async throws {
        try await RunningServer.run(sample) { port in
            let response = try await fetch("POST", "/thing/?a=1&b=2", port: port)
            #expect(response.status == 307)
            #expect(response.headers["location"] == "/thing?a=1&b=2")
        }
    }

    /// One line of the table each: an error, its status, and its Retry-After.
    @Test(arguments: [
        (RequestError.badRequest("why") as any Error, 400, nil as String?), (RequestError.notFound("why"), 404, nil),
        (RequestError.tooLarge("why"), 413, nil), (RequestError.overloaded("why", retryAfter: 7), 429, "7"),
        (RequestError.unavailable("why"), 503, "5"), (MultipartError.invalid, 400, nil),
        (ChatError.modelNotFound(model: "m"), 404, nil), (ChatError.overloaded(waiting: 3), 429, "10"),
        (ChatError.tokenTimeout(after: .seconds(60)), 504, "30"), (StoreError.diskFull(path: "p"), 507, nil),
        (StoreError.damaged(path: "p", reason: "r"), 500, nil), (InvalidRequest([]), 422, nil),
    ])
    func everyErrorHasItsStatus(error: any Error, status: Int, retryAfter: String?) async throws {
        let routes = [Route.get("/fail") { _ in throw error }]
        try await RunningServer.run(routes) { port in
            let response = try await fetch("GET", "/fail", port: port)
            #expect(response.status == status)
            #expect(response.headers["retry-after"] == retryAfter)
            #expect(response.headers["content-type"] == "application/json")
            #expect(try json(response).object?.keys == ["detail"])
        }
    }

    @Test func anUnforeseenErrorSaysNothing() async throws {
        struct Secret: Error { var password = "hunter2" }
        try await RunningServer.run([.get("/fail") { _ in throw Secret() }]) { port in
            let response = try await fetch("GET", "/fail", port: port)
            #expect(response.status == 500)
            #expect(response.body == "Internal Server Error")
            #expect(response.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test func probesAndPagesAnswer() async throws {
        try await RunningServer.run { port in
            for path in ["/healthz", "/livez", "/readyz", "/docs", "/openapi.json"] {
                #expect(try await fetch("GET", path, port: port).status == 200)
            }
            let root = try await fetch("GET", "/", port: port)
            #expect(root.status == 307)
            #expect(root.headers["location"] == "/docs")
            #expect(root.headers["server"] == "minilm")
        }
    }
}

private let sample: [Route] = [
    .get("/thing") { _ in .text("thing") }, .post("/thing") { _ in .text("posted") },
    .get("/item/{id}") { call in .text(call.parameter) },
]
