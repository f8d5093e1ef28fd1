// A store's database, read whole before it is opened for writing: one that is refused stays as it is, byte for byte.

import Foundation
import GRDB

/// The file of a store that is being opened.
///
/// Whoever opens a database for writing changes it: GRDB makes and drops a table, and the last to close it copies its log into it.
/// So everything is read without the right to write first. Only what is not there yet, or is of an older version, is written to
/// before it is read, in one transaction.
struct DatabaseFile {
    let path: String
    let directory: String
    let options: EmbeddedStore.Options

    /// What memory needs of the database, which is of this version's tables afterwards.
    ///
    /// - Throws: `.damaged`, `.newerSchema`, `.unusable`, `.diskFull`, as SQLite's errors where they are its.
    func load() throws -> EmbeddedStore.Published {
        if FileManager.default.fileExists(atPath: path), let published = try read() { return published }
        // With foreign keys tables could not be dropped in any order; today's have none.
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        // A backup by another process may be closing it.
        configuration.busyMode = .timeout(5)
        let writer = try DatabaseQueue(path: path, configuration: configuration)
        let published = try writer.writeWithoutTransaction { db in
            // As later (`EmbeddedStore.init`): what is migrated is as dear as what is written.
            try db.execute(sql: "PRAGMA fullfsync = ON")
            var published: EmbeddedStore.Published = ([:], [:])
            try db.inTransaction(.immediate) {
                try Schema.migrate(db, path: path)
                published = try contents(of: db)
                return .commit
            }
            return published
        }
        try writer.close()
        return published
    }

    /// What is in the database; nil when it must be written to first.
    private func read() throws -> EmbeddedStore.Published? {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            let reader = try DatabaseQueue(path: path, configuration: configuration)
            let published = try reader.read { db in
                do { return try currentContents(of: db) } catch { throw named(error, db) }
            }
            try reader.close()
            return published
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
            // Its maker was ended before the log took the journal's place: half a transaction must be taken back.
            return nil
        }
    }

    private func currentContents(of db: Database) throws -> EmbeddedStore.Published? {
        if try Schema.isCurrent(db, path: path) { return try contents(of: db) }
        // Once in a version's life, so that what is damaged is found before it is copied to new tables.
        if let place = try Self.firstDamage(db) { throw StoreError.damaged(path: path, reason: place) }
        return nil
    }

    private func contents(of db: Database) throws -> EmbeddedStore.Published {
        try Loader(db, path: path, directory: directory, options: options).published()
    }

    /// SQLite says that something is damaged, not where: that is looked for only when it is.
    private func named(_ error: any Error, _ db: Database) -> any Error {
        guard let error = error as? DatabaseError, error.resultCode == .SQLITE_CORRUPT else { return error }
        let message = error.message ?? "\(error.resultCode)"
        // The search itself may end at the damage.
        guard let place = try? Self.firstDamage(db) else { return error }
        return StoreError.damaged(path: path, reason: "\(message): \(place)")
    }

    /// The first page or row that SQLite finds fault with; nil when there is none.
    ///
    /// - Complexity: reads every page.
    private static func firstDamage(_ db: Database) throws -> String? {
        let said = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        return said == "ok" ? nil : said?.replacing("\n", with: " ")
    }
}
