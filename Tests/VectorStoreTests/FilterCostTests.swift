// What filters cost: how many conditions there may be, and that the work ends with its caller.

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
}
