// minilm serve: everything put together.

import ArgumentParser
import Foundation
import Hummingbird
import Logging
import MiniLM
import ServiceLifecycle
import UnixSignals
import VectorStore

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the HTTP API.",
        discussion: """
            Listens on 127.0.0.1, ports 5002 and 5003, with the same routes on both; /docs shows and tries them. Port 6333 speaks
            Qdrant's REST API; when it is taken, the rest is served without. SIGTERM and SIGINT finish what is under way, ten
            seconds at most.

            EXAMPLES
              minilm serve
              MODEL=llama3.2:1b minilm serve --data-dir ~/minilm
              API_KEY=secret minilm serve --host 0.0.0.0
            """
    )

    @Option(help: "Address to listen on (env MINILM_HOST; default: 127.0.0.1).")
    var host: String?

    @Option(help: "Port (env PORT; default: 5002).")
    var port: Int?

    @Option(help: "Second port, or off (env LLM_PORT; default: 5003).")
    var llmPort: String?

    @Option(help: "Port of the Qdrant API, or off (env QDRANT_PORT; default: 6333).")
    var qdrantPort: String?

    @Option(help: "Key that callers must show; needed for any address but 127.0.0.1 (env API_KEY).")
    var apiKey: String?

    @Option(help: "Web origins that may call, beside local ones, separated by commas (env ALLOWED_ORIGINS).")
    var allowedOrigin: String?

    @Option(help: "Largest upload, in megabytes (env MAX_UPLOAD_MB; default: 32).")
    var maxUploadMb: Int?

    @Option(help: "trace, debug, info, notice, warning or error (env LOG_LEVEL; default: info).")
    var logLevel: LogLevel?

    @OptionGroup var model: ModelOptions
    @OptionGroup var storage: StoreOptions
    @OptionGroup var chatOptions: ChatOptions

    func run() async throws {
        let level = try setting(logLevel, "LOG_LEVEL", default: .info).level
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "minilm")
        logger.logLevel = level
        let begin = ContinuousClock.now

        let http = try httpConfiguration()
        let encoder = try model.loadEncoder()
        let directory = try storage.directory()
        let store = try storage.open()
        try await Library.prepare(store, dimension: encoder.dimension)
        let embedding = EmbeddingService(encoder: encoder)
        let ingestion = Ingestion(store: store, embedding: embedding, chunker: try storage.chunker(for: encoder))
        let answering = Answering(
            store: store, embedding: embedding, chat: try chatOptions.chatModel(),
            configuration: try chatOptions.configuration()
        )
        let routes = Routes(
            vectors: VectorRoutes(ingestion: ingestion, answering: answering, maxUpload: http.maxUpload),
            asking: AskRoutes(answering: answering),
            isReady: { await Self.canRead(store) }
        )
        var services = try HTTPServer.services(http, routes: routes.list, logger: logger) { [logger] port in
            let milliseconds = Int(begin.duration(to: .now).inSeconds * 1000)
            logger.info("listening on http://\(http.host):\(port) after \(milliseconds) ms")
        }
        if let port = try qdrantPortNumber() {
            SnapshotFolder.sweep(directory)
            var qdrant = http
            qdrant.ports = [port]
            services += try HTTPServer.services(
                qdrant, routes: QdrantAPI(store: store, directory: directory).countedRoutes(), dialect: .qdrant,
                isNeeded: false,
                logger: logger
            ) { [logger] port in logger.info("Qdrant API on http://\(http.host):\(port)") }
        }
        logger.info("documents in \(directory), chat model \(answering.configuration.model)")

        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        )
        group.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: group).run()
        try store.close()
    }

    private static func canRead(_ store: EmbeddedStore) async -> Bool {
        do throws(StoreError) {
            _ = try await store.count(Filter(must: [Library.isFirstChunk]), in: Library.collection)
            return true
        } catch {
            return false
        }
    }

    /// nil for off.
    private func qdrantPortNumber() throws -> Int? {
        let text = try setting(qdrantPort, "QDRANT_PORT", default: "6333")
        if text == "off" { return nil }
        guard let port = Int(text), 0...65_535 ~= port else {
            throw ValidationError("--qdrant-port must be a port or off, not '\(text)'")
        }
        return port
    }

    private func httpConfiguration() throws -> HTTPConfiguration {
        var configuration = HTTPConfiguration()
        configuration.host = try setting(host, "MINILM_HOST", default: configuration.host)
        let port = try setting(port, "PORT", default: 5002)
        configuration.ports = [port]
        let second = try setting(llmPort, "LLM_PORT", default: "5003")
        if second != "off" {
            guard let number = Int(second) else {
                throw ValidationError("--llm-port must be a port or off, not '\(second)'")
            }
            configuration.ports.append(number)
        }
        for port in configuration.ports where !(0...65_535 ~= port) {
            throw ValidationError("A port is a number from 1 to 65535, not \(port)")
        }
        configuration.apiKey = try optionalSetting(apiKey, "API_KEY")
        let origins = try optionalSetting(allowedOrigin, "ALLOWED_ORIGINS") ?? ""
        configuration.allowedOrigins = Set(origins.split(separator: ",").map { String($0.trimmed) })
        let megabytes = try setting(maxUploadMb, "MAX_UPLOAD_MB", default: 32)
        guard 1...1024 ~= megabytes else {
            throw ValidationError("--max-upload-mb must be 1 to 1024, not \(megabytes)")
        }
        configuration.maxUpload = megabytes << 20
        do throws(RequestError) {
            try configuration.check()
        } catch {
            throw ValidationError("\(error)")
        }
        return configuration
    }
}

/// swift-log's levels as an option.
struct LogLevel: ExpressibleByArgument {
    static let info = LogLevel(level: .info)

    let level: Logger.Level

    private init(level: Logger.Level) { self.level = level }

    init?(argument: String) {
        guard let level = Logger.Level(rawValue: argument.lowercased()) else { return nil }
        self.level = level
    }
}
