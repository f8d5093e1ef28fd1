// Threads that share tasks, tasks that wait for each other, and callers that compute themselves.

import Foundation
import Synchronization
import Testing

@testable import MiniLM

@Suite struct WorkerPoolTests {
    private final class Counts: Sendable {
        let values = Locked<[Int: Int]>([:])
        func add(_ key: Int) { values.withLock { $0[key, default: 0] += 1 } }
    }

    @Test func `every task runs once, and progress ends with all`() {
        let pool = WorkerPool(threads: 3) { 0 }
        let counts = Counts()
        var reported: [Int] = []
        pool.run(100) {
            reported.append($0)
        } body: { task, _ in
            counts.add(task)
        }
        #expect(counts.values.withLock { $0 == Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, 1) }) })
        #expect(reported == Array(1...100))
    }

    /// Members spin until all are there: a promise that was not kept would hang, and so fail by never ending.
    @Test func `tasks that wait for each other all run, beside any number of others`() {
        let pool = WorkerPool(threads: 3) { 0 }
        let counts = Counts()
        onThreads(6) { caller in
            for _ in 0..<50 {
                if caller % 2 == 0 {
                    pool.run(4) { _, _ in counts.add(0) }
                } else {
                    pool.runTogether(atMost: 3) { members, _ in
                        let barrier = SpinBarrier(members: members)
                        counts.add(-members)
                        return { _, _ in
                            for _ in 0..<20 { barrier.wait() }
                            counts.add(1)
                        }
                    }
                }
            }
        }
        counts.values.withLock { counts in
            #expect(counts[0] == 3 * 50 * 4)
            var members = 0
            for size in 1...3 { members += size * (counts[-size] ?? 0) }
            #expect(counts[1] == members)
        }
    }

    /// The only thread is kept in the second task until the call has been cancelled.
    @Test(.timeLimit(.minutes(1)))
    func `a call that is cancelled has no more tasks begun, and waits for the one in hand`() {
        let pool = WorkerPool(threads: 1) { 0 }
        let begun = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        let isCancelled = Atomic<Bool>(false)
        var reported: [Int] = []
        let isDone = pool.run(
            100, progress: { reported.append($0) },
            isCancelled: {
                if begun.load(ordering: .relaxed) == 2 { isCancelled.store(true, ordering: .relaxed) }
                return isCancelled.load(ordering: .relaxed)
            }
        ) { task, _ in
            begun.add(1, ordering: .relaxed)
            while task == 1 && !isCancelled.load(ordering: .relaxed) { Thread.sleep(forTimeInterval: 0.001) }
            done.add(1, ordering: .relaxed)
        }
        #expect(!isDone && done.load(ordering: .relaxed) == 2)
        // The second task was done after that.
        #expect(reported.isEmpty || reported == [1])
        #expect(pool.queued == 0)
        #expect(pool.run(3) { _, _ in done.add(1, ordering: .relaxed) } && done.load(ordering: .relaxed) == 5)
    }

    /// The only seat is taken until the other call has been cancelled.
    @Test(.timeLimit(.minutes(1))) func `a call that is cancelled does not wait for its turn`() {
        let pool = WorkerPool(threads: 1) { 0 }
        let (isTaken, isCancelled) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let counts = Counts()
        onThreads(2) { caller in
            if caller == 0 {
                pool.run(1) { _, _ in
                    isTaken.signal()
                    isCancelled.wait()
                }
            } else {
                isTaken.wait()
                let members = pool.runTogether(atMost: 1) {
                    counts.add(0)
                    return pool.queued == 1
                } task: { _, _ in
                    { _, _ in counts.add(1) }
                }
                counts.add(members ?? -1)
                counts.add(10 + pool.queued)
                isCancelled.signal()
            }
        }
        #expect(counts.values.withLock { $0[1] == nil && $0[-1] == 1 && $0[10] == 1 })
    }

    @Test func `a caller computes itself when a seat is free`() {
        let pool = WorkerPool(threads: 2) { 0 }
        let leaders = Counts()
        pool.runTogether(atMost: 1) { members, _ in
            { member, _ in leaders.add(Thread.current.name?.hasPrefix("minilm") == true ? -1 : members + member) }
        }
        #expect(leaders.values.withLock { $0 == [1: 1] })
    }

    /// How many members come in time is the system's to decide; each does its part once, and all seats come back.
    @Test func `each member of many calls in a row does its part once`() {
        let pool = WorkerPool(threads: 3) { 0 }
        let (sizes, parts) = (Counts(), Counts())
        for _ in 0..<500 {
            pool.runTogether(atMost: 3) { members, _ in
                sizes.add(members)
                return { member, _ in parts.add(member) }
            }
        }
        let counts = sizes.values.withLock(\.self)
        #expect(counts.keys.allSatisfy { (1...3).contains($0) } && counts.values.reduce(0, +) == 500)
        for member in 0..<3 {
            let expected = counts.reduce(0) { $0 + ($1.key > member ? $1.value : 0) }
            #expect(parts.values.withLock { $0[member] ?? 0 } == expected)
        }
        pool.run(3) { _, _ in }
    }

    /// Tasks count how many of them run at once, and memories count how many there are.
    @Test func `callers never compute beside more others than there are threads`() {
        let threads = 2
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let made = Atomic<Int>(0)
        let pool = WorkerPool(threads: threads) {
            made.add(1, ordering: .relaxed)
            return 0
        }
        let counts = Counts()
        let work: @Sendable (Int) -> Void = { kind in
            most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
            var turns = 0
            while turns < 10_000 { turns += Int(running.load(ordering: .relaxed).signum()) }
            counts.add(kind)
            running.subtract(1, ordering: .relaxed)
        }
        onThreads(8) { caller in
            if caller == 0 {
                pool.run(400) { _, _ in work(0) }
            } else {
                for _ in 0..<50 {
                    pool.runTogether(atMost: 2) { members, _ in
                        counts.add(1)
                        counts.values.withLock { $0[3, default: 0] += members }
                        return { _, _ in work(2) }
                    }
                }
            }
        }
        #expect(most.load(ordering: .relaxed) <= threads)
        #expect(made.load(ordering: .relaxed) <= threads)
        counts.values.withLock { #expect($0[0] == 400 && $0[1] == 350 && $0[2] == $0[3]) }
    }

    /// The long call's tasks wait until the short call stands in the queue; the order of what runs then is decided.
    @Test func `a short call waits for the task in hand, not for the long call`() {
        let pool = WorkerPool(threads: 1) { 0 }
        // Before it runs, a seat is free for the short call.
        #expect(pool.hasThreads(within: .seconds(60)))
        let order = Locked<[Int]>([])
        onThreads(2) { caller in
            if caller == 0 {
                pool.run(20) { task, _ in
                    while task == 0 && pool.queued < 2 { Thread.sleep(forTimeInterval: 0.001) }
                    order.withLock { $0.append(task) }
                }
            } else {
                while pool.queued < 1 { Thread.sleep(forTimeInterval: 0.001) }
                pool.runTogether(atMost: 1) { _, _ in { _, _ in order.withLock { $0.append(-1) } } }
            }
        }
        // Task 1 may stand before it in the round.
        #expect(order.withLock { ($0.firstIndex(of: -1) ?? .max) <= 2 && $0.count == 21 })
    }

    /// Spinning threads would never be seen asleep, and the test would not end.
    @Test(.timeLimit(.minutes(1))) func `threads without work sleep`() {
        let pool = WorkerPool(threads: 3) { 0 }
        while pool.sleeping < 3 { Thread.sleep(forTimeInterval: 0.001) }
        pool.runTogether(atMost: 3) { _, _ in { _, _ in } }
        while pool.sleeping < 3 { Thread.sleep(forTimeInterval: 0.001) }
    }

    #if os(Linux)
    /// A thread that comes too late to a task may find its pool gone.
    @Test func `a pool that is let go ends its threads, those under way, too`() throws {
        func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
        let before = try threads()
        for _ in 0..<50 {
            let pool = WorkerPool(threads: 8) { 0 }
            #expect(pool.hasThreads(within: .seconds(60)))
            pool.runTogether(atMost: 8) { _, _ in { _, _ in } }
        }
        // Other tests' threads come and go; 400 that stay are ours. A thread needs a moment to end.
        for _ in 0..<200 where try threads() >= before + 100 { Thread.sleep(forTimeInterval: 0.05) }
        #expect(try threads() < before + 100)
    }
    #endif

    @Test(arguments: [Duration.zero, .microseconds(50)])
    func `a bell is heard as often as it is rung`(spinning: Duration) {
        let bell = Bell()
        let heard = Atomic<Int>(0)
        onThreads(4) { thread in
            if thread == 0 {
                for count in 1...3000 {
                    bell.wait(for: count, spinning: spinning)
                    heard.add(1, ordering: .relaxed)
                }
            } else {
                for _ in 0..<1000 { bell.ring() }
            }
        }
        #expect(heard.load(ordering: .relaxed) == 3000)
    }

    /// Most waits end before the next ring, some at the same moment.
    @Test(arguments: [Duration.zero, .microseconds(20)])
    func `a bell that is not rung in time loses no ring`(limit: Duration) {
        let bell = Bell()
        let heard = Atomic<Int>(0)
        onThreads(4) { thread in
            if thread == 0 {
                for count in 1...3000 {
                    while !bell.wait(for: count, within: limit) {}
                    heard.add(1, ordering: .relaxed)
                }
                // No signal is left that would end another wait early.
                heard.add(bell.wait(for: 3001, within: .milliseconds(1)) ? 1 : 0, ordering: .relaxed)
            } else {
                for _ in 0..<1000 { bell.ring() }
            }
        }
        #expect(heard.load(ordering: .relaxed) == 3000)
    }

}

@Suite struct SpinBarrierTests {
    /// Has members meet so many times, each after it has done `before` with its number and the round's, and counts who was let through
    /// before all were there.
    private func early(
        members: Int, rounds: Int, before: @escaping @Sendable (SpinBarrier, _ member: Int, _ round: Int) -> Void
    ) -> Int {
        let barrier = SpinBarrier(members: members)
        let arrived = Atomic<Int>(0)
        let early = Atomic<Int>(0)
        onThreads(members) { member in
            for round in 1...rounds {
                before(barrier, member, round)
                arrived.add(1, ordering: .relaxed)
                barrier.wait()
                if arrived.load(ordering: .relaxed) < round * members { early.add(1, ordering: .relaxed) }
                barrier.wait()
            }
        }
        return early.load(ordering: .relaxed)
    }

    @Test func `a barrier lets nobody through before all are there`() {
        #expect(early(members: 3, rounds: 200) { _, _, _ in } == 0)
    }

    #if os(Linux)
    /// Processor seconds of the calling thread.
    private static func seconds() -> Double {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The last member comes half a second after the others have gone to sleep. A thread that yields instead would use all of
    /// it on a core that has nothing else to do; it is given a fifth, beside the 300 µs that it may wait awake.
    @Test(.timeLimit(.minutes(1))) func `members that wait for one that is late sleep`() {
        let barrier = SpinBarrier(members: 3)
        let used = Locked<[Double]>([])
        onThreads(3) { member in
            if member == 0 {
                while barrier.sleeping < 2 { Thread.sleep(forTimeInterval: 0.001) }
                Thread.sleep(forTimeInterval: 0.5)
                barrier.wait()
            } else {
                let start = Self.seconds()
                barrier.wait()
                used.withLock { $0.append(Self.seconds() - start) }
            }
        }
        #expect(used.withLock { $0.count == 2 && $0.allSatisfy { $0 < 0.1 } })
        #expect(barrier.sleeping == 0)
    }
    #endif

    /// Each in turn is late enough for the others to sleep, and is not left behind by those it wakes.
    @Test(.timeLimit(.minutes(1))) func `sleepers are woken in every round`() {
        let members = 3
        let early = early(members: members, rounds: 30) { barrier, member, round in
            guard round % members == member else { return }
            while barrier.sleeping < members - 1 { Thread.sleep(forTimeInterval: 0.0002) }
        }
        #expect(early == 0)
    }
}
