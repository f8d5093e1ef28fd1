// `?timeout=`: how long a caller waits for what it asks.

import Hummingbird
import VectorStore

extension Call {
    /// The `timeout` of the query string, in whole seconds; nil where there is none.
    ///
    /// - Throws: 400 for what is no unsigned number of 64 bits, 422 for 0.
    func timeout() throws(QdrantError) -> Int? {
        guard request.uri.query != nil, let text = query["timeout"]?.string else { return nil }
        guard let seconds = UInt64(text) else {
            // The words of Rust's standard library, as Qdrant passes them on.
            let reason =
                text.isEmpty
                ? "cannot parse integer from empty string"
                : text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
                    ? "number too large to fit in target type" : "invalid digit found in string"
            throw QdrantError(message: "Format error in query parameters: timeout: \(reason)")
        }
        guard seconds > 0 else {
            throw .validation("timeout: value 0 invalid, must be 1 or larger", in: "query parameters")
        }
        return Int(clamping: seconds)
    }
}

extension Route {
    /// The same, but when the caller's `timeout`, in whole seconds, is over, the work is cancelled and the answer is 408. For routes that
    /// only read: a change that is half way to the disk is finished, and answered as it is.
    func timed(_ operation: String) -> Route {
        handled { [handler] call in
            guard let seconds = try call.timeout() else { return try await handler(&call) }
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
