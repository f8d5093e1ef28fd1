// Readers beside a writer: each sees one committed state, through filters and indexes too.

import Foundation
import Synchronization
import Testing

@testable import VectorStore

@Suite struct IsolationTests {
    private static func point(_ number: UInt64, _ title: String) -> Point {
        Point(id: .number(number), vector: [Float(number + 1)], payload: ["title": .string(title)])
    }

    private static func withStore(_ body: (EmbeddedStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            try await body(store)
        }
    }

    @Test func `a title that moves between points is always at exactly one of them`() async throws {
        try await Self.withStore { store in
            try await store.createPayloadIndex("title", .keyword, in: "c")
            _ = try await store.update([.upsert([Self.point(0, "it"), Self.point(1, "other")])], in: "c")
            let filter = Filter(must: [.match(key: "title", .value("it"))])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 1...400 {
                        let (to, from) = round % 2 == 0 ? (0, 1) : (1, 0) as (UInt64, UInt64)
                        let moved = [Self.point(to, "it"), Self.point(from, "other")]
                        _ = try await store.update([.upsert(moved)], in: "c")
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<600 {
                            let query = PointsQuery(vector: [1], filter: filter)
                            let hits = try await store.query(query, in: "c")
                            #expect(hits.count == 1)
                            let count = try await store.count(filter, in: "c")
                            #expect(count == 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `making an index changes no answer while it is made`() async throws {
        try await Self.withStore { store in
            _ = try await store.update([.upsert((0..<50).map { Self.point($0, "it") })], in: "c")
            let filter = Filter(must: [.match(key: "title", .value("it"))])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // An index of another type takes the place of the one there.
                    for _ in 0..<60 {
                        try await store.createPayloadIndex("title", .integer, in: "c")
                        try await store.createPayloadIndex("title", .keyword, in: "c")
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<300 {
                            let count = try await store.count(filter, in: "c")
                            #expect(count == 50)
                            let query = PointsQuery(vector: [1], filter: filter, limit: 99)
                            let hits = try await store.query(query, in: "c")
                            #expect(hits.count == 50)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Between the reader's look at the database and its look at the other collection, a name of vectors goes there.
    @Test func `examples of another collection are of the commit that the rest is of`() async throws {
        try await Self.withStore { store in
            let names = ["", "kept"].map { ($0, CollectionConfiguration.VectorParameters(size: 1, distance: .dot)) }
            let configuration = CollectionConfiguration(vectors: Dictionary(uniqueKeysWithValues: names))
            try await store.createCollection("other", configuration)
            let example = Point(id: .number(1), vectors: ["": .dense([5]), "kept": .dense([9])])
            _ = try await store.update([.upsert([example])], in: "other")
            _ = try await store.update([.upsert([Self.point(1, "it")])], in: "c")
            var query = PointsQuery(.nearest(.id(.number(1))))
            query.lookup = .init(collection: "other", vector: "kept")
            let wanted = query
            let runs = Mutex(0)
            let found = try await store.read("c") { db, state in
                let isFirst = runs.withLock { runs in
                    runs += 1
                    return runs == 1
                }
                if isFirst {
                    let done = DispatchSemaphore(value: 0)
                    Task.detached {
                        defer { done.signal() }
                        try await store.deleteVector("", in: "other")
                    }
                    done.wait()
                }
                return try QueryEvaluation(store: store, state: state, db: db).points(wanted)
            }
            // 2 times 9.
            #expect(found.map(\.score) == [18])
            #expect(runs.withLock { $0 } == 2)
        }
    }

    @Test func `an update that fails half-way leaves no trace`() async throws {
        try await Self.withStore { store in
            try await store.createPayloadIndex("title", .keyword, in: "c")
            _ = try await store.update([.upsert([Self.point(0, "kept")])], in: "c")
            let bad = Point(id: .number(2), vector: [.infinity])
            await #expect(throws: StoreError.self) {
                try await store.update(
                    [.delete(.ids([.number(0)])), .upsert([Self.point(1, "lost")]), .upsert([bad])], in: "c")
            }
            #expect(try await store.query(PointsQuery(vector: [1]), in: "c").map(\.id) == [.number(0)])
            #expect(try await store.facet("title", filter: nil, limit: 9, in: "c").map(\.value) == ["kept"])
            let next = try await store.update([.upsert([Self.point(3, "next")])], in: "c")
            let version = try await store.query(PointsQuery(vector: [1], limit: 1), in: "c").first?.version
            #expect(version == next.operationID)
        }
    }
}
