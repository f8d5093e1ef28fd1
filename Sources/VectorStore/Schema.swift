// The SQLite tables, and how older ones become these.

import Foundation
import GRDB

enum Schema {
    /// Each is applied once and never changed afterwards: directories out there have run it.
    private static let migrations: [Migration] = [
        Migration("1: collections of points") { db in
            try db.execute(
                sql: """
                    CREATE TABLE collections (
                        collection INTEGER PRIMARY KEY,
                        name TEXT NOT NULL UNIQUE,
                        size INTEGER NOT NULL,
                        distance TEXT NOT NULL,
                        -- The number of the last operation on its points.
                        operation INTEGER NOT NULL DEFAULT 0
                    );

                    -- A point's slot is its row in the collection's matrix: dense, and free again when the point is deleted.
                    CREATE TABLE points (
                        collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
                        slot INTEGER NOT NULL,
                        -- PointID.key: its byte order is the order of ids.
                        id BLOB NOT NULL,
                        version INTEGER NOT NULL,
                        -- 32-bit floats, little-endian.
                        vector BLOB NOT NULL,
                        payload TEXT NOT NULL,
                        PRIMARY KEY (collection, slot)
                    );
                    CREATE UNIQUE INDEX points_by_id ON points (collection, id);

                    CREATE TABLE payload_indexes (
                        field INTEGER PRIMARY KEY,
                        collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        type TEXT NOT NULL,
                        UNIQUE (collection, name)
                    );

                    -- Which slots have a value in an indexed field.
                    CREATE TABLE payload_entries (
                        field INTEGER NOT NULL REFERENCES payload_indexes ON DELETE CASCADE,
                        value NOT NULL,
                        slot INTEGER NOT NULL,
                        PRIMARY KEY (field, value, slot)
                    ) WITHOUT ROWID;
                    CREATE INDEX payload_entries_by_slot ON payload_entries (field, slot);
                    """
            )
        },
        Migration("2: keywords as bytes") { db in
            // Text is bound as a C string, which ends at the first NUL; bytes do not.
            try db.execute(
                sql: "UPDATE payload_entries SET value = CAST(value AS BLOB) WHERE typeof(value) = 'text'"
            )
        },
        Migration("3: named vectors, indexes in memory") { db in
            try db.execute(
                sql: """
                    ALTER TABLE collections RENAME TO old_collections;
                    ALTER TABLE points RENAME TO old_points;
                    DROP INDEX points_by_id;
                    DROP TABLE payload_entries;

                    CREATE TABLE collections (
                        -- Never used again: what is left of a deleted collection must not come back in another.
                        collection INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE,
                        -- CollectionConfiguration.json
                        configuration TEXT NOT NULL,
                        -- The number of the last operation on its points.
                        operation INTEGER NOT NULL DEFAULT 0
                    );

                    CREATE TABLE points (
                        -- collection << 32 | row. Vectors and indexes in memory know a point by its row, which never changes its
                        -- vectors: a point with new ones gets a new row.
                        point INTEGER PRIMARY KEY,
                        collection INTEGER NOT NULL,
                        -- PointID.key: its byte order is the order of ids.
                        id BLOB NOT NULL,
                        version INTEGER NOT NULL,
                        payload TEXT NOT NULL,
                        -- VectorsCoding
                        vectors BLOB NOT NULL
                    );

                    CREATE TABLE new_payload_indexes (
                        collection INTEGER NOT NULL,
                        -- A PayloadPath.
                        field TEXT NOT NULL,
                        -- PayloadIndexType.json
                        type TEXT NOT NULL,
                        PRIMARY KEY (collection, field)
                    ) WITHOUT ROWID;
                    INSERT INTO new_payload_indexes SELECT collection, name, '"' || type || '"' FROM payload_indexes;
                    DROP TABLE payload_indexes;
                    ALTER TABLE new_payload_indexes RENAME TO payload_indexes;
                    """
            )
            for row in try Row.fetchAll(db, sql: "SELECT * FROM old_collections") {
                guard let distance = Distance(rawValue: try row.decode(forColumn: "distance")) else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a collection has no valid distance")
                }
                let configuration = CollectionConfiguration(
                    size: try row.decode(forColumn: "size"), distance: distance)
                try db.execute(
                    sql: "INSERT INTO collections VALUES (?, ?, ?, ?)",
                    arguments: [
                        try row.decode(Int64.self, forColumn: "collection"),
                        try row.decode(String.self, forColumn: "name"),
                        configuration.json.description, try row.decode(Int64.self, forColumn: "operation"),
                    ])
            }
            let insertion = try db.makeStatement(sql: "INSERT INTO points VALUES (?, ?, ?, ?, ?, ?)")
            let rows = try Row.fetchCursor(db, sql: "SELECT * FROM old_points")
            while let row = try rows.next() {
                let collection = try row.decode(Int64.self, forColumn: "collection")
                let slot = try row.decode(Int64.self, forColumn: "slot")
                let vector = try row.decode(Data.self, forColumn: "vector")
                guard (0..<Int64(CollectionState.rowLimit)).contains(slot),
                    let values = VectorsCoding.floats(vector, count: vector.count / 4)
                else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the point in slot \(slot) is not valid")
                }
                try insertion.execute(arguments: [
                    collection << 32 | slot, collection, try row.decode(Data.self, forColumn: "id"),
                    try row.decode(Int64.self, forColumn: "version"), try row.decode(String.self, forColumn: "payload"),
                    VectorsCoding.encode(["": .dense(values)]),
                ])
            }
            try db.execute(
                sql: """
                    DROP TABLE old_points;
                    DROP TABLE old_collections;
                    CREATE UNIQUE INDEX points_by_id ON points (collection, id);
                    -- What came after a snapshot; and, read whole, which rows there are, without touching the vectors.
                    CREATE INDEX points_by_version ON points (collection, version);
                    """
            )
        },
        Migration("4: aliases") { db in
            try db.execute(
                sql: """
                    CREATE TABLE aliases (
                        alias TEXT PRIMARY KEY,
                        collection INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    """
            )
        },
        Migration("5: epochs") { db in
            try db.execute(
                sql: """
                    -- Whose operations a collection had from one on: Epochs.swift.
                    CREATE TABLE epochs (
                        collection INTEGER NOT NULL,
                        session INTEGER NOT NULL,
                        operation INTEGER NOT NULL,
                        PRIMARY KEY (collection, session)
                    ) WITHOUT ROWID;
                    CREATE INDEX epochs_by_operation ON epochs (collection, operation);
                    INSERT INTO epochs SELECT collection, random(), 0 FROM collections;
                    """
            )
        },
    ]

    private struct Migration: Sendable {
        let name: String
        let apply: @Sendable (Database) throws -> Void

        init(_ name: String, _ apply: @escaping @Sendable (Database) throws -> Void) {
            self.name = name
            self.apply = apply
        }
    }

    /// Whether the database has the newest tables.
    ///
    /// - Throws: `.newerSchema`; `.damaged` for what no version of this program has left.
    static func isCurrent(_ db: Database, path: String) throws -> Bool {
        try applied(in: db, path: path) == migrations.count
    }

    /// Brings the tables to the newest version, or that of a migration. In the transaction of the caller: all or nothing.
    ///
    /// - Throws: What `isCurrent` does.
    static func migrate(_ db: Database, path: String, upTo last: String? = nil) throws {
        // GRDB's table: its migrator was what applied them before.
        try db.execute(
            sql: "CREATE TABLE IF NOT EXISTS grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        for migration in migrations.dropFirst(try applied(in: db, path: path)) {
            try migration.apply(db)
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [migration.name])
            if migration.name == last { return }
        }
    }

    /// How many of the migrations the database has had.
    private static func applied(in db: Database, path: String) throws -> Int {
        let tables = try String.fetchSet(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
        var applied: Set<String> = []
        if tables.contains("grdb_migrations") {
            applied = try String.fetchSet(db, sql: "SELECT identifier FROM grdb_migrations")
        }
        let names = migrations.map(\.name)
        guard applied.isSubset(of: names) else { throw StoreError.newerSchema(path: path) }
        guard applied == Set(names.prefix(applied.count)) else {
            throw StoreError.damaged(path: path, reason: "a migration before the last one is missing")
        }
        if applied.isEmpty, let other = tables.subtracting(["grdb_migrations"]).min() {
            throw StoreError.damaged(path: path, reason: "the table \(other) is there and none of this program's is")
        }
        return applied.count
    }
}
