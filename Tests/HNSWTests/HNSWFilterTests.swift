// Filtered search at every selectivity.

import HNSW
import TestSupport
import Testing

@Suite struct HNSWFilterTests {
    // 128 elements are walked by half their codes, 16 by whole ones. With ef 32 a beam is used from about 14 % on.
    @Test(arguments: [16, 128])
    func `from all rows to a few, the nearest matching ones are found`(dimension: Int) throws {
        let rows = 50_000
        let set = VectorSet(rows: rows, dimension: dimension, clusters: 200, repeats: 15, seed: 31)
        let index = try HNSWIndex(HNSWConfiguration(dimension: dimension, M: 12))
        try index.insert(matrix: set.values.span, threads: 2)
        let queries = VectorSet(rows: 50, dimension: dimension, clusters: 200, seed: 33)
        for share in [1, 0.8, 0.5, 0.35, 0.29, 0.26, 0.2, 0.1, 0.03, 0.01, 0.001] {
            var generator = SplitMix64(seed: 32)
            let matching = RowBits(
                (0..<UInt32(rows)).filter { _ in Double.random(in: 0..<1, using: &generator) < share }, capacity: rows)
            let recall = try set.recall(
                of: index, queries: queries, count: 10, ef: 32, where: { matching.contains(UInt32($0)) },
                filter: matching)
            #expect(recall >= 0.95, "\(share) matching")
        }
    }

    @Test func `matches far from the query are found`() throws {
        let rows = 20_000
        let set = VectorSet(rows: rows, dimension: 16, clusters: 40, seed: 34)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 16, M: 12))
        try index.insert(matrix: set.values.span, threads: 2)
        // The quarter of the rows farthest from the query: nothing near it matches.
        let query = set[0]
        let ranked = ExactSearch.nearest(
            to: query.span, in: set.values.span, dimension: 16, distance: .cosine, count: rows)
        let far = RowBits(ranked.suffix(rows / 4).map { UInt32($0.row) }, capacity: rows)
        let truth = ranked.suffix(rows / 4).prefix(10).map(\.row)
        let found = try index.search(query.span, count: 10, ef: 64, filter: far).map(\.row)
        #expect(Set(found).intersection(truth).count >= 9)
    }

    /// Where the matches are, in a graph of four clusters that hardly touch: nothing near the query leads to them.
    enum Place: CaseIterable { case otherClusters, farthestCluster, ownClusterHardly, fewEverywhere }

    private static let islands = VectorSet(rows: 60_000, dimension: 16, clusters: 4, spread: 0.15, seed: 35)

    // With ef 40 up to about 15 % are compared one by one, more where a beam finds few. One thread builds, so that the graph is the same each
    // time: what is asked is near what a beam of 32 finds in it without a filter.
    @Test(arguments: Place.allCases)
    func `matches in clusters far from the query are found`(place: Place) throws {
        let (set, rows) = (Self.islands, Self.islands.rows)
        let index = try HNSWIndex(HNSWConfiguration(dimension: set.dimension, M: 8))
        try index.insert(matrix: set.values.span, threads: 1)
        // A number without common divisors with the rows: every so many are spread evenly over what they are taken from.
        func spread(_ rows: some RandomAccessCollection<UInt32>, _ count: Double) -> [UInt32] {
            let all = Array(rows)
            return (0..<min(Int(count), all.count)).map { all[$0 * 7919 % all.count] }
        }
        var right: [Double: Int] = [:]
        for number in 0..<10 {
            let query = set[number * 17]
            let ranked = ExactSearch.nearest(
                to: query.span, in: set.values.span, dimension: set.dimension, distance: .cosine, count: rows
            ).map { UInt32($0.row) }
            for share in [0.1, 0.22, 0.25, 0.29, 0.31, 0.6] {
                let count = share * Double(rows)
                let members =
                    switch place {
                    case .otherClusters: spread(ranked.suffix(rows * 3 / 4 - 500), count)
                    case .farthestCluster: spread(ranked.suffix(rows / 4), count)
                    case .ownClusterHardly:
                        spread(ranked.prefix(rows / 4), 3) + spread(ranked.suffix(rows * 3 / 4 - 500), count)
                    case .fewEverywhere: spread(ranked[...], count)
                    }
                let matching = RowBits(members, capacity: rows)
                let truth = ranked.filter(matching.contains).prefix(10)
                let hits = try index.search(query.span, count: 10, ef: 40, filter: matching)
                right[share, default: 0] += hits.count { truth.contains(UInt32($0.row)) }
            }
        }
        #expect(right.filter { $0.value < 95 } == [:])
    }

    @Test func `a scan that keeps every node of a full index in view ends`() throws {
        let set = VectorSet(rows: 64, dimension: 8, seed: 37)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 8), capacity: 64)
        try index.insert(matrix: set.values.span, threads: 1)
        let all = RowBits(0..<64 as Range<UInt32>, capacity: 64)
        #expect(try index.search(set[3].span, count: 64, ef: 64, filter: all).count == 64)
    }

    /// The only matches near the query are among the nodes that were looked at to find out how many match there.
    @Test func `where everything is compared, what was looked at before is too`() throws {
        let set = Self.islands
        let index = try HNSWIndex(HNSWConfiguration(dimension: set.dimension, M: 8))
        try index.insert(matrix: set.values.span, threads: 2)
        for number in 0..<10 {
            let query = set[number * 17]
            let ranked = ExactSearch.nearest(
                to: query.span, in: set.values.span, dimension: set.dimension, distance: .cosine, count: set.rows
            ).map { UInt32($0.row) }
            let matching = RowBits(ranked.prefix(1) + ranked.suffix(14_000), capacity: set.rows)
            #expect(try index.search(query.span, count: 1, ef: 32, filter: matching).map(\.row) == [number * 17])
        }
    }

    /// The codes of all are the same but for a few steps: none of them says which are nearest.
    @Test(arguments: [(16, Distance.cosine), (128, .cosine), (128, .dot), (128, .euclid), (16, .manhattan)])
    func `a scan is exact where all lie equally far`(dimension: Int, distance: Distance) throws {
        let rows = 5_000
        let set = VectorSet(rows: rows, dimension: dimension, clusters: 1, spread: 1e-3, seed: 38)
        let index = try HNSWIndex(HNSWConfiguration(dimension: dimension, distance: distance, efConstruction: 20))
        try index.insert(matrix: set.values.span, threads: 2)
        let queries = VectorSet(rows: 20, dimension: dimension, clusters: 1, spread: 1e-3, seed: 39)
        let matching = RowBits((0..<500).map { UInt32($0 * 10) }, capacity: rows)
        let recall = try set.recall(
            of: index, queries: queries, count: 10, ef: 10, where: { $0 % 10 == 0 }, filter: matching)
        #expect(recall == 1)
    }

    /// However wide, a beam holds five nodes here: as few as that are all there are.
    @Test(arguments: [1, 2, 7])
    func `many rows that share few nodes are searched to an end`(everyRow step: Int) throws {
        let set = VectorSet(rows: 5, dimension: 8, seed: 40)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 8), capacity: 64)
        for row in 0..<20_000 { try index.insert(set[row % 5].span, row: UInt32(row)) }
        let filter = RowBits(stride(from: 0, to: 20_000, by: step).map { UInt32($0) }, capacity: 20_000)
        let found = try index.search(set[0].span, count: 10, ef: 10, filter: filter).map(\.row)
        #expect(found == (0..<10).map { $0 * 5 * (step == 1 ? 1 : step) })
    }

    @Test func `a filter that nothing passes finds nothing, and rows beyond the index are no rows`() throws {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2))
        try index.insert([1, 0].span, row: 3)
        #expect(try index.search([1, 0].span, count: 5, ef: 5, filter: RowBits(capacity: 10)) == [])
        let filter = RowBits([3, 4_000_000], capacity: 10)
        #expect(try index.search([1, 0].span, count: 5, ef: 5, filter: filter).map(\.row) == [3])
    }
}
