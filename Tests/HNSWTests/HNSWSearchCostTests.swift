// What a search must not do: ask for memory, and count references.

// Left out of the package for the thread sanitizer, which has an allocator of its own.
#if canImport(RuntimeCounters)

import HNSW
import RuntimeCounters
import TestSupport
import Testing

@Suite(.enabled(if: runtime_counts_exist())) struct HNSWSearchCostTests {
    /// Every way of searching, by the share of rows that match; nil for no filter. 20,000 rows and ef 32: see `FilterStrategy`.
    @Test(arguments: [nil, 0.5, 0.25, 0.01, 0.0001], HNSWConfiguration.Codes.allCases)
    func `a thousand searches allocate nothing and retain nothing`(share: Double?, codes: HNSWConfiguration.Codes)
        throws
    {
        let rows = 20_000
        let set = VectorSet(rows: rows, dimension: 24, clusters: 200, repeats: 10, seed: 81)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 24, M: 8, efConstruction: 30, codes: codes))
        try index.insert(matrix: set.values.span, threads: 2)
        var generator = SplitMix64(seed: 82)
        let filter = share.map { share in
            RowBits((0..<UInt32(rows)).filter { _ in .random(in: 0..<1, using: &generator) < share }, capacity: rows)
        }
        var found: [Neighbour] = []
        found.reserveCapacity(10)
        func search(_ queries: Int) throws {
            for row in 0..<queries {
                let query = set.values.span.extracting(row * 24..<(row + 1) * 24)
                try index.search(query, count: 10, ef: 32, filter: filter, into: &found)
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
