// Collections to files and back.

import Foundation
import GRDB

extension EmbeddedStore {
    /// Writes a collection to a file, as it is now: vectors, payloads, configuration and payload indexes. Updates go on meanwhile.
    ///
    /// Graphs are not in it: whoever restores it builds them again. The file gets its name when it is whole and synced, and the name is
    /// synced, too.
    ///
    /// - Throws: `.collectionNotFound`, `.unusable` when there is something of that name already, `.diskFull` for the disk that it is on.
    public func snapshot(of name: String, to file: String) async throws(StoreError) -> SnapshotInfo {
        try await read(name) { db, state in
            try FinishedFile.make(file) { partial in
                guard let handle = FileHandle(forWritingAtPath: partial) else {
                    throw StoreError.unusable(path: partial, reason: "it cannot be opened")
                }
                defer { try? handle.close() }
                var writer = SnapshotWriter(handle)
                try writer.collection(state.configuration, state.indexes)
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT id, payload, vectors FROM points WHERE point BETWEEN ? AND ?",
                    arguments: [state.points.lowerBound, state.points.upperBound])
                while let row = try rows.next() {
                    try writer.point(
                        id: try row.decode(forColumn: "id"), payload: try row.decode(forColumn: "payload"),
                        vectors: try row.decode(forColumn: "vectors"))
                }
                return try writer.finish()
            }
        }
    }

    /// The size and SHA-256 of a file.
    public static func snapshotInfo(_ file: String) throws(StoreError) -> SnapshotInfo {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw .unusable(path: file, reason: "it cannot be opened")
        }
        defer { try? handle.close() }
        var hash = SHA256()
        var size = 0
        do {
            while let piece = try handle.read(upToCount: SnapshotFormat.chunk), !piece.isEmpty {
                hash.update(piece)
                size += piece.count
            }
        } catch {
            throw .unusable(path: file, reason: error.localizedDescription)
        }
        return SnapshotInfo(size: size, checksum: hash.hexDigest)
    }

    /// Makes a collection what a snapshot says, in one step: what it was before, if it was, is seen until then and gone afterwards.
    /// Aliases stay.
    ///
    /// - Throws: `.wrongInput` for a file that is not a whole snapshot; nothing has changed then.
    public func restore(_ name: String, from file: String) async throws(StoreError) {
        try Self.checkName(name)
        let old: Int64? = try await write { [self] db in
            guard published.aliases[name] == nil else { throw StoreError.collectionExists(name) }
            var reader = try SnapshotReader(file)
            let old = states[name]
            if let old { try Self.delete(old, db) }
            var state = try Self.insert(name, reader.configuration, db)
            if let old {
                try db.execute(
                    sql: "UPDATE aliases SET collection = ? WHERE collection = ?", arguments: [state.key, old.key])
            }
            for (field, type) in reader.indexes {
                try db.execute(
                    sql: "INSERT INTO payload_indexes (collection, field, type) VALUES (?, ?, ?)",
                    arguments: [state.key, field.description, type.json.description])
                state.setIndex(PayloadIndex(field, type), on: field)
            }
            var transaction = UpdateTransaction(state, db, path: path, session: session)
            while true {
                var points = try reader.next(1000)
                if points.isEmpty { break }
                for number in points.indices {
                    points[number].vectors = reader.configuration.today(points[number].vectors)
                }
                let operation = PointOperation.upsert(points)
                try operation.check(reader.configuration)
                try transaction.apply(operation)
            }
            let restored = transaction.state
            return (old?.key, { [self] in publish(restored) })
        }
        if let old { GraphFile.removeAll(of: old, in: directory) }
    }
}
