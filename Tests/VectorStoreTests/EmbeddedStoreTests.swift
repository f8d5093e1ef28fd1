// The embedded store against a model of it: a dictionary, a loop and a sort.

import Foundation
import HNSW
import TestSupport
import Testing
import VectorStore

@Suite struct EmbeddedStoreTests {
    private static let configuration = CollectionConfiguration(size: 4, distance: .cosine)

    private static func point(_ number: UInt64, _ vector: [Float] = [1, 0, 0, 0], _ payload: JSONObject = [:]) -> Point
    {
        Point(id: .number(number), vector: vector, payload: payload)
    }

    /// A store of a fresh directory with the collection `c` of four-dimensional vectors.
    private static func withStore(
        _ distance: Distance = .cosine, _ body: (EmbeddedStore, String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 4, distance: distance))
            try await body(store, directory)
        }
    }

    // MARK: Collections

    @Test func `collections are made once, listed, described and deleted with their points`() async throws {
        try await Self.withStore { store, _ in
            await #expect(throws: StoreError.collectionExists("c")) {
                try await store.createCollection("c", Self.configuration)
            }
            _ = try await store.update([.upsert([Self.point(1), Self.point(2)])], in: "c")
            try await store.createCollection("a", CollectionConfiguration(size: 2, distance: .euclid))
            #expect(try await store.collections() == ["a", "c"])
            #expect(try await store.collection("c").pointsCount == 2)
            #expect(try await store.deleteCollection("c"))
            #expect(try await !store.deleteCollection("c"))
            await #expect(throws: StoreError.collectionNotFound("c")) { try await store.count(nil, in: "c") }
            try await store.createCollection("c", Self.configuration)
            #expect(try await store.count(nil, in: "c") == 0)
        }
    }

    // MARK: Refusals

    @Test func `one invalid point refuses the whole batch`() async throws {
        try await Self.withStore { store, _ in
            await #expect(throws: StoreError.wrongDimension(expected: 4, got: 3)) {
                try await store.update([.upsert([Self.point(1), Self.point(2, [1, 0, 0])])], in: "c")
            }
            await #expect(throws: StoreError.self) {
                try await store.update([.upsert([Self.point(1)]), .upsert([Self.point(2, [.nan, 0, 0, 0])])], in: "c")
            }
            let count = try await store.count(nil, in: "c")
            #expect(count == 0)
            #expect(try await store.query(PointsQuery(vector: [1, 0, 0, 0]), in: "c").isEmpty)
        }
    }

    @Test func `messages are Qdrant's where clients match on them`() {
        #expect("\(StoreError.collectionNotFound("x"))" == "Not found: Collection `x` doesn't exist!")
        #expect("\(StoreError.collectionExists("x"))" == "Wrong input: Collection `x` already exists!")
        let message = "\(StoreError.wrongDimension(expected: 4, got: 3))"
        #expect(message.hasSuffix("Vector dimension error: expected dim: 4, got 3"))
    }

    // MARK: Points

    @Test func `ids are read in any spelling and ordered numbers first`() {
        let spellings = [
            "550E8400-E29B-41D4-A716-446655440000", "550e8400e29b41d4a716446655440000",
            "urn:uuid:550e8400-e29b-41d4-a716-446655440000", "{550e8400-e29b-41d4-a716-446655440000}",
        ]
        for spelling in spellings {
            #expect(PointID(spelling).map { "\($0)" } == "550e8400-e29b-41d4-a716-446655440000")
        }
        #expect(PointID("18446744073709551615") == .number(.max))
        for nonsense in ["", "-1", "x", "550e8400", "18446744073709551616"] { #expect(PointID(nonsense) == nil) }
        // As many bytes as a UUID has digits, in fewer characters.
        for letter in ["é", "日", "🙂", "e\u{301}"] {
            let text = String(repeating: letter, count: 32 / letter.utf8.count)
            let long = text + String(repeating: "0", count: 32 - text.utf8.count)
            #expect(long.utf8.count == 32 && PointID(long) == nil)
        }
        let ordered: [PointID] = [.number(2), .number(10), .number(.max)] + [PointID(spellings[0])].compactMap { $0 }
        #expect(ordered.shuffled().sorted() == ordered)
    }

    /// A payload or a setting with one level more than the parser reads would have made the database unreadable.
    @Test func `what could not be read again is not stored`() async throws {
        func nested(_ levels: Int) -> JSONValue { (0..<levels).reduce(1) { value, _ in ["a": value] } }
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 4, distance: .dot))
            let most = 128
            let deepest = try #require(nested(most).object)
            let deeper = try #require(nested(most + 1).object)
            _ = try await store.update([.upsert([Self.point(1, [1, 0, 0, 0], deepest)])], in: "c")
            let key = { (steps: Int) in try PayloadPath(Array(repeating: "a", count: steps).joined(separator: ".")) }
            let one = PointSelector.ids([.number(1)])
            for operation: PointOperation in [
                .upsert([Self.point(2, [1, 0, 0, 0], deeper)]), .overwritePayload(deeper, one),
                .setPayload(deeper, one),
                .setPayload(["b": 1], one, key: try key(most)), .setPayload(deepest, one, key: try key(1)),
                .setPayload([:], one, key: try key(5000)),
            ] {
                await #expect(throws: StoreError.badRequest("a payload must not be nested deeper than 128 levels")) {
                    try await store.update([operation], in: "c")
                }
            }
            _ = try await store.update([.setPayload(["b": 1], one, key: try key(most - 1))], in: "c")
            var configuration = CollectionConfiguration(size: 4, distance: .dot)
            let deep = nested(most)
            configuration.metadata["deep"] = deep
            let tooDeep = configuration
            await #expect(throws: StoreError.badRequest("a collection's settings are nested too deep")) {
                try await store.createCollection("d", tooDeep)
            }
            await #expect(throws: StoreError.badRequest("a collection's settings are nested too deep")) {
                try await store.updateConfiguration(of: "c") { $0.metadata["deep"] = deep }
            }
            try store.close()
            let reopened = try EmbeddedStore(directory: directory)
            let filter = Filter(must: [.isEmpty(key: "x")])
            #expect(try await reopened.count(filter, in: "c") == 1)
            #expect(try await reopened.collections() == ["c"])
            try reopened.close()
        }
    }

    @Test func `cosine vectors are normalised, zero stays zero, payload numbers keep their kind`() async throws {
        try await Self.withStore { store, _ in
            let payload: JSONObject = ["whole": 10, "half": 10.0, "nested": ["a": [1, nil, "x"]]]
            _ = try await store.update(
                [.upsert([Self.point(1, [3, 0, 4, 0], payload), Self.point(2, [0, 0, 0, 0])])], in: "c")
            let records = try await store.retrieve(
                [.number(2), .number(9), .number(1)], withPayload: .all, withVectors: .all, in: "c"
            )
            #expect(records.map(\.id) == [.number(2), .number(1)])
            #expect(records[0].vector == [0, 0, 0, 0])
            #expect(records[1].vector == [0.6, 0, 0.8, 0])
            #expect(records[1].payload == payload)
            #expect(records[1].payload?.description == #"{"whole":10,"half":10.0,"nested":{"a":[1,null,"x"]}}"#)
        }
    }

    @Test func `a query has offset, threshold and selectors, and a limit of a billion is no memory`() async throws {
        try await Self.withStore(.dot) { store, _ in
            let points = (1...9).map { Self.point($0, [Float($0), 0, 0, 0], ["n": .integer(Int64($0))]) }
            _ = try await store.update([.upsert(points)], in: "c")
            var query = PointsQuery(vector: [1, 0, 0, 0], limit: 1_000_000_000, offset: 2, scoreThreshold: 3)
            #expect(try await store.query(query, in: "c").map(\.id) == [7, 6, 5, 4].map(PointID.number))
            query.limit = .max
            query.withPayload = .none
            query.withVectors = .all
            let hits = try await store.query(query, in: "c")
            #expect(hits.first?.payload == nil && hits.first?.vector == [7, 0, 0, 0] && hits.first?.score == 7)
        }
    }

    @Test func `a transaction's operations follow each other: delete by filter, then insert`() async throws {
        try await Self.withStore { store, _ in
            try await store.createPayloadIndex("title", .keyword, in: "c")
            _ = try await store.update(
                [.upsert((1...5).map { Self.point($0, [1, 0, 0, 0], ["title": "old"]) })], in: "c")
            let old = Filter(must: [.match(key: "title", .value("old"))])
            let new = Self.point(3, [0, 1, 0, 0], ["title": "new"])
            _ = try await store.update([.delete(.filter(old)), .upsert([new])], in: "c")
            #expect(try await store.scroll(ScrollRequest(limit: 9), in: "c").points.map(\.id) == [.number(3)])
            #expect(try await store.count(old, in: "c") == 0)
            #expect(try await store.query(PointsQuery(vector: [1, 0, 0, 0]), in: "c").map(\.score) == [0])
        }
    }

    // MARK: Files

    @Test func `a second store is refused, and the directory is free again after the first`() async throws {
        try await withTemporaryDirectory { directory in
            let first = try EmbeddedStore(directory: directory)
            #expect(throws: StoreError.locked(directory: directory, holder: getpid())) {
                try EmbeddedStore(directory: directory)
            }
            try first.close()
            _ = consume first
            _ = try EmbeddedStore(directory: directory)
        }
    }

    @Test func `a file that is no database is refused and left as it is`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/points.sqlite"
            let content = Data(repeating: 0x41, count: 8192)
            try content.write(to: URL(filePath: path))
            #expect {
                try EmbeddedStore(directory: directory)
            } throws: { error in
                if case .damaged = error as? StoreError { true } else { false }
            }
            let after = try Data(contentsOf: URL(filePath: path))
            #expect(after == content)
        }
    }

    @Test func `a directory that cannot be made is named`() {
        #expect {
            try EmbeddedStore(directory: "/dev/null/data")
        } throws: { error in
            if case .unusable(let path, _) = error as? StoreError { path == "/dev/null/data" } else { false }
        }
    }

    // MARK: Against a model

    /// What a store should hold, by the plainest means.
    private struct Model {
        var points: [PointID: Point] = [:]

        mutating func apply(_ operation: PointOperation) {
            switch operation {
            case .upsert(let new, _, _): for point in new { points[point.id] = point }
            case .delete(.ids(let ids)): for id in ids { points[id] = nil }
            case .delete(.filter(let filter)): for point in matching(filter) { points[point.id] = nil }
            default: preconditionFailure("not generated here")
            }
        }

        func matching(_ filter: Filter?) -> [Point] {
            points.values.filter { point in filter.map { passes($0, point) } ?? true }.sorted { $0.id < $1.id }
        }

        private func passes(_ filter: Filter, _ point: Point) -> Bool {
            filter.must.allSatisfy { holds($0, point) }
                && (filter.should.isEmpty || filter.should.contains { holds($0, point) })
                && !filter.mustNot.contains { holds($0, point) }
        }

        private func holds(_ condition: Condition, _ point: Point) -> Bool {
            switch condition {
            case .match(let key, .value(let value)): point.payload["\(key)"] == value
            case .match(let key, .any(let values)): values.contains { point.payload["\(key)"] == $0.value }
            case .range(let key, let range): (point.payload["\(key)"]?.number).map { $0 >= (range.gte ?? 0) } ?? false
            case .hasID(let ids): ids.contains(point.id)
            default: preconditionFailure("not generated here")
            }
        }

        func nearest(_ vector: [Float], _ filter: Filter?, limit: Int) -> [Double] {
            matching(filter).map { point in
                zip(vector, point.vectors[""]?.dense ?? []).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            }
            .sorted(by: >).prefix(limit).map { $0 }
        }
    }

    @Test func `a random life of updates, queries and reopenings is the model's`() async throws {
        try await withTemporaryDirectory { directory in
            var generator = SplitMix64(seed: 42)
            var store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 4, distance: .dot))
            try await store.createPayloadIndex("kind", .keyword, in: "c")
            try await store.createPayloadIndex("n", .integer, in: "c")
            var model = Model()

            func randomID() -> PointID {
                let number = UInt64.random(in: 0..<300, using: &generator)
                return number % 3 == 0
                    ? PointID("00000000-0000-4000-8000-\(String(number + 100_000_000_000))") ?? .number(0)
                    : .number(number)
            }
            func randomPoint() -> Point {
                Point(
                    id: randomID(), vector: (0..<4).map { _ in Float(Int.random(in: -9...9, using: &generator)) },
                    payload: [
                        "kind": .string(["a", "b", "c"].randomElement(using: &generator) ?? ""),
                        "n": .integer(Int64.random(in: 0..<9, using: &generator)),
                        "free": .integer(Int64.random(in: 0..<4, using: &generator)),
                    ]
                )
            }
            func randomFilter() -> Filter {
                let conditions: [Condition] = [
                    .match(key: "kind", .value(.string(["a", "b", "z"].randomElement(using: &generator) ?? ""))),
                    .match(key: "n", .any([1, 2, .integer(Int64.random(in: 0..<9, using: &generator))])),
                    .match(key: "free", .value(.integer(Int64.random(in: 0..<4, using: &generator)))),
                    .range(key: "n", NumberRange(gte: 4)), .hasID([randomID(), randomID()]),
                ]
                func some() -> [Condition] { conditions.filter { _ in Int.random(in: 0..<4, using: &generator) == 0 } }
                return Filter(must: some(), should: some(), mustNot: some())
            }

            for round in 0..<250 {
                var operations: [PointOperation] = []
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    switch Int.random(in: 0..<5, using: &generator) {
                    case 0: operations.append(.delete(.ids((0..<5).map { _ in randomID() })))
                    case 1 where round % 5 == 0: operations.append(.delete(.filter(randomFilter())))
                    default: operations.append(.upsert((0..<12).map { _ in randomPoint() }))
                    }
                }
                _ = try await store.update(operations, in: "c")
                operations.forEach { model.apply($0) }
                if round % 40 == 39 {
                    try store.close()
                    store = try await reopened(consume store, directory)
                }

                let filter = round % 4 == 0 ? nil : randomFilter()
                let expected = model.matching(filter)
                #expect(try await store.count(filter, in: "c") == expected.count)
                var records: [Record] = []
                var offset: PointID?
                repeat {
                    let page = try await store.scroll(ScrollRequest(filter: filter, offset: offset, limit: 50), in: "c")
                    records += page.points
                    offset = page.nextPageOffset
                } while offset != nil
                #expect(records.map(\.id) == expected.map(\.id))
                #expect(records.map(\.payload) == expected.map(\.payload))
                let query = (0..<4).map { _ in Float(Int.random(in: -9...9, using: &generator)) }
                let hits = try await store.query(PointsQuery(vector: query, filter: filter, limit: 20), in: "c")
                #expect(hits.map { Double($0.score) } == model.nearest(query, filter, limit: 20))
                let facet = try await store.facet("kind", filter: filter, limit: 9, in: "c")
                #expect(facet.reduce(0) { $0 + $1.count } == expected.count)
            }
        }
    }

    /// Opens the directory once the store that had it is gone.
    private func reopened(_ store: consuming EmbeddedStore, _ directory: String) async throws -> EmbeddedStore {
        _ = consume store
        return try EmbeddedStore(directory: directory)
    }

    @Test func `readers beside a writer see whole batches only`() async throws {
        try await Self.withStore(.dot) { store, _ in
            // Each batch moves all ten points to one height: whoever sees two heights at once saw half a batch.
            func batch(_ height: Float) -> PointOperation {
                .upsert((0..<10).map { Self.point($0, [height, 0, 0, 0], ["height": .integer(Int64(height))]) })
            }
            _ = try await store.update([batch(1)], in: "c")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for height in 2..<200 { _ = try await store.update([batch(Float(height))], in: "c") } }
                for _ in 0..<3 {
                    group.addTask {
                        for _ in 0..<200 {
                            let hits = try await store.query(PointsQuery(vector: [1, 0, 0, 0], limit: 20), in: "c")
                            #expect(hits.count == 10)
                            #expect(Set(hits.map(\.score)).count == 1)
                            #expect(hits.allSatisfy { $0.payload?["height"]?.number == Double($0.score) })
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
