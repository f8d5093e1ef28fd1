import HNSW
import Testing

@Suite struct IndexBenchmarkTests {
    @Test func `a report holds what was asked for, with recalls near one`() throws {
        let base = VectorSet(rows: 1500, dimension: 16, clusters: 300, repeats: 8, seed: 61)
        let queries = VectorSet(rows: 30, dimension: 16, clusters: 300, seed: 62)
        var benchmark = IndexBenchmark(HNSWConfiguration(dimension: 16))
        benchmark.efs = [32, 128]
        benchmark.shares = [1, 0.01, 1e-4, 1e-6]
        benchmark.rounds = 1
        let report = try benchmark.run(base: base.values.span, queries: queries.values.span)
        #expect(report.rows == 1500)
        #expect(report.points.map(\.ef) == [32, 128])
        #expect(report.points.allSatisfy { (0.95...1).contains($0.recallAt10) && (0.9...1).contains($0.recallAt1) })
        #expect(report.filters.allSatisfy { (0.95...1).contains($0.recallAt10) })
        #expect(report.points.allSatisfy { (0.9...1).contains($0.recallAt100 ?? 0) })
        // The smallest shares are of one row, which is measured once.
        #expect(report.filters.map(\.matching) == [1500, 15, 1])
        #expect(report.markdown.contains("| 128 |"))
    }

    @Test func `what no index can be made with is said before anything is computed`() throws {
        let base = VectorSet(rows: 50, dimension: 16, seed: 65)
        for configuration in [
            HNSWConfiguration(dimension: 16, M: 1), HNSWConfiguration(dimension: 16, efConstruction: 0),
        ] {
            var steps: [String] = []
            let benchmark = IndexBenchmark(configuration)
            #expect(throws: HNSWError.self) {
                try benchmark.run(base: base.values.span, queries: base.values.span) { steps.append($0) }
            }
            #expect(steps.isEmpty)
        }
    }

    @Test func `truth that is given is believed, as deep as it is`() throws {
        let base = VectorSet(rows: 500, dimension: 16, repeats: 4, seed: 63)
        let queries = VectorSet(rows: 20, dimension: 16, seed: 64)
        var benchmark = IndexBenchmark(HNSWConfiguration(dimension: 16))
        (benchmark.efs, benchmark.shares, benchmark.rounds) = ([200], [], 1)
        let nearest = (0..<20).map { i in
            ExactSearch.nearest(to: queries[i].span, in: base.values.span, dimension: 16, distance: .cosine, count: 12)
                .map(\.row).reversed() as [Int]
        }
        let known = try benchmark.run(base: base.values.span, queries: queries.values.span, neighbours: nearest)
        #expect(known.points[0].recallAt10 >= 0.99)
        #expect(known.points[0].recallAt100 == nil)
        let none = Array(repeating: Array(488..<500), count: 20)
        let loose = try benchmark.run(base: base.values.span, queries: queries.values.span, neighbours: none)
        #expect(loose.points[0].recallAt10 == 1, "everything found is nearer than what is called the nearest")
    }
}
