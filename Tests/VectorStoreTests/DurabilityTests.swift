// What acknowledged means, who may open a directory, and what happens to files that are not what they should be.

import Foundation
import GRDB
import TestSupport
import Testing

@testable import VectorStore

@Suite struct DurabilityTests {
    /// kill -9 cannot tell a synced transaction from a written one, only a power cut can: hence the setting itself.
    @Test func `every commit is synced`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let (mode, synchronous) = try await store.pool.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(db, sql: "PRAGMA synchronous")
                )
            }
            #expect(mode == "wal")
            #expect(synchronous == 2, "2 is FULL; 1, NORMAL, syncs at checkpoints only")
        }
    }

    @Test func `closing frees the directory while the closed store is still referred to`() async throws {
        try await withTemporaryDirectory { directory in
            let first = try EmbeddedStore(directory: directory)
            try first.close()
            let second = try EmbeddedStore(directory: directory)
            #expect(try await second.collections() == [])
            await #expect(throws: StoreError.self) {
                try await first.createCollection("c", .init(size: 1, distance: .dot))
            }
        }
    }

    /// That the name is on the disk only a power cut can tell; that syncing is tried, a directory that is not there.
    @Test func `a finished file is renamed and never put in another's place`() async throws {
        try await withTemporaryDirectory { directory in
            let (partial, file) = (directory + "/a.partial", directory + "/a")
            try Data("new".utf8).write(to: URL(filePath: partial))
            try FinishedFile.rename(partial, to: file)
            #expect(try Data(contentsOf: URL(filePath: file)) == Data("new".utf8))
            #expect(!FileManager.default.fileExists(atPath: partial))
            try Data("newer".utf8).write(to: URL(filePath: partial))
            #expect(throws: StoreError.self) { try FinishedFile.rename(partial, to: file) }
            #expect(try Data(contentsOf: URL(filePath: file)) == Data("new".utf8))
            #expect(throws: StoreError.self) { try FinishedFile.sync(directory: directory + "/nowhere") }
        }
    }

    /// As two backups to one name that begin before either ends.
    @Test func `of two files made under one name the first stays whole and the other is refused`() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/a"
            #expect(throws: StoreError.self) {
                try FinishedFile.make(file) { partial in
                    try Data("second".utf8).write(to: URL(filePath: partial))
                    try FinishedFile.make(file) { try Data("first".utf8).write(to: URL(filePath: $0)) }
                }
            }
            #expect(try Data(contentsOf: URL(filePath: file)) == Data("first".utf8))
            let left = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(left == ["a"])
        }
    }

    @Test func `what a process left among the graphs is swept when the store is opened`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", .init(size: 1, distance: .dot))
            let key = try store.collectionState("c").key
            try store.close()
            let kept = GraphFile(key, "", in: directory).path
            let graphs = (kept as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: graphs, withIntermediateDirectories: true)
            let gone = [
                GraphFile(key, "x", in: directory).path, GraphFile(key + 1, "", in: directory).path, kept + ".partial",
            ]
            let others = [graphs + "/notes.txt", graphs + "/old-1.hnsw"]
            for path in gone + others { try Data("left".utf8).write(to: URL(filePath: path)) }
            try EmbeddedStore(directory: directory).close()
            #expect(!gone.contains(where: FileManager.default.fileExists))
            #expect(others.allSatisfy(FileManager.default.fileExists))
        }
    }

    // MARK: Schema

    private static func databasePath(_ directory: String) -> String { directory + "/points.sqlite" }

    @Test func `a directory of the first schema is brought to the newest with its points and indexes`() async throws {
        try await withTemporaryDirectory { directory in
            let old = try DatabaseQueue(path: Self.databasePath(directory))
            try await old.write { db in
                try Schema.migrate(db, path: Self.databasePath(directory), upTo: "1: collections of points")
                try db.execute(
                    sql: """
                        INSERT INTO collections VALUES (1, 'c', 1, 'Dot', 1);
                        INSERT INTO points VALUES (1, 0, x'000000000000000007', 1, x'0000803f', '{"k":"é","n":3}');
                        INSERT INTO payload_indexes VALUES (1, 1, 'k', 'keyword'), (2, 1, 'n', 'integer');
                        INSERT INTO payload_entries VALUES (1, 'é', 0), (2, 3, 0);
                        """
                )
            }
            try old.close()
            let store = try EmbeddedStore(directory: directory)
            let filter = Filter(must: [.match(key: "k", .value("é")), .match(key: "n", .value(3))])
            let hits = try await store.query(PointsQuery(vector: [1], filter: filter), in: "c")
            #expect(hits.map(\.id) == [.number(7)])
            #expect(try await store.facet("k", filter: nil, limit: 9, in: "c") == [FacetHit(value: "é", count: 1)])
        }
    }

    // MARK: Trouble

    @Test func `a full disk refuses the update whole, and the store goes on`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 256, distance: .dot))
            let point = { (number: UInt64) in Point(id: .number(number), vector: [Float](repeating: 1, count: 256)) }
            _ = try await store.update([.upsert([point(0)])], in: "c")
            // SQLite's own limit gives the error that a full disk does.
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 40") }
            await #expect(throws: StoreError.diskFull(path: Self.databasePath(directory))) {
                try await store.update([.delete(.ids([.number(0)])), .upsert((1...500).map(point))], in: "c")
            }
            let query = PointsQuery(vector: [Float](repeating: 1, count: 256), limit: 999)
            #expect(try await store.query(query, in: "c").map(\.id) == [.number(0)])
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
            _ = try await store.update([.upsert((1...500).map(point))], in: "c")
            #expect(try await store.query(query, in: "c").count == 501)
        }
    }
}
