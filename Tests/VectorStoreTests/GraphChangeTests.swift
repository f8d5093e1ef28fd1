// Graphs that are to be built otherwise than the one there is, or not at all.

import Foundation
import GRDB
import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct GraphChangeTests {
    private typealias Fixture = GraphFixture

    /// A store with a graph of 200 points, and its file.
    private static func withGraph(
        _ body: (EmbeddedStore, _ points: [Point], _ file: URL) async throws -> Void
    ) async throws {
        try await Fixture.withStore(Fixture.options(from: 100, isQuick: true)) { store, directory in
            var generator = SplitMix64(seed: 41)
            let points = Fixture.points(0..<200, &generator)
            _ = try await store.update([.upsert(points)], in: "c")
            try await Fixture.untilIndexed(store)
            try await body(store, points, try await Fixture.untilSaved(directory))
        }
    }

    private static func job(_ store: EmbeddedStore) -> GraphBuilder.Job {
        GraphBuilder.Job(
            collection: "c", key: 1, vector: "", file: GraphFile(1, "", in: store.directory), threshold: 0)
    }

    @Test func `a graph is built otherwise when the configuration changes, and the old one answers meanwhile`()
        async throws
    {
        try await Fixture.withStore(Fixture.options(from: 100, isQuick: true)) { store, directory in
            var generator = SplitMix64(seed: 29)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            let old = try #require(try Fixture.field(store).graph)
            let least = Mutex(200)
            try #require(store.graphBuilder).hooks.withLock { hooks in
                hooks.insertion = { [weak store] _ in
                    let indexed = (try? store?.collectionState("c").dense[""]?.indexed.count) ?? 0
                    least.withLock { $0 = min($0, indexed) }
                }
            }
            try await store.updateConfiguration(of: "c") { $0.graph.M = 12 }
            try await Fixture.until("the graph stayed as it was") {
                try Fixture.field(store).graph?.configuration.M == 12
            }
            #expect(least.withLock { $0 } == 200, "points were without a graph")
            #expect(old.configuration.M == 8)
            let graph = try #require(try Fixture.field(store).graph)
            #expect(graph.count == 200)
            // And goes on from there, the file included.
            _ = try await store.update([.upsert(Fixture.points(100..<300, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            try await Fixture.until("the file is the old graph's") {
                (try? HNSWIndex.restore(from: GraphFile(1, "", in: directory).path))?.index.configuration.M == 12
            }
        }
    }

    /// As it is when the store is closed while another graph is being made.
    @Test func `a graph that is built otherwise than is wanted answers from the start, until there is another`()
        async throws
    {
        try await Self.withGraph { store, points, file in
            try store.close()
            var options = Fixture.withoutNewGraphs
            options.M = 12
            let wanted = HNSWConfiguration(dimension: Fixture.size, distance: .euclid, M: 12)
            #expect(try GraphFile(1, "", in: store.directory).open(wanted)?.graph.configuration.M == 8)
            let again = try EmbeddedStore(directory: store.directory, options: options)
            // Whichever graph it is by now: one has all points.
            #expect(try Fixture.field(again).indexed.count == 200)
            try await Fixture.until("the graph stayed as it was") {
                try Fixture.field(again).graph?.configuration.M == 12
            }
            try await Fixture.expectFound(points, in: again)
            try again.close()
            let other = HNSWConfiguration(dimension: Fixture.size, distance: .cosine, M: 8)
            #expect(try GraphFile(1, "", in: store.directory).open(other) == nil)
        }
    }

    @Test func `with m 0 the graph goes at once, and with another comes again`() async throws {
        try await Self.withGraph { store, points, file in
            var generator = SplitMix64(seed: 42)
            try await store.updateConfiguration(of: "c") { $0.graph.M = 0 }
            try await Fixture.until("the graph stayed") { try Fixture.field(store).graph == nil }
            let field = try Fixture.field(store)
            #expect(field.indexed.count == 0)
            #expect(field.held.count == 0)
            #expect(!FileManager.default.fileExists(atPath: file.path))
            try await Fixture.expectFound(points, in: store)
            // Rows that the graph had are used again.
            let moved = Fixture.points(0..<200, &generator)
            _ = try await store.update([.upsert(moved)], in: "c")
            _ = try await store.update([.upsert(points)], in: "c")
            #expect(try store.collectionState("c").capacity < 300)
            try await store.updateConfiguration(of: "c") { $0.graph.M = 6 }
            try await Fixture.until("there was no graph") { try Fixture.field(store).graph?.configuration.M == 6 }
            try await Fixture.untilIndexed(store)
            try await Fixture.expectFound(points, in: store)
        }
    }

    /// What the writer reads is what updates wait for.
    @Test func `a graph that goes has its vectors read beside the writer`() async throws {
        try await Self.withGraph { store, points, _ in
            let statements = Mutex(0)
            let vectors = Mutex(0)
            try await store.pool.writeWithoutTransaction { db in
                db.trace { event in
                    statements.withLock { $0 += 1 }
                    if "\(event)".contains("vectors FROM points") { vectors.withLock { $0 += 1 } }
                }
            }
            try await store.updateConfiguration(of: "c") { $0.graph.M = 0 }
            try await Fixture.until("the graph stayed") { try Fixture.field(store).graph == nil }
            #expect(statements.withLock { $0 } > 0)
            #expect(vectors.withLock { $0 } == 0)
            try await Fixture.expectFound(points, in: store)
        }
    }

    @Test func `a file of a graph that is not wanted is taken away when the store is opened`() async throws {
        try await Self.withGraph { store, points, file in
            try store.close()
            var options = Fixture.withoutNewGraphs
            options.M = 0
            let again = try EmbeddedStore(directory: store.directory, options: options)
            #expect(try Fixture.field(again).graph == nil)
            #expect(!FileManager.default.fileExists(atPath: file.path))
            try await Fixture.expectFound(points, in: again)
        }
    }

    /// Between a commit and its being published, points are gone that the state still has.
    @Test func `rows that a later commit has taken are not missed`() async throws {
        try await Self.withGraph { store, _, _ in
            let builder = try #require(store.graphBuilder)
            builder.stop()
            let graph = try #require(try Fixture.field(store).graph)
            let wanted = HNSWConfiguration(dimension: Fixture.size, distance: .euclid, M: 12)
            try await store.pool.write { db in
                try db.execute(sql: "UPDATE collections SET operation = operation + 1")
                try db.execute(sql: "DELETE FROM points")
            }
            #expect(try !builder.replace(Self.job(store), wanted, graph, store))
            #expect(try !builder.discard(Self.job(store), graph, store))
            // Nor is a name that the state does not know yet taken for damage.
            try await store.pool.write { db in
                let vectors = VectorsCoding.encode(["new": .dense([1])])
                for row in 0..<200 {
                    try db.execute(
                        sql: """
                            INSERT INTO points (point, collection, id, version, payload, vectors)
                            VALUES (?, 1, ?, 0, '{}', ?)
                            """,
                        arguments: [1 << 32 | row, PointID.number(UInt64(row)).key, vectors])
                }
            }
            #expect(try !builder.replace(Self.job(store), wanted, graph, store))
            try await store.pool.write { try $0.execute(sql: "DELETE FROM points") }
            // And are, where the database is of the state's commit.
            try await store.pool.write { try $0.execute(sql: "UPDATE collections SET operation = operation - 1") }
            #expect(throws: StoreError.self) { try builder.replace(Self.job(store), wanted, graph, store) }
            #expect(throws: StoreError.self) { try builder.discard(Self.job(store), graph, store) }
        }
    }
}
