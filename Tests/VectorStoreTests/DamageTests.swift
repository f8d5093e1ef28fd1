// Databases that are not what they should be: read or refused, never a crash, and left as they are when refused.

import Foundation
import GRDB
import TestSupport
import Testing

@testable import VectorStore

@Suite struct DamageTests {
    private static func databasePath(_ directory: String) -> String { directory + "/points.sqlite" }

    /// Opens the directory and does a bit of everything. What a damaged file allows may be wrong; it may not be a crash.
    private static func useAll(_ directory: String) async throws {
        let store = try EmbeddedStore(directory: directory)
        for name in try await store.collections() {
            let size = try await store.collection(name).configuration.vectors[""]?.size ?? 0
            let one = Filter(must: [.match(key: "k", .value("1"))])
            let look = Filter(must: [.range(key: "n", NumberRange(gte: 0))])
            for filter in [nil, one, look] {
                let vector = [Float](repeating: 1, count: size)
                _ = try await store.query(PointsQuery(vector: vector, filter: filter, withVectors: .all), in: name)
                _ = try await store.scroll(ScrollRequest(filter: filter, limit: 99, withVectors: .all), in: name)
                _ = try await store.count(filter, in: name)
            }
            _ = try await store.facet("k", filter: nil, limit: 9, in: name)
            let point = Point(id: .number(500), vector: [Float](repeating: 2, count: size), payload: ["k": "1"])
            _ = try await store.update([.delete(.filter(one)), .upsert([point])], in: name)
        }
    }

    /// A small store's file, everything in it and nothing in the log beside it.
    private static func file() async throws -> Data {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 4, distance: .cosine))
            try await store.createPayloadIndex("k", .keyword, in: "c")
            try await store.createPayloadIndex("n", .integer, in: "c")
            let points = (0..<30).map { (number: Int) in
                Point(
                    id: .number(UInt64(number)), vector: [1, Float(number), 0, 0],
                    payload: ["k": .string("\(number % 3)"), "n": .integer(Int64(number))]
                )
            }
            _ = try await store.update([.upsert(points), .delete(.ids([.number(3), .number(29)]))], in: "c")
            _ = try await store.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try store.close()
            return try Data(contentsOf: URL(filePath: databasePath(directory)))
        }
    }

    @Test func `a file with flipped bytes or a lost end is read or refused, never a crash`() async throws {
        let original = try await Self.file()
        var generator = SplitMix64(seed: 77)
        var refused = 0
        var notOpened = 0
        for round in 0..<150 {
            var bytes = original
            if round % 5 == 0 {
                bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator))
            } else {
                for _ in 0..<Int.random(in: 1...30, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            }
            let damaged = bytes
            try await withTemporaryDirectory { directory in
                let file = URL(filePath: Self.databasePath(directory))
                try damaged.write(to: file)
                do {
                    try EmbeddedStore(directory: directory).close()
                } catch is StoreError {
                    notOpened += 1
                    // What may yet be saved by other means is as it was.
                    #expect(try Data(contentsOf: file) == damaged)
                }
                do { try await Self.useAll(directory) } catch is StoreError { refused += 1 }
            }
        }
        #expect(refused > 30)
        #expect(notOpened > 20)
    }

    /// What SQLite's own checks let through, because its columns hold any type.
    @Test(arguments: [
        "UPDATE points SET id = NULL", "UPDATE points SET id = 'text' WHERE version = 1",
        "UPDATE points SET vectors = 7", "UPDATE points SET vectors = x'00'", "UPDATE points SET vectors = NULL",
        "UPDATE points SET vectors = x'000000ffffffff'", "UPDATE points SET vectors = x'00ffff'",
        "UPDATE points SET vectors = x'010000010000000000000000000000'", "UPDATE points SET vectors = x''",
        "UPDATE points SET version = 'x'", "UPDATE points SET version = NULL", "UPDATE points SET point = -point",
        "UPDATE points SET point = point + (1 << 31) WHERE id = x'000000000000000002'",
        "UPDATE points SET point = point + (1 << 27) WHERE id = x'000000000000000002'",
        "UPDATE points SET point = 1 << 60 WHERE id = x'000000000000000002'",
        "UPDATE points SET collection = 2 WHERE id = x'000000000000000002'", "UPDATE points SET collection = 'x'",
        "UPDATE points SET payload = NULL", "UPDATE points SET payload = x'ff'", "UPDATE points SET payload = '[]'",
        "UPDATE collections SET name = x'ff'", "UPDATE collections SET configuration = '{}'",
        "UPDATE collections SET configuration = replace(configuration, ':4', ':0')",
        "UPDATE collections SET configuration = replace(configuration, ':4', ':5')",
        "UPDATE collections SET configuration = replace(configuration, 'Cosine', 'Near')",
        "UPDATE collections SET configuration = x'00'", "UPDATE collections SET collection = 1 << 40",
        "UPDATE collections SET operation = 'x'", "UPDATE collections SET operation = 9223372036854775807",
        "UPDATE payload_indexes SET type = 'x'", "UPDATE payload_indexes SET field = '[' WHERE field = 'k'",
        "UPDATE payload_indexes SET field = x'00' WHERE field = 'k'", "DROP INDEX points_by_version",
        "DROP TABLE payload_indexes",
    ])
    func `a column of the wrong type is refused, never a crash`(sql: String) async throws {
        let original = try await Self.file()
        try await withTemporaryDirectory { directory in
            try original.write(to: URL(filePath: Self.databasePath(directory)))
            let database = try DatabaseQueue(path: Self.databasePath(directory))
            // NOT NULL would keep NULLs out; a flipped byte asks no constraint.
            try await database.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA writable_schema = ON")
                try db.execute(sql: "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
            }
            try database.close()
            let again = try DatabaseQueue(path: Self.databasePath(directory))
            try await again.write { try $0.execute(sql: sql) }
            try again.close()
            do { try await Self.useAll(directory) } catch is StoreError {}
        }
    }

    /// As after `kill -9`: the last updates are in the log only.
    @Test func `a damaged file that is refused keeps its log`() async throws {
        try await withTemporaryDirectory { directory in
            let original = URL(filePath: directory + "/a")
            let store = try EmbeddedStore(directory: original.path)
            try await store.createCollection("c", CollectionConfiguration(size: 4, distance: .dot))
            try await store.createPayloadIndex("k", .keyword, in: "c")
            for number in 0..<9 {
                let point = Point(id: .number(UInt64(number)), vector: [1, 2, 3, 4], payload: ["k": "v"])
                _ = try await store.update([.upsert([point])], in: "c")
            }
            let logged = try Data(contentsOf: original.appending(path: "points.sqlite-wal"))
            try #require(!logged.isEmpty)
            let copy = directory + "/b"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            var file = try Data(contentsOf: original.appending(path: "points.sqlite"))
            // All that the log has no newer page of: aliases, for one.
            for page in stride(from: 4096, to: file.count, by: 4096) { file[page] ^= 0xff }
            try file.write(to: URL(filePath: Self.databasePath(copy)))
            let log = URL(filePath: Self.databasePath(copy) + "-wal")
            try logged.write(to: log)
            let error = #expect(throws: StoreError.self) { try EmbeddedStore(directory: copy) }
            #expect(error.map { "\($0)" }?.contains("is damaged") == true, "\(String(describing: error))")
            #expect(try Data(contentsOf: URL(filePath: Self.databasePath(copy))) == file)
            #expect(try Data(contentsOf: log) == logged)
            try store.close()
        }
    }

    /// The tables are made anew and read in one transaction.
    @Test func `a directory of the first schema whose points cannot be read is left as it is`() async throws {
        try await withTemporaryDirectory { directory in
            let path = Self.databasePath(directory)
            let old = try DatabaseQueue(path: path)
            try await old.write { db in
                try Schema.migrate(db, path: path, upTo: "1: collections of points")
                try db.execute(
                    sql: """
                        INSERT INTO collections VALUES (1, 'c', 1, 'Dot', 1);
                        INSERT INTO points VALUES (1, 6, x'000000000000000007', 1, x'0000803f', '{"k":');
                        INSERT INTO payload_indexes VALUES (1, 1, 'k', 'keyword');
                        """)
            }
            try old.close()
            let before = try Data(contentsOf: URL(filePath: path))
            let error = #expect(throws: StoreError.self) { try EmbeddedStore(directory: directory) }
            let text = "\(error.map { "\($0)" } ?? "")"
            #expect(text.contains(path) && text.contains("the point in row 6 of the collection c"), "\(text)")
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
        }
    }

    @Test(arguments: [
        "CREATE TABLE birds (name TEXT)",
        "CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY); INSERT INTO grdb_migrations VALUES ('4: aliases')",
        "CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY); INSERT INTO grdb_migrations VALUES ('of another')",
    ])
    func `another program's database is refused and left as it is`(sql: String) async throws {
        try await withTemporaryDirectory { directory in
            let other = try DatabaseQueue(path: Self.databasePath(directory))
            try await other.write { try $0.execute(sql: sql) }
            try other.close()
            let before = try Data(contentsOf: URL(filePath: Self.databasePath(directory)))
            #expect(throws: StoreError.self) { try EmbeddedStore(directory: directory) }
            #expect(try Data(contentsOf: URL(filePath: Self.databasePath(directory))) == before)
        }
    }

    @Test func `a page that SQLite finds damaged is named`() async throws {
        var bytes = try await Self.file()
        // The rows' pages and those of indexes, whatever their order: none but the first is what it should be.
        for page in stride(from: 4096, to: bytes.count, by: 4096) { bytes[page] = 0x77 }
        try await withTemporaryDirectory { directory in
            try bytes.write(to: URL(filePath: Self.databasePath(directory)))
            let error = #expect(throws: StoreError.self) { try EmbeddedStore(directory: directory) }
            let text = "\(error.map { "\($0)" } ?? "")"
            #expect(text.contains("malformed") && text.lowercased().contains("page"), "\(text)")
        }
    }

    @Test func `a backup of a database with a damaged page names the database and leaves no copy`() async throws {
        let original = try await Self.file()
        var refused = 0
        for page in stride(from: 4096, to: original.count, by: 4096) {
            var bytes = original
            bytes[page] = 0x77
            let damaged = bytes
            try await withTemporaryDirectory { directory in
                let (path, copy) = (Self.databasePath(directory), directory + "/copy.sqlite")
                try damaged.write(to: URL(filePath: path))
                do {
                    try await EmbeddedStore.backup(directory: directory, to: copy)
                } catch {
                    refused += 1
                    guard case .damaged(path, _)? = error as? StoreError else { throw error }
                    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
                    #expect(!names.contains { $0.hasPrefix("copy") }, "\(names)")
                }
                #expect(try Data(contentsOf: URL(filePath: path)) == damaged)
            }
        }
        // Pages of indexes are not copied but made again.
        #expect(refused > 3)
    }

    /// Its maker ended while it made the first tables, before there was a log.
    @Test func `a transaction that was left half written is taken back`() async throws {
        try await withTemporaryDirectory { directory in
            let copy = directory + "/copy"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            let path = directory + "/half.sqlite"
            let half = try DatabaseQueue(path: path)
            try await half.writeWithoutTransaction { db in
                // Pages beyond the cache go to the file before the end of the transaction.
                try db.execute(
                    sql: "PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(99999))")
                for suffix in ["", "-journal"] {
                    try FileManager.default.copyItem(atPath: path + suffix, toPath: Self.databasePath(copy) + suffix)
                }
                try db.execute(sql: "ROLLBACK")
            }
            try half.close()
            try #require(try Data(contentsOf: URL(filePath: Self.databasePath(copy))).count > 4096)
            let store = try EmbeddedStore(directory: copy)
            #expect(try await store.collections().isEmpty)
            try store.close()
        }
    }
}
