// A copy of a store, made while it is in use.

import Foundation
import GRDB

extension EmbeddedStore {
    /// Writes a copy of this store to a file: one committed state, whole and synced. Updates and queries go on meanwhile.
    ///
    /// The copy is a database of its own, without graphs: as `points.sqlite` in a directory it opens as a store, which builds
    /// them again.
    ///
    /// - Throws: `.unusable` when there is something of that name already, `.diskFull` for the disk that the copy is on, `.damaged`.
    public func backup(to file: String) async throws(StoreError) {
        try await StoreError.translating(path) { try await Self.copy(pool, to: file) }
    }

    /// The same of a directory that another process may be serving.
    public static func backup(directory: String, to file: String) async throws(StoreError) {
        let path = directory + "/points.sqlite"
        guard FileManager.default.fileExists(atPath: path) else {
            throw .unusable(path: path, reason: "there is no store here")
        }
        try await StoreError.translating(path) {
            // Without the right to write: a database that is refused stays as it is.
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let reader = try DatabaseQueue(path: path, configuration: configuration)
            _ = try await reader.read { db in try Schema.isCurrent(db, path: path) }
            try await copy(reader, to: file)
            try reader.close()
        }
    }

    private static func copy(_ reader: some DatabaseReader, to file: String) async throws {
        // Reads in a transaction of its own, and so one state.
        try await reader.unsafeRead { db in
            try FinishedFile.make(file) { partial in try db.execute(sql: "VACUUM INTO ?", arguments: [partial]) }
        }
    }
}
