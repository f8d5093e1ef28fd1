// Collections and their payload indexes come, change and go.

import Foundation
import GRDB

extension EmbeddedStore {
    public func createCollection(_ name: String, _ configuration: CollectionConfiguration) async throws(StoreError) {
        try Self.checkName(name)
        try configuration.validate()
        try await write { [self] db in
            if states[name] != nil { throw StoreError.collectionExists(name) }
            if published.aliases[name] != nil {
                throw StoreError.wrongInput(
                    "Can't create collection with name \(name). Alias with the same name already exists")
            }
            let collection = try Self.insert(name, configuration, db)
            return ((), { [self] in publish(collection) })
        }
    }

    static func checkName(_ name: String) throws(StoreError) {
        guard !name.isEmpty, name.utf8.count <= 255 else {
            throw .badRequest("a collection's name must have 1 to 255 bytes")
        }
        try checkText(name, "a collection's name")
    }

    static func insert(_ name: String, _ configuration: CollectionConfiguration, _ db: Database) throws
        -> CollectionState
    {
        try db.execute(
            sql: "INSERT INTO collections (name, configuration) VALUES (?, ?)",
            arguments: [name, try text(of: configuration)])
        return CollectionState(key: db.lastInsertedRowID, name: name, configuration: configuration)
    }

    /// Changes what may change of a collection with points in it: whether sparse vectors are weighted, when a graph is built, and
    /// what is kept beside.
    ///
    /// - Parameter change: Called with what is kept now, inside the transaction.
    /// - Throws: `.collectionNotFound`; `.badRequest` for another set of vectors, or vectors that are compared otherwise; what
    ///   `change` throws.
    public func updateConfiguration(
        of name: String, _ change: @escaping ConfigurationChange
    ) async throws(StoreError) {
        try await write { [self] db in
            var collection = try collectionState(name)
            try Self.configure(&collection, change, db)
            let changed = collection
            return ((), { [self] in publish(changed) })
        }
    }

    public typealias ConfigurationChange = @Sendable (inout CollectionConfiguration) throws(StoreError) -> Void

    /// Applies a change of the configuration, in memory and in the transaction.
    static func configure(_ collection: inout CollectionState, _ change: ConfigurationChange?, _ db: Database) throws {
        guard let change else { return }
        var configuration = collection.configuration
        try change(&configuration)
        try collection.update(configuration)
        try store(configuration, of: collection, db)
    }

    public func deleteCollection(_ name: String) async throws(StoreError) -> Bool {
        let key: Int64? = try await write { [self] db in
            guard let collection = states[name] else { return (nil, {}) }
            try db.execute(sql: "DELETE FROM aliases WHERE collection = ?", arguments: [collection.key])
            try Self.delete(collection, db)
            return (collection.key, { [self] in forget(name) })
        }
        if let key { GraphFile.removeAll(of: key, in: directory) }
        return key != nil
    }

    /// Takes a collection's rows out of all tables but that of aliases.
    static func delete(_ collection: CollectionState, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM points WHERE point BETWEEN ? AND ?",
            arguments: [collection.points.lowerBound, collection.points.upperBound])
        try db.execute(sql: "DELETE FROM payload_indexes WHERE collection = ?", arguments: [collection.key])
        try db.execute(sql: "DELETE FROM epochs WHERE collection = ?", arguments: [collection.key])
        try db.execute(sql: "DELETE FROM collections WHERE collection = ?", arguments: [collection.key])
    }

    public func createPayloadIndex(
        _ field: String, _ type: PayloadIndexType, in name: String
    ) async throws(StoreError) {
        if try collectionState(name).index(on: PayloadPath(field))?.type == type { return }
        try await createPayloadIndex(field, type, in: name, configuring: nil)
    }

    /// The same, and a change of what is kept beside the collection, in one transaction.
    ///
    /// - Throws: `.badRequest` for a stemmer where the library for it is missing.
    public func createPayloadIndex(
        _ field: String, _ type: PayloadIndexType, in name: String, configuring change: ConfigurationChange?
    ) async throws(StoreError) {
        try type.checkStemmer()
        let path = try PayloadPath(field)
        try Self.checkText(field, "a field's name")
        try await write { [self] db in
            var collection = try collectionState(name)
            if collection.index(on: path)?.type != type {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO payload_indexes (collection, field, type) VALUES (?, ?, ?)",
                    arguments: [collection.key, path.description, type.json.description]
                )
                var index = PayloadIndex(path, type)
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT point, payload FROM points WHERE point BETWEEN ? AND ?",
                    arguments: [collection.points.lowerBound, collection.points.upperBound]
                )
                while let row = try rows.next() {
                    let point = try row.decode(Int64.self, forColumn: "point")
                    let payload = try Self.payload(row, path: self.path)
                    index.insert(.object(payload), row: UInt32(truncatingIfNeeded: point))
                }
                collection.setIndex(index, on: path)
                collection.operation = try Self.nextOperation(of: collection, db, self.path, session: session)
            }
            try Self.configure(&collection, change, db)
            let changed = collection
            return ((), { [self] in publish(changed) })
        }
    }

    public func deletePayloadIndex(_ field: String, in name: String) async throws(StoreError) -> Bool {
        try await deletePayloadIndex(field, in: name, configuring: nil)
    }

    /// The same, and a change of what is kept beside the collection, in one transaction.
    public func deletePayloadIndex(
        _ field: String, in name: String, configuring change: ConfigurationChange?
    ) async throws(StoreError) -> Bool {
        let path = try PayloadPath(field)
        _ = try collectionState(name)
        return try await write { [self] db in
            var collection = try collectionState(name)
            guard collection.index(on: path) != nil else { return (false, {}) }
            try db.execute(
                sql: "DELETE FROM payload_indexes WHERE collection = ? AND field = ?",
                arguments: [collection.key, path.description])
            collection.setIndex(nil, on: path)
            collection.operation = try Self.nextOperation(of: collection, db, self.path, session: session)
            try Self.configure(&collection, change, db)
            let changed = collection
            return (true, { [self] in publish(changed) })
        }
    }

    public func collections() async throws(StoreError) -> [String] { states.keys.sorted() }

    public func collection(_ name: String) async throws(StoreError) -> CollectionInfo {
        let collection = try collectionState(name)
        var indexes: [String: CollectionInfo.PayloadIndexInfo] = [:]
        for index in collection.indexes {
            indexes[index.field.description] = .init(type: index.type, pointsCount: index.indexed.count)
        }
        return CollectionInfo(
            configuration: collection.configuration, pointsCount: collection.pointsCount,
            operation: UInt64(bitPattern: collection.operation), payloadIndexes: indexes,
            vectors: collection.dense.mapValues { field in
                .init(
                    pointsCount: field.present.count, indexedCount: field.indexed.count,
                    residentBytes: field.matrix.byteCount + (field.graph?.residentBytes ?? 0))
            }.merging(
                collection.multi.mapValues { .init(pointsCount: $0.present.count, indexedCount: 0, residentBytes: 0) }
            ) { $1 },
            indexingError: graphBuilder?.lastError(of: collection.key) ?? collection.damage
        )
    }
}
