// The threads that compute. They are ours: numeric work would starve Swift's cooperative pool, which has a thread a core
// and expects none to be held for long.

import Dispatch
import Foundation

/// Threads that each own a worker's memory and take tasks from the callers in turn.
final class WorkerPool<Memory: ~Copyable>: Sendable {
    let threads: Int
    private let queue = JobQueue<Memory>()

    /// Starts `threads` threads. Each makes its memory when it starts and keeps it.
    init(threads: Int, memory: @escaping @Sendable () -> Memory) {
        self.threads = threads
        for number in 0..<threads {
            let thread = Thread { [queue] in
                var memory = memory()
                while let (job, task) = queue.next() {
                    job.body(task, &memory)
                    job.done.signal()
                }
            }
            thread.name = "minilm-\(number)"
            thread.start()
        }
    }

    deinit {
        queue.close()
    }

    /// Runs `body` for the tasks 0 to count - 1 and returns when all are done.
    ///
    /// A worker that is free takes the next task, so none idles while there are any. Callers share the workers fairly: a
    /// worker takes a task from each caller in turn, so a short call waits for the task in hand, not for the long call ahead.
    ///
    /// - Parameter progress: Called on this thread with the number of tasks done, each time it has grown.
    func run(
        _ count: Int, progress: (Int) -> Void = { _ in }, body: @escaping @Sendable (Int, inout Memory) -> Void
    ) {
        guard count > 0 else { return }
        let job = Job(count: count, body: body)
        queue.append(job)
        wait(for: job, progress: progress)
    }

    /// Runs one task on as many workers as have nothing to do now, at least one and at most `limit`, all at the same time, so
    /// that they may wait for each other; returns when all are done.
    ///
    /// - Parameter task: Makes the task for a number of members, which call it with 0 to members - 1.
    func runTogether(atMost limit: Int, task: (_ members: Int) -> @Sendable (Int, inout Memory) -> Void) {
        wait(for: queue.appendTogether(atMost: limit, task: task)) { _ in }
    }

    private func wait(for job: Job<Memory>, progress: (Int) -> Void) {
        for done in 1...job.count {
            job.done.wait()
            progress(done)
        }
    }
}

/// The tasks of one caller.
private final class Job<Memory: ~Copyable>: Sendable {
    let count: Int
    let body: @Sendable (Int, inout Memory) -> Void
    /// Signalled for each task that is done.
    let done = DispatchSemaphore(value: 0)
    // Both are read and written only while the queue's condition is locked.
    nonisolated(unsafe) var started = 0
    /// Whether the tasks wait for each other.
    nonisolated(unsafe) var isTogether = false

    init(count: Int, body: @escaping @Sendable (Int, inout Memory) -> Void) {
        self.count = count
        self.body = body
    }
}

/// Jobs with tasks nobody has taken yet, in the order of their turns.
private final class JobQueue<Memory: ~Copyable>: Sendable {
    private let condition = NSCondition()
    // All are read and written only while the condition is locked.
    nonisolated(unsafe) private var jobs: [Job<Memory>] = []
    nonisolated(unsafe) private var waiting = 0
    nonisolated(unsafe) private var promised = 0
    nonisolated(unsafe) private var isClosed = false

    func append(_ job: Job<Memory>) {
        condition.withLock {
            unsafe jobs.append(job)
            condition.broadcast()
        }
    }

    /// Adds a job whose tasks run at the same time.
    ///
    /// A waiting worker is promised for each but the first, and the tasks go to the front: whoever comes takes one before
    /// anything else, so all are taken, whatever else there is to do, and none waits for a member that never comes.
    func appendTogether(
        atMost limit: Int, task: (_ members: Int) -> @Sendable (Int, inout Memory) -> Void
    ) -> Job<Memory> {
        condition.withLock {
            let members = unsafe max(1, min(limit, waiting - promised))
            let job = Job(count: members, body: task(members))
            if members == 1 {
                unsafe jobs.append(job)
            } else {
                unsafe promised += members
                unsafe job.isTogether = true
                unsafe jobs.insert(job, at: 0)
            }
            condition.broadcast()
            return job
        }
    }

    /// A task, as soon as there is one; nil when the queue is closed.
    func next() -> (job: Job<Memory>, task: Int)? {
        condition.withLock {
            unsafe waiting += 1
            while unsafe jobs.isEmpty && !isClosed { condition.wait() }
            unsafe waiting -= 1
            guard let job = unsafe jobs.first else { return nil }
            let task = unsafe job.started
            unsafe job.started += 1
            if unsafe job.isTogether {
                unsafe promised -= 1
                if unsafe job.started == job.count { unsafe jobs.removeFirst() }
            } else {
                unsafe jobs.removeFirst()
                if unsafe job.started < job.count { unsafe jobs.append(job) }
            }
            return (job, task)
        }
    }

    /// Lets the workers end.
    func close() {
        condition.withLock {
            unsafe isClosed = true
            condition.broadcast()
        }
    }
}
