// A disk that is full: what did not fit is refused whole and said to be, and what there was is there when there is room.

import Foundation
import GRDB
import Testing

@testable import VectorStore

/// One after the other: RuntimeCounters has one directory at a time.
@Suite(.serialized, .enabled(if: !SmallDisk.kinds.isEmpty, "no kind of full disk can be had here"))
struct FullDiskTests {
    private static func databasePath(_ directory: String) -> String { directory + "/points.sqlite" }

    private static func points(_ numbers: Range<Int>) -> [Point] {
        numbers.map { number in
            Point(
                id: .number(UInt64(number)), vector: [Float](repeating: Float(number), count: 64),
                payload: ["n": .integer(Int64(number))])
        }
    }

    /// A store with 50 points and an index in the collection `c`.
    private static func makeStore(_ directory: String) async throws -> EmbeddedStore {
        let store = try EmbeddedStore(directory: directory)
        try await store.createCollection("c", CollectionConfiguration(size: 64, distance: .dot))
        try await store.createPayloadIndex("n", .integer, in: "c")
        _ = try await store.update([.upsert(points(0..<50))], in: "c")
        return store
    }

    /// The points of these numbers and no others, in the database, the matrix and the index.
    private static func expect(_ numbers: some Sequence<Int>, in store: EmbeddedStore) async throws {
        let wanted = Set(numbers.map { PointID.number(UInt64($0)) })
        let records = try await store.scroll(ScrollRequest(limit: 9999, withVectors: .all), in: "c").points
        #expect(records.count == wanted.count && Set(records.map(\.id)) == wanted)
        for record in records {
            let number = try #require(record.payload?["n"]?.integer)
            #expect(record.id == .number(UInt64(number)))
            #expect(record.vector == [Float](repeating: Float(number), count: 64))
        }
        let query = PointsQuery(vector: [Float](repeating: 1, count: 64), limit: 9999)
        #expect(Set(try await store.query(query, in: "c").map(\.id)) == wanted)
        #expect(try await store.facet("n", filter: nil, limit: .max, in: "c").count == wanted.count)
    }

    /// - Parameter left: Blocks of 4,096 bytes.
    @Test(arguments: SmallDisk.kinds, [0, 1, 2, 3, 4, 6, 8, 10, 12, 16])
    func `a disk that is full when a store is opened is said, and the store opens when there is room`(
        disk: SmallDisk, left: Int
    ) async throws {
        try await disk.with { directory, fill in
            // A new one, which may fit or not; never half.
            try fill(left)
            do {
                try EmbeddedStore(directory: directory).close()
            } catch {
                #expect(error as? StoreError == .diskFull(path: Self.databasePath(directory)))
            }
            try fill(nil)
            try await Self.makeStore(directory).close()

            // One that has points already.
            try fill(left)
            do {
                let again = try EmbeddedStore(directory: directory)
                try await Self.expect(0..<50, in: again)
                try again.close()
            } catch {
                #expect(error as? StoreError == .diskFull(path: Self.databasePath(directory)))
            }
            try fill(nil)
            let last = try EmbeddedStore(directory: directory)
            try await Self.expect(0..<50, in: last)
            try last.close()
        }
    }

    @Test(arguments: SmallDisk.kinds)
    func `on a full disk updates, snapshots and backups fail whole, and work when there is room`(disk: SmallDisk)
        async throws
    {
        try await disk.with { directory, fill in
            let store = try await Self.makeStore(directory)
            let (snapshot, backup) = (directory + "/c.snapshot", directory + "/copy.sqlite")
            try fill(2)
            await #expect(throws: StoreError.diskFull(path: Self.databasePath(directory))) {
                try await store.update([.delete(.filter(Filter())), .upsert(Self.points(50..<450))], in: "c")
            }
            try await Self.expect(0..<50, in: store)
            try fill(2)
            await #expect(throws: StoreError.diskFull(path: snapshot)) {
                try await store.snapshot(of: "c", to: snapshot)
            }
            try fill(2)
            await #expect(throws: StoreError.diskFull(path: backup)) { try await store.backup(to: backup) }
            await #expect(throws: StoreError.diskFull(path: backup)) {
                try await EmbeddedStore.backup(directory: directory, to: backup)
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(!names.contains { $0.hasPrefix("c.") || $0.hasPrefix("copy.") }, "\(names)")
            try await Self.expect(0..<50, in: store)

            try fill(nil)
            _ = try await store.update([.upsert(Self.points(50..<60))], in: "c")
            _ = try await store.snapshot(of: "c", to: snapshot)
            try await store.backup(to: backup)
            try store.close()
            let again = try EmbeddedStore(directory: directory)
            try await Self.expect(0..<60, in: again)
            try await again.restore("c", from: snapshot)
            try await Self.expect(0..<60, in: again)
            try again.close()
        }
    }

    // MARK: At every block

    /// Tries `body` with no block left, with one, and so on, until it has been done.
    ///
    /// - Returns: How often it was not.
    private static func untilDone(
        _ fill: (Int?) throws -> Void, failsWith wanted: StoreError, before: () async throws -> Void = {},
        _ body: () async throws -> Void, afterwards: () async throws -> Void
    ) async throws -> Int {
        for blocks in 0..<200 {
            try await before()
            try fill(blocks)
            var isDone = true
            do { try await body() } catch {
                #expect(error as? StoreError == wanted, "\(blocks) blocks left")
                isDone = false
            }
            // Reading asks for no room.
            try await afterwards()
            try fill(nil)
            if isDone { return blocks }
        }
        Issue.record("it is never done")
        return 200
    }

    /// The log begins anew before each try, so that the end of the disk comes at each of its blocks once; it is copied to the database
    /// every few pages, so that that finds no room, too.
    @Test(.enabled(if: SmallDisk.kinds.contains(.counted)))
    func `an update that finds the disk full at any of its blocks changes nothing, and is done when all fit`()
        async throws
    {
        try await SmallDisk.counted.with { directory, fill in
            let store = try await Self.makeStore(directory)
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 8") }
            var numbers = Set(0..<50)
            for round in 0..<3 {
                let (deleted, new) = (round * 10..<round * 10 + 10, 100 * (round + 1)..<100 * (round + 1) + 40)
                let ids = deleted.map { PointID.number(UInt64($0)) }
                let after = numbers.subtracting(deleted).union(new)
                var isDone = false
                let failures = try await Self.untilDone(
                    fill, failsWith: .diskFull(path: Self.databasePath(directory)),
                    before: { _ = try await store.pool.writeWithoutTransaction { try $0.checkpoint(.truncate) } },
                    {
                        _ = try await store.update([.delete(.ids(ids)), .upsert(Self.points(new))], in: "c")
                        isDone = true
                    }, afterwards: { try await Self.expect(isDone ? after : numbers, in: store) })
                #expect(failures > 5)
                numbers = after
            }
            // What was acknowledged is in the log, whether or not it can be copied out of it.
            try fill(0)
            try? store.close()
            try fill(nil)
            let again = try EmbeddedStore(directory: directory)
            try await Self.expect(numbers, in: again)
            try again.close()
        }
    }

    @Test(.enabled(if: SmallDisk.kinds.contains(.counted)), arguments: OlderSchemaTests.schemas.dropLast())
    func `an older directory that finds the disk full at any block of its new tables keeps what it has`(schema: Int)
        async throws
    {
        try await SmallDisk.counted.with { directory, fill in
            try OlderSchemaTests.make(directory, schema: schema)
            let failures = try await Self.untilDone(
                fill, failsWith: .diskFull(path: Self.databasePath(directory)),
                {
                    let store = try EmbeddedStore(directory: directory)
                    try await OlderSchemaTests.check(store, schema: schema)
                    try store.close()
                }, afterwards: {})
            #expect(failures > 5)
            let store = try EmbeddedStore(directory: directory)
            try await OlderSchemaTests.check(store, schema: schema)
            try store.close()
        }
    }

    @Test(.enabled(if: SmallDisk.kinds.contains(.counted)), arguments: [false, true])
    func `a snapshot or a backup that finds the disk full at any of its blocks leaves no file`(isBackup: Bool)
        async throws
    {
        try await SmallDisk.counted.with { directory, fill in
            let store = try await Self.makeStore(directory)
            let file = directory + "/file"
            var isDone = false
            let failures = try await Self.untilDone(
                fill, failsWith: .diskFull(path: file),
                {
                    if isBackup {
                        try await store.backup(to: file)
                    } else {
                        _ = try await store.snapshot(of: "c", to: file)
                    }
                    isDone = true
                },
                afterwards: {
                    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
                    #expect(names.contains("file") == isDone && !names.contains("file.partial"), "\(names)")
                })
            #expect(failures > 2)
            if isBackup {
                try FileManager.default.createDirectory(atPath: directory + "/b", withIntermediateDirectories: true)
                try FileManager.default.moveItem(atPath: file, toPath: Self.databasePath(directory + "/b"))
                let copy = try EmbeddedStore(directory: directory + "/b")
                try await Self.expect(0..<50, in: copy)
                try copy.close()
            } else {
                try await store.restore("c", from: file)
                try await Self.expect(0..<50, in: store)
            }
            try store.close()
        }
    }
}
