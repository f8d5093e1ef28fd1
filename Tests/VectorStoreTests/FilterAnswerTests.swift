// What indexes tell of conditions against evaluating every payload: never wrong, and in doubt only where it must be.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct FilterAnswerTests {
    /// Values of every type, alone, in arrays and in objects, the empty kinds among them.
    static let values: [JSONValue] = [
        "a", "b", "ab", "c d", "d c", "2024-02-03T04:05:06Z", "550e8400-e29b-41d4-a716-446655440000",
        "550E8400-E29B-41D4-A716-446655440000", 1, 2, 3, -4, 1.0, 2.5, .unsigned(.max), true, false, nil, [], [nil],
        [[]],
        ["a", "b"], ["a", 1], [1, 2.5], [1, nil], ["c", "d"], [true, "a", 3], [[1, 2]], [["a"], []],
        ["lon": 10, "lat": 10], ["lon": 200, "lat": 10], ["lon": "x"], [["lon": 10, "lat": 10], 7], ["x": "a"],
    ]

    static let types: [PayloadIndexType] = [
        .keyword, .integer, .float, .bool, .datetime, .uuid, .geo, .text(TextIndexParameters()),
    ]

    /// Conditions of every kind on a field, most of which no index of one type answers alone.
    private static func conditions(_ key: PayloadPath) -> [Condition] {
        let matches: [MatchValue] = [
            .value("a"), .value("550e8400-e29b-41d4-a716-446655440000"), .value(1), .value(2.5), .value(true),
            .value(nil), .value(.unsigned(.max)), .any(["a", "c d"]), .any([1, 3]), .any(["a", 2]), .any([]),
            .any(["550e8400-e29b-41d4-a716-446655440000", "a"]), .except(["a"]), .except([1]), .except(["a", 1, 2]),
            .except([]), .text("c d"), .textAny("d a"), .phrase("c d"), .text(""), .prefix("a"), .substring("b"),
        ]
        let box = GeoArea.box(topLeft: GeoPoint(lon: 0, lat: 20), bottomRight: GeoPoint(lon: 20, lat: 0))
        let counts: [CountRange] = [
            .init(gte: 1), .init(gt: 1), .init(lt: 1), .init(lte: 1), .init(gte: 2, lt: 3), .init(gte: 3), .init(),
            .init(gt: 5, lt: 2),
        ]
        let ranges: [NumberRange] = [
            .init(gte: 1), .init(gt: 1, lt: 2.6), .init(lte: -4), .init(), .init(gt: 5, lt: 2),
        ]
        let year = DatetimeRange(gte: Timestamp("2024-01-01T00:00:00Z"), lt: Timestamp("2025-01-01T00:00:00Z"))
        return matches.map { .match(key: key, $0) } + ranges.map { .range(key: key, $0) }
            + counts.map { .valuesCount(key: key, $0) }
            + [.datetimeRange(key: key, year), .geo(key: key, box), .isEmpty(key: key), .isNull(key: key)]
    }

    /// The oracle evaluates each payload.
    @Test(arguments: types, ["f", "f[]", "f[0]", "f[].x"] as [PayloadPath])
    func `what an index is certain of holds, and what it rules out does not`(
        type: PayloadIndexType, key: PayloadPath
    ) throws {
        var index = PayloadIndex(key, type)
        let live = RowBits(UInt32(0)...UInt32(Self.values.count), capacity: 0)
        for (row, value) in Self.values.enumerated() { index.insert(["f": value], row: UInt32(row)) }
        // And a point without the field.
        index.insert([:], row: UInt32(Self.values.count))
        for condition in Self.conditions(key) {
            let answer = try index.answer(condition, live: live, capacity: Self.values.count + 1)
            for row in live.list {
                let payload: JSONValue = row < Self.values.count ? ["f": Self.values[Int(row)]] : [:]
                let tokenizers = index.tokenizer.map { [key: $0] } ?? [:]
                let isPassing = try condition.matches(FilterSubject(payload: payload), tokenizers: tokenizers)
                let (isCertain, isDoubtful) = (answer.certain.contains(row), answer.doubtful.contains(row))
                #expect(!(isCertain && isDoubtful))
                #expect(!isCertain || isPassing, "\(type) \(condition) \(payload)")
                #expect(!isPassing || isCertain || isDoubtful, "\(type) \(condition) \(payload)")
            }
        }
        // Nothing of what went is left.
        for (row, value) in Self.values.enumerated() { index.remove(["f": value], row: UInt32(row)) }
        for rows in [index.indexed, index.foreign, index.nulls, index.multiple, index.present] {
            #expect(rows.count == 0)
        }
    }

    private static let keys: [PayloadPath] = ["keyword", "integer", "float", "text", "none"]

    /// A store of points with random values, and indexes on all fields but the last.
    private static func withStore(
        _ generator: inout SplitMix64, _ body: (EmbeddedStore, _ payloads: [JSONValue]) async throws -> Void
    ) async throws {
        let payloads = (0..<200).map { (_: Int) -> JSONValue in
            .object(JSONObject(keys.map { ($0.description, values.randomElement(using: &generator) ?? nil) }))
        }
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            let types: [PayloadIndexType] = [.keyword, .integer, .float, .text(TextIndexParameters())]
            for (key, type) in zip(keys, types) { try await store.createPayloadIndex(key.description, type, in: "c") }
            let points = payloads.enumerated().map { number, payload in
                Point(id: .number(UInt64(number)), vector: [1], payload: payload.object ?? [:])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            try await body(store, payloads)
            try store.close()
        }
    }

    /// Some clauses with some conditions, a filter among them now and then.
    private static func filter(_ generator: inout SplitMix64, depth: Int = 2) -> Filter {
        func some(_ counts: ClosedRange<Int>) -> [Condition] {
            (0..<Int.random(in: counts, using: &generator)).compactMap { _ in
                switch Int.random(in: 0..<12, using: &generator) {
                case 0 where depth > 0: .filter(filter(&generator, depth: depth - 1))
                case 1: .hasID(Set((0..<40).map { _ in .number(.random(in: 0..<210, using: &generator)) }))
                case 2: .slice(total: 3, index: .random(in: 0..<3, using: &generator))
                case 3: .hasVector(Bool.random(using: &generator) ? "" : "x")
                default: conditions(keys.randomElement(using: &generator) ?? "none").randomElement(using: &generator)
                }
            }
        }
        var made = Filter(must: some(0...2), should: some(0...2), mustNot: some(0...2))
        if Bool.random(using: &generator) {
            made.minShould = .init(some(1...4), minCount: .random(in: 1...3, using: &generator))
        }
        return made
    }

    /// The oracle evaluates the whole filter for each payload.
    ///
    /// - Parameter fewShare: With 1, conditions behind the first are asked about what is left wherever they are, which with so few points
    ///   would hardly happen.
    @Test(arguments: [FilterPlan.fewShare, 1])
    func `filters of indexed and other fields let through what looking at each point does`(fewShare: Int) async throws {
        var generator = SplitMix64(seed: 61)
        let filters = (0..<200).map { _ in Self.filter(&generator) }
        try await Self.withStore(&generator) { store, payloads in
            let told = try await store.read("c") { db, state in
                try filters.map { filter in
                    let plan = FilterPlan(filter, state, db, path: store.path, fewShare: fewShare)
                    let (answer, rows) = (try plan.answer(), try plan.rows())
                    return (answer, Set(rows.list.compactMap { state.heads[$0]?.id }), state)
                }
            }
            var exact = 0
            for (filter, (answer, passing, state)) in zip(filters, told) {
                let expected = try payloads.indices.filter { number in
                    let subject = FilterSubject(
                        id: .number(UInt64(number)), payload: payloads[number], hasVector: \.isEmpty)
                    return try filter.matches(subject, tokenizers: state.tokenizers)
                }
                #expect(passing == Set(expected.map { .number(UInt64($0)) }), "\(filter)")
                #expect(answer.certain.intersectionCount(answer.doubtful) == 0)
                if answer.isExact { exact += 1 }
            }
            // Some are answered by indexes alone, others are not: the test would say little if all were of one kind.
            #expect((40...160).contains(exact))
        }
    }

    /// How many points a filter has looked at.
    private static func looked(_ filter: Filter, _ store: EmbeddedStore) async throws -> Int {
        try await store.read("c") { db, state in
            try FilterPlan(filter, state, db, path: store.path).answer().doubtful.count
        }
    }

    @Test func `one odd value costs looking at one point, whatever the condition and wherever it is`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            try await store.createPayloadIndex("n", .integer, in: "c")
            try await store.createPayloadIndex("k", .keyword, in: "c")
            var points = (0..<500).map { (number: Int) in
                Point(
                    id: .number(UInt64(number)), vector: [1],
                    payload: ["n": .integer(Int64(number)), "k": .string("\(number % 5)")])
            }
            points[7].payload = ["n": 10.5, "k": 4]
            points[8].payload["k"] = ["1", "2"]
            _ = try await store.update([.upsert(points)], in: "c")
            let range = Condition.range(key: "n", NumberRange(gte: 10, lt: 20))
            let others = Condition.match(key: "k", .except(["1"]))
            let (mixed, three) = (Condition.match(key: "k", .any(["1", 4])), Condition.match(key: "k", .value("3")))
            for (filter, passing, looked) in [
                (Filter(must: [range]), 11, 1), (Filter(mustNot: [range]), 489, 1), (Filter(should: [range]), 11, 1),
                (Filter(must: [.filter(Filter(mustNot: [range]))]), 489, 1),
                (Filter(should: [range, .hasVector("")]), 500, 0),
                // The value that is no string is none of these strings; of two strings one may be another.
                (Filter(must: [others]), 400, 1), (Filter(mustNot: [others]), 100, 1),
                (Filter(must: [mixed]), 102, 1), (Filter(must: [three, range]), 2, 0),
                (Filter(must: [.match(key: "n", .value("x"))]), 0, 1),
                (Filter(must: [.isNull(key: "n")]), 0, 0), (Filter(must: [.isEmpty(key: "n")]), 0, 0),
                (Filter(must: [.valuesCount(key: "k", .init(gte: 1))]), 500, 0),
                (Filter(must: [.valuesCount(key: "k", .init(gt: 2))]), 0, 1),
                (Filter(must: [three, .match(key: "unindexed", .value(1))]), 0, 99),
            ] as [(Filter, Int, Int)] {
                #expect(try await store.count(filter, in: "c") == passing, "\(filter)")
                #expect(try await Self.looked(filter, store) == looked, "\(filter)")
            }
        }
    }
}
