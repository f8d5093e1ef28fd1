// Everything at once. Run with the thread sanitizer (`make test-threads`), these find a data race; without it, a broken graph.

import Foundation
import HNSW
import Synchronization
import TestSupport
import Testing

@Suite struct HNSWConcurrencyTests {
    private typealias Role = @Sendable () throws -> Void

    /// Runs what changes an index, and until that is done again and again what only reads it. Each has a thread of its own:
    /// `concurrentPerform` has no more than there are cores, and on two of them the first two would be done before the others begin.
    private static func run(_ changes: [Role], beside reads: [@Sendable (_ step: Int) throws -> Void]) {
        let changing = Atomic(changes.count)
        let ended = DispatchSemaphore(value: 0)
        let start = { (role: @escaping Role) in
            Thread {
                do { try role() } catch { Issue.record(error) }
                ended.signal()
            }.start()
        }
        for change in changes {
            start {
                defer { changing.wrappingSubtract(1, ordering: .relaxed) }
                try change()
            }
        }
        for read in reads {
            start {
                var step = 0
                while changing.load(ordering: .relaxed) > 0 {
                    try read(step)
                    step += 1
                }
            }
        }
        for _ in 0..<changes.count + reads.count { ended.wait() }
    }

    private static func index(_ set: VectorSet, codes: HNSWConfiguration.Codes = .int8, capacity: Int = 64) throws
        -> HNSWIndex
    {
        try HNSWIndex(
            HNSWConfiguration(dimension: set.dimension, M: 6, efConstruction: 40, codes: codes), capacity: capacity)
    }

    /// Even rows, of which there may be many or none.
    private static func even(below rows: Int) -> RowBits {
        RowBits(stride(from: 0, to: rows, by: 2).map { UInt32($0) }, capacity: rows)
    }

    @Test func `searches, changes, growth and repairs run beside each other and leave a sound graph`() throws {
        let rows = 1200
        let set = VectorSet(rows: rows, dimension: 24, clusters: 300, repeats: 11, seed: 41)
        // Small at first, so that it grows under the load.
        let index = try Self.index(set)
        let inserting: [Role] = (0..<3).map { thread in
            {
                for step in 0..<300 {
                    let row = thread * 400 + step
                    try index.insert(set[row].span, row: UInt32(row))
                    if step % 3 == 2 { index.remove(row: UInt32(row - 1)) }
                }
            }
        }
        let even = Self.even(below: rows)
        Self.run(
            inserting + [
                {
                    for step in 0..<15 {
                        try index.repair(threads: 2, isCancelled: { step % 2 == 1 })
                        try index.reserve(nodes: 64 + 160 * step, rows: 64 + 120 * step)
                        if step % 3 == 2 { index.linkUnreachable() }
                        _ = try index.search(set[step].span, count: 5, ef: 20)
                    }
                }
            ],
            beside: (0..<2).map { thread in
                { step in
                    let query = set[(step * 7919 + thread) % rows]
                    let filter = step % 2 == 0 ? even : nil
                    let found = try index.search(query.span, count: 10, ef: 30, filter: filter)
                    if filter != nil { #expect(found.allSatisfy { $0.row % 2 == 0 }) }
                }
            })
        #expect(index.count == 600)
        index.linkUnreachable()
        #expect(try index.checkInvariants() == [])
        #expect(!index.linkUnreachable())
        try index.repair()
        #expect(try index.checkInvariants() == [])
        for row in [0, 300, 500, 900] where index.contains(row: UInt32(row)) {
            let found = try index.search(set[row].span, count: 20, ef: 100)
            #expect(found.contains { $0.row == row })
        }
    }

    // 24 elements are walked by whole codes or floats, 128 by half their codes.
    @Test(arguments: [(24, HNSWConfiguration.Codes.int8), (24, .float32), (128, .int8)])
    func `a matrix is built in parallel beside every kind of search and single changes`(
        dimension: Int, codes: HNSWConfiguration.Codes
    ) throws {
        let (rows, more) = (900, 150)
        let set = VectorSet(rows: rows + more, dimension: dimension, clusters: 60, repeats: 9, seed: 42)
        let index = try Self.index(set, codes: codes)
        let even = Self.even(below: rows)
        let few = RowBits([3, 400, 899], capacity: rows)
        Self.run(
            [
                { try index.insert(matrix: set.values.span.extracting(0..<rows * dimension), threads: 3) },
                { for row in rows..<rows + more { try index.insert(set[row].span, row: UInt32(row)) } },
                {
                    // Other vectors than the matrix has, and rows that it has not come to or has: either may be first.
                    for row in stride(from: 0, to: rows, by: 45) { index.remove(row: UInt32(row)) }
                },
            ],
            beside: [
                { step in
                    let query = set[step % rows]
                    for filter in [nil, even, few] {
                        let found = try index.search(query.span, count: 10, ef: 20, filter: filter)
                        #expect(found.allSatisfy { filter?.contains(UInt32($0.row)) ?? true })
                    }
                },
                { step in
                    let query = set[step % rows]
                    _ = try index.trySearch(query.span, count: 10, ef: 20, filter: step % 2 == 0 ? even : nil)
                    _ = try index.tryExactSearch(query.span, count: 3)
                    _ = try index.exactSearch(query.span, count: 3, filter: even) {}
                },
                { step in
                    // What says how large the index is, with and without waiting.
                    #expect(index.view(holding: 10) >= 10)
                    #expect(index.deletedNodeCount <= rows + more && index.nodeCount <= rows + more)
                    #expect(index.residentBytes > 0 && index.isSettled)
                    let row = UInt32(step % (rows + more))
                    _ = index.contains(row: row, vector: set[Int(row)].span)
                },
            ])
        for row in stride(from: 0, to: rows, by: 45) { try index.insert(set[row].span, row: UInt32(row)) }
        #expect(index.count == rows + more)
        index.linkUnreachable()
        #expect(try index.checkInvariants() == [])
        let queries = VectorSet(rows: 30, dimension: dimension, clusters: 60, seed: 43)
        #expect(try set.recall(of: index, queries: queries, count: 10, ef: 64) >= 0.95)
    }

    @Test func `an opened snapshot is settled, checked, changed, repaired and written again while it answers`() throws {
        let rows = 600
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: rows, dimension: 130, clusters: 60, repeats: 8, seed: 44)
        let other = VectorSet(rows: rows, dimension: 130, clusters: 60, repeats: 8, seed: 45)
        let built = try Self.index(set)
        try built.insert(matrix: set.values.span, threads: 2)
        try built.save(to: path)
        let index = try HNSWIndex.restore(from: path, threads: 2).index
        let even = Self.even(below: rows)
        Self.run(
            [
                {
                    // One by one, as the store's changes come: every snapshot is of a whole number of them.
                    for row in 0..<200 {
                        try index.insert(other[row].span, row: UInt32(row))
                        if row % 50 == 49 { index.remove(rows: UInt32(row + 200)..<UInt32(row + 250)) }
                    }
                },
                { for _ in 0..<6 { try index.repair(threads: 2) } },
                {
                    try index.settle()
                    try index.verify(threads: 2)
                },
                {
                    for stamp in 0..<5 as Range<UInt64> {
                        try index.save(to: path, stamp: SnapshotStamp(stamp))
                        let (saved, read) = try HNSWIndex.restore(from: path, threads: 2)
                        #expect(read == SnapshotStamp(stamp))
                        try saved.verify()
                        saved.linkUnreachable()
                        #expect(try saved.checkInvariants() == [])
                    }
                },
            ],
            beside: (0..<2).map { thread in
                { step in
                    let query = set[(step * 7919 + thread) % rows]
                    let found = try index.search(query.span, count: 10, ef: 30, filter: step % 2 == 0 ? even : nil)
                    // Whatever is being changed, 350 rows are there.
                    #expect(found.count == 10)
                }
            })
        index.linkUnreachable()
        try index.repair()
        #expect(try index.checkInvariants() == [])
        for row in 0..<rows {
            let isGone = (249..<449).contains(row)
            let vector = row < 200 ? other[row] : set[row]
            let isThere = index.contains(row: UInt32(row), vector: vector.span)
            #expect(isThere == !isGone, "row \(row)")
        }
    }

    /// The rows of a vector are a list that changes while others go along it.
    @Test func `rows of few vectors come and go beside searches that list them in order`() throws {
        let (rows, vectors) = (1500, 5)
        let set = VectorSet(rows: vectors, dimension: 8, seed: 46)
        let index = try Self.index(set)
        let even = Self.even(below: rows)
        let comingAndGoing: [Role] = (0..<3).map { thread in
            {
                for row in stride(from: thread, to: rows, by: 3) {
                    try index.insert(set[row % vectors].span, row: UInt32(row))
                    if row >= 300 && row % 4 == 0 { index.remove(row: UInt32(row - 300)) }
                }
            }
        }
        Self.run(
            comingAndGoing,
            beside: (0..<2).map { thread in
                { step in
                    let number = (step + thread) % vectors
                    let found = try index.search(
                        set[number].span, count: 400, ef: 5, filter: step % 2 == 0 ? even : nil)
                    for (near, far) in zip(found, found.dropFirst()) where near.score == far.score {
                        #expect(near.row < far.row)
                    }
                }
            })
        #expect(index.nodeCount == vectors)
        #expect(try index.checkInvariants() == [])
    }
}
