// A deadline that is moved at every line of a response.

import Dispatch
import Synchronization

/// Calls back once when it was armed and not disarmed or re-armed in time.
///
/// One dispatch timer, moved: a sleeping task for every token would stay queued until its own time even when cancelled,
/// thousands of them for a long answer.
final class DeadlineTimer: Sendable {
    // Dispatch sources are thread-safe by documentation but not marked Sendable: the lock says it to the compiler.
    private let source: Mutex<any DispatchSourceTimer>

    init() {
        let source = DispatchSource.makeTimerSource()
        source.schedule(deadline: .distantFuture)
        self.source = Mutex(source)
    }

    deinit {
        cancel()
    }

    /// Sets what happens when the time is over; called once, before the first `arm`.
    func onFire(_ handler: @escaping @Sendable () -> Void) {
        source.withLock {
            $0.setEventHandler(handler: handler)
            $0.activate()
        }
    }

    func arm(_ limit: Duration) {
        let (seconds, attoseconds) = limit.components
        let nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let interval = nanoseconds.overflow ? Int64.max : nanoseconds.partialValue &+ attoseconds / 1_000_000_000
        source.withLock { $0.schedule(deadline: .now() + .nanoseconds(Int(clamping: interval))) }
    }

    func disarm() {
        source.withLock { $0.schedule(deadline: .distantFuture) }
    }

    func cancel() {
        source.withLock { $0.cancel() }
    }
}
