// Searches that wait for nobody, searches that let others in, and who waits for a repair.

import Dispatch
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWWaitingTests {
    private static func index(_ count: Int, _ generator: inout SplitMix64) throws -> HNSWIndex {
        let configuration = HNSWConfiguration(dimension: 2, distance: .euclid, M: 4, efConstruction: 8)
        let index = try HNSWIndex(configuration, capacity: count)
        for row in 0..<count {
            let vector = (0..<2).map { _ in Float.random(in: -1...1, using: &generator) }
            try index.insert(vector.span, row: UInt32(row))
        }
        return index
    }

    @Test func `while nobody changes the index, a search that does not wait finds the same`() throws {
        var generator = SplitMix64(seed: 5)
        let index = try Self.index(500, &generator)
        let odd = RowBits((0..<500 as Range<UInt32>).filter { $0 % 2 == 1 }, capacity: 500)
        for filter in [nil, odd] {
            let query: [Float] = [0.3, -0.2]
            let found = try index.trySearch(query.span, count: 10, ef: 40, filter: filter)
            #expect(try found == index.search(query.span, count: 10, ef: 40, filter: filter))
            let exact = try index.tryExactSearch(query.span, count: 10, filter: filter)
            #expect(try exact == index.exactSearch(query.span, count: 10, filter: filter))
            #expect(exact?.count == 10)
        }
        let (origin, short, none): ([Float], [Float], [Float]) = ([0, 0], [0], [.nan, 0])
        let nothing = try index.trySearch(origin.span, count: 0, ef: 40)
        #expect(nothing == [])
        #expect(throws: HNSWError.self) { try index.trySearch(short.span, count: 1, ef: 40) }
        #expect(throws: HNSWError.self) { try index.tryExactSearch(none.span, count: 1) }
    }

    @Test func `while the index is changed, a search that does not wait finds nothing and returns`() throws {
        var generator = SplitMix64(seed: 6)
        let index = try Self.index(100, &generator)
        let query: [Float] = [0, 0]
        func found() throws -> [[Neighbour]?] {
            [try index.trySearch(query.span, count: 1, ef: 40), try index.tryExactSearch(query.span, count: 1)]
        }
        let free = try found()
        #expect(free.allSatisfy { $0?.count == 1 })
        let whileChanged = try index.exclusive { _ throws(any Error) in try found() }
        #expect(whileChanged == [nil, nil])
        // Beside other searches it need not wait.
        let whileSearched = try index.shared { _ throws(any Error) in try found() }
        #expect(whileSearched == free)
    }

    private struct Ended: Error {}

    @Test func `an exact search lets others change the index in between, and ends when it is told to`() throws {
        var generator = SplitMix64(seed: 7)
        let index = try Self.index(70_000, &generator)
        let query: [Float] = [0.1, 0.2]
        let expected = try index.exactSearch(query.span, count: 20)
        var pauses = 0
        let found = try index.exactSearch(query.span, count: 20) {
            pauses += 1
            // Held exclusively, the gate would let nobody else in.
            try index.reserve(70_000 + 100_000 * pauses)
        }
        #expect(found == expected)
        // 70,000 nodes are two whole slices of 32,768 and a part of one.
        #expect(pauses == 2)
        #expect(throws: Ended.self) { try index.exactSearch(query.span, count: 20) { throw Ended() } }
    }

    // MARK: - Repairs

    /// For what never comes if something waits that should not: not for a slow machine.
    private static func comes(_ signal: DispatchSemaphore) -> Bool { signal.wait(timeout: .now() + 60) == .success }

    /// With a search that goes on, whatever needs the gate to itself waits.
    @Test func `all that takes long of a repair is done beside searches, and by whom the caller says`() throws {
        var generator = SplitMix64(seed: 8)
        let index = try Self.index(2000, &generator)
        index.remove(rows: 0..<1000 as Range<UInt32>)
        let (step, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        index.state.lockShared()
        DispatchQueue.global().async {
            _ = try? index.repair(apart: { work in
                let isDone = DispatchSemaphore(value: 0)
                DispatchQueue.global().async {
                    work()
                    isDone.signal()
                }
                isDone.wait()
                step.signal()
            })
            end.signal()
        }
        for part in ["naming", "linking", "laying the tree"] {
            #expect(Self.comes(step), "\(part) waited for a search")
        }
        // Nobody has left while somebody may be looking.
        #expect(index.nodeCount == 2000)
        index.state.unlockGate()
        #expect(Self.comes(end))
        #expect(index.nodeCount == 1000)
        #expect(try index.checkInvariants() == [])
    }

    /// A repair that has begun and has not said so yet, as `linkUnreachable` comes.
    @Test func `who makes nodes reachable does not wait for a repair, and has no insertion wait`() throws {
        var generator = SplitMix64(seed: 9)
        let index = try Self.index(200, &generator)
        let state = index.state
        state.lockRepairs()
        state.lockWritersShared()
        let (linked, inserted) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let found = Shared<Bool?>(nil)
        DispatchQueue.global().async {
            let hasMended = index.linkUnreachable()
            found.withLock { $0 = hasMended }
            linked.signal()
        }
        // Time for it to come as far as it does: less would only make the test pass without reason.
        #expect(linked.wait(timeout: .now() + 0.05) == .timedOut)
        DispatchQueue.global().async {
            try? index.insert([3, 3].span, row: 200)
            inserted.signal()
        }
        #expect(Self.comes(inserted), "an insertion waited behind it")
        state.isRepairing = true
        #expect(Self.comes(linked), "it waited for the repair")
        #expect(found.withLock { $0 } == false)
        state.isRepairing = false
        state.unlockWriters()
        state.unlockRepairs()
        #expect(!index.linkUnreachable())
    }
}
