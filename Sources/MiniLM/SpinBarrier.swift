// How threads that compute together wait for each other: awake for what takes microseconds, asleep for what takes longer.

import CIntrinsics
import Foundation
import Synchronization

/// Where some threads wait for each other, for microseconds.
final class SpinBarrier: Sendable {
    private let members: Int
    private let arrived = Atomic<Int>(0)
    private let generation = Atomic<Int>(0)
    private let room = WaitingRoom()

    init(members: Int) { self.members = members }

    /// Members that have given up spinning.
    var sleeping: Int { room.sleeping }

    /// Returns when all members have called it as often as this one.
    func wait() {
        let current = generation.load(ordering: .relaxed)
        if arrived.add(1, ordering: .acquiringAndReleasing).newValue == members {
            arrived.store(0, ordering: .relaxed)
            generation.store(current + 1, ordering: .sequentiallyConsistent)
            return room.wake()
        }
        room.wait { generation.load(ordering: .sequentiallyConsistent) != current }
    }
}

/// Where threads wait for what another one brings about, in microseconds as a rule.
///
/// They spin for 50 µs, longer than a step takes another thread that runs; then one that does not run needs the processor, and
/// is let have it. After 300 µs more than a turn of the scheduler is missing (a process that was stopped, a quota that is spent,
/// many more threads than cores), and they sleep: being woken then costs little beside what they have waited.
final class WaitingRoom: Sendable {
    private static var spinning: Duration { .microseconds(50) }
    private static var patience: Duration { .microseconds(300) }

    private let sleepers = Atomic<Int>(0)
    // One that the thread sanitizer knows.
    private let condition = NSCondition()

    /// Threads that have given up spinning.
    var sleeping: Int { sleepers.load(ordering: .relaxed) }

    /// Returns when `isReady` gives true. It loads sequentially consistently what `wake` tells of.
    func wait(until isReady: () -> Bool) {
        // Most waits end before it is worth looking at the clock.
        for _ in 0..<64 {
            if isReady() { return }
            cintrinsics_pause()
        }
        // By the clock: a pause takes 40 cycles on one processor and 140 on another.
        let start = ContinuousClock.now
        while ContinuousClock.now - start < Self.spinning {
            for _ in 0..<16 {
                if isReady() { return }
                cintrinsics_pause()
            }
        }
        while ContinuousClock.now - start < Self.patience {
            if isReady() { return }
            sched_yield()
        }
        condition.withLock {
            // Either the one who stores sees the sleeper or the sleeper sees what was stored.
            sleepers.add(1, ordering: .sequentiallyConsistent)
            while !isReady() { condition.wait() }
            sleepers.subtract(1, ordering: .relaxed)
        }
    }

    /// Wakes those who sleep, to be called when what they wait for was stored sequentially consistently.
    func wake() {
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 { condition.withLock { condition.broadcast() } }
    }
}
