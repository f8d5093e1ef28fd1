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
    /// The segments that the route's `{…}` stand for, percent-decoded.
    var parameters: [String] = []
    let logger: Logger
    let begin = ContinuousClock.now
    /// Whether the connection ends with the answer, which then has to say so.
    private(set) var closesConnection = false
    /// Whether some of the request's body is still on its way.
    var hasUnreadBody: Bool

    init(request: Request, logger: Logger) {
        self.request = request
        self.logger = logger
        hasUnreadBody = request.announcesBody
    }

    /// The first parameter of the path.
    var parameter: String { parameters.first ?? "" }

    /// Runs `work` and cancels it when the caller hangs up. Nothing more can be read from the connection afterwards.
    mutating func whileConnected<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        closesConnection = true
        return try await request.body.consumeWithCancellationOnInboundClose { _ in try await work() }
    }

    /// The parameters behind the `?`, decoded as forms are: `+` is a space. Of a repeated one the last counts.
    var query: JSONObject {
        let pairs = (request.uri.query ?? "").split(separator: "&").map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { half in
                let text = String(half.replacing("+", with: " "))
                return text.removingPercentEncoding ?? text
            }
            return (halves[0], JSONValue.string(halves.count == 2 ? halves[1] : ""))
        }
        return JSONObject(pairs)
    }
}

/// One entry of the table.
struct Route: Sendable {
    typealias Handler = @Sendable (inout Call) async throws -> Response

    let method: HTTPRequest.Method
    /// `/collections/{name}/points/{id}`: a segment in braces is a parameter.
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
    static func put(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .put, path: path, handler: handler)
    }
    static func patch(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .patch, path: path, handler: handler)
    }

    /// The parameters of a path that this route serves; nil for a path of another route.
    fileprivate func match(_ candidate: String) -> [String]? {
        let (own, other) = (
            path.split(separator: "/"), candidate.split(separator: "/", omittingEmptySubsequences: false)
        )
        guard own.count == other.count - 1, other[0].isEmpty else { return path == "/" && candidate == "/" ? [] : nil }
        var parameters: [String] = []
        for (own, other) in zip(own, other.dropFirst()) {
            if own.hasPrefix("{") {
                guard !other.isEmpty, let parameter = other.removingPercentEncoding else { return nil }
                parameters.append(parameter)
            } else if own != other {
                return nil
            }
        }
        return parameters
    }

    /// How many segments are spelt out: of two routes for one path that with more is meant.
    fileprivate var literals: Int { path.split(separator: "/").count { !$0.hasPrefix("{") } }
}

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
        if dialect == .qdrant, path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let matches = routes.compactMap { route in route.match(path).map { (route, $0) } }
        guard !matches.isEmpty else {
            if path.count > 1, path.hasSuffix("/"), routes.contains(where: { $0.match(String(path.dropLast())) != nil })
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
            return answer(to: error, call)
        }
    }

    private func answer(to error: any Error, _ call: Call) -> Response {
        guard let answer = ErrorAnswer(error) else { return Self.answer(to: error, call.logger) }
        if answer.isOurs { call.logger.error("\(error)") }
        return dialect.response(answer, since: call.begin)
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
