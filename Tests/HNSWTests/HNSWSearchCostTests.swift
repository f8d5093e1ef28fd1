// What a search must not do: ask for memory, and count references.

// Left out of the package for the thread sanitizer, which has an allocator of its own.
#if canImport(RuntimeCounters)

import HNSW
import RuntimeCounters
import TestSupport
import Testing

@Suite(.enabled(if: runtime_counts_exist())) struct HNSWSearchCostTests {
    /// What a search walks by.
    enum Walk: CaseIterable {
        case floats, codes, halves

        var dimension: Int { self == .halves ? 128 : 24 }
    }

    /// Every way of searching, by the share of rows that match; nil for no filter. 30,000 rows and ef 10: see `FilterStrategy`.
    @Test(arguments: [nil, 0.5, 0.25, 0.1, 0.01, 0.0001], Walk.allCases)
    func `a thousand searches allocate nothing and retain nothing`(share: Double?, walk: Walk) throws {
        let (rows, dimension) = (30_000, walk.dimension)
        let set = VectorSet(rows: rows, dimension: dimension, clusters: 200, repeats: 10, seed: 81)
        let index = try HNSWIndex(
            HNSWConfiguration(
                dimension: dimension, M: 8, efConstruction: 30, codes: walk == .floats ? .float32 : .int8))
        try index.insert(matrix: set.values.span, threads: 2)
        var generator = SplitMix64(seed: 82)
        let filter = share.map { share in
            RowBits((0..<UInt32(rows)).filter { _ in .random(in: 0..<1, using: &generator) < share }, capacity: rows)
        }
        var found: [Neighbour] = []
        found.reserveCapacity(10)
        func search(_ queries: Int) throws {
            for row in 0..<queries {
                let query = set.values.span.extracting(row * dimension..<(row + 1) * dimension)
                try index.search(query, count: 10, ef: 10, filter: filter, into: &found)
            }
        }
        // A search makes its context the first time, and a wider beam where the last was too narrow.
        try search(1000)
        let before = runtime_counts()
        try search(1000)
        let after = runtime_counts()
        #expect(after.allocations == before.allocations)
        #expect(after.retains == before.retains)
        // One is the test's own, at the end of its thousand calls.
        #expect(after.releases <= before.releases + 1)
    }

    /// The store makes room before each of its batches, most of which need none.
    @Test func `room that is there already, or for rows alone, costs the next search nothing`() throws {
        let set = VectorSet(rows: 3000, dimension: 24, seed: 83)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 24, M: 8, efConstruction: 30), capacity: 4000)
        try index.insert(matrix: set.values.span, threads: 1)
        var found: [Neighbour] = []
        found.reserveCapacity(10)
        func search() throws { try index.search(set.values.span.extracting(0..<24), count: 10, ef: 10, into: &found) }
        try search()
        for (nodes, rows) in [(1, 1), (4000, 4000), (3001, 100_000)] {
            try index.reserve(nodes: nodes, rows: rows)
            let before = runtime_counts()
            try search()
            #expect(runtime_counts().allocations == before.allocations)
        }
    }

    @Test func `rows without vectors make neither the table nor what a search writes larger`() throws {
        let set = VectorSet(rows: 100, dimension: 24, seed: 84)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 24), capacity: 128)
        try index.insert(matrix: set.values.span, threads: 1)
        _ = try index.search(set[0].span, count: 10, ef: 10)
        let before = index.residentBytes
        try index.reserve(nodes: 101, rows: 1_000_000)
        try index.insert(set[5].span, row: 999_999)
        #expect(index.residentBytes == before + 8)
    }

    /// The counters count: what is known to allocate and to retain is seen to.
    @Test func `an array that grows is counted`() {
        let before = runtime_counts()
        var rows: [[Int]] = []
        for number in 0..<100 { rows.append(Array(repeating: number, count: number)) }
        let copies = rows.map { $0 }
        #expect(copies.count == 100)
        let after = runtime_counts()
        #expect(after.allocations - before.allocations >= 100)
        #expect(after.retains - before.retains >= 100)
    }
}

#endif
