// What filters cost: how many conditions there may be, what is asked first, and that the work ends with its caller.

import Foundation
import GRDB
import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct FilterCostTests {
    /// The oracle counts row by row.
    @Test func `rows are counted by the sets they are in`() {
        var generator = SplitMix64(seed: 21)
        for sets in [1, 2, 3, 7, 8, 40] {
            var counts = RowCounts()
            var expected = [UInt32: Int]()
            for _ in 0..<sets {
                let rows = (0..<UInt32(200)).filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
                for row in rows { expected[row, default: 0] += 1 }
                // Sets of different capacities.
                counts.add(RowBits(rows, capacity: Int.random(in: 0..<300, using: &generator)))
            }
            for least in 1...sets + 2 {
                let rows = counts.rows(inAtLeast: least)
                #expect(rows.list == expected.filter { $0.value >= least }.keys.sorted())
                #expect(rows.count == rows.list.count)
            }
        }
        #expect(RowCounts().rows(inAtLeast: 1).count == 0)
    }

    private static func json(_ conditions: Int) -> JSONValue {
        .array(Array(repeating: ["has_vector": "x"], count: conditions))
    }

    @Test func `more conditions than there may be are refused, wherever they are`() throws {
        let most = Filter.mostConditions
        #expect(try Filter(json: ["must": Self.json(most)]).must.count == most)
        let tooMany: [JSONValue] = [
            ["must": Self.json(most + 1)],
            ["should": Self.json(most / 2), "must_not": Self.json(most / 2 + 1)],
            ["min_should": ["conditions": Self.json(300_000), "min_count": 150_000]],
            // One more for the filter that holds them.
            ["must": [["must": Self.json(most)]]],
            ["must": [["nested": ["key": "a", "filter": ["should": Self.json(most)]]]]],
            // Filters that say nothing are conditions, too.
            ["must": .array(Array(repeating: [:], count: most + 1))],
        ]
        for json in tooMany {
            let error = #expect(throws: StoreError.self) { try Filter(json: json) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("Bad request: Filter condition limit reached ("))
            #expect(text.contains("> 65536). Help: "))
        }
    }

    private static func withPoint(_ body: (EmbeddedStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            _ = try await store.update([.upsert([Point(id: .number(1), vector: [1])])], in: "c")
            try await body(store)
            try store.close()
        }
    }

    @Test func `so many of many conditions are counted, and as many as there are`() async throws {
        try await Self.withPoint { store in
            let conditions = Array(repeating: Condition.hasVector(""), count: 1000)
            // An index tells of none of the last: the point is looked at.
            for clauses in [Filter(), Filter(must: [.valuesCount(key: "a", Bounds(gte: 0))])] {
                var filter = clauses
                for (least, expected) in [(1, 1), (1000, 1), (1001, 0)] {
                    filter.minShould = .init(conditions, minCount: least)
                    let count = try await store.count(filter, in: "c")
                    #expect(count == expected)
                }
            }
        }
    }

    /// Conditions on vectors read nothing from the database, which alone would not notice.
    @Test func `a filter that memory answers ends with its caller`() async throws {
        try await Self.withPoint { store in
            let filter = Filter(minShould: .init(Array(repeating: .hasVector(""), count: 10), minCount: 5))
            let caller = Mutex<Task<Int, any Error>?>(nil)
            let hasAnswered = Mutex(false)
            let (start, starter) = AsyncStream<Void>.makeStream()
            let task: Task<Int, any Error> = Task {
                // Not before it can be cancelled.
                for await _ in start {}
                return try await store.read("c") { db, state in
                    caller.withLock { $0 }?.cancel()
                    let rows = try state.rows(passing: filter, db, path: store.path)
                    hasAnswered.withLock { $0 = true }
                    return rows.count
                }
            }
            caller.withLock { $0 = task }
            starter.finish()
            await #expect(throws: StoreError.cancelled) { try await task.value }
            #expect(!hasAnswered.withLock { $0 })
            let count = try await store.count(filter, in: "c")
            #expect(count == 1)
        }
    }

    /// How many of so many conditions, none of which holds, are looked at before the meter ends it; nil when it does not.
    private static func looked(_ conditions: Int, byteCount: Int) -> Int? {
        var looks = 0
        let meter = WorkMeter { () throws(StoreError) in throw .cancelled }
        let subject = FilterSubject(
            payload: [:],
            hasVector: { _ in
                looks += 1
                return false
            }, work: meter, byteCount: byteCount)
        let filter = Filter(should: Array(repeating: .hasVector("x"), count: conditions))
        return (try? filter.matches(subject)) == nil ? looks : nil
    }

    @Test func `looking at one point ends with its caller after a megabyte that is gone through`() {
        #expect(Self.looked(1000, byteCount: 100) == nil)
        // A megabyte is 1,000 times 1,000 bytes and a little.
        #expect((900...1000).contains(Self.looked(100_000, byteCount: 1000) ?? 0))
        #expect(Self.looked(10, byteCount: 32 << 20) == 0)
        // And without any payload after as many as take the same time.
        #expect((10_000...20_000).contains(Self.looked(100_000, byteCount: 0) ?? 0))
    }

    @Test func `elements of an array are part of what is gone through, and not all of it each`() throws {
        func isEnded(_ elements: Int, _ conditions: Int) -> Bool {
            let meter = WorkMeter { () throws(StoreError) in throw .cancelled }
            let payload: JSONValue = ["a": .array(Array(repeating: ["b": 1], count: elements))]
            let subject = FilterSubject(payload: payload, work: meter, byteCount: elements * 8)
            let inner = Filter(should: Array(repeating: .match(key: "b", .value(2)), count: conditions))
            return (try? Filter(must: [.nested(key: "a", inner)]).matches(subject)) == nil
        }
        // 1,000 elements of 8 bytes and 64 for each condition are 72,000 bytes; each with the whole array they would be 8 million.
        #expect(!isEnded(1000, 1))
        #expect(isEnded(1000, 20))
    }

    /// A store of points of which two are rare, and most are in a range.
    private static func withRarePoints(_ body: (EmbeddedStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            for (field, type) in [("k", .keyword), ("half", .keyword), ("n", .integer)] as [(String, PayloadIndexType)]
            {
                try await store.createPayloadIndex(field, type, in: "c")
            }
            let points = (0..<4500).map { (number: Int) -> Point in
                let payload: JSONObject = [
                    "k": .string(number % 4000 == 7 ? "rare" : "common"), "half": .string("\(number % 2)"),
                    "n": .integer(Int64(number)), "plain": .integer(Int64(number % 3)),
                ]
                return Point(id: .number(UInt64(number)), vector: [1], payload: payload)
            }
            _ = try await store.update([.upsert(points)], in: "c")
            try await body(store)
            try store.close()
        }
    }

    private static let rare = Condition.match(key: "k", .value("rare"))
    private static let wide = Condition.range(key: "n", NumberRange(gte: 100, lt: 4400))
    private static let narrow = Condition.range(key: "n", NumberRange(gte: 100, lte: 103))
    private static let plain = Condition.match(key: "plain", .value(2))
    private static let ids = Condition.hasID(Set((0..<1000).map { .number($0) }))

    @Test func `of conditions that all must hold those are answered first that leave the fewest points`() async throws {
        try await Self.withRarePoints { store in
            let half = Condition.match(key: "half", .value("1"))
            let none = Condition.match(key: "k", .value("none"))
            let written = [Self.plain, Self.wide, .filter(Filter()), half, Self.ids, Self.narrow, Self.rare, none]
            let ordered = try await store.read("c") { db, state in
                try FilterPlan(Filter(), state, db, path: store.path).ordered(written)
            }
            #expect(
                ordered == [none, Self.rare, Self.narrow, Self.ids, half, Self.wide, Self.plain, .filter(Filter())])
        }
    }

    /// Whatever their order, a rare value leaves two points, and nothing is asked about any other.
    @Test func `behind a rare value other conditions cost what it leaves`() async throws {
        try await Self.withRarePoints { store in
            for must in [[Self.plain, Self.wide, Self.ids, Self.rare], [Self.rare, Self.ids, Self.wide, Self.plain]] {
                let filter = Filter(must: must, mustNot: [Self.narrow])
                let lookups = Mutex(0)
                let (looked, rows) = try await store.read("c") { db, state in
                    let plan = FilterPlan(filter, state, db, path: store.path)
                    db.trace { if "\($0)".contains("AND id = ") { lookups.withLock { $0 += 1 } } }
                    defer { db.trace() }
                    return (try plan.answer().doubtful.list, try plan.rows().list)
                }
                // 7 and 4007 are rare: one is not in the range, the other has none of the ids.
                #expect(looked.isEmpty && rows.isEmpty)
                #expect(lookups.withLock { $0 } == 0, "ids were looked up that few points could have")
            }
            let filter = Filter(must: [Self.plain, Self.wide, Self.rare])
            let (looked, rows) = try await store.read("c") { db, state in
                let plan = FilterPlan(filter, state, db, path: store.path)
                return (try plan.answer().doubtful.list, try plan.rows().list)
            }
            #expect(looked == [4007])
            #expect(rows == [4007])
        }
    }

    @Test func `an index that is asked about few rows tells of no others`() async throws {
        try await Self.withRarePoints { store in
            let state = try store.collectionState("c")
            let index = try #require(state.index(on: "n"))
            for few in [[], [7], [7, 4007], [99, 100, 4399, 4400]] as [[UInt32]] {
                let answer = try index.answer(Self.wide, live: state.live, capacity: state.capacity, among: few)
                #expect(answer.isExact && answer.certain.list == few.filter { 100..<4400 ~= $0 })
            }
        }
    }

    // MARK: - What is wanted

    /// A meter that counts how often it looks at its caller.
    private static func counting() -> (meter: WorkMeter, looks: () -> Int) {
        var looks = 0
        return (WorkMeter { () throws(StoreError) in looks += 1 }, { looks })
    }

    /// A megabyte: a meter looks once at its caller for it.
    private static let megabyte = String(repeating: "w ", count: WorkMeter.interval / 2)

    /// Taken apart for each point, the words would be a thousand looks.
    @Test func `what is looked for is read once, however many points are looked at`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            try await store.createPayloadIndex("indexed", .text(TextIndexParameters()), in: "c")
            let points = (0..<1000 as Range<UInt64>).map { number in
                Point(id: .number(number), vector: [1], payload: ["t": "w x", "indexed": "w", "o": [["t": "w"]]])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            let matches: [(MatchValue, Int)] = [
                (.text(Self.megabyte), 1000), (.textAny(Self.megabyte), 1000), (.phrase(Self.megabyte), 0),
                (.substring(Self.megabyte), 0),
            ]
            for (match, expected) in matches {
                for condition in [
                    .match(key: "t", match), .nested(key: "o", Filter(must: [.match(key: "t", match)])),
                    .filter(Filter(should: [.match(key: "t", match)])), .match(key: "indexed", match),
                ] as [Condition] {
                    let (count, looks) = try await store.read("c") { db, state in
                        let (meter, looks) = Self.counting()
                        let rows = try state.rows(passing: Filter(must: [condition]), db, path: store.path, meter)
                        return (rows.count, looks())
                    }
                    #expect(count == expected)
                    // One look before each condition is asked of indexes, and one or two for a megabyte that is read.
                    #expect((2...3).contains(looks), "\("\(condition)".prefix(60))")
                }
            }
            try store.close()
        }
    }

    @Test func `conditions of a formula are read once, however many points it ranks`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            let points = (0..<1000 as Range<UInt64>).map { number in
                Point(id: .number(number), vector: [1], payload: ["t": number % 2 == 0 ? "w" : "x"])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            let formula = Formula.sum([.constant(1), .condition(.match(key: "t", .text(Self.megabyte)))])
            let query = PointsQuery(
                .formula(formula, FormulaDefaults()), prefetch: [PointsQuery(nil, limit: 1000)], limit: 1000)
            let looks = Shared(0)
            let scores = try await store.read("c") { db, state in
                let evaluation = QueryEvaluation(
                    store: store, state: state, db: db, atCheckpoint: { looks.withLock { $0 += 1 } })
                return try evaluation.points(query).map(\.score)
            }
            #expect(scores == Array(repeating: 2, count: 500) + Array(repeating: 1, count: 500))
            // One for each of the two queries, and one for the megabyte that is read.
            #expect(looks.withLock { $0 } == 3)
            try store.close()
        }
    }

    /// A polygon of as many corners as there are between two looks, in a square of 20 by 20 degrees.
    private static let round: GeoArea = {
        let count = WorkMeter.interval / MemoryLayout<GeoPoint>.size
        let corners = (0..<count - 1).map { number in
            let angle = 2 * Double.pi * Double(number) / Double(count - 1)
            return GeoPoint(lon: 10 * cos(angle), lat: 10 * sin(angle))
        }
        return .polygon(exterior: corners + corners.prefix(1), interiors: [])
    }()

    @Test func `a polygon's corners are counted at every place between them, and at no other`() throws {
        // In a corner of the square, and beside it.
        let (near, far): (JSONValue, JSONValue) = (["lon": 9.9, "lat": 9.9], ["lon": 10.1, "lat": 9.9])
        let places = Array(repeating: near, count: 10) + Array(repeating: far, count: 50)
        let (meter, looks) = Self.counting()
        let condition = try ConditionTest(.geo(key: "at", Self.round), tokenizers: [:], meter)
        #expect(looks() == 1)
        #expect(try !condition.matches(FilterSubject(payload: ["at": .array(places)], work: meter)))
        #expect(looks() == 11)

        // As many under an index, one a row.
        var index = PayloadIndex("at", .geo)
        for (row, place) in places.enumerated() { index.insert(["at": place], row: UInt32(row)) }
        func answer(_ meter: WorkMeter) throws -> FilterAnswer {
            let live = RowBits(UInt32(0)..<UInt32(places.count), capacity: 0)
            return try index.answer(.geo(key: "at", Self.round), live: live, capacity: places.count, meter)
        }
        let (other, indexLooks) = Self.counting()
        #expect(try answer(other).isEmpty)
        #expect(indexLooks() == 11)
        #expect(throws: StoreError.cancelled) { try answer(WorkMeter { () throws(StoreError) in throw .cancelled }) }
    }

    @Test func `an index is not gone through for a caller who is gone`() throws {
        var (keywords, texts, numbers) = (
            PayloadIndex("f", .keyword), PayloadIndex("f", .text(TextIndexParameters())), PayloadIndex("f", .integer)
        )
        // At 64 bytes each 20,000 are more than a meter lets pass.
        let names = (0..<20_000).map { "w\($0)" }
        for (row, name) in names.enumerated() {
            keywords.insert(["f": .string(name)], row: UInt32(row))
            numbers.insert(["f": .integer(Int64(row))], row: UInt32(row))
        }
        texts.insert(["f": .string(names.joined(separator: " "))], row: 0)
        let all = names.joined(separator: " ")
        let keys = Set(names.map { JSONKey(stringLiteral: $0) })
        for (index, match, count) in [
            (keywords, .prefix("w1"), 11_111), (keywords, .any(keys), 20_000), (keywords, .except(keys), 0),
            (numbers, .any(Set((0..<20_000).map { JSONKey(integerLiteral: $0) })), 20_000),
            (texts, .text(all), 1), (texts, .textAny(all), 1), (texts, .phrase(all), 1),
        ] as [(PayloadIndex, MatchValue, Int)] {
            func answer(_ meter: WorkMeter?) throws -> FilterAnswer {
                let live = RowBits(UInt32(0)..<20_000, capacity: 0)
                return try index.answer(.match(key: "f", match), live: live, capacity: 20_000, meter)
            }
            #expect(try answer(nil).possible.count == count)
            #expect(throws: StoreError.cancelled) {
                try answer(WorkMeter { () throws(StoreError) in throw .cancelled })
            }
        }
    }

    @Test func `names in conditions are counted at every look`() throws {
        let name = String(repeating: "x", count: WorkMeter.interval)
        for condition in [
            .hasVector(name), .match(key: PayloadPath(stringLiteral: name), .value(1)),
            .isEmpty(key: PayloadPath(stringLiteral: name)), .isNull(key: PayloadPath(stringLiteral: "a[].\(name)")),
            .nested(key: PayloadPath(stringLiteral: name), Filter()),
        ] as [Condition] {
            let (meter, looks) = Self.counting()
            let test = try ConditionTest(condition, tokenizers: [:], meter)
            #expect(looks() == 0)
            for number in 1...3 {
                _ = try test.matches(FilterSubject(payload: ["a": 1], work: meter))
                #expect(looks() == number)
            }
        }
    }
}
