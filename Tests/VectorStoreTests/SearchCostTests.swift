// How vectors are sought: through a graph as long as that is less work than comparing all, and never without an end.

import TestSupport
import Testing

@testable import HNSW
@testable import VectorStore

@Suite struct SearchCostTests {
    private struct Ended: Error {}

    private static func vector(_ size: Int, _ generator: inout SplitMix64) -> [Float] {
        (0..<size).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    private static func field(_ count: Int, indexed: Int, _ generator: inout SplitMix64) throws -> DenseField {
        let configuration = HNSWConfiguration(dimension: 2, distance: .euclid, M: 4, efConstruction: 8)
        let graph = try HNSWIndex(configuration, capacity: indexed)
        var field = DenseField(.init(size: 2, distance: .euclid))
        for row in 0..<UInt32(count) {
            let vector = Self.vector(2, &generator)
            if row < indexed { try graph.insert(vector.span, row: row) } else { field.insert(vector, row: row) }
        }
        field.adopt(graph, rows: RowBits(0..<UInt32(indexed), capacity: indexed))
        return field
    }

    @Test func `a view of a good part of everything, or of more than can be kept sorted, is not sought in a graph`()
        throws
    {
        var generator = SplitMix64(seed: 1)
        let small = try Self.field(800, indexed: 800, &generator)
        #expect(small.isSoughtInGraph(ef: 64, count: 10, isFiltered: false))
        #expect(small.isSoughtInGraph(ef: 10, count: 99, isFiltered: false))
        #expect(!small.isSoughtInGraph(ef: 100, count: 10, isFiltered: false))
        #expect(!small.isSoughtInGraph(ef: 10, count: 100, isFiltered: false))
        #expect(!DenseField(.init(size: 2, distance: .dot)).isSoughtInGraph(ef: 1, count: 1, isFiltered: false))

        let large = try Self.field(70_000, indexed: 70_000, &generator)
        #expect(large.isSoughtInGraph(ef: 8192, count: 10, isFiltered: false))
        #expect(!large.isSoughtInGraph(ef: 8193, count: 10, isFiltered: false))
        #expect(!large.isSoughtInGraph(ef: 10, count: 8193, isFiltered: false))
        #expect(large.isSoughtInGraph(ef: 2048, count: 10, isFiltered: true))
        #expect(!large.isSoughtInGraph(ef: 2049, count: 10, isFiltered: true))

        // Whatever is asked for, the nearest are told.
        for ef in [8193, 1_000_000, .max] {
            let found = try large.nearest(to: [0, 0], count: 10, among: nil, ef: ef) {}
            #expect(try found == large.nearest(to: [0, 0], count: 10, among: nil, ef: nil) {})
        }
    }

    @Test func `a search that compares everything ends with its caller, in a graph and outside`() throws {
        var generator = SplitMix64(seed: 2)
        // Nodes are compared in slices of 32,768, others in bands of 64 segments of 256.
        for indexed in [0, 40_000] {
            let field = try Self.field(indexed + 20_000, indexed: indexed, &generator)
            #expect(throws: Ended.self) {
                try field.nearest(to: [0, 0], count: 1, among: nil, ef: 1_000_000) { throw Ended() }
            }
            #expect(try field.nearest(to: [0, 0], count: 1, among: nil, ef: 1_000_000) {}.count == 1)
        }
    }

    @Test func `while its graph is changed, a field is not searched at once`() throws {
        var generator = SplitMix64(seed: 3)
        let field = try Self.field(1000, indexed: 900, &generator)
        let query: [Float] = [0.2, 0.1]
        let graph = try #require(field.graph)
        for ef in [32, 1000] {
            let found = try field.nearestAtOnce(to: query, count: 5, among: nil, ef: ef)
            let expected = try field.nearest(to: query, count: 5, among: nil, ef: ef) {}
            #expect(found == expected && expected.count == 5)
            let whileChanged = try graph.exclusive { _ throws(any Error) in
                try field.nearestAtOnce(to: query, count: 5, among: nil, ef: ef)
            }
            #expect(whileChanged == nil)
        }
    }

    /// HNSWCodeChoiceTests say what the choice is by.
    @Test func `a graph is to be walked by floats where the first component hides the others`() {
        var generator = SplitMix64(seed: 9)
        let configuration = HNSWConfiguration(dimension: 32, distance: .cosine)
        for (factor, codes) in [(1, .int8), (1000, .float32)] as [(Float, HNSWConfiguration.Codes)] {
            var field = DenseField(.init(size: 32, distance: .cosine))
            #expect(field.suited(configuration) == configuration)
            for row in 0..<1000 as Range<UInt32> {
                var vector = Self.vector(32, &generator)
                vector[0] *= factor
                field.insert(field.parameters.prepared(vector), row: row)
            }
            #expect(field.suited(configuration).codes == codes)
        }
    }

    /// A caller who hangs up while multivectors are compared; a row of each has 1,000 components, and there are 500 rows in all.
    @Test func `comparing multivectors ends with its caller`() throws {
        var generator = SplitMix64(seed: 4)
        var field = MultiField(.init(size: 1000, distance: .dot, isMulti: true))
        for row in 0..<UInt32(50) { field.insert((0..<10).map { _ in Self.vector(1000, &generator) }, row: row) }
        let query = [Self.vector(1000, &generator)]
        let meter = WorkMeter { () throws(StoreError) in throw .cancelled }
        #expect(throws: StoreError.cancelled) { try field.nearest(to: query, count: 1, among: nil, meter) }
        let patient = WorkMeter { () throws(StoreError) in }
        #expect(try field.nearest(to: query, count: 1, among: nil, patient).count == 1)
    }
}
