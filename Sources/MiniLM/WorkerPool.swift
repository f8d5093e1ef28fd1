// The threads that compute. They are ours: numeric work would starve Swift's cooperative pool, which has a thread a core
// and expects none to be held for long.

import CIntrinsics
import Foundation
import Synchronization

/// Threads, and as many seats with the memory that computing needs: nobody computes without a seat, so that there is never more
/// work at the same time than threads, nor more memory, however many callers there are.
///
/// Long calls leave their tasks to the threads. A short one is begun by the caller itself, if a seat is free: nobody has to be
/// woken before it begins, and on a busy machine it does not wait for a thread the system does not run.
final class WorkerPool<Memory: ~Copyable>: Sendable {
    let threads: Int
    private let queue: JobQueue<Memory>

    /// How long a thread without work spins before it sleeps: about what a sleep and a wake-up cost two threads, so that
    /// spinning at most doubles what sleeping at once would have cost, and a call that follows another finds the threads awake.
    static var spinning: Duration { .microseconds(50) }

    /// How long a caller waits for the threads it has called, before it computes with those that have come: most wake-ups
    /// take less, and a thread that takes longer has no core.
    static var patience: Duration { .microseconds(100) }

    /// How long a caller that may be cancelled waits for the threads before it asks again, where no task is done meanwhile.
    static var questionInterval: Duration { .milliseconds(10) }

    /// Starts `threads` threads. A seat's memory is made by whoever sits down first.
    init(threads: Int, memory: @escaping @Sendable () -> Memory) {
        self.threads = threads
        queue = JobQueue(seats: (0..<threads).map { _ in Seat(make: memory) })
        let hands = (0..<threads).map { _ in Hand<Memory>() }
        for (number, hand) in hands.enumerated() {
            let thread = Thread { [queue] in
                queue.enter(hand)
                while let turn = hand.next() {
                    var done: Bell?
                    turn.seat.use { done = turn.work.perform(&$0) }
                    // Before the caller is told: the call that follows at once finds this thread waiting.
                    queue.takeBack(hand, turn.seat)
                    done?.ring()
                }
            }
            thread.name = "minilm-\(number)"
            thread.start()
        }
    }

    deinit {
        queue.close()
    }

    /// Waits until one of the threads runs; whether one does within `limit`. The system may refuse to start a thread, and
    /// Foundation does not tell: calls are computed by those that run.
    func hasThreads(within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        while queue.threadCount == 0 {
            guard ContinuousClock.now < end else { return false }
            Thread.sleep(forTimeInterval: 0.0001)
        }
        return true
    }

    /// Calls that have tasks nobody has taken yet.
    var queued: Int { queue.jobCount }
    /// Threads that sleep.
    var sleeping: Int { queue.sleepers }

    /// Runs `body` for the tasks 0 to count - 1 on the pool's threads and returns when all are done.
    ///
    /// A thread that is free takes the next task, so none idles while there are any. Callers share the threads fairly: a
    /// thread takes a task from each caller in turn, so a short call waits for the task in hand, not for the long call ahead.
    ///
    /// - Parameters:
    ///   - progress: Called on this thread with the number of tasks done, each time it has grown, until the call is cancelled.
    ///   - isCancelled: Asked on this thread before the tasks, after each that is done and every `questionInterval`; after true no more
    ///     tasks are handed out, and only those in hand are waited for. Where it is nil this thread sleeps until a task is done.
    ///
    /// - Returns: Whether it was not cancelled: all tasks have run.
    @discardableResult
    func run(
        _ count: Int, progress: (Int) -> Void = { _ in }, isCancelled: (() -> Bool)? = nil,
        body: @escaping @Sendable (Int, inout Memory) -> Void
    ) -> Bool {
        guard count > 0 else { return true }
        if let isCancelled, isCancelled() { return false }
        let job = Job(count: count, body: body)
        queue.append(job)
        var (done, awaited) = (0, count)
        while done < awaited {
            var isRung = true
            if isCancelled == nil {
                job.done.wait(for: done + 1)
            } else {
                isRung = job.done.wait(for: done + 1, within: Self.questionInterval)
            }
            if isRung {
                done += 1
                progress(done)
            }
            if let isCancelled, done < awaited, isCancelled() {
                awaited = queue.withdraw(job)
                job.done.wait(for: awaited)
                return false
            }
        }
        return true
    }

    /// Runs one task on this thread and as many others as have nothing to do now, at most `limit` in all, at the same time, so
    /// that they may wait for each other; returns when all are done. If no seat is free, one of the pool's threads runs it
    /// alone, in its turn.
    ///
    /// - Parameters:
    ///   - isCancelled: Asked on this thread before the task, and as by `run` while that waits for its turn.
    ///   - task: Makes the task for a number of members, which call it with 0 to members - 1; the memory is member 0's.
    ///
    /// - Returns: How many they were; nil if it was cancelled.
    @discardableResult
    func runTogether(
        atMost limit: Int, isCancelled: (() -> Bool)? = nil,
        task: @escaping @Sendable (_ members: Int, borrowing Memory) -> @Sendable (Int, inout Memory) -> Void
    ) -> Int? {
        if let isCancelled, isCancelled() { return nil }
        guard let (seat, others) = queue.gather(atMost: limit) else {
            let hasRun = run(1, isCancelled: isCancelled) { _, memory in
                let body = task(1, memory)
                body(0, &memory)
            }
            return hasRun ? 1 : nil
        }
        var gathered = 1
        seat.use { memory in
            let party = Party<Memory>()
            for other in others { other.hand.give(Turn(work: .member(party), seat: other.seat)) }
            let members = party.close(after: others.count, patience: Self.patience)
            gathered = members
            let body = task(members, memory)
            party.begin(body)
            body(0, &memory)
            // They are about as far as this thread is.
            party.done.wait(for: members - 1, spinning: Self.spinning)
        }
        queue.takeBack(seat)
        return gathered
    }
}

/// Where one at a time computes.
private final class Seat<Memory: ~Copyable>: Sendable {
    private let make: @Sendable () -> Memory
    // Used only by the one who has the seat; seats change hands under the queue's lock.
    nonisolated(unsafe) private var memory: Memory?

    init(make: @escaping @Sendable () -> Memory) { self.make = make }

    func use(_ body: (inout Memory) -> Void) {
        var memory = unsafe self.memory.take() ?? make()
        body(&memory)
        unsafe self.memory = consume memory
    }
}

/// The tasks of one caller.
private final class Job<Memory: ~Copyable>: Sendable {
    let count: Int
    let body: @Sendable (Int, inout Memory) -> Void
    /// Rung for each task that is done.
    let done = Bell()
    // Read and written only while the queue is locked.
    nonisolated(unsafe) var started = 0

    init(count: Int, body: @escaping @Sendable (Int, inout Memory) -> Void) {
        self.count = count
        self.body = body
    }
}

/// A task that members do at the same time: its caller, and those who come before it begins.
private final class Party<Memory: ~Copyable>: Sendable {
    /// Rung by each member but the caller.
    let done = Bell()
    /// How many have come; far below zero once it is closed.
    private let arrived = Atomic<Int>(0)
    private let hasBegun = Atomic<Bool>(false)
    private let room = WaitingRoom()
    // Written by the caller before it has begun, read by the others after.
    nonisolated(unsafe) private var body: (@Sendable (Int, inout Memory) -> Void)?

    /// Lets nobody in any more when so many have come, or time is up. Gives the number of members, the caller included.
    func close(after expected: Int, patience: Duration) -> Int {
        if expected > 0 {
            let end = ContinuousClock.now + patience
            while arrived.load(ordering: .relaxed) < expected && ContinuousClock.now < end { cintrinsics_pause() }
        }
        return arrived.exchange(.min / 2, ordering: .relaxed) + 1
    }

    /// The members do `body` now.
    func begin(_ body: @escaping @Sendable (Int, inout Memory) -> Void) {
        unsafe self.body = body
        hasBegun.store(true, ordering: .sequentiallyConsistent)
        room.wake()
    }

    /// Takes part, if it is not too late; whether it was not.
    func join(_ memory: inout Memory) -> Bool {
        let member = arrived.add(1, ordering: .relaxed).newValue
        guard member > 0 else { return false }
        room.wait { hasBegun.load(ordering: .sequentiallyConsistent) }
        if let body = unsafe body { body(member, &memory) }
        return true
    }
}

/// What a thread does in a turn.
private enum Work<Memory: ~Copyable>: Sendable {
    case task(Job<Memory>, Int)
    case member(Party<Memory>)

    /// Does it, and gives the bell to ring then: none if there was nothing to do any more.
    func perform(_ memory: inout Memory) -> Bell? {
        switch self {
        case .task(let job, let number):
            job.body(number, &memory)
            return job.done
        case .member(let party):
            return party.join(&memory) ? party.done : nil
        }
    }
}

/// Work, and the seat to do it on.
private struct Turn<Memory: ~Copyable>: Sendable {
    let work: Work<Memory>
    let seat: Seat<Memory>
}

/// One of the pool's threads, as others see it.
private final class Hand<Memory: ~Copyable>: Sendable {
    private let bell = Bell()
    // Written before the bell rings by the one who has taken this hand from the queue, then read and cleared by the thread.
    nonisolated(unsafe) private var turn: Turn<Memory>?
    // The thread's own.
    nonisolated(unsafe) private var turns = 0

    var isAsleep: Bool { bell.isSleeping }

    /// Gives the thread, which waits, a turn; nil lets it end.
    func give(_ turn: Turn<Memory>?) {
        unsafe self.turn = turn
        bell.ring()
    }

    /// Waits for a turn.
    func next() -> Turn<Memory>? {
        unsafe turns += 1
        unsafe bell.wait(for: turns, spinning: WorkerPool<Memory>.spinning)
        return unsafe turn.take()
    }
}

/// Who waits for whom: jobs with tasks nobody has taken yet in the order of their turns, free seats, threads without work.
///
/// Each thread that works has a seat, and callers may have others: when a seat is free, so is a thread, once all have started.
/// While there are jobs, seats or threads are all taken.
private final class JobQueue<Memory: ~Copyable>: Sendable {
    private struct State {
        var jobs: [Job<Memory>] = []
        // The last that came is the first to go: its thread may not sleep yet, its memory may still be in a cache.
        var seats: [Seat<Memory>]
        var hands: [Hand<Memory>] = []
        /// Threads that have started.
        var threads = 0
        var isClosed = false

        /// A thread waits for a turn, which may be now, or for its end.
        mutating func add(_ hand: Hand<Memory>) {
            if isClosed {
                hand.give(nil)
            } else {
                hands.append(hand)
                giveTurns()
            }
        }

        /// Gives turns to free threads while there are tasks and seats.
        mutating func giveTurns() {
            while !jobs.isEmpty, !hands.isEmpty, let seat = seats.popLast() {
                let job = jobs.removeFirst()
                let task = unsafe job.started
                unsafe job.started += 1
                if task + 1 < job.count { jobs.append(job) }
                hands.removeLast().give(Turn(work: .task(job, task), seat: seat))
            }
        }
    }

    // A lock the thread sanitizer knows, which `Mutex` is not on Linux.
    private let lock = NSLock()
    // Read and written only while the lock is held.
    nonisolated(unsafe) private var state: State

    init(seats: [Seat<Memory>]) {
        unsafe state = State(seats: seats)
    }

    private func withState<Result>(_ body: (inout State) -> Result) -> Result {
        lock.withLock { unsafe body(&state) }
    }

    func append(_ job: Job<Memory>) {
        withState {
            $0.jobs.append(job)
            $0.giveTurns()
        }
    }

    /// Takes back the tasks of a job that nobody has taken yet. Gives the number of the others.
    func withdraw(_ job: Job<Memory>) -> Int {
        withState { state in
            state.jobs.removeAll { $0 === job }
            return unsafe job.started
        }
    }

    /// A seat for the caller, and free threads with a seat each, at most `limit` members in all; nil when no seat is free.
    ///
    /// The threads have nothing else to do.
    func gather(atMost limit: Int) -> (seat: Seat<Memory>, others: [(hand: Hand<Memory>, seat: Seat<Memory>)])? {
        withState { state in
            guard let seat = state.seats.popLast() else { return nil }
            let others = (0..<min(limit - 1, state.seats.count, state.hands.count)).map { _ in
                (hand: state.hands.removeLast(), seat: state.seats.removeLast())
            }
            return (seat, others)
        }
    }

    /// A thread has started.
    func enter(_ hand: Hand<Memory>) {
        withState {
            $0.threads += 1
            $0.add(hand)
        }
    }

    /// A caller leaves its seat.
    func takeBack(_ seat: Seat<Memory>) {
        withState {
            $0.seats.append(seat)
            $0.giveTurns()
        }
    }

    /// A thread has done its task, and waits for its next turn, which may be now.
    func takeBack(_ hand: Hand<Memory>, _ seat: Seat<Memory>) {
        withState {
            $0.seats.append(seat)
            $0.add(hand)
        }
    }

    var threadCount: Int { withState { $0.threads } }

    var jobCount: Int { withState { $0.jobs.count } }

    var sleepers: Int { withState { $0.hands.count { $0.isAsleep } } }

    /// Lets the threads end: those that wait now, the others when they are about to, having started or come too late to a task.
    func close() {
        withState { state in
            state.isClosed = true
            for hand in state.hands { hand.give(nil) }
            state.hands.removeAll()
        }
    }
}
