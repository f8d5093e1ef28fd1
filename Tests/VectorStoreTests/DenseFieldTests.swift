// Whether a search goes through the graph.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct DenseFieldTests {
    @Test func `a graph most of whose nodes have no rows any more is asked for fewer, and for any number`() throws {
        var generator = SplitMix64(seed: 51)
        let size = GraphFixture.size
        let graph = try HNSWIndex(HNSWConfiguration(dimension: size, distance: .euclid, M: 4, efConstruction: 8))
        for row in 0..<1000 as Range<UInt32> { try graph.insert(GraphFixture.vector(&generator).span, row: row) }
        func field(_ rows: Range<UInt32>) -> DenseField {
            var field = DenseField(.init(size: size, distance: .euclid))
            field.adopt(graph, rows: RowBits(rows, capacity: 1000))
            return field
        }
        // Below an eighth of 1,000.
        #expect(field(0..<1000).isSoughtInGraph(ef: 124, count: 10, isFiltered: false))
        #expect(!field(0..<1000).isSoughtInGraph(ef: 125, count: 10, isFiltered: false))
        // Of 500 nodes every second is deleted, then of 100 nine in ten: 31 are 62 then, and 2 are 20.
        graph.remove(rows: 500..<1000 as Range<UInt32>)
        let half = field(0..<500)
        #expect(half.isSoughtInGraph(ef: 30, count: 10, isFiltered: false))
        #expect(!half.isSoughtInGraph(ef: 32, count: 10, isFiltered: false))
        graph.remove(rows: 100..<500 as Range<UInt32>)
        let tenth = field(0..<100)
        #expect(tenth.isSoughtInGraph(ef: 1, count: 1, isFiltered: true))
        #expect(!tenth.isSoughtInGraph(ef: 2, count: 1, isFiltered: true))
        for ef in [0, -1, .min, .max, .max / 2] {
            #expect(!tenth.isSoughtInGraph(ef: ef, count: 10, isFiltered: false))
        }
    }
}
