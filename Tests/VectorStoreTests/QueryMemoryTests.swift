// What a query by many examples, or over many prefetches, holds in memory: some numbers a point, however many there are.

import HNSW
import RuntimeCounters
import TestSupport
import Testing

@testable import VectorStore

@Suite struct QueryMemoryTests {
    private static let size = 3
    private static let count = 1000

    private static func withStore(
        _ body: (EmbeddedStore, _ vectors: [[Float]], inout SplitMix64) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            var generator = SplitMix64(seed: 81)
            let vectors = (0..<count).map { _ in vector(&generator) }
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: size, distance: .dot))
            let points = vectors.enumerated().map { Point(id: .number(UInt64($0.offset)), vector: $0.element) }
            _ = try await store.update([.upsert(points)], in: "c")
            try await body(store, vectors, &generator)
        }
    }

    private static func vector(_ generator: inout SplitMix64) -> [Float] {
        (0..<size).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    private static func inputs(_ vectors: [[Float]]) -> [VectorInput] { vectors.map { .vector(.dense($0)) } }
    private static func pairs(_ vectors: [[Float]]) -> [ContextPair] {
        zip(inputs(vectors), inputs(vectors.reversed())).map { ContextPair(positive: $0, negative: $1) }
    }
    private static func items(_ vectors: [[Float]]) -> [FeedbackItem] {
        inputs(vectors).enumerated().map { FeedbackItem(example: $1, score: Float($0 % 7)) }
    }

    /// The rankings by these examples.
    private static func rankings(_ examples: [[Float]]) -> [String: Ranking] {
        let (some, others) = (Array(examples.prefix(examples.count / 2)), Array(examples.suffix(examples.count / 2)))
        let target = VectorInput.vector(.dense([1, -0.5, 0.25]))
        return [
            "sum": .recommend(positive: inputs(some), negative: inputs(others), .sumScores),
            "best": .recommend(positive: inputs(some), negative: inputs(others), .bestScore),
            "average": .recommend(positive: inputs(some), negative: inputs(others), .averageVector),
            "discover": .discover(target: target, pairs(examples)),
            "context": .context(pairs(examples)),
            "feedback": .feedback(target: target, items(examples), .init(a: 0.5, b: 2, c: 0.1)),
        ]
    }

    /// What a point's score should be: the likenesses to all examples are there at once.
    private static func expected(_ name: String, _ examples: [[Float]], _ point: [Float]) -> Float {
        func likeness(_ vector: [Float]) -> Float { Distance.dot.score(vector.span, point.span) }
        func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }
        let half = examples.count / 2
        let (likes, dislikes) = (examples.prefix(half).map(likeness), examples.suffix(half).map(likeness))
        let differences = zip(examples, examples.reversed()).map { likeness($0) - likeness($1) }
        let target = likeness([1, -0.5, 0.25])
        switch name {
        case "sum": return likes.reduce(0, +) - dislikes.reduce(0, +)
        case "best":
            let (best, worst) = (likes.max() ?? -.infinity, dislikes.max() ?? -.infinity)
            return best > worst ? 0.5 * (sigmoid(best) + 1) : -0.5 * (sigmoid(worst) + 1)
        case "average":
            func mean(_ vectors: ArraySlice<[Float]>, _ index: Int) -> Float {
                vectors.reduce(0) { $0 + $1[index] } / Float(vectors.count)
            }
            let vector = (0..<size).map { 2 * mean(examples.prefix(half), $0) - mean(examples.suffix(half), $0) }
            return likeness(vector)
        case "discover":
            let rank = differences.reduce(0) { $0 + ($1 > 0 ? 1 : $1 < 0 ? -1 : 0) }
            return Float(rank) + 0.5 * (sigmoid(target) + 1)
        case "context": return differences.reduce(0) { $0 + sigmoid(min($1 - .ulpOfOne, 0)) }
        default:
            var weights = [Float](repeating: 0, count: examples.count)
            for better in examples.indices {
                for worse in examples.indices where better % 7 > worse % 7 {
                    let difference = Float(better % 7 - worse % 7)
                    weights[better] += difference * difference * 0.1
                    weights[worse] -= difference * difference * 0.1
                }
            }
            return zip(weights, examples).reduce(0.5 * target) { $0 + $1.0 * likeness($1.1) }
        }
    }

    @Test func `every ranking by examples scores as if all likenesses were there at once`() async throws {
        try await Self.withStore { store, vectors, generator in
            let examples = (0..<30).map { _ in Self.vector(&generator) }
            for (name, ranking) in Self.rankings(examples) {
                let hits = try await store.query(PointsQuery(ranking, limit: Self.count), in: "c")
                #expect(hits.count == Self.count)
                let scores = hits.map(\.score)
                #expect(scores == scores.sorted(by: >), "\(name)")
                for hit in hits {
                    guard case .number(let number) = hit.id else { continue }
                    // The same operations in the same order: equal to the bit.
                    #expect(hit.score == Self.expected(name, examples, vectors[Int(number)]), "\(name)")
                }
            }
        }
    }

    // MARK: Memory

    /// The most that a query allocates at a time on the thread that answers it: these collections are too small for several.
    private static func most(_ query: PointsQuery, _ store: EmbeddedStore) async throws -> Int {
        try await store.read("c") { db, state in
            let evaluation = QueryEvaluation(store: store, state: state, db: db)
            // Statements are kept from the first time.
            _ = try evaluation.points(query)
            runtime_forget_most_held()
            let before = runtime_counts().held
            _ = try evaluation.points(query)
            return Int(runtime_counts().most_held - before)
        }
    }

    @Test(.enabled(if: runtime_counts_exist()))
    func `sixty examples take no more memory than four, but for their own`() async throws {
        try await Self.withStore { store, _, generator in
            let examples = (0..<60).map { _ in Self.vector(&generator) }
            let (few, many) = (Self.rankings(Array(examples.prefix(4))), Self.rankings(examples))
            for name in many.keys.sorted() {
                func query(_ ranking: Ranking?) -> PointsQuery { PointsQuery(ranking, limit: 5, withPayload: .none) }
                let least = try await Self.most(query(few[name]), store)
                let most = try await Self.most(query(many[name]), store)
                // The vectors of 60 examples are some kilobytes; their likenesses would be 56 · 4 · count bytes more.
                #expect(most - least < 8 * 4 * Self.count, "\(name): \(most) instead of \(least)")
            }
        }
    }

    @Test(.enabled(if: runtime_counts_exist()))
    func `fifty prefetches take no more memory than two`() async throws {
        try await Self.withStore { store, _, generator in
            let prefetches = (0..<50).map { _ in
                PointsQuery(.nearest(.vector(.dense(Self.vector(&generator)))), limit: Self.count)
            }
            let nearest = Ranking.nearest(.vector(.dense([1, 2, 3])))
            for ranking in [.reciprocalRankFusion(), .distributionFusion, nearest] as [Ranking] {
                func query(_ count: Int) -> PointsQuery {
                    PointsQuery(ranking, prefetch: Array(prefetches.prefix(count)), limit: 5, withPayload: .none)
                }
                let least = try await Self.most(query(2), store)
                let most = try await Self.most(query(50), store)
                // One list of hits more would be as much.
                #expect(most - least < Self.count * MemoryLayout<Hit>.stride, "\(most) instead of \(least)")
            }
        }
    }

    @Test func `weighing rated examples looks at the caller now and then`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            _ = try await store.update([.upsert([Point(id: .number(1), vector: [1])])], in: "c")
            let items = Self.items((0..<1000).map { [Float($0)] })
            let query = PointsQuery(.feedback(target: .vector(.dense([1])), items, .init(a: 1, b: 1, c: 1)))
            let looks = Shared(0)
            let found = try await store.read("c") { db, state in
                var evaluation = QueryEvaluation(store: store, state: state, db: db)
                evaluation.atCheckpoint = { looks.withLock { $0 += 1 } }
                return try evaluation.points(query)
            }
            #expect(found.count == 1)
            // Once at the beginning, once for each of 1,001 vectors, and for each 64 items that are weighed against all.
            #expect(looks.withLock { $0 } == 1 + 1001 + 16)
        }
    }
}
