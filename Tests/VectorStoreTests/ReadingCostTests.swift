// What listing and counting cost: no more is kept or sorted than is told, and no point is asked of the database to be left out.

import GRDB
import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct ReadingCostTests {
    /// The oracle sorts everything, stably.
    @Test func `the first of many are those of all sorted, by fewer comparisons`() {
        var generator = SplitMix64(seed: 71)
        for total in [0, 1, 10, 1000, 5000] {
            // Numbers that repeat, with the place where each was offered.
            let all = (0..<total).map { (number: Int.random(in: 0..<max(1, total / 2), using: &generator), place: $0) }
            let sorted = all.sorted { $0.number < $1.number }
            for count in [0, 1, 2, 7, 100, 6000] {
                var comparisons = 0
                var leading = Leading<(number: Int, place: Int)>(count) {
                    comparisons += 1
                    return $0.number < $1.number
                }
                for element in all { leading.offer(element) }
                let first = leading.sorted()
                #expect(first.map(\.number) == sorted.prefix(count).map(\.number))
                #expect(first.map(\.place) == sorted.prefix(count).map(\.place))
                // One each, and what is sorted now and then: far less than the 12 each of all sorted.
                if count <= 7, total == 5000 { #expect(comparisons < 2 * total) }
            }
        }
    }

    // MARK: Scrolling

    /// As many matches as a page that is walked for in the index has, fewer, more, and those that come last.
    @Test func `a page costs a statement at most, whatever matches`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(vectors: [:]))
            var generator = SplitMix64(seed: 72)
            let numbers = (0..<4000).shuffled(using: &generator)
            let ids = try numbers.map { number -> PointID in
                if number % 3 > 0 { return .number(UInt64(number)) }
                let last = String(100_000_000_000 + number * 7919 % 4000)
                return try #require(PointID("F0000000-0000-0000-0000-\(last)"))
            }
            _ = try await store.update([.upsert(ids.map { Point(id: $0, vectors: [:]) })], in: "c")
            let sets: [@Sendable (PointID, Int) -> Bool] = [
                { _, _ in true }, { _, place in place % 2 == 0 }, { _, place in place % 50 == 0 }, { _, _ in false },
                { id, _ in if case .uuid = id { true } else { false } },
            ]
            for isWanted in sets {
                let wanted = ids.enumerated().filter { isWanted($0.element, $0.offset) }.map(\.element)
                // The oracle sorts by the bytes that SQLite sorts by.
                let sorted = wanted.sorted { $0.key.lexicographicallyPrecedes($1.key) }
                for (first, count) in [(nil, 10), (sorted.dropFirst(100).first, 3), (nil, 5000)] as [(PointID?, Int)] {
                    let statements = Mutex(0)
                    let found = try await store.read("c") { db, state in
                        // Rows were given in the order of the points.
                        let rows = RowBits(
                            ids.indices.filter { isWanted(ids[$0], $0) }.map(UInt32.init), capacity: state.capacity)
                        db.trace { _ in statements.withLock { $0 += 1 } }
                        defer { db.trace(options: []) }
                        return try store.pointsByID(from: first, among: rows, count: count, state, db)
                    }
                    let expected = sorted.drop { id in first.map { id < $0 } ?? false }.prefix(count + 1)
                    #expect(found.map(\.0) == Array(expected))
                    #expect(statements.withLock { $0 } <= 1)
                }
            }
        }
    }

    // MARK: Facets

    private static var patient: WorkMeter { WorkMeter { () throws(StoreError) in } }

    /// Qdrant Edge 0.9.0 tells these values, one point each, in this order.
    @Test func `values that as many points have are in the order of their bytes`() throws {
        let values = ["New", "New York", "New!", "New\"s", "a", "a\nb", "aZ", "a\\b", "~", "é", "中"]
        let hits = values.shuffled().map { (value: JSONValue.string($0), count: 1) }
        let all = try EmbeddedStore.mostFrequent(hits, 20, Self.patient)
        #expect(all.map(\.value) == values.map { .string($0) })
        #expect(try EmbeddedStore.mostFrequent(hits, 3, Self.patient) == Array(all.prefix(3)))
        #expect(try EmbeddedStore.mostFrequent(hits, -1, Self.patient) == [])
        let numbers = [(10, 1), (9, 1), (-3, 1), (7, 2)].map { (value: JSONValue.integer($0.0), count: $0.1) }
        #expect(try EmbeddedStore.mostFrequent(numbers, .max, Self.patient).map(\.value) == [7, -3, 9, 10])
        let flags = [true, false].map { (value: JSONValue.bool($0), count: 1) }
        #expect(try EmbeddedStore.mostFrequent(flags, .max, Self.patient).map(\.value) == [false, true])
    }

    @Test func `a facet of very many values ends with its caller`() {
        let hits = (0..<50_000).map { (value: JSONValue.integer($0), count: 1) }
        let meter = WorkMeter { () throws(StoreError) in throw .cancelled }
        #expect(throws: StoreError.cancelled) { try EmbeddedStore.mostFrequent(hits, 10, meter) }
        #expect(throws: Never.self) { try EmbeddedStore.mostFrequent(Array(hits.prefix(100)), 10, meter) }
    }
}
