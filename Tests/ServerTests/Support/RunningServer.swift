// The HTTP room on a free port, with any routes: those of the product over a store in a temporary directory, or a test's own.

import Foundation
import Logging
import MiniLM
import ServiceLifecycle
import Synchronization
import VectorStore

@testable import Server

enum RunningServer {
    /// Runs `body` with the port of a server, which is stopped gracefully when it returns or throws.
    static func run(
        _ routes: [Route], _ configuration: HTTPConfiguration = HTTPConfiguration(),
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        var configuration = configuration
        configuration.ports = [0]
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let services = try HTTPServer.services(configuration, routes: routes, logger: logger) { port in
            listening.yield(port)
        }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, logger: logger))
        async let running: Void = group.run()
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        let result = await Task { try await body(port) }.result
        await group.triggerGracefulShutdown()
        try await running
        try result.get()
    }

    /// The same with the product's routes.
    static func run(
        chat: any ChatModel = ScriptedChat("Resposta."), _ configuration: HTTPConfiguration = HTTPConfiguration(),
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        try await withProductRoutes(chat: chat, maxUpload: configuration.maxUpload) { routes in
            try await run(routes, configuration, body)
        }
    }

    /// The product's routes, with real embeddings, storage in a temporary directory, and the given chat model.
    static func withProductRoutes(
        chat: any ChatModel = ScriptedChat("Resposta."), maxUpload: Int = HTTPConfiguration().maxUpload,
        _ body: @escaping @Sendable ([Route]) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let encoder = try encoder.get()
        let store = try EmbeddedStore(directory: directory)
        try await Library.prepare(store, dimension: encoder.dimension)
        let embedding = EmbeddingService(encoder: encoder)
        let chunker = Chunker(tokenizer: encoder.tokenizer, maxTokens: encoder.maxTokens - 2)
        let answering = Answering(
            store: store, embedding: embedding, chat: chat, configuration: .init(model: "llama3.2"))
        let ingestion = Ingestion(store: store, embedding: embedding, chunker: chunker)
        let routes = Routes(
            vectors: VectorRoutes(ingestion: ingestion, answering: answering, maxUpload: maxUpload),
            asking: AskRoutes(answering: answering), isReady: { true }
        )
        let result = await Task { try await body(routes.list) }.result
        try store.close()
        try result.get()
    }

    private static let encoder = Result { try SentenceEncoder(modelDirectory: Weights.directory, threads: 1) }
}

/// A chat model that says what it was given, and then waits for ever if it is told to.
final class ScriptedChat: ChatModel {
    let generator = "scripted"
    private let pieces: [String]
    private let isEndless: Bool
    private let failure: ChatError?
    private let beginnings = Mutex(0)
    private let cancellations = Mutex(0)

    init(_ pieces: String..., isEndless: Bool = false, failure: ChatError? = nil) {
        self.pieces = pieces
        self.isEndless = isEndless
        self.failure = failure
    }

    /// Whether a generation began, waiting for it a while.
    func hasBegun() async throws -> Bool { try await until { beginnings.withLock { $0 } > 0 } }

    /// Whether a generation was cancelled, waiting for it a while.
    func wasCancelled() async throws -> Bool { try await until { cancellations.withLock { $0 } > 0 } }

    private func until(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    func chat(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        beginnings.withLock { $0 += 1 }
        return AsyncThrowingStream { continuation in
            for piece in pieces { continuation.yield(.token(piece)) }
            continuation.onTermination = { [weak self] reason in
                if case .cancelled = reason { self?.cancellations.withLock { $0 += 1 } }
            }
            if let failure {
                continuation.finish(throwing: failure)
            } else if !isEndless {
                continuation.yield(.finished(ChatUsage(promptTokens: 20, answerTokens: 5, finishReason: "stop")))
                continuation.finish()
            }
        }
    }
}
