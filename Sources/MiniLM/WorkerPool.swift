// The threads that compute. They are ours: numeric work would starve Swift's cooperative pool, which has a thread a core
// and expects none to be held for long.

import Foundation

/// Threads that each own a scratch and take tasks from the callers in turn.
final class WorkerPool: Sendable {
    let threads: Int
    private let queue = JobQueue()

    /// Starts `threads` threads. Each makes its scratch when it starts and keeps it.
    init(threads: Int, scratch: @escaping @Sendable () -> EncoderScratch) {
        self.threads = threads
        for number in 0..<threads {
            let thread = Thread { [queue] in
                var scratch = scratch()
                while let (job, task) = queue.next() {
                    job.body(task, &scratch)
                    queue.finish(job)
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
    /// Callers share the workers fairly: a worker takes a task from each caller in turn, so a short call waits for the
    /// task in hand, not for the long call ahead of it.
    ///
    /// - Parameter progress: Called on this thread with the number of tasks done, each time it has grown.
    func run(
        _ count: Int, progress: (Int) -> Void = { _ in }, body: @escaping @Sendable (Int, inout EncoderScratch) -> Void
    ) {
        guard count > 0 else { return }
        let job = Job(count: count, body: body)
        queue.append(job)
        var reported = 0
        while reported < count {
            reported = queue.wait(for: job, beyond: reported)
            progress(reported)
        }
    }
}

/// The tasks of one caller.
private final class Job: Sendable {
    let count: Int
    let body: @Sendable (Int, inout EncoderScratch) -> Void
    // Both are read and written only while the queue's condition is locked.
    nonisolated(unsafe) var started = 0
    nonisolated(unsafe) var finished = 0

    init(count: Int, body: @escaping @Sendable (Int, inout EncoderScratch) -> Void) {
        self.count = count
        self.body = body
    }
}

/// Jobs with tasks nobody has taken yet, in the order of their turns.
private final class JobQueue: Sendable {
    private let condition = NSCondition()
    // Both are read and written only while the condition is locked.
    nonisolated(unsafe) private var jobs: [Job] = []
    nonisolated(unsafe) private var isClosed = false

    func append(_ job: Job) {
        condition.withLock {
            unsafe jobs.append(job)
            condition.broadcast()
        }
    }

    /// A task, as soon as there is one; nil when the queue is closed.
    func next() -> (job: Job, task: Int)? {
        condition.withLock {
            while unsafe jobs.isEmpty && !isClosed { condition.wait() }
            guard unsafe !jobs.isEmpty else { return nil }
            let job = unsafe jobs.removeFirst()
            let task = unsafe job.started
            unsafe job.started += 1
            if unsafe job.started < job.count { unsafe jobs.append(job) }
            return (job, task)
        }
    }

    func finish(_ job: Job) {
        condition.withLock {
            unsafe job.finished += 1
            condition.broadcast()
        }
    }

    /// How many tasks of the job are done, once they are more than `count`.
    func wait(for job: Job, beyond count: Int) -> Int {
        condition.withLock {
            while unsafe job.finished <= count { condition.wait() }
            return unsafe job.finished
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
