// Everything at once: writers, searches, indexes that come and go, graphs behind, copies.

import Foundation
import TestSupport
import Testing
import VectorStore

@Suite struct StoreConcurrencyTests {
    private static let writers = 3
    private static let updates = 40
    private static let places = 150

    /// What a point's vector is follows from its number and how often it was written, which its payload tells.
    private static func point(_ number: Int, _ times: Int) -> Point {
        var generator = SplitMix64(seed: UInt64(number * 1000 + times))
        return Point(
            id: .number(UInt64(number)), vector: GraphFixture.vector(&generator),
            payload: [
                "number": .integer(Int64(number)), "times": .integer(Int64(times)),
                "tenth": .integer(Int64(number % 10)),
            ])
    }

    private static func expectTrue(_ id: PointID, _ payload: JSONObject?, _ vector: [Float]?) throws {
        let number = try #require(payload?["number"]?.integer)
        let times = try #require(payload?["times"]?.integer)
        #expect(id == .number(UInt64(number)))
        #expect(vector == point(Int(number), Int(times)).vectors[""]?.dense, "a point with another's vector")
    }

    /// - Returns: How often each point was written that is there in the end.
    private static func write(_ writer: Int, to store: EmbeddedStore) async throws -> [Int: Int] {
        var generator = SplitMix64(seed: UInt64(writer))
        var times: [Int: Int] = [:]
        for update in 1...updates {
            let numbers = Set((0..<30).map { _ in writer * 1000 + Int.random(in: 0..<places, using: &generator) })
            var operations: [PointOperation] = [.upsert(numbers.map { point($0, update) })]
            for number in numbers { times[number] = update }
            switch update % 4 {
            case 1:
                let gone = Array(times.keys.sorted().prefix(8))
                operations.append(.delete(.ids(gone.map { .number(UInt64($0)) })))
                for number in gone { times[number] = nil }
            case 2:
                let tenth = Int.random(in: 0..<10, using: &generator)
                let own = NumberRange(gte: Double(writer * 1000), lt: Double(writer * 1000 + 1000))
                let filter = Filter(must: [
                    .match(key: "tenth", .value(.integer(Int64(tenth)))), .range(key: "number", own),
                ])
                operations.append(.delete(.filter(filter)))
                times = times.filter { $0.key % 10 != tenth }
            case 3: operations.append(.setPayload(["seen": true], .filter(Filter())))
            default: break
            }
            _ = try await store.update(operations, in: "c")
        }
        return times
    }

    private static func search(_ store: EmbeddedStore, _ seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let tenth = Int64.random(in: 0..<10, using: &generator)
        let filters = [
            nil, Filter(must: [.match(key: "tenth", .value(.integer(tenth)))]),
            Filter(mustNot: [.range(key: "times", NumberRange(gte: 20))]),
        ]
        for filter in filters {
            for isExact in [false, true] {
                var query = PointsQuery(
                    vector: GraphFixture.vector(&generator), filter: filter, limit: 20, withVectors: .all)
                query.isExact = isExact
                let hits = try await store.query(query, in: "c")
                for hit in hits {
                    try expectTrue(hit.id, hit.payload, hit.vector)
                    if filter == filters[1] { #expect(hit.payload?["tenth"]?.integer == tenth) }
                    if filter == filters[2] { #expect(hit.payload?["times"]?.integer ?? 99 < 20) }
                }
                #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score <= $1.score }, "the nearest come first")
                query.withVectors = .none
                _ = try store.queryAtOnce(query, in: "c")
            }
        }
        let request = ScrollRequest(filter: filters[1], limit: 30, withVectors: .all)
        for record in try await store.scroll(request, in: "c").points {
            try expectTrue(record.id, record.payload, record.vector)
        }
        _ = try await store.count(filters[2], in: "c")
        _ = try await store.facet("tenth", filter: filters[2], limit: 10, in: "c")
    }

    @Test func `writers, searches, indexes, graphs and copies at once lose nothing and mix nothing`() async throws {
        try await GraphFixture.withStore(GraphFixture.options(from: 100, isQuick: true)) { store, directory in
            try await store.createPayloadIndex("tenth", .integer, in: "c")
            let isDone = Shared(0)
            let times = try await withThrowingTaskGroup(of: [Int: Int].self) { group in
                for writer in 0..<Self.writers {
                    group.addTask {
                        defer { isDone.withLock { $0 += 1 } }
                        return try await Self.write(writer, to: store)
                    }
                }
                for searcher in 0..<3 {
                    group.addTask {
                        var seed = UInt64(searcher) << 32
                        while isDone.withLock({ $0 }) < Self.writers {
                            try await Self.search(store, seed)
                            seed += 1
                        }
                        return [:]
                    }
                }
                group.addTask {
                    while isDone.withLock({ $0 }) < Self.writers {
                        try await store.createPayloadIndex("times", .integer, in: "c")
                        try await store.createPayloadIndex("number", .integer, in: "c")
                        _ = try await store.deletePayloadIndex("times", in: "c")
                        try await store.createPayloadIndex("times", .keyword, in: "c")
                        _ = try await store.deletePayloadIndex("number", in: "c")
                    }
                    return [:]
                }
                group.addTask {
                    for number in 0..<4 {
                        _ = try await store.snapshot(of: "c", to: directory + "/\(number).snapshot")
                        try await store.backup(to: directory + "/\(number).sqlite")
                    }
                    return [:]
                }
                var times: [Int: Int] = [:]
                // No number is two writers'.
                for try await part in group { times.merge(part) { first, _ in first } }
                return times
            }
            let records = try await store.scroll(ScrollRequest(limit: 9999, withVectors: .all), in: "c").points
            #expect(Set(records.map(\.id)) == Set(times.keys.map { .number(UInt64($0)) }))
            for record in records {
                try Self.expectTrue(record.id, record.payload, record.vector)
                let number = try #require(record.payload?["number"]?.integer)
                #expect(record.payload?["times"]?.integer == times[Int(number)].map { Int64($0) })
            }
            try await store.restore("again", from: directory + "/3.snapshot")
            for record in try await store.scroll(ScrollRequest(limit: 9999, withVectors: .all), in: "again").points {
                try Self.expectTrue(record.id, record.payload, record.vector)
            }
            try store.close()
        }
    }
}
