// From a method and a path to a handler, with FastAPI's manners: 405 with Allow, 307 without a trailing slash, 404 as JSON.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import VectorStore

/// A request on its way to a handler.
struct Call: Sendable {
    var request: Request
    /// The segment that the route's `{…}` stands for, percent-decoded.
    var parameter = ""
    let logger: Logger
}

/// One entry of the table.
struct Route: Sendable {
    typealias Handler = @Sendable (inout Call) async throws -> Response

    let method: HTTPRequest.Method
    /// `/vector/documents/{id}`: at most the last segment is a parameter.
    let path: String
    let handler: Handler

    static func get(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .get, path: path, handler: handler)
    }
    static func post(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .post, path: path, handler: handler)
    }
    static func delete(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .delete, path: path, handler: handler)
    }

    /// The parameter of a path that this route serves, "" when it has none; nil for a path of another route.
    fileprivate func match(_ candidate: String) -> String? {
        guard path.hasSuffix("}"), let brace = path.lastIndex(of: "{") else { return candidate == path ? "" : nil }
        let prefix = path[..<brace]
        guard candidate.hasPrefix(prefix) else { return nil }
        let segment = candidate.dropFirst(prefix.count)
        return segment.isEmpty || segment.contains("/") ? nil : segment.removingPercentEncoding
    }
}

/// All routes, behind the guard, with errors turned into answers.
struct RouteTable: HTTPResponder {
    typealias Context = BasicRequestContext

    let routes: [Route]
    let requestGuard: RequestGuard

    func respond(to request: Request, context: Context) async throws -> Response {
        var response = requestGuard.answer(to: request)
        if response == nil { response = await handle(request, context.logger) }
        guard var response else { return Response(status: .internalServerError) }
        for field in requestGuard.corsHeaders(for: request) { response.headers[field.name] = field.value }
        context.logger.debug("\(request.method) \(request.uri.path) -> \(response.status.code)")
        return response
    }

    private func handle(_ request: Request, _ logger: Logger) async -> Response {
        let path = request.uri.path
        let matches = routes.compactMap { route in route.match(path).map { (route, $0) } }
        guard !matches.isEmpty else {
            if path.count > 1, path.hasSuffix("/"), routes.contains(where: { $0.match(String(path.dropLast())) != nil })
            {
                let query = request.uri.query.map { "?" + $0 } ?? ""
                return Response(status: .temporaryRedirect, headers: [.location: path.dropLast() + query])
            }
            return ErrorAnswer(404, "Not Found").response
        }
        guard let (route, parameter) = matches.first(where: { $0.0.method == request.method }) else {
            var answer = ErrorAnswer(405, "Method Not Allowed")
            answer.headers[.allow] = matches.map(\.0.method.rawValue).sorted().joined(separator: ", ")
            return answer.response
        }
        var call = Call(request: request, parameter: parameter, logger: logger)
        do {
            return try await route.handler(&call)
        } catch {
            return Self.answer(to: error, logger)
        }
    }

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
