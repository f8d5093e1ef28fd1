// Threads that stand back: what takes long is done by them.

import Cores
import Foundation
import HNSW
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension GraphBuilder {
    /// Queries come first: on Linux a thread has a niceness of its own.
    private static func lowerPriority() {
        #if os(Linux)
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
        #endif
    }

    /// Makes the calling thread, for the rest of its life, one that runs only while a core has nothing else to do.
    ///
    /// A nice thread keeps its core for some milliseconds when another wakes up: an upload, which sleeps and wakes with each batch,
    /// was a third faster without. The way back is forbidden to processes without privileges, so that only threads do it that
    /// insert and end. What they hold meanwhile only other insertions wait for.
    private static func runWhenIdle() {
        #if os(Linux)
        // SCHED_IDLE of Linux, which the headers show only to those who ask for GNU's extensions. Where it is refused the thread
        // stays one of low priority.
        let idle: CInt = 5
        var parameters = sched_param()
        _ = unsafe pthread_setschedparam(pthread_self(), idle, &parameters)
        #endif
    }

    /// Runs `body` on a thread of low priority, and waits for it. For what searches never wait for.
    static func runStandingBack(_ body: @escaping @Sendable () -> Void) {
        let hasEnded = DispatchSemaphore(value: 0)
        Thread {
            lowerPriority()
            body()
            hasEnded.signal()
        }.start()
        hasEnded.wait()
    }

    /// The same of what has an outcome.
    static func standingBack<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let outcome = Mutex<Result<Value, any Error>?>(nil)
        runStandingBack {
            let result = Result { try body() }
            outcome.withLock { $0 = result }
        }
        guard let result = outcome.withLock({ $0 }) else { throw StoreError.database("a thread had no outcome") }
        return try result.get()
    }

    /// Inserts on all cores; while updates come in, on those that have nothing else to do.
    ///
    /// - Parameter vector: A row's; nil leaves it out.
    func insert(
        _ rows: [UInt32], into graph: HNSWIndex, isFarBehind: Bool, _ isBeingWritten: @escaping @Sendable () -> Bool,
        _ vector: @escaping @Sendable (UInt32) -> [Float]?
    ) throws {
        guard let last = rows.last else { return }
        // Searches wait while a graph grows: better now than by a thread that has to wait for a core. Vectors that are gone may still
        // have their nodes, so that there can be more of these than rows.
        try graph.reserve(nodes: graph.nodeCount + rows.count, rows: Int(last) + 1)
        let next = Atomic(0)
        let failed = Mutex<(any Error)?>(nil)
        let hook = hooks.withLock { $0.insertion }
        /// Inserts until all rows are taken, or until threads of the other kind should.
        @Sendable func work(whenIdle: Bool) {
            while !isStopped.load(ordering: .relaxed) {
                let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard place < rows.count else { return }
                do {
                    try hook?(rows[place])
                    if let vector = vector(rows[place]) { try graph.insert(vector.span, row: rows[place]) }
                } catch {
                    failed.withLock { $0 = error }
                    return
                }
                if place % 16 == 15, (!isFarBehind && isBeingWritten()) != whenIdle { return }
            }
        }
        let count = max(1, min(Cores.usable, rows.count / 64))
        while !isStopped.load(ordering: .relaxed), next.load(ordering: .relaxed) < rows.count {
            let whenIdle = !isFarBehind && isBeingWritten()
            let ended = DispatchSemaphore(value: 0)
            for _ in 0..<count {
                Thread {
                    Self.lowerPriority()
                    if whenIdle { Self.runWhenIdle() }
                    work(whenIdle: whenIdle)
                    ended.signal()
                }.start()
            }
            for _ in 0..<count { ended.wait() }
            if let error = failed.withLock({ $0 }) { throw error }
        }
    }
}
