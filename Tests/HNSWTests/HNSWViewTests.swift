// How wide a search looks where most nodes have no rows any more, and what it keeps of that.

import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWViewTests {
    private static func index(_ rows: Int, dimension: Int = 8) throws -> (VectorSet, HNSWIndex) {
        let set = VectorSet(rows: rows, dimension: dimension, seed: 91)
        let index = try HNSWIndex(HNSWConfiguration(dimension: dimension, M: 4, efConstruction: 10), capacity: rows)
        try index.insert(matrix: set.values.span, threads: 1)
        return (set, index)
    }

    /// The room for candidates in the one context that searches of one thread share.
    private static func widest(_ index: HNSWIndex) -> Int {
        let context = unsafe index.state.takeContext(ef: 1)
        defer { unsafe index.state.giveBack(context) }
        return unsafe context.pointee.beam.capacity
    }

    @Test func `a view is widened by the nodes in the graph that have no rows`() throws {
        let (_, index) = try Self.index(2000)
        #expect(index.view(holding: 10) == 10)
        index.remove(rows: 0..<1500 as Range<UInt32>)
        #expect(index.view(holding: 10) == 40)
        #expect(index.view(holding: 600) == 2000)
        #expect([0, -3, .min, .max].map { index.view(holding: $0) } == [0, -3, .min, .max])
        // Those that have left the graph do not count.
        try index.repair()
        #expect(index.nodeCount == 500)
        #expect(index.view(holding: 10) == 10)
        index.remove(rows: 1500..<1750 as Range<UInt32>)
        #expect(index.view(holding: 10) == 20)
        index.remove(rows: 1750..<2000 as Range<UInt32>)
        #expect(index.view(holding: 10) == 500)
    }

    @Test func `nodes are counted without waiting for who changes the index`() throws {
        let (_, index) = try Self.index(100)
        index.remove(rows: 0..<50 as Range<UInt32>)
        let counted = index.exclusive { _ in [index.nodeCount, index.deletedNodeCount, index.view(holding: 10)] }
        #expect(counted == [100, 50, 20])
    }

    // 8 elements are walked by whole codes, 128 by half of them.
    @Test(arguments: [8, 128])
    func `where hardly a node has a row left, those are compared instead of a view of nearly all`(dimension: Int) throws
    {
        let (set, index) = try Self.index(4000, dimension: dimension)
        index.remove(rows: 40..<4000 as Range<UInt32>)
        for row in [3, 300, 3000] {
            let found = try index.search(set[row].span, count: 10, ef: 30)
            #expect(try found == index.exactSearch(set[row].span, count: 10))
        }
        // A view of 30 of 40 nodes would be one of 3,000.
        #expect(Self.widest(index) < 400)
    }

    @Test func `a context that one search made wide is narrow again, and counted as what it is`() throws {
        let (set, index) = try Self.index(30_000)
        _ = try index.search(set[0].span, count: 10, ef: 10)
        let before = index.residentBytes
        #expect(Self.widest(index) < 100)
        _ = try index.search(set[0].span, count: 8000, ef: 8000)
        // Two buffers of some 8,000 candidates of eight bytes.
        #expect(index.residentBytes > before + 100_000)
        #expect(index.residentBytes < before + 300_000)
        _ = try index.search(set[0].span, count: 25_000, ef: 25_000)
        #expect(Self.widest(index) < 100)
        #expect(index.residentBytes <= before + 1000)
        #expect(try index.search(set[0].span, count: 10, ef: 10).count == 10)
    }
}
