// A method, a path with parameters, and who answers them.

import Foundation
import HTTPTypes
import Hummingbird

/// One entry of the table.
struct Route: Sendable {
    typealias Handler = @Sendable (inout Call) async throws -> Response

    let method: HTTPRequest.Method
    /// `/collections/{name}/points/{id}`: a segment in braces is a parameter.
    let path: String
    let handler: Handler
    private let segments: [Substring]
    /// Which of the segments stand for others.
    private let isParameter: [Bool]
    /// How many segments are spelt out: of two routes for one path that with more is meant.
    let literals: Int
    /// Whether it mostly answers in fractions of a millisecond: then it is not worth a change of threads.
    private(set) var isShort = false

    init(method: HTTPRequest.Method, path: String, handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.handler = handler
        segments = Self.segments(path)
        isParameter = segments.map { $0.hasPrefix("{") }
        literals = isParameter.count { !$0 }
    }

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

    /// The same, answered on the connection's event loop where it has one (LoopConnections.swift).
    func short() -> Route {
        var route = self
        route.isShort = true
        return route
    }

    /// The same route with another handler.
    func handled(by handler: @escaping Handler) -> Route {
        let route = Route(method: method, path: path, handler: handler)
        return isShort ? route.short() : route
    }

    /// What stands between the slashes of a path that begins with one.
    static func segments(_ path: String) -> [Substring] {
        path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
    }

    /// The parameters of a path that this route serves; nil for a path of another route.
    ///
    /// - Parameter allowsEmpty: Whether nothing between two slashes is a parameter, too.
    func match(_ candidate: [Substring], allowsEmpty: Bool = false) -> [String]? {
        guard segments.count == candidate.count else { return nil }
        // Paths differ most at their ends; parameters are decoded when the rest is right.
        for place in segments.indices.reversed() where !isParameter[place] && segments[place] != candidate[place] {
            return nil
        }
        var parameters: [String] = []
        for place in segments.indices where isParameter[place] {
            let text = candidate[place]
            guard allowsEmpty || !text.isEmpty,
                let parameter = text.utf8.contains(UInt8(ascii: "%")) ? text.removingPercentEncoding : String(text)
            else { return nil }
            parameters.append(parameter)
        }
        return parameters
    }
}
