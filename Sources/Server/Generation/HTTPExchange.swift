// One HTTP request over URLSession whose response is read line by line as it arrives.
//
// URLSession on Linux has no `bytes(for:)`, so the lines come through a delegate. Everything about an exchange is
// behind one lock; whoever reads waits in `next`, and whatever ends the wait early (a deadline, the reader's
// cancellation) also cancels the URLSession task, which closes the connection: that is what stops Ollama from
// generating.

import Foundation
import Synchronization

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// One request and its response, read by one task at a time.
final class HTTPExchange: Sendable {
    /// What happens in an exchange, in this order; `sent` is missing for requests without a body.
    enum Event: Sendable, Equatable {
        /// The connection stands and the body is on its way.
        case sent
        /// The response's status line and headers.
        case response(status: Int)
        /// A line of the response's body, without its line feed. The last may have had none.
        case line([UInt8])
    }

    /// How an exchange ends early.
    enum Failure: Error, Sendable, Equatable {
        /// No connection, or none that a response came over.
        case notConnected(String)
        /// The connection was lost after it stood.
        case connectionLost(String)
        case lineTooLong(limit: Int)
        /// The reader is so far behind that holding more would be unbounded.
        case tooMuchUnread(limit: Int)
    }

    /// Bytes that may wait to be read. No reader of ours falls behind: this bounds what a broken server makes us hold.
    static let unreadLimit = 32 << 20

    private struct State {
        var splitter: LineSplitter
        var unread: [Event] = []
        var unreadBytes = 0
        var wasSent = false
        var hasResponse = false
        /// Set once, when nothing more will be appended to `unread`.
        var end: Result<Void, any Error>?
        var waiter: CheckedContinuation<Event?, any Error>?
        /// Until when the waiter waits, and what it gets then.
        var deadline = (at: SuspendingClock.now, error: CancellationError() as any Error)
        /// How many of `unread` were taken: they go together when the last is.
        private var taken = 0

        init(splitter: LineSplitter) { self.splitter = splitter }

        /// What a reader gets at once; nil when it must wait.
        mutating func takeNext() -> Result<Event?, any Error>? {
            guard taken < unread.count else { return end?.map { nil } }
            let event = unread[taken]
            taken += 1
            if case .line(let bytes) = event { unreadBytes -= bytes.count }
            if taken == unread.count { dropUnread() }
            return .success(event)
        }

        mutating func dropUnread() {
            unread.removeAll(keepingCapacity: true)
            taken = 0
            unreadBytes = 0
        }
    }

    private let state: Mutex<State>
    private let task: URLSessionTask
    private let timer: DeadlineTimer

    /// - Parameter lineLimit: the longest line accepted, in bytes.
    init(task: URLSessionTask, lineLimit: Int) {
        self.task = task
        state = Mutex(State(splitter: LineSplitter(limit: lineLimit)))
        timer = DeadlineTimer()
        timer.onFire { [weak self] in self?.waitedTooLong() }
    }

    deinit {
        task.cancel()
    }

    /// The next event, or nil at the regular end of the response.
    ///
    /// - Throws: `timeout` when it does not come within `limit`; `Failure`; `CancellationError` when the reader's task
    ///   is cancelled. After any of these the connection is closed and every later call throws the same.
    func next(within limit: Duration, orThrow timeout: any Error) async throws -> Event? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Event?, any Error>? = state.withLock { state in
                    if let ready = state.takeNext() { return ready }
                    precondition(state.waiter == nil, "An exchange has one reader.")
                    state.waiter = continuation
                    state.deadline = (.now + limit, timeout)
                    timer.arm(limit)
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            close(CancellationError())
        }
    }

    /// Ends the exchange: what was not read is dropped, the connection closed.
    func close(_ error: any Error = CancellationError()) {
        finish(.failure(error), dropUnread: true)
        task.cancel()
    }

    private func waitedTooLong() {
        let error: (any Error)? = state.withLock { state in
            // The timer may fire just as an event arrives: then nobody waits, or the next wait has only begun.
            guard state.waiter != nil else { return nil }
            let left = state.deadline.at - .now
            if left > .zero { timer.arm(left) }
            return left > .zero ? nil : state.deadline.error
        }
        if let error { close(error) }
    }

    // MARK: Called by the session's delegate

    func didSend() {
        append { state in
            guard !state.wasSent else { return [] }
            state.wasSent = true
            return [.sent]
        }
    }

    func didReceive(status: Int) {
        append { state in
            guard !state.hasResponse else { return [] }
            (state.wasSent, state.hasResponse) = (true, true)
            return [.response(status: status)]
        }
    }

    func didReceive(_ data: Data) {
        var failure: Failure?
        append { state in
            guard let lines = state.splitter.append(data) else {
                failure = .lineTooLong(limit: state.splitter.limit)
                return []
            }
            state.unreadBytes += lines.reduce(0) { $0 + $1.count }
            if state.unreadBytes > Self.unreadLimit { failure = .tooMuchUnread(limit: Self.unreadLimit) }
            return lines.map(Event.line)
        }
        if let failure { close(failure) }
    }

    func didComplete(_ error: (any Error)?) {
        guard let error else {
            // A redirect that is not followed completes without the delegate hearing of its response.
            if let response = task.response as? HTTPURLResponse { didReceive(status: response.statusCode) }
            append { state in state.splitter.finish().map { [.line($0)] } ?? [] }
            return finish(.success(()), dropUnread: false)
        }
        let reason = (error as? URLError).map(Self.describe) ?? error.localizedDescription
        let wasConnected = state.withLock { $0.wasSent }
        finish(.failure(wasConnected ? Failure.connectionLost(reason) : .notConnected(reason)), dropUnread: false)
    }

    private func append(_ events: (inout State) -> [Event]) {
        let delivery = state.withLock { state -> (CheckedContinuation<Event?, any Error>, Event)? in
            guard state.end == nil else { return nil }
            state.unread += events(&state)
            guard let waiter = state.waiter, case .success(let event?)? = state.takeNext() else { return nil }
            state.waiter = nil
            timer.disarm()
            return (waiter, event)
        }
        delivery?.0.resume(returning: delivery?.1)
    }

    private func finish(_ end: Result<Void, any Error>, dropUnread: Bool) {
        let waiter = state.withLock { state in
            guard state.end == nil else { return nil as CheckedContinuation<Event?, any Error>? }
            state.end = end
            if dropUnread { state.dropUnread() }
            timer.cancel()
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(with: end.map { nil })
    }

    /// libcurl's reasons in a few words.
    private static func describe(_ error: URLError) -> String {
        switch error.code {
        case .cannotConnectToHost: "connection refused"
        case .cannotFindHost, .dnsLookupFailed: "unknown host name"
        case .networkConnectionLost: "connection lost"
        case .timedOut: "timed out"
        case .secureConnectionFailed, .serverCertificateUntrusted: "TLS failed"
        default: error.localizedDescription
        }
    }
}
