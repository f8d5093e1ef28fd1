// What is answered from memory alone, against a model of the store: a dictionary, a loop and a sort.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct AtOnceTests {
    private static let size = 8

    /// A point as it should be.
    private struct Expected {
        var vector: [Float]
        var payload: JSONObject
        var version: UInt64
    }

    /// What the store was told, and the store.
    private struct Model {
        let store: EmbeddedStore
        var points: [PointID: Expected] = [:]
        var generator: SplitMix64

        mutating func vector() -> [Float] { (0..<size).map { _ in Float.random(in: -1...1, using: &generator) } }

        /// Numbers and UUIDs, few enough to meet again.
        mutating func id() -> PointID {
            let number = UInt64.random(in: 0..<3000, using: &generator)
            if number % 7 > 0 { return .number(number) }
            return PointID("00000000-0000-0000-0000-\(String(100_000_000_000 + number))") ?? .number(number)
        }

        mutating func payload() -> JSONObject {
            var payload: JSONObject = [
                "tenth": .integer(Int64.random(in: 0..<10, using: &generator)),
                "n": .integer(Int64.random(in: -2000..<2000, using: &generator)),
                "word": .string("w\(Int.random(in: 0..<5, using: &generator))"),
            ]
            if Int.random(in: 0..<5, using: &generator) == 0 { payload.remove("tenth") }
            return payload
        }

        mutating func upsert(_ count: Int) async throws {
            let new = (0..<count).map { _ in Point(id: id(), vector: vector(), payload: payload()) }
            let result = try await store.update([.upsert(new)], in: "c")
            // Of an id given twice the last counts.
            for point in new {
                points[point.id] = Expected(
                    vector: point.vectors[""]?.dense ?? [], payload: point.payload, version: result.operationID)
            }
        }

        /// One operation of any kind on a few points.
        mutating func change() async throws {
            let ids = Set((0..<20).map { _ in id() }).filter { points[$0] != nil }.sorted()
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1: try await upsert(30)
            case 2:
                _ = try await store.update([.delete(.ids(ids))], in: "c")
                for id in ids { points[id] = nil }
            case 3:
                let change: JSONObject = ["tenth": 3, "n": .integer(Int64.random(in: 0..<9, using: &generator))]
                let result = try await store.update([.setPayload(change, .ids(ids))], in: "c")
                for id in ids {
                    for (key, value) in change { points[id]?.payload[key] = value }
                    points[id]?.version = result.operationID
                }
            case 4:
                let result = try await store.update([.clearPayload(.ids(ids))], in: "c")
                for id in ids {
                    points[id]?.payload = [:]
                    points[id]?.version = result.operationID
                }
            default:
                let new = ids.map { PointVectors(id: $0, vectors: ["": .dense(vector())]) }
                let result = try await store.update([.updateVectors(new)], in: "c")
                for point in new {
                    points[point.id]?.vector = point.vectors[""]?.dense ?? []
                    points[point.id]?.version = result.operationID
                }
            }
        }

        /// The ids, versions and scores that a query should find.
        func expected(_ query: [Float], _ filter: Filter?, _ count: Int) throws -> [ScoredPoint] {
            try points.compactMap { id, point in
                let subject = FilterSubject(id: id, payload: .object(point.payload))
                guard try filter?.matches(subject) ?? true else { return nil }
                let score = Distance.dot.score(query.span, point.vector.span)
                return ScoredPoint(id: id, version: point.version, score: score)
            }.sorted { $0.score > $1.score }.prefix(count).map { $0 }
        }
    }

    private static func filters(_ generator: inout SplitMix64) -> [Filter?] {
        let tenth = Int64.random(in: 0..<10, using: &generator)
        let low = Double.random(in: -2500..<2500, using: &generator)
        return [
            nil,
            Filter(must: [.match(key: "tenth", .value(.integer(tenth)))]),
            Filter(must: [.match(key: "word", .value("w\(tenth % 5)"))]),
            Filter(must: [.range(key: "n", Bounds(gte: low, lt: low + 1000))]),
            Filter(mustNot: [.match(key: "tenth", .any([.integer(tenth), .integer(1)]))]),
            Filter(
                must: [.range(key: "n", Bounds(gt: low))],
                should: [.isEmpty(key: "tenth"), .match(key: "word", .value("w1"))]),
        ]
    }

    private static func withModel(
        _ options: EmbeddedStore.Options = .init(), seed: UInt64, _ body: (inout Model, String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory, options: options)
            try await store.createCollection("c", CollectionConfiguration(size: size, distance: .dot))
            try await store.createPayloadIndex("tenth", .integer, in: "c")
            try await store.createPayloadIndex("n", .integer, in: "c")
            try await store.createPayloadIndex("word", .keyword, in: "c")
            var model = Model(store: store, generator: SplitMix64(seed: seed))
            try await body(&model, directory)
        }
    }

    // MARK: -

    @Test func `after every acknowledged update memory answers as a model of the store does`() async throws {
        try await Self.withModel(seed: 11) { model, _ in
            // More pairs than a chunk of sorted entries holds.
            try await model.upsert(2500)
            for _ in 0..<60 {
                try await model.change()
                let vector = model.vector()
                for filter in Self.filters(&model.generator) {
                    let query = PointsQuery(vector: vector, filter: filter, limit: 12, withPayload: .none)
                    let found = try #require(try model.store.queryAtOnce(query, in: "c"))
                    #expect(try found == model.expected(vector, filter, 12))
                    try await Self.checkPayloads(query, found, model)
                }
            }
        }
    }

    /// What was read once is told from memory, as it is now and not as it was.
    private static func checkPayloads(_ query: PointsQuery, _ found: [ScoredPoint], _ model: Model) async throws {
        var query = query
        query.withPayload = .all
        let told = found.map { point in
            var point = point
            point.payload = model.points[point.id]?.payload
            return point
        }
        // Before the first reading memory may not know all of them; what it tells is right.
        if let early = try model.store.queryAtOnce(query, in: "c") { #expect(early == told) }
        #expect(try await model.store.query(query, in: "c") == told)
        #expect(try model.store.queryAtOnce(query, in: "c") == told)
        query.withPayload = .include(["n"])
        #expect(
            try model.store.queryAtOnce(query, in: "c")?.map(\.payload)
                == told.map { PayloadSelection.include(["n"]).select(from: $0.payload ?? [:]) })
    }

    @Test func `the database and memory tell of the same points, also after opening again`() async throws {
        try await Self.withModel(seed: 12) { model, directory in
            try await model.upsert(600)
            for _ in 0..<30 { try await model.change() }
            try model.store.close()
            let store = try EmbeddedStore(directory: directory)
            var generator = SplitMix64(seed: 13)
            let vector = model.vector()
            for filter in Self.filters(&generator) {
                var query = PointsQuery(vector: vector, filter: filter, limit: 250, withPayload: .none)
                let found = try #require(try store.queryAtOnce(query, in: "c"))
                #expect(try found == model.expected(vector, filter, 250))
                query.withPayload = .all
                var read = try await store.query(query, in: "c")
                for index in read.indices { read[index].payload = nil }
                #expect(found == read)
            }
        }
    }

    @Test func `beside a graph that is being built what is told of points is true`() async throws {
        var options = EmbeddedStore.Options()
        options.indexingThreshold = 400 * Self.size * 4
        // Less than an eighth of what there is, so that it is the graph that is searched.
        options.ef = 48
        try await Self.withModel(options, seed: 14) { model, _ in
            for _ in 0..<40 {
                try await model.upsert(60)
                try await model.change()
                let vector = model.vector()
                for filter in Self.filters(&model.generator) {
                    let query = PointsQuery(vector: vector, filter: filter, limit: 10, withPayload: .none)
                    let found = try #require(try model.store.queryAtOnce(query, in: "c"))
                    // A graph may miss a point; it must not invent one, or tell of an older one.
                    for hit in found {
                        let point = try #require(model.points[hit.id])
                        #expect(hit.version == point.version)
                        #expect(abs(hit.score - Distance.dot.score(vector.span, point.vector.span)) < 1e-5)
                        let subject = FilterSubject(id: hit.id, payload: .object(point.payload))
                        #expect(try filter?.matches(subject) ?? true)
                    }
                    #expect(try found.count == model.expected(vector, filter, 10).count)
                }
            }
        }
    }

    @Test func `what takes long or needs the database is left to the readers`() async throws {
        try await Self.withModel(seed: 15) { model, _ in
            try await model.upsert(50)
            let vector = model.vector()
            let plain = PointsQuery(vector: vector, limit: 3, withPayload: .none)
            #expect(try model.store.queryAtOnce(plain, in: "c")?.count == 3)
            func isLeft(_ change: (inout PointsQuery) -> Void) throws -> Bool {
                var query = plain
                change(&query)
                return try model.store.queryAtOnce(query, in: "c") == nil
            }
            #expect(try isLeft { $0.withPayload = .all })
            #expect(try isLeft { $0.withVectors = .all })
            #expect(try isLeft { $0.isExact = true })
            #expect(try isLeft { $0.limit = 100_000 })
            #expect(try isLeft { $0.ef = 100_000 })
            #expect(try isLeft { $0.ranking = .random })
            #expect(try isLeft { $0.prefetch = [plain] })
            #expect(try isLeft { $0.filter = Filter(must: [.hasID([.number(1)])]) })
            #expect(try isLeft { $0.filter = Filter(must: [.match(key: "nowhere", .value(1))]) })
            let range = Condition.range(key: "n", Bounds(gt: 0))
            #expect(try !isLeft { $0.filter = Filter(must: Array(repeating: range, count: 8)) })
            // As many again on each of three levels.
            let nested = Condition.filter(Filter(must: Array(repeating: range, count: 8)))
            let twice = Condition.filter(Filter(must: Array(repeating: nested, count: 8)))
            #expect(try isLeft { $0.filter = Filter(must: [twice]) })
            #expect(throws: StoreError.collectionNotFound("d")) { try model.store.queryAtOnce(plain, in: "d") }
            #expect(throws: StoreError.wrongDimension(expected: Self.size, got: 1)) {
                try model.store.queryAtOnce(PointsQuery(vector: [1], withPayload: .none), in: "c")
            }
        }
    }
}
