import HNSW
import Testing

@Suite struct IndexBenchmarkTests {
    @Test func `a report holds what was asked for, with recalls near one`() throws {
        let base = VectorSet(rows: 1500, dimension: 16, clusters: 300, repeats: 8, seed: 61)
        let queries = VectorSet(rows: 30, dimension: 16, clusters: 300, seed: 62)
        var benchmark = IndexBenchmark(HNSWConfiguration(dimension: 16))
        benchmark.efs = [32, 128]
        benchmark.shares = [1, 0.01]
        benchmark.rounds = 1
        let report = try benchmark.run(base: base.values.span, queries: queries.values.span)
        #expect(report.rows == 1500)
        #expect(report.points.map(\.ef) == [32, 128])
        #expect(report.points.allSatisfy { (0.95...1).contains($0.recallAt10) && (0.9...1).contains($0.recallAt1) })
        #expect(report.filters.allSatisfy { (0.95...1).contains($0.recallAt10) })
        #expect(report.filters[0].matching == 1500)
        #expect(report.markdown.contains("| 128 |"))
    }
}
