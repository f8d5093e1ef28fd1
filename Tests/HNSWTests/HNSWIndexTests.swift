// The index against exact search.

import HNSW
import TestSupport
import Testing

@Suite struct HNSWIndexTests {
    private static func build(
        _ set: VectorSet, distance: Distance = .cosine, codes: HNSWConfiguration.Codes = .int8, M: Int = 16,
        keepPruned: Bool = false, threads: Int = 1
    ) throws -> HNSWIndex {
        let index = try HNSWIndex(
            HNSWConfiguration(
                dimension: set.dimension, distance: distance, M: M, efConstruction: 100, codes: codes,
                keepPruned: keepPruned
            ), capacity: 16)
        try index.insert(matrix: set.values.span, threads: threads)
        return index
    }

    // From 128 elements on, products are walked by half their codes.
    @Test(
        arguments: Distance.allCases, [(HNSWConfiguration.Codes.int8, 48), (.int8, 128), (.int8, 200), (.float32, 48)])
    func `nearly all true neighbours are found, by every distance and code`(
        distance: Distance, of kind: (codes: HNSWConfiguration.Codes, dimension: Int)
    ) throws {
        let set = VectorSet(rows: 3000, dimension: kind.dimension, normalised: distance == .cosine, seed: 1)
        let index = try Self.build(set, distance: distance, codes: kind.codes)
        let queries = VectorSet(rows: 50, dimension: kind.dimension, normalised: distance == .cosine, seed: 2)
        #expect(try set.recall(of: index, queries: queries, count: 10, ef: 100) >= 0.97)
        #expect(try index.checkInvariants() == [])
    }

    /// By dot product the longest vector is nearest to all, and its links lead to few: where the descent ends there, only the entry
    /// point leads to the others.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `a search for all finds all, wherever the descent ends`(seed: UInt64) throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 8, distance: .dot, M: 4, efConstruction: 20, seed: seed))
        for row in 0..<900 as Range<UInt32> {
            let vector = [Float](repeating: Float(900 - row), count: 8)
            try index.insert(vector.span, row: row)
        }
        let query = [Float](repeating: 1, count: 8)
        let found = try index.search(query.span, count: 900, ef: 900).count
        #expect(found == 900)
    }

    @Test(arguments: [1, 2, 3, 63, 64, 65, 127, 128, 129, 384, 1000, 4096], Distance.allCases)
    func `any dimension is searched, and scores are exact search's`(dimension: Int, distance: Distance) throws {
        let set = VectorSet(rows: 200, dimension: dimension, normalised: distance == .cosine, seed: 3)
        let index = try Self.build(set, distance: distance)
        for row in stride(from: 0, to: 200, by: 20) {
            let query = set[row]
            let truth = ExactSearch.nearest(
                to: query.span, in: set.values.span, dimension: dimension, distance: distance, count: 5)
            let found = try index.search(query.span, count: 5, ef: 200)
            #expect(found.map(\.score) == truth.map(\.score))
        }
    }

    @Test func `rows that share a vector share a node and are all found`() throws {
        let set = VectorSet(rows: 1000, dimension: 32, repeats: 2, seed: 4)
        let index = try Self.build(set)
        #expect(index.count == 1000)
        #expect(index.nodeCount < 600)
        var rowsOf: [[Float]: [Int]] = [:]
        for row in 0..<1000 { rowsOf[set[row], default: []].append(row) }
        for (vector, rows) in rowsOf.prefix(200) {
            let found = try index.search(vector.span, count: rows.count, ef: 64)
            #expect(found.map(\.row) == rows)
        }
    }

    @Test func `on one thread the same input gives the same answers`() throws {
        let set = VectorSet(rows: 1500, dimension: 24, repeats: 10, seed: 5)
        let first = try Self.build(set)
        let second = try Self.build(set)
        let queries = VectorSet(rows: 50, dimension: 24, seed: 6)
        for i in 0..<queries.rows {
            let a = try first.search(queries[i].span, count: 10, ef: 10)
            let b = try second.search(queries[i].span, count: 10, ef: 10)
            #expect(a == b)
        }
    }

    // The parallel graph differs from run to run, by about as much as graphs of different seeds do: 0.01 at this size.
    @Test func `a parallel build finds what a serial one finds`() throws {
        let set = VectorSet(rows: 4000, dimension: 48, repeats: 20, seed: 7)
        let queries = VectorSet(rows: 100, dimension: 48, seed: 8)
        let serial = try set.recall(of: Self.build(set), queries: queries, count: 10, ef: 64)
        let parallel = try Self.build(set, threads: 4)
        #expect(try parallel.checkInvariants() == [])
        #expect(try set.recall(of: parallel, queries: queries, count: 10, ef: 64) >= serial - 0.01)
    }

    @Test(arguments: [true, false])
    func `the graph is sound after each insertion`(keepPruned: Bool) throws {
        let set = VectorSet(rows: 300, dimension: 8, clusters: 3, repeats: 7, seed: 9)
        let index = try HNSWIndex(
            HNSWConfiguration(dimension: 8, M: 3, efConstruction: 10, keepPruned: keepPruned), capacity: 1)
        for row in 0..<300 {
            try index.insert(set[row].span, row: UInt32(row))
            #expect(try index.checkInvariants() == [])
        }
    }

    @Test func `an index without vectors finds nothing`() throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2))
        #expect(try index.search([1, 0].span, count: 10, ef: 10) == [])
        #expect(index.count == 0)
    }

    @Test func `vectors of another length or with an element that is not finite are refused`() throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2))
        #expect(throws: HNSWError.self) { try index.insert([1].span, row: 0) }
        #expect(throws: HNSWError.self) { try index.insert([1, .nan].span, row: 0) }
        #expect(throws: HNSWError.self) { try index.search([.infinity, 0].span, count: 1, ef: 1) }
        #expect(index.count == 0)
    }

    @Test func `configurations out of range are refused`() {
        for configuration in [
            HNSWConfiguration(dimension: 0), HNSWConfiguration(dimension: 4097), HNSWConfiguration(dimension: 1, M: 1),
            HNSWConfiguration(dimension: 1, efConstruction: 0),
        ] {
            #expect(throws: HNSWError.self) { try HNSWIndex(configuration) }
        }
    }

    @Test func `extreme but finite values neither crash nor hide other rows`() throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, distance: .euclid))
        let vectors: [[Float]] = [[0, 0], [3e38, -3e38], [.leastNonzeroMagnitude, 0], [-0.0, 0], [1, 1]]
        for (row, vector) in vectors.enumerated() { try index.insert(vector.span, row: UInt32(row)) }
        #expect(try index.search([1, 1].span, count: 1, ef: 10).map(\.row) == [4])
        #expect(try index.search([0, 0].span, count: 10, ef: 10).count == 5)
    }
}
