// From a method and a path to a handler, with FastAPI's manners: 405 with Allow, 307 without a trailing slash, 404 as JSON.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import VectorStore

/// All routes, behind the guard, with errors turned into answers.
struct RouteTable: HTTPResponder {
    typealias Context = BasicRequestContext

    let routes: [Route]
    let requestGuard: RequestGuard
    var dialect: Dialect { requestGuard.dialect }

    func respond(to request: Request, context: Context) async throws -> Response {
        let begin = ContinuousClock.now
        var response =
            if let refusal = requestGuard.answer(to: request) {
                request.announcesBody ? refusal.discardingBody(of: request) : refusal
            } else {
                await handle(request, context.logger)
            }
        for field in requestGuard.corsHeaders(for: request) { response.headers[field.name] = field.value }
        let milliseconds = Int(begin.duration(to: .now) / .milliseconds(1))
        context.logger.log(
            level: RequestGuard.probes.contains(request.uri.path) ? .debug : .info,
            "\(request.method) \(request.uri.path) \(response.status.code) \(milliseconds) ms"
        )
        // The answer to HEAD has no body: one would be taken for the next answer's beginning.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func handle(_ request: Request, _ logger: Logger) async -> Response {
        var call = Call(request: request, logger: logger)
        var response = await answer(&call)
        if call.closesConnection { response.headers[.connection] = "close" }
        return call.hasUnreadBody ? response.discardingBody(of: request) : response
    }

    private func answer(_ call: inout Call) async -> Response {
        let request = call.request
        var path = request.uri.path
        // Qdrant takes a slash at the end, FastAPI redirects.
        if dialect == .qdrant, path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        let segments = path.hasPrefix("/") ? Route.segments(path) : []
        // Qdrant refuses an empty name, FastAPI does not know its path.
        let matches = routes.compactMap { route in
            route.match(segments, allowsEmpty: dialect == .qdrant).map { (route, $0) }
        }
        guard !matches.isEmpty else {
            if segments.count > 1, segments.last == "",
                routes.contains(where: { $0.match(Array(segments.dropLast())) != nil })
            {
                let query = request.uri.query.map { "?" + $0 } ?? ""
                return Response(status: .temporaryRedirect, headers: [.location: path.dropLast() + query])
            }
            return dialect.response(ErrorAnswer(404, "Not Found"), since: call.begin)
        }
        let candidates = matches.filter { $0.0.method == request.method }
        guard let (route, parameters) = candidates.max(by: { $0.0.literals < $1.0.literals }) else {
            var answer = ErrorAnswer(405, "Method Not Allowed")
            answer.headers[.allow] = Set(matches.map(\.0.method.rawValue)).sorted().joined(separator: ", ")
            return dialect.response(answer, since: call.begin)
        }
        call.parameters = parameters
        do {
            return try await route.handler(&call)
        } catch {
            guard let answer = ErrorAnswer(error) else { return Self.answer(to: error, call.logger) }
            if answer.isOurs { call.logger.error("\(error)") }
            return dialect.response(answer, since: call.begin)
        }
    }

    /// An error as an answer, where no dialect is known.
    static func answer(to error: any Error, _ logger: Logger) -> Response {
        if let answer = ErrorAnswer(error) {
            if answer.isOurs { logger.error("\(error)") }
            return answer.response
        }
        // Whoever cancelled does not read the answer.
        if error is CancellationError { return Response(status: .init(code: 499)) }
        logger.error("Unforeseen: \(error)")
        return .content(
            Array("Internal Server Error".utf8), type: "text/plain; charset=utf-8", status: .internalServerError
        )
    }
}
