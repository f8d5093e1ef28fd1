import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite struct ChatQueueTests {
    @Test(arguments: [1, 2, 3])
    func `no more than its width run at once, in the order of arrival`(width: Int) async throws {
        let queue = ChatQueue(width: width, capacity: 100)
        let log = Log()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Every place is taken before anybody lines up.
            let gate = Gate()
            for _ in 0..<width { group.addTask { try await queue.turn { await gate.wait() } } }
            while gate.waiting < width { await Task.yield() }
            for number in 0..<20 {
                group.addTask {
                    try await queue.turn {
                        log.begin(number)
                        await Task.yield()
                        log.end()
                    }
                }
                while queue.waiting <= number { await Task.yield() }
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(log.mostRunning <= width)
        #expect(log.begun.sorted() == Array(0..<20))
        // With one place the order is exact; those who run side by side may note their beginnings in any order.
        if width == 1 { #expect(log.begun == Array(0..<20)) }
        #expect(queue.waiting == 0)
    }

    @Test func `who finds it full is refused at once`() async throws {
        let queue = ChatQueue(width: 1, capacity: 0)
        try await queue.turn {
            await #expect(throws: ChatError.overloaded(waiting: 0)) { try await queue.turn {} }
        }
        try await queue.turn {}
    }

    @Test func `a place is given back when its holder fails`() async throws {
        struct Failure: Error {}
        let queue = ChatQueue(width: 1, capacity: 0)
        for _ in 0..<3 { await #expect(throws: Failure.self) { try await queue.turn { throw Failure() } } }
        try await queue.turn {}
    }

    @Test func `who is cancelled leaves the line, before or after lining up`() async throws {
        let queue = ChatQueue(width: 1, capacity: 10)
        try await queue.turn {
            let waiter = Task { try await queue.turn { Issue.record("ran") } }
            while queue.waiting == 0 { await Task.yield() }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            #expect(queue.waiting == 0)
        }
        let gate = Gate()
        let late = Task {
            await gate.wait()
            try await queue.turn { Issue.record("ran") }
        }
        late.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await late.value }
        try await queue.turn {}
    }

    @Test func `arrivals, departures and cancellations in any order lose no place`() async throws {
        let queue = ChatQueue(width: 3, capacity: 8)
        var random = SplitMix64(seed: 7)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<400 {
                let task = Task { try await queue.turn { await Task.yield() } }
                if random.next() % 3 == 0 { task.cancel() }
                if random.next() % 4 == 0 { await Task.yield() }
                group.addTask { _ = await task.result }
            }
        }
        #expect(queue.waiting == 0)
        // All three places are free again: three callers hold them together.
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { try await queue.turn { await gate.wait() } } }
            while gate.waiting < 3 { await Task.yield() }
            gate.open()
            try await group.waitForAll()
        }
    }
}

/// Who ran when.
private final class Log: Sendable {
    private let state = Mutex<(running: Int, most: Int, begun: [Int])>((0, 0, []))

    var mostRunning: Int { state.withLock { $0.most } }
    var begun: [Int] { state.withLock { $0.begun } }

    func begin(_ number: Int) {
        state.withLock {
            $0.running += 1
            $0.most = max($0.most, $0.running)
            $0.begun.append(number)
        }
    }

    func end() { state.withLock { $0.running -= 1 } }
}

/// Holds whoever waits until it is opened.
private final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    var waiting: Int { state.withLock { $0.waiters.count } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            defer { state = (true, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
