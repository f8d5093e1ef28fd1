// Whose operations a collection's numbers count: what tells this database's graphs from those of a twin.

import GRDB

/// A database can go back: a copy is put in its place, or power fails while durability is relaxed. What happens from there on has the
/// numbers of what was lost. So every store that has a database open counts under a number of its own, its session's, drawn by
/// chance, and this table has from which operation on a collection's were a session's. An operation is the same as another one
/// if number and session are; and if they are, so are all before it.
enum Epochs {
    /// Notes that an operation is the session's; from its first on they all are.
    static func note(_ operation: Int64, of collection: Int64, session: Int64, _ db: Database) throws {
        try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO epochs (collection, session, operation) VALUES (?, ?, ?)"
        ).execute(arguments: [collection, session, operation])
    }

    /// The session in which the collection had this operation; nil where it never had.
    static func session(of operation: Int64, in collection: Int64, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT session FROM epochs WHERE collection = ? AND operation <= ? ORDER BY operation DESC LIMIT 1
                """,
            arguments: [collection, operation])
    }
}
