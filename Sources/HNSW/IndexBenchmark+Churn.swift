// Half of the rows deleted, as many others inserted: recall beside a fresh build's. What `minilm bench index --churn` prints.

extension IndexBenchmark {
    /// One value of ef.
    public struct ChurnPoint: Codable, Sendable {
        public var ef: Int
        public var recallAt10: Double
        /// Of a graph that was built of the same rows from nothing.
        public var freshRecallAt10: Double
    }

    public struct ChurnReport: Codable, Sendable {
        /// In the graph at the end, as many as at the beginning.
        public var rows: Int
        public var dimension: Int
        /// Of them, those that were not there at the beginning.
        public var inserted: Int
        public var threads: Int
        public var repairSeconds: Double
        public var insertSeconds: Double
        public var freshBuildSeconds: Double
        public var points: [ChurnPoint]
    }

    /// Builds a graph of two thirds of the rows, deletes half of these and repairs it, as the store does, and inserts the last third.
    ///
    /// - Parameter base, queries: [rows, dimension], row-major; of `base` 3 rows at least.
    public func runChurn(
        base: Span<Float>, queries: Span<Float>, progress: (String) -> Void = { _ in }
    ) throws(HNSWError) -> ChurnReport {
        let dimension = configuration.dimension
        // A third each: what is deleted, what stays, what comes.
        let third = base.count / dimension / 3
        precondition(third > 0)
        let base = base.extracting(0..<3 * third * dimension)
        let churned = try HNSWIndex(configuration, capacity: 3 * third)
        progress("build of \(2 * third) rows")
        try churned.insert(matrix: base.extracting(0..<2 * third * dimension), threads: threads)
        progress("\(third) rows are deleted, the graph is repaired")
        let order = Self.shuffled(2 * third)
        for row in order.prefix(third) { churned.remove(row: row) }
        var start = ContinuousClock.now
        try churned.repair(threads: threads)
        let repairSeconds = Self.seconds(since: start)
        progress("\(third) rows are inserted")
        start = ContinuousClock.now
        try churned.insert(
            matrix: base.extracting(2 * third * dimension..<base.count), firstRow: UInt32(2 * third), threads: threads)
        let insertSeconds = Self.seconds(since: start)

        progress("build of the same rows")
        let rows = RowBits(order.suffix(third) + (2 * third..<3 * third).map { UInt32($0) }, capacity: 3 * third)
        var matrix: [Float] = []
        matrix.reserveCapacity(2 * third * dimension)
        rows.forEach { row in
            for index in Int(row) * dimension..<(Int(row) + 1) * dimension { matrix.append(base[index]) }
        }
        let fresh = try HNSWIndex(configuration, capacity: 2 * third)
        start = ContinuousClock.now
        try fresh.insert(matrix: matrix.span, threads: threads)
        let freshSeconds = Self.seconds(since: start)

        progress("exact search")
        let truth = Self.exactScores(base: base, queries: queries, configuration, count: 10, threads: threads) {
            rows.contains(UInt32($0))
        }
        var report = ChurnReport(
            rows: rows.count, dimension: dimension, inserted: third, threads: threads, repairSeconds: repairSeconds,
            insertSeconds: insertSeconds, freshBuildSeconds: freshSeconds, points: [])
        for ef in efs {
            progress("ef \(ef)")
            report.points.append(
                ChurnPoint(
                    ef: ef, recallAt10: try Self.recall(churned, queries, truth, count: 10, ef: ef, filter: nil),
                    freshRecallAt10: try Self.recall(fresh, queries, truth, count: 10, ef: ef, filter: nil)))
        }
        return report
    }
}

extension IndexBenchmark.ChurnReport {
    /// The report as Markdown.
    public var markdown: String {
        func number(_ value: Double, _ scale: Double) -> String { "\((value * scale).rounded() / scale)" }
        var lines = [
            "\(rows) vectors of \(dimension), half of which came after as many had been deleted; on \(threads) threads repaired in "
                + "\(number(repairSeconds, 100)) s, inserted in \(number(insertSeconds, 100)) s; a fresh build of the same takes "
                + "\(number(freshBuildSeconds, 100)) s",
            "", "| ef | recall@10 | of a fresh build | difference |", "|---|---|---|---|",
        ]
        for point in points {
            lines.append(
                "| \(point.ef) | \(number(point.recallAt10, 1e4)) | \(number(point.freshRecallAt10, 1e4)) "
                    + "| \(number(point.recallAt10 - point.freshRecallAt10, 1e4)) |")
        }
        return lines.joined(separator: "\n")
    }
}
