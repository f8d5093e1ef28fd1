// Our side's queue in front of the model: first come, first served, and bounded.

import Synchronization

/// Lets `width` callers through at a time; the others wait in order, at most `capacity` of them.
///
/// Ollama answers `OLLAMA_NUM_PARALLEL` questions at once, one by default, and queues 512 more without telling how
/// long that takes: a question that waits here can be refused at once, leaves when its caller does, and its deadlines
/// only start when the model is free.
final class ChatQueue: Sendable {
    private struct Waiter {
        var ticket: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var running = 0
        var nextTicket = 0
        var waiters: [Waiter] = []
    }

    private let width: Int
    private let capacity: Int
    private let state = Mutex(State())

    init(width: Int = 1, capacity: Int = 32) {
        precondition(width > 0 && capacity >= 0)
        self.width = width
        self.capacity = capacity
    }

    /// How many callers wait.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Runs `body` when it is its turn.
    ///
    /// - Throws: `ChatError.overloaded` at once when the queue is full, `CancellationError` when cancelled while
    ///   waiting, and what `body` throws.
    @discardableResult
    func turn<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async throws {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Swift.Result<Void, any Error>? = state.withLock { state in
                    // The flag is set before the handler below runs: either it is seen here, or the handler, which
                    // needs the lock, finds the waiter in line.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.running < width {
                        state.running += 1
                        return .success(())
                    }
                    guard state.waiters.count < capacity else {
                        return .failure(ChatError.overloaded(waiting: state.waiters.count))
                    }
                    state.waiters.append(Waiter(ticket: ticket, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.ticket == ticket }) else {
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func leave() {
        let next = state.withLock { state -> Waiter? in
            guard !state.waiters.isEmpty else {
                state.running -= 1
                return nil
            }
            // The turn passes on: `running` stays as it is.
            return state.waiters.removeFirst()
        }
        next?.continuation.resume()
    }
}
