// The SQLite tables, and how older ones become these.

import GRDB

enum Schema {
    /// Each migration is applied once and never changed afterwards: directories out there have run it.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: collections of points") { db in
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
        }
        migrator.registerMigration("2: keywords as bytes") { db in
            // Text is bound as a C string, which ends at the first NUL; bytes do not.
            try db.execute(
                sql: "UPDATE payload_entries SET value = CAST(value AS BLOB) WHERE typeof(value) = 'text'"
            )
        }
        return migrator
    }
}
