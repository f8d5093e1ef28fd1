// The whole server on a free port, with the real model, a fresh data directory and a stand-in for Ollama.

import Foundation
import Logging
import MiniLM
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import VectorStore

@testable import Server

/// A running server, as a client sees it.
struct TestServer: Sendable {
    let port: Int
    let ollama: StandInOllama
    let store: EmbeddedStore

    /// The model is loaded once for all tests.
    private static let sharedEncoder = Result { try SentenceEncoder(modelDirectory: Weights.directory) }
    static func encoder() throws -> SentenceEncoder { try sharedEncoder.get() }

    /// Runs `body` with a server that is stopped, and a directory that is gone, when it returns or throws.
    static func run(
        http: HTTPConfiguration = HTTPConfiguration(), limits: ChatLimits = ChatLimits(), chunkTokens: Int = 254,
        fallback: Answering.Fallback = .auto, withoutOllama: Bool = false,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await StandInOllama.run { ollama in
            let store = try EmbeddedStore(directory: directory)
            let encoder = try encoder()
            try await Library.prepare(store, dimension: encoder.dimension)
            let embedding = EmbeddingService(encoder: encoder)
            // Port 9 (discard): nobody listens there.
            let endpoint = try OllamaEndpoint(withoutOllama ? "127.0.0.1:9" : ollama.host)
            let answering = Answering(
                store: store, embedding: embedding,
                chat: OllamaChatModel(client: OllamaClient(endpoint: endpoint)),
                configuration: Answering.Configuration(model: "llama3.2", limits: limits, fallback: fallback)
            )
            let ingestion = Ingestion(
                store: store, embedding: embedding,
                chunker: Chunker(tokenizer: encoder.tokenizer, maxTokens: chunkTokens)
            )
            let routes = Routes(
                vectors: VectorRoutes(ingestion: ingestion, answering: answering, maxUpload: http.maxUpload),
                asking: AskRoutes(answering: answering), isReady: { true }
            )
            try await serve(http, routes: routes.list) { port in
                try await body(TestServer(port: port, ollama: ollama, store: store))
            }
            try store.close()
        }
    }

    /// Runs `body` with the port of a server that has these routes, and stops the server gracefully.
    static func serve(
        _ http: HTTPConfiguration = HTTPConfiguration(), routes: [Route], dialect: Dialect = .fastAPI,
        _ body: (Int) async throws -> Void
    ) async throws {
        var http = http
        http.ports = [0]
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let services = try HTTPServer.services(http, routes: routes, dialect: dialect, logger: logger) {
            listening.yield($0)
        }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, logger: logger))
        let running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        do {
            try await body(port)
        } catch {
            running.cancel()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    // MARK: - Requests

    func get(_ path: String, headers: [String] = []) async throws -> RawResponse {
        try await send("GET \(path) HTTP/1.1", headers: headers)
    }

    func post(_ path: String, json: JSONValue, headers: [String] = []) async throws -> RawResponse {
        try await post(path, Array("\(json)".utf8), type: "application/json", headers: headers)
    }

    func post(_ path: String, _ body: [UInt8], type: String?, headers: [String] = []) async throws -> RawResponse {
        let types = type.map { ["Content-Type: \($0)"] } ?? []
        return try await send(
            "POST \(path) HTTP/1.1", headers: types + ["Content-Length: \(body.count)"] + headers, body: body)
    }

    /// Uploads a text with the fields given.
    func upload(_ text: String, title: String = "t", extra: [(String, String)] = []) async throws -> RawResponse {
        try await post(
            "/vector/text-to-vector", Form.body([("title", title)] + extra, file: Array(text.utf8)), type: Form.type
        )
    }

    func send(_ requestLine: String, headers: [String] = [], body: [UInt8] = []) async throws -> RawResponse {
        try await Self.send(requestLine, port: port, headers: headers, body: body)
    }

    static func send(
        _ requestLine: String, port: Int, headers: [String] = [], body: [UInt8] = []
    ) async throws -> RawResponse {
        let connection = try await RawConnection(port: port)
        defer { connection.close() }
        let hasHost = headers.contains { $0.lowercased().hasPrefix("host:") }
        let lines =
            [requestLine] + (hasHost ? [] : ["Host: 127.0.0.1:\(port)"]) + headers + ["Connection: close", "", ""]
        try await connection.write(Array(lines.joined(separator: "\r\n").utf8) + body)
        return try await connection.readResponse()
    }

    /// Points in the collection: what a refused request must not change.
    func points() async throws -> Int { try await store.count(nil, in: Library.collection) }
}

/// Multipart bodies as curl sends them.
enum Form {
    static let boundary = "----form-boundary"
    static let type = "multipart/form-data; boundary=\(boundary)"

    static func body(_ fields: [(String, String)], file: [UInt8]?, fileName: String = "a.txt") -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in fields {
            bytes += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8
        }
        if let file {
            bytes += "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(fileName)\"\r\n".utf8
            bytes += "Content-Type: text/plain\r\n\r\n".utf8 + file + "\r\n".utf8
        }
        return bytes + "--\(boundary)--\r\n".utf8
    }
}
