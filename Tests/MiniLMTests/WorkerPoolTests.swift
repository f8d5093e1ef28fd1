// Threads that share tasks, and tasks that wait for each other.

import Synchronization
import Testing

@testable import MiniLM

@Suite struct WorkerPoolTests {
    private final class Counts: Sendable {
        let values: Mutex<[Int: Int]> = Mutex([:])
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
                    pool.runTogether(atMost: 3) { members in
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

    @Test func `a barrier lets nobody through before all are there`() {
        let (members, rounds) = (3, 200)
        let barrier = SpinBarrier(members: members)
        let arrived = Atomic<Int>(0)
        let early = Atomic<Int>(0)
        onThreads(members) { _ in
            for round in 1...rounds {
                arrived.add(1, ordering: .relaxed)
                barrier.wait()
                if arrived.load(ordering: .relaxed) < round * members { early.add(1, ordering: .relaxed) }
                barrier.wait()
            }
        }
        #expect(early.load(ordering: .relaxed) == 0)
    }
}
