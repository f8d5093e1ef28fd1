// The index measured: recall against speed, filters, snapshot. What `minilm bench index` prints.

import Dispatch

/// Measures an index over given vectors against exact search.
///
/// Recall counts a found row as right when its score is at least the score of the last true neighbour, less what floats round to:
/// rows that share a vector are as good as each other.
public struct IndexBenchmark {
    /// One value of ef.
    public struct Point: Codable, Sendable {
        public var ef: Int
        public var recallAt1: Double
        public var recallAt10: Double
        /// With at least 100 nodes in view, whatever ef is; nil where the truth given is not that deep.
        public var recallAt100: Double?
        /// Queries a second, one thread: the best of the rounds, which is what the machine can do when nobody disturbs it.
        public var queriesPerSecond: Double
        /// The same, all threads together.
        public var queriesPerSecondAllThreads: Double
        /// Microseconds, over the last round.
        public var p50: Double
        public var p99: Double
    }

    /// One selectivity, at ef 64.
    public struct FilterPoint: Codable, Sendable {
        /// Of the rows.
        public var share: Double
        public var matching: Int
        public var recallAt10: Double
        /// Microseconds.
        public var p50: Double
        public var p99: Double
    }

    /// A snapshot opened in a new process: what serving an index costs, with nothing left over from building it. `run` does not start
    /// processes; who does fills it in.
    public struct Reopening: Codable, Sendable {
        /// What the process grew by, bytes a vector.
        public struct Growth: Codable, Sendable {
            /// Memory of its own.
            public var anonymous: Double
            /// Pages of the mapped snapshot and of the program. They are the page cache's, which the system takes back when it needs
            /// them, and Linux maps up to fifteen neighbours of a page that is touched.
            public var file: Double

            public init(anonymous: Double, file: Double) {
                (self.anonymous, self.file) = (anonymous, file)
            }
        }

        /// From opening to the first answer.
        public var milliseconds: Double
        /// Queries answered at ef 64 before each look at memory.
        public var queries: Int
        /// As it was opened; nil where the system does not tell.
        public var opened: Growth?
        /// After `settle()`, as `points` and `filters` are measured.
        public var settled: Growth?

        public init(milliseconds: Double, queries: Int, opened: Growth?, settled: Growth?) {
            self.milliseconds = milliseconds
            self.queries = queries
            self.opened = opened
            self.settled = settled
        }
    }

    public struct Report: Codable, Sendable {
        public var rows: Int
        public var dimension: Int
        public var distinct: Int
        public var threads: Int
        public var buildSeconds: Double
        /// Codes, links and tables, floats left out.
        public var bytesPerVector: Double
        public var openMilliseconds: Double?
        public var points: [Point]
        public var filters: [FilterPoint]
        /// For cosine: how many of the vectors and queries were not of unit length and were divided by theirs. `run` takes them as they
        /// are; who divides them fills it in.
        public var normalised: Int?
        public var reopening: Reopening?
    }

    public var configuration: HNSWConfiguration
    public var efs = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]
    /// Shares of the rows that filters let through: as many rows as that, but at least one.
    public var shares = [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6]
    public var threads = 2
    public var rounds = 3
    /// Where a snapshot may be written to be opened again and searched from; nil to search what was built.
    public var snapshotPath: String?

    public init(_ configuration: HNSWConfiguration) { self.configuration = configuration }

    /// - Parameters:
    ///   - base, queries: [rows, dimension], row-major; for cosine of unit length
    ///   - neighbours: The rows of `base` nearest to each query, at least ten each, in any order; nil to find them by comparing all.
    public func run(
        base: Span<Float>, queries: Span<Float>, neighbours: [[Int]]? = nil, progress: (String) -> Void = { _ in }
    ) throws(HNSWError) -> Report {
        let dimension = configuration.dimension
        let rows = base.count / dimension
        // Before anything else: what it cannot be made with is said at once.
        var index = try HNSWIndex(configuration, capacity: rows)
        let truth: [[Float]]
        if let neighbours {
            truth = scores(of: neighbours, base: base, queries: queries)
        } else {
            progress("exact search")
            truth = Self.exactScores(base: base, queries: queries, configuration, count: 100, threads: threads) { _ in
                true
            }
        }
        progress("build")
        let start = ContinuousClock.now
        try index.insert(matrix: base, threads: threads)
        let buildSeconds = Self.seconds(since: start)
        var openMilliseconds: Double?
        if let snapshotPath {
            try index.save(to: snapshotPath)
            let start = ContinuousClock.now
            index = try HNSWIndex.restore(from: snapshotPath, threads: threads).index
            _ = try index.search(queries.extracting(0..<dimension), count: 10, ef: 64)
            openMilliseconds = Self.seconds(since: start) * 1000
            try index.settle()
        }
        var report = Report(
            rows: rows, dimension: dimension, distinct: index.nodeCount, threads: threads, buildSeconds: buildSeconds,
            bytesPerVector: Double(index.residentBytes) / Double(max(1, rows)), openMilliseconds: openMilliseconds,
            points: [], filters: [])
        for ef in efs {
            progress("ef \(ef)")
            report.points.append(try measure(index, queries, truth, ef: ef))
        }
        let order = Self.shuffled(rows)
        for share in shares {
            let matching = min(rows, max(1, Int((share * Double(rows)).rounded())))
            if matching == report.filters.last?.matching { continue }
            progress("filter \(share)")
            let filter = RowBits(order.prefix(matching), capacity: rows)
            report.filters.append(try measureFilter(index, base, queries, filter))
        }
        return report
    }

    /// The scores of given neighbours, nearest first: by them and not by the rows, so that rows equally far count alike.
    private func scores(of neighbours: [[Int]], base: Span<Float>, queries: Span<Float>) -> [[Float]] {
        let (dimension, distance) = (configuration.dimension, configuration.distance)
        precondition(neighbours.count == queries.count / dimension)
        return neighbours.indices.map { i in
            let query = queries.extracting(i * dimension..<(i + 1) * dimension)
            let scores = neighbours[i].map {
                distance.score(query, base.extracting($0 * dimension..<($0 + 1) * dimension))
            }
            return scores.sorted { distance.isNearer($0, than: $1) }
        }
    }

    /// Rows in the order of a multiplicative hash of their number: seeded, without a generator to carry.
    static func shuffled(_ rows: Int) -> [UInt32] {
        func hash(_ row: Int) -> UInt64 {
            let z = UInt64(row) &* 0x9E37_79B9_7F4A_7C15
            return (z ^ (z >> 31)) &* 0x94D0_49BB_1331_11EB
        }
        return (0..<rows).sorted { hash($0) < hash($1) }.map { UInt32($0) }
    }

    private func measure(
        _ index: HNSWIndex, _ queries: Span<Float>, _ truth: [[Float]], ef: Int
    ) throws(HNSWError) -> Point {
        let dimension = configuration.dimension
        let count = truth.count
        let top1 = try Self.recall(index, queries, truth, count: 1, ef: ef, filter: nil)
        let top10 = try Self.recall(index, queries, truth, count: 10, ef: ef, filter: nil)
        let isDeep = truth.allSatisfy { $0.count >= min(100, index.count) }
        let top100 = isDeep ? try Self.recall(index, queries, truth, count: 100, ef: ef, filter: nil) : nil
        var best = Double.infinity
        var times: [Double] = []
        for _ in 0..<rounds {
            times = try Self.times(index, queries, dimension, count, ef: ef, filter: nil)
            best = min(best, times.reduce(0, +))
        }
        times.sort()
        let start = ContinuousClock.now
        let threads = threads
        unsafe queries.withUnsafeBufferPointer { queries in
            // Read-only, and alive until every thread is done.
            nonisolated(unsafe) let queries = unsafe queries
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                var found: [Neighbour] = []
                // Each begins elsewhere: in step they would read the same nodes in the same moment, one for the others' caches.
                let first = thread * count / threads
                for step in 0..<count {
                    let i = (first + step) % count
                    let query = unsafe UnsafeBufferPointer(rebasing: queries[i * dimension..<(i + 1) * dimension])
                    // What could be thrown was thrown above, by the same queries.
                    do { unsafe try index.search(query.span, count: 10, ef: ef, into: &found) } catch { return }
                }
            }
        }
        let together = Double(count * threads) / Self.seconds(since: start)
        return Point(
            ef: ef, recallAt1: top1, recallAt10: top10, recallAt100: top100, queriesPerSecond: Double(count) / best,
            queriesPerSecondAllThreads: together, p50: times[count / 2] * 1e6, p99: times[count * 99 / 100] * 1e6)
    }

    private func measureFilter(
        _ index: HNSWIndex, _ base: Span<Float>, _ queries: Span<Float>, _ filter: RowBits
    ) throws(HNSWError) -> FilterPoint {
        let dimension = configuration.dimension
        let used = min(200, queries.count / dimension)
        let subset = queries.extracting(0..<used * dimension)
        let truth = Self.exactScores(base: base, queries: subset, configuration, count: 10, threads: threads) {
            filter.contains(UInt32($0))
        }
        let recall = try Self.recall(index, subset, truth, count: 10, ef: 64, filter: filter)
        var times: [Double] = []
        for _ in 0..<rounds { times = try Self.times(index, subset, dimension, used, ef: 64, filter: filter) }
        times.sort()
        return FilterPoint(
            share: Double(filter.count) / Double(index.count), matching: filter.count, recallAt10: recall,
            p50: times[used / 2] * 1e6,
            p99: times[used * 99 / 100] * 1e6)
    }

    // MARK: Parts

    static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    private static func times(
        _ index: HNSWIndex, _ queries: Span<Float>, _ dimension: Int, _ count: Int, ef: Int, filter: RowBits?
    ) throws(HNSWError) -> [Double] {
        var found: [Neighbour] = []
        var times: [Double] = []
        for i in 0..<count {
            let start = ContinuousClock.now
            try index.search(
                queries.extracting(i * dimension..<(i + 1) * dimension), count: 10, ef: ef, filter: filter, into: &found
            )
            times.append(seconds(since: start))
        }
        return times
    }

    static func recall(
        _ index: HNSWIndex, _ queries: Span<Float>, _ truth: [[Float]], count: Int, ef: Int, filter: RowBits?
    ) throws(HNSWError) -> Double {
        let dimension = index.configuration.dimension
        let distance = index.configuration.distance
        var right = 0
        var wanted = 0
        for i in truth.indices {
            let expected = truth[i].prefix(count)
            guard let last = expected.last else { continue }
            let tolerance = 1e-6 * max(1, abs(last))
            let found = try index.search(
                queries.extracting(i * dimension..<(i + 1) * dimension), count: count, ef: ef, filter: filter)
            right += found.count {
                distance.greaterIsNearer ? $0.score >= last - tolerance : $0.score <= last + tolerance
            }
            wanted += expected.count
        }
        return wanted == 0 ? 1 : Double(right) / Double(wanted)
    }

    /// The `wanted` best scores of each query.
    static func exactScores(
        base: Span<Float>, queries: Span<Float>, _ configuration: HNSWConfiguration, count wanted: Int, threads: Int,
        where isIncluded: @Sendable (Int) -> Bool
    ) -> [[Float]] {
        let dimension = configuration.dimension
        let count = queries.count / dimension
        var scores: [[Float]] = Array(repeating: [], count: count)
        unsafe scores.withUnsafeMutableBufferPointer { scores in
            unsafe base.withUnsafeBufferPointer { base in
                unsafe queries.withUnsafeBufferPointer { queries in
                    // Every thread writes its own elements; the rest is read-only.
                    nonisolated(unsafe) let (scores, base, queries) = unsafe (scores, base, queries)
                    DispatchQueue.concurrentPerform(iterations: threads) { thread in
                        for i in stride(from: thread, to: count, by: threads) {
                            let query = unsafe UnsafeBufferPointer(
                                rebasing: queries[i * dimension..<(i + 1) * dimension])
                            let nearest = unsafe ExactSearch.nearest(
                                to: query.span, in: base.span, dimension: dimension, distance: configuration.distance,
                                count: wanted, where: isIncluded)
                            unsafe scores[i] = nearest.map(\.score)
                        }
                    }
                }
            }
        }
        return scores
    }
}
