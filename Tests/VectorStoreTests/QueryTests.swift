// Rankings of the universal query against their formulas, written out over a handful of points.

import HNSW
import TestSupport
import Testing
import VectorStore

@Suite struct QueryTests {
    /// Six points with one dimension, one of them far off, and a word each; `c` compares by the dot product.
    private static func withLine(_ body: (EmbeddedStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let configuration = CollectionConfiguration(
                vectors: ["": .init(size: 1, distance: .dot)], sparseVectors: ["words": .init()])
            try await store.createCollection("c", configuration)
            let points = try [1, 2, 3, 4, 5, 50].enumerated().map { number, value in
                let word = try SparseVector(indices: [UInt32(number % 2)], values: [Float(6 - number)])
                return Point(
                    id: .number(UInt64(number)), vectors: ["": .dense([Float(value)]), "words": .sparse(word)],
                    payload: ["value": .integer(Int64(value))])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            try await body(store)
        }
    }

    private static let line = PointsQuery(.nearest(.vector(.dense([1]))), limit: 3)
    private static func words() throws -> PointsQuery {
        PointsQuery(
            .nearest(.vector(.sparse(try SparseVector(indices: [0], values: [1])))), using: "words", limit: 2)
    }

    /// line finds 5, 4, 3; words finds 0, 2.
    @Test func `reciprocal rank fusion adds 1 over rank plus k, weights scaling the ranks`() async throws {
        try await Self.withLine { store in
            let query = PointsQuery(.reciprocalRankFusion(), prefetch: [Self.line, try Self.words()])
            let hits = try await store.query(query, in: "c")
            let expected: [Float] = [0.5, 0.5, 1 / 3, 1 / 3, 0.25]
            #expect(hits.map(\.score) == expected)
            let weighed = PointsQuery(
                .reciprocalRankFusion(k: 1, weights: [1, 3]), prefetch: [Self.line, try Self.words()])
            let other = try await store.query(weighed, in: "c")
            // 1 / (1/3) for the first word, 1 / (2/3) for the second, 1, 1/2, 1/3 for the line.
            let others: [(UInt64, Float)] = [(0, 3), (2, 1.5), (5, 1), (4, 0.5), (3, 1 / 3)]
            #expect(other.map(\.id) == others.map { PointID.number($0.0) })
            #expect(zip(other, others).allSatisfy { abs($0.score - $1.1) <= 1e-6 })
        }
    }

    @Test func `distribution fusion scales each list between three deviations below and above its mean`() async throws {
        try await Self.withLine { store in
            let query = PointsQuery(.distributionFusion, prefetch: [Self.line])
            let hits = try await store.query(query, in: "c")
            // 50, 5, 4: the sample deviation is √(((50-59/3)² + (5-59/3)² + (4-59/3)²) / 2).
            let mean: Float = 59.0 / 3
            let deviation: Float = ([50, 5, 4].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot()
            let values: [Float] = [50, 5, 4]
            let expected = values.map { ($0 - (mean - 3 * deviation)) / (6 * deviation) }
            #expect(zip(hits, expected).allSatisfy { abs($0.score - $1) <= 1e-5 }, "\(hits.map(\.score)) \(expected)")
            var one = Self.line
            one.limit = 1
            let alone = try await store.query(PointsQuery(.distributionFusion, prefetch: [one]), in: "c")
            #expect(alone.map(\.score) == [0.5])
        }
    }

    @Test func `feedback adds what each pair of rated examples tells to the likeness to the target`() async throws {
        try await Self.withLine { store in
            let items = [(2.0, 0.75), (1.0, 0.25)].map { vector, score in
                FeedbackItem(example: .vector(.dense([Float(vector)])), score: Float(score))
            }
            let ranking = Ranking.feedback(
                target: .vector(.dense([1])), items, FeedbackCoefficients(a: 0.5, b: 2, c: 4))
            let hits = try await store.query(PointsQuery(ranking, limit: 6), in: "c")
            // 0.5 · x + 0.5² · 4 · (2x - x) = 1.5 · x
            let expected: [Float] = [75, 7.5, 6, 4.5, 3, 1.5]
            #expect(hits.map(\.score) == expected)
        }
    }

    /// Of the point whose `value` is 4, found by `line` with the score 4, and with the place Lisbon.
    @Test(arguments: [
        (#"{"sum": ["$score", 1.5, "value"]}"#, 9.5), (#"{"mult": [2, "$score[0]"]}"#, 8), (#"{"sum": []}"#, 0),
        (#"{"neg": "value"}"#, -4), (#"{"abs": -2.5}"#, 2.5), (#"{"sqrt": "value"}"#, 2), (#"{"ln": 1}"#, 0),
        (#"{"exp": 0}"#, 1), (#"{"log10": 1000}"#, 3), (#"{"pow": {"base": 2, "exponent": "value"}}"#, 16),
        (#"{"div": {"left": 1, "right": "value"}}"#, 0.25),
        (#"{"div": {"left": 1, "right": "missing", "by_zero_default": 7}}"#, 7), (#""missing""#, 0),
        (#"{"key": "value", "match": {"value": 4}}"#, 1), (#"{"key": "value", "range": {"gt": 4}}"#, 0),
        // At the target 1, at the scale's distance the midpoint, 0.5 when none is told.
        (#"{"lin_decay": {"x": "value", "target": 4}}"#, 1),
        (#"{"exp_decay": {"x": "value", "target": 6, "scale": 2}}"#, 0.5),
        (#"{"gauss_decay": {"x": "value", "target": 2, "scale": 2, "midpoint": 0.25}}"#, 0.25),
        (#"{"lin_decay": {"x": "value", "target": 8, "scale": 4}}"#, 0.5),
        // One degree of a meridian of a sphere of 6,371,008.8 m: π / 180 of the radius.
        (#"{"geo_distance": {"origin": {"lat": 39.7, "lon": -9.1}, "to": "place"}}"#, 111_195.08),
        (#"{"sum": [{"datetime": "1970-01-02"}, {"datetime_key": "when"}]}"#, 86_460),
    ])
    func `formulas are worth what is written`(_ text: String, _ expected: Double) async throws {
        try await Self.withLine { store in
            let members: JSONObject = ["place": ["lat": 38.7, "lon": -9.1], "when": "1970-01-01T00:01:00Z"]
            _ = try await store.update([.setPayload(members, .ids([.number(3)]))], in: "c")
            let formula = try Formula(json: JSONValue(parsing: text.utf8))
            let defaults = try FormulaDefaults(json: ["missing": 0])
            var only = Self.line
            only.filter = Filter(must: [.hasID([.number(3)])])
            let hits = try await store.query(PointsQuery(.formula(formula, defaults), prefetch: [only]), in: "c")
            // Scores are 32-bit floats.
            #expect(abs(Double(try #require(hits.first).score) - expected) <= abs(expected) * 1e-6, "\(hits)")
        }
    }

    @Test func `formulas without a value, and those that are no number, are refused`() async throws {
        try await Self.withLine { store in
            for text in [
                #"{"div": {"left": 1, "right": 0}}"#, #"{"ln": -1}"#, #"{"exp": 1000}"#, #""missing""#, #""$score[x]""#,
                #"{"sqrt": -1}"#, "[1]", "true", #"{"max": []}"#,
            ] {
                await #expect(throws: (any Error).self, "\(text)") {
                    let formula = try Formula(json: JSONValue(parsing: text.utf8))
                    _ = try await store.query(
                        PointsQuery(.formula(formula, FormulaDefaults()), prefetch: [Self.line]), in: "c")
                }
            }
        }
    }

    @Test func `aliases change in one step or not at all, and outlast the store`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            for name in ["a", "b"] {
                try await store.createCollection(name, CollectionConfiguration(size: 1, distance: .dot))
            }
            try await store.updateAliases([.create(alias: "now", collection: "a"), .rename("now", to: "then")])
            #expect(store.aliases() == ["then": "a"])
            await #expect(throws: StoreError.self) {
                try await store.updateAliases([.create(alias: "then", collection: "b"), .rename("none", to: "x")])
            }
            await #expect(throws: StoreError.collectionExists("b")) {
                try await store.updateAliases([.create(alias: "b", collection: "a")])
            }
            _ = try await store.update([.upsert([Point(id: .number(1), vector: [1])])], in: "then")
            try store.close()
            let again = try EmbeddedStore(directory: directory)
            #expect(try await again.count(nil, in: "then") == 1)
            #expect(try await again.deleteCollection("a"))
            #expect(again.aliases().isEmpty)
        }
    }

    @Test func `queries asked together are answered from one state, and a limit of a billion costs nothing`()
        async throws
    {
        try await Self.withLine { store in
            var all = Self.line
            all.limit = 1_000_000_000
            let results = try await store.query([all, Self.line], in: "c")
            #expect(results.map(\.count) == [6, 3])
        }
    }

    @Test func `fusions without prefetches, weights for other lists and unknown names are refused`() async throws {
        try await Self.withLine { store in
            let weights = Ranking.reciprocalRankFusion(k: 2, weights: [1, 2, 3])
            var unknown = Self.line
            unknown.using = "other"
            for query in [
                PointsQuery(.reciprocalRankFusion()), PointsQuery(.distributionFusion),
                PointsQuery(weights, prefetch: [Self.line]), PointsQuery(nil, prefetch: [Self.line]), unknown,
                PointsQuery(.recommend(positive: [], negative: [.id(.number(1))], .averageVector)),
                PointsQuery(.nearest(.vector(.multi([[1]])))),
            ] {
                await #expect(throws: StoreError.self, "\(query)") { try await store.query(query, in: "c") }
            }
        }
    }

    // MARK: Multivectors

    /// MaxSim by three loops.
    private static func maxSim(_ query: [[Float]], _ vector: [[Float]], _ distance: Distance) -> Float {
        var sum: Float = 0
        for a in query {
            var best = -Float.infinity
            for b in vector {
                let score = distance.score(a.span, b.span)
                best = max(best, distance == .euclid ? -score * score : distance == .manhattan ? -score : score)
            }
            sum += best
        }
        return distance == .euclid ? (-sum).squareRoot() : distance == .manhattan ? -sum : sum
    }

    @Test(arguments: [Distance.dot, .euclid, .manhattan])
    func `multivectors are ranked by MaxSim, after deletion, update and reopening, too`(
        _ distance: Distance
    ) async throws {
        try await withTemporaryDirectory { directory in
            var generator = SplitMix64(seed: 31)
            func matrix(_ rows: Int) -> [[Float]] {
                (0..<rows).map { _ in (0..<3).map { _ in Float.random(in: -1...1, using: &generator) } }
            }
            var model: [UInt64: [[Float]]] = [:]
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection(
                "c", CollectionConfiguration(vectors: ["": .init(size: 3, distance: distance, isMulti: true)]))
            for number in 0..<60 as Range<UInt64> {
                model[number] = matrix(Int.random(in: 1...4, using: &generator))
            }
            _ = try await store.update(
                [.upsert(model.map { Point(id: .number($0.key), vectors: ["": .multi($0.value)]) })], in: "c")
            model[7] = nil
            model[8] = [[1, 2, 3]]
            // One vector is a multivector of one row.
            _ = try await store.update(
                [
                    .delete(.ids([.number(7)])),
                    .updateVectors([PointVectors(id: .number(8), vectors: ["": .dense([1, 2, 3])])]),
                ], in: "c")
            try store.close()
            let again = try EmbeddedStore(directory: directory)
            for rows in 1...4 {
                let query = matrix(rows)
                let hits = try await again.query(
                    PointsQuery(.nearest(.vector(.multi(query))), limit: 10, withVectors: .all), in: "c")
                let wanted = model.values.map { Self.maxSim(query, $0, distance) }
                    .sorted { distance.isNearer($0, than: $1) }
                // The same products and sums in the same order: equal to the bit.
                #expect(hits.map(\.score) == Array(wanted.prefix(10)))
                for hit in hits {
                    guard case .number(let number) = hit.id else { continue }
                    #expect(hit.vectors == ["": .multi(model[number] ?? [])])
                }
            }
        }
    }

    @Test func `empty multivectors, rows of another size and rows that are not numbers are refused`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection(
                "c", CollectionConfiguration(vectors: ["": .init(size: 2, distance: .cosine, isMulti: true)]))
            for rows in [[], [[1]], [[1, 2], []], [[1, .nan]], [[1, 2], [1, 2, 3]]] as [[[Float]]] {
                await #expect(throws: StoreError.self, "\(rows)") {
                    try await store.update([.upsert([Point(id: .number(1), vectors: ["": .multi(rows)])])], in: "c")
                }
                await #expect(throws: StoreError.self, "\(rows)") {
                    try await store.query(PointsQuery(.nearest(.vector(.multi(rows)))), in: "c")
                }
            }
        }
    }

    @Test func `a point of a collection of single vectors is an example for one of several`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let several = CollectionConfiguration.VectorParameters(size: 2, distance: .dot, isMulti: true)
            try await store.createCollection("several", CollectionConfiguration(vectors: ["": several]))
            try await store.createCollection("single", CollectionConfiguration(size: 2, distance: .dot))
            _ = try await store.update([.upsert([Point(id: .number(7), vector: [0, 1])])], in: "single")
            let points = [[[Float(1), 0]], [[1, 0], [0, 2]]].enumerated().map { number, rows in
                Point(id: .number(UInt64(number)), vectors: ["": .multi(rows)])
            }
            _ = try await store.update([.upsert(points)], in: "several")
            var query = PointsQuery(.nearest(.id(.number(7))))
            query.lookup = .init(collection: "single", vector: nil)
            let hits = try await store.query(query, in: "several")
            #expect(hits.map(\.id) == [.number(1), .number(0)])
            #expect(hits.map(\.score) == [2, 0])
        }
    }
}
