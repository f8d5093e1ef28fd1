// A request on its way to a handler.

import Foundation
import Hummingbird
import Logging
import VectorStore

/// What a handler is given.
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
    /// The whole body, when it was read before the handler asked for it.
    var gathered: [UInt8]?

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
