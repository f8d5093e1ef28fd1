// How a port speaks of errors: as FastAPI does, or as Qdrant.

import Hummingbird
import VectorStore

/// The form of answers that are no results.
enum Dialect: Sendable {
    /// `{"detail": …}`
    case fastAPI
    /// `{"status": {"error": …}, "time": …}`; who may not call learns it in plain text.
    case qdrant

    func response(_ answer: ErrorAnswer, since begin: ContinuousClock.Instant) -> Response {
        guard self == .qdrant else { return answer.response }
        let message = answer.detail.string ?? "\(answer.detail)"
        return .json(
            ["status": ["error": .string(message)], "time": .double(begin.duration(to: .now).inSeconds)],
            status: answer.status, headers: answer.headers)
    }

    /// The answer of the guard.
    func refusal(_ answer: ErrorAnswer) -> Response {
        guard self == .qdrant else { return answer.response }
        return .content(
            Array((answer.detail.string ?? "").utf8), type: "text/plain; charset=utf-8", status: answer.status,
            headers: answer.headers)
    }
}
