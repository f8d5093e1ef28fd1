// Rows leave and others come: the graph stays sound and finds as much as a fresh one.

import Synchronization
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWDeletionTests {
    private static let configuration = HNSWConfiguration(dimension: 32, M: 8, efConstruction: 60)

    @Test func `a removed row is not found and the others are`() throws {
        let set = VectorSet(rows: 600, dimension: 32, repeats: 5, seed: 21)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        for row in stride(from: 0, to: 600, by: 3) { #expect(index.remove(row: UInt32(row))) }
        #expect(!index.remove(row: 0))
        #expect(index.count == 400)
        #expect(try index.checkInvariants() == [])
        let queries = VectorSet(rows: 40, dimension: 32, seed: 22)
        #expect(try set.recall(of: index, queries: queries, count: 10, ef: 64, where: { $0 % 3 != 0 }) >= 0.97)
    }

    @Test func `many rows leave as one by one`() throws {
        let set = VectorSet(rows: 900, dimension: 32, repeats: 5, seed: 33)
        let (one, other) = (try HNSWIndex(Self.configuration), try HNSWIndex(Self.configuration))
        for index in [one, other] { try index.insert(matrix: set.values.span, threads: 1) }
        // More than leave at once; some twice, some that were never there.
        let rows = (0..<700 as Range<UInt32>).map { $0 * 7 % 1000 } + [5, 5, 4_000_000]
        one.remove(rows: rows)
        for row in rows { other.remove(row: row) }
        one.remove(rows: [])
        #expect(one.count == other.count)
        #expect(one.deletedNodeCount == other.deletedNodeCount)
        #expect(one.deletedNodeCount > 0)
        for row in 0..<1000 as Range<UInt32> { #expect(one.contains(row: row) == other.contains(row: row)) }
        #expect(try one.checkInvariants() == [])
    }

    @Test func `a row given a new vector is found by that alone`() throws {
        let set = VectorSet(rows: 300, dimension: 32, seed: 23)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        let other = VectorSet(rows: 1, dimension: 32, seed: 24)[0]
        try index.insert(other.span, row: 7)
        #expect(index.count == 300)
        #expect(try index.search(other.span, count: 1, ef: 50).map(\.row) == [7])
        #expect(try !index.search(set[7].span, count: 50, ef: 300).contains { $0.row == 7 && $0.score > 0.999 })
        #expect(try index.checkInvariants() == [])
    }

    @Test(arguments: [1, 3])
    func `the graph is sound after every repair, down to nothing and up again`(threads: Int) throws {
        let set = VectorSet(rows: 800, dimension: 32, repeats: 9, seed: 25)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        var generator = SplitMix64(seed: 26)
        var present = Array(0..<800)
        while !present.isEmpty {
            present.shuffle(using: &generator)
            for row in present.prefix(100) { index.remove(row: UInt32(row)) }
            present.removeFirst(min(100, present.count))
            try index.repair(threads: threads)
            #expect(index.deletedNodeCount == 0)
            #expect(try index.checkInvariants() == [])
        }
        #expect(index.nodeCount == 0)
        try index.insert(matrix: set.values.span, threads: 1)
        #expect(try index.checkInvariants() == [])
        let queries = VectorSet(rows: 40, dimension: 32, seed: 27)
        #expect(try set.recall(of: index, queries: queries, count: 10, ef: 64) >= 0.97)
    }

    @Test(arguments: [1, 3])
    func `a repair that is cancelled leaves a sound graph, and the next one does it all`(threads: Int) throws {
        let set = VectorSet(rows: 3000, dimension: 32, repeats: 9, seed: 29)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        for row in 0..<1500 { index.remove(row: UInt32(row)) }
        let (deleted, nodes) = (index.deletedNodeCount, index.nodeCount)
        #expect(deleted > 1000)
        for asked in [0, 1, 4, 9] {
            let asks = Mutex(0)
            let isWhole = try index.repair(threads: threads) {
                asks.withLock { count in
                    count += 1
                    return count > asked
                }
            }
            #expect(!isWhole)
            #expect(asks.withLock { $0 } <= asked + threads)
            #expect(index.deletedNodeCount == deleted)
            #expect(index.nodeCount == nodes)
            #expect(try index.checkInvariants() == [])
            let queries = VectorSet(rows: 40, dimension: 32, seed: 30)
            #expect(try set.recall(of: index, queries: queries, count: 10, ef: 64, where: { $0 >= 1500 }) >= 0.97)
        }
        // What was deleted may come back under its row.
        try index.insert(set[7].span, row: 7)
        #expect(try index.search(set[7].span, count: 1, ef: 64).map(\.row) == [7])
        #expect(try index.checkInvariants() == [])
        #expect(try index.repair(threads: threads))
        #expect(index.deletedNodeCount == 0)
        #expect(try index.checkInvariants() == [])
    }

    @Test func `a repair of an index that is all deleted, cancelled at once, leaves it as it was`() throws {
        let set = VectorSet(rows: 300, dimension: 32, seed: 31)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        for row in 0..<300 { index.remove(row: UInt32(row)) }
        #expect(try !index.repair(isCancelled: { true }))
        #expect(index.nodeCount == 300)
        #expect(try index.checkInvariants() == [])
        #expect(try index.search(set[0].span, count: 5, ef: 300) == [])
        #expect(try index.repair())
        #expect(index.nodeCount == 0)
        #expect(try index.checkInvariants() == [])
    }

    /// As two threads may leave it, each having taken the other's node for the one that came first.
    @Test func `nodes that nothing leads to are led to again`() throws {
        let set = VectorSet(rows: 500, dimension: 32, seed: 32)
        let index = try HNSWIndex(Self.configuration)
        try index.insert(matrix: set.values.span, threads: 1)
        #expect(!index.linkUnreachable())
        let graph = index.state.graph
        for node in 0..<500 {
            let links = graph.links(node, layer: 0)
            let kept = (0..<links.capacity).map { links[$0] }.filter {
                $0 == none || ![100, 200, 201].contains($0 & ~treeBit)
            }
            for i in 0..<links.capacity { links[i] = i < kept.count ? kept[i] : none }
        }
        #expect(try index.checkInvariants().count >= 3)
        #expect(index.linkUnreachable())
        #expect(try index.checkInvariants() == [])
        #expect(!index.linkUnreachable())
    }

    // The bound: 0.005 below a fresh build. Three sets, because graphs of one size differ by that much themselves. A thousand
    // small clusters melt into each other; forty are islands, and a query that descends to the wrong one finds nothing.
    @Test(arguments: [1000, 40])
    func `after deleting half and inserting as many, recall is a fresh build's`(clusters: Int) throws {
        let half = 2000
        var (bound, kept) = (0.0, 0.0)
        for seed in [28, 128, 228] as [UInt64] {
            let set = VectorSet(rows: 3 * half, dimension: 32, clusters: clusters, repeats: 20, seed: seed)
            let queries = VectorSet(rows: 200, dimension: 32, clusters: clusters, seed: seed + 1)
            let last = set.values.span.extracting(2 * half * 32..<3 * half * 32)
            let fresh = try HNSWIndex(Self.configuration)
            try fresh.insert(
                matrix: set.values.span.extracting(half * 32..<3 * half * 32), firstRow: UInt32(half), threads: 1)

            let churned = try HNSWIndex(Self.configuration)
            try churned.insert(matrix: set.values.span.extracting(0..<2 * half * 32), threads: 1)
            for row in 0..<half { churned.remove(row: UInt32(row)) }
            try churned.repair(threads: 2)
            try churned.insert(matrix: last, firstRow: UInt32(2 * half), threads: 1)

            #expect(try churned.checkInvariants() == [])
            bound += try set.recall(of: fresh, queries: queries, count: 10, ef: 40, where: { $0 >= half }) / 3
            kept += try set.recall(of: churned, queries: queries, count: 10, ef: 40, where: { $0 >= half }) / 3
        }
        #expect(kept >= bound - 0.005)
    }
}
