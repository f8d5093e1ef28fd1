// How a thread that waits for others sleeps and is woken.

import CIntrinsics
import Dispatch
import Synchronization

/// Rung by any number of threads, heard by one.
final class Bell: Sendable {
    private let rings = Atomic<Int>(0)
    /// Whether who waits sleeps, or is about to: who clears it must signal.
    private let isAsleep = Atomic<Bool>(false)
    private let semaphore = DispatchSemaphore(value: 0)

    /// Whether who waits has given up spinning.
    var isSleeping: Bool { isAsleep.load(ordering: .relaxed) }

    /// Rings once. What this thread has written before is seen by the one that has heard it.
    func ring() {
        // Sequentially consistent, as is `wait`: either this sees the sleeper or the sleeper sees this.
        rings.add(1, ordering: .sequentiallyConsistent)
        if isAsleep.load(ordering: .sequentiallyConsistent) && wakes() { semaphore.signal() }
    }

    /// Returns when it has been rung `count` times since it was made.
    ///
    /// - Parameter spinning: How long to wait awake before this thread sleeps: for what is expected in less time than it
    ///   takes to wake it.
    func wait(for count: Int, spinning: Duration = .zero) {
        if spinning > .zero && hears(count, within: spinning) { return }
        while rings.load(ordering: .acquiring) < count {
            isAsleep.store(true, ordering: .sequentiallyConsistent)
            // A ring in between: if nobody has seen the flag, nobody will signal.
            if rings.load(ordering: .sequentiallyConsistent) >= count && wakes() { return }
            semaphore.wait()
        }
    }

    /// Returns when it has been rung `count` times since it was made, or when `limit` has passed; whether it has been.
    func wait(for count: Int, within limit: Duration) -> Bool {
        let end = DispatchTime.now() + limit / .seconds(1)
        while rings.load(ordering: .acquiring) < count {
            isAsleep.store(true, ordering: .sequentiallyConsistent)
            if rings.load(ordering: .sequentiallyConsistent) >= count && wakes() { return true }
            if semaphore.wait(timeout: end) == .timedOut {
                if wakes() { return false }
                // Somebody has just seen the flag: the signal must not be left for who waits next.
                semaphore.wait()
            }
        }
        return true
    }

    /// Clears the flag; whether it was set.
    private func wakes() -> Bool { isAsleep.exchange(false, ordering: .sequentiallyConsistent) }

    private func hears(_ count: Int, within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        repeat {
            for _ in 0..<16 {
                if rings.load(ordering: .acquiring) >= count { return true }
                cintrinsics_pause()
            }
        } while ContinuousClock.now < end
        return false
    }
}
