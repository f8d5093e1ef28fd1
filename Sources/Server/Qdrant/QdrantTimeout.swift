// `?timeout=`: how long a caller waits for what it asks.

import Hummingbird
import VectorStore

extension Route {
    /// The same, but when the caller's `timeout`, in whole seconds, is over, the work is cancelled and the answer is 408. For routes that
    /// only read: a change that is half way to the disk is finished, and answered as it is.
    func timed(_ operation: String) -> Route {
        handled { [handler] call in
            guard call.request.uri.query != nil, let seconds = call.query["timeout"]?.string.flatMap({ Int($0) }),
                seconds > 0
            else { return try await handler(&call) }
            let (answer, changed) = try await withThrowingTaskGroup(of: (Response, Call)?.self) { [call] group in
                group.addTask {
                    var own = call
                    let answer = try await handler(&own)
                    return (answer, own)
                }
                group.addTask {
                    // More than a day is for ever.
                    try await Task.sleep(for: .seconds(min(seconds, 86_400)))
                    return nil
                }
                defer { group.cancelAll() }
                guard case let answer?? = try await group.next() else {
                    throw QdrantError(
                        status: 408,
                        message: "Timeout error: Operation '\(operation)' timed out after \(seconds) seconds")
                }
                return answer
            }
            call = changed
            return answer
        }
    }
}
