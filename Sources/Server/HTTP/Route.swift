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
    /// How many segments are spelt out: of two routes for one path that with more is meant.
    let literals: Int

    init(method: HTTPRequest.Method, path: String, handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.handler = handler
        segments = Self.segments(path)
        literals = segments.count { !$0.hasPrefix("{") }
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

    /// What stands between the slashes of a path that begins with one.
    static func segments(_ path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    /// The parameters of a path that this route serves; nil for a path of another route.
    ///
    /// - Parameter allowsEmpty: Whether nothing between two slashes is a parameter, too.
    func match(_ candidate: [Substring], allowsEmpty: Bool = false) -> [String]? {
        guard segments.count == candidate.count else { return nil }
        var parameters: [String] = []
        for (own, other) in zip(segments, candidate) {
            if own.hasPrefix("{") {
                guard allowsEmpty || !other.isEmpty, let parameter = other.removingPercentEncoding else { return nil }
                parameters.append(parameter)
            } else if own != other {
                return nil
            }
        }
        return parameters
    }
}
