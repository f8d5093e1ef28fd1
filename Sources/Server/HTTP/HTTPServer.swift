// The ports: one router behind each of them.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import ServiceLifecycle

/// Where and for whom to listen.
struct HTTPConfiguration: Sendable {
    var host = "127.0.0.1"
    var ports = [5002, 5003]
    var apiKey: String?
    var allowedOrigins: Set<String> = []
    /// The largest upload, in bytes.
    var maxUpload = 32 << 20

    /// Throws `RequestError.badRequest` for an address others can reach without a key for them to show.
    func check() throws(RequestError) {
        guard apiKey == nil, !IPAddress.isLoopback(host) else { return }
        throw .badRequest(
            """
            \(host) can be reached by other machines: set a key they must show (API_KEY=… or --api-key), or listen on \
            127.0.0.1.
            """
        )
    }
}

/// The HTTP servers of the process.
struct HTTPServer {
    /// One service a port, the same routes on each.
    ///
    /// - Parameters:
    ///   - isNeeded: Whether a port that is taken ends the process; otherwise it is reported and the others are served.
    ///   - onListening: Called with each port when it accepts connections.
    /// - Throws: what `HTTPConfiguration.check` does.
    static func services(
        _ configuration: HTTPConfiguration, routes: [Route], dialect: Dialect = .fastAPI, isNeeded: Bool = true,
        logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void
    ) throws -> [any Service] {
        try configuration.check()
        let isLoopback = IPAddress.isLoopback(configuration.host)
        let table = RouteTable(
            routes: routes,
            requestGuard: RequestGuard(
                isLoopback: isLoopback, allowedOrigins: configuration.allowedOrigins, apiKey: configuration.apiKey,
                dialect: dialect
            )
        )
        let maxUpload = configuration.maxUpload
        return configuration.ports.map { port in
            let connections = HTTP1Channel.Configuration(
                additionalChannelHandlers: [ContinueHandler(limit: maxUpload)], idleTimeout: .seconds(75))
            let application = Application(
                responder: table,
                // Qdrant's clients ask short questions by the thousand; embedding and answering take longer than any hand-over.
                server: dialect == .qdrant
                    ? .http1OnLoops(configuration: connections) : .http1(configuration: connections),
                configuration: ApplicationConfiguration(
                    address: .hostname(configuration.host, port: port), serverName: "minilm"
                ),
                onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
                logger: logger
            )
            return PortService(
                host: configuration.host, port: port, isNeeded: isNeeded, logger: logger, application: application.run)
        }
    }
}

/// An address that cannot be listened on, and what to do.
struct ListenError: Error, CustomStringConvertible {
    let description: String

    init(host: String, port: Int, errorNumber: CInt) {
        let address = "\(host):\(port)"
        description =
            switch errorNumber {
            case EADDRINUSE:
                "\(address) is in use. Stop what listens there, or choose other ports: --port, --llm-port, --qdrant-port."
            case EACCES: "\(address) may not be listened on by this user. Choose a port above 1023."
            case EADDRNOTAVAIL: "\(address) is no address of this machine. Choose another --host."
            default: "Listening on \(address) failed with error \(errorNumber)."
            }
    }
}

/// One application, whose failure to listen says which address failed and why.
private struct PortService: Service {
    let host: String
    let port: Int
    let isNeeded: Bool
    let logger: Logger
    let application: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await application()
        } catch let error as IOError {
            let failure = ListenError(host: host, port: port, errorNumber: error.errnoCode)
            if isNeeded { throw failure }
            logger.error("\(failure) Serving without it.")
            // A service that returns would end the others.
            try? await gracefulShutdown()
        }
    }
}

/// Answers `Expect: 100-continue` (RFC 9110 §10.1.1), for which curl waits a second before it sends a large form.
///
/// A body that says it is too large gets no invitation: the refusal comes in its place.
private final class ContinueHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.headerFields[.expect]?.lowercased() == "100-continue",
            (head.headerFields[.contentLength].flatMap(Int.init) ?? 0) <= limit
        {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }
}
