// The Qdrant API of an empty store, over a socket.

import Foundation
import Testing
import VectorStore

@testable import Server

/// A Qdrant port in front of an empty store.
struct QdrantServer {
    let port: Int
    let store: EmbeddedStore
    let directory: String

    static func run(
        directory: String? = nil, apiKey: String? = nil, _ body: (QdrantServer) async throws -> Void
    ) async throws {
        let isKept = directory != nil
        let directory =
            directory ?? FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { if !isKept { try? FileManager.default.removeItem(atPath: directory) } }
        let store = try EmbeddedStore(directory: directory)
        var http = HTTPConfiguration()
        http.apiKey = apiKey
        try await TestServer.serve(
            http, routes: QdrantAPI(store: store, directory: directory).countedRoutes(), dialect: .qdrant
        ) { port in
            try await body(QdrantServer(port: port, store: store, directory: directory))
        }
        try store.close()
    }

    func send(
        _ method: String, _ path: String, _ body: JSONValue? = nil, headers: [String] = []
    ) async throws -> RawResponse {
        let bytes = body.map { $0.encoded() } ?? []
        let fields = body == nil ? [] : ["Content-Type: application/json", "Content-Length: \(bytes.count)"]
        return try await TestServer.send(
            "\(method) \(path) HTTP/1.1", port: port, headers: fields + headers, body: bytes)
    }

    /// The result of a request that succeeds.
    func result(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let response = try await send(method, path, body)
        let json = response.json
        #expect(response.status == 200, "\(method) \(path): \(json)")
        #expect(json["status"] == "ok")
        return try #require(json["result"])
    }

    /// The message of a request that is refused.
    func error(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> (Int, String) {
        let response = try await send(method, path, body)
        let json = response.json
        #expect(json["result"] == nil)
        return (response.status, json["status"]?["error"]?.string ?? "no message")
    }

    /// `c`: two components, dot product, three points.
    func fill() async throws {
        _ = try await result("PUT", "/collections/c", ["vectors": ["size": 2, "distance": "Dot"]])
        _ = try await result(
            "PUT", "/collections/c/points?wait=true",
            [
                "points": [
                    ["id": 1, "vector": [1, 0], "payload": ["n": 10, "price": 10.0]],
                    ["id": 2, "vector": [0.05, 1]],
                    ["id": "aa0e8400e29b41d4a716446655440000", "vector": [0.5, 0.5], "payload": ["n": 11]],
                ]
            ])
    }
}
