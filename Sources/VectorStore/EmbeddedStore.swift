// The point store in this process: opening, closing, collections.

import Foundation
import GRDB
import HNSW
import Synchronization

/// A `PointStore` in a directory of this machine.
///
/// An update that returned is on disk: WAL, `synchronous=FULL`; updates that wait for the same sync share it. Queries run beside
/// them and see each update whole or not at all. Below `Options.indexingThreshold` vectors are searched exactly on all cores;
/// above it threads of low priority build a graph (`GraphBuilder.swift`), and what the graph does not have yet is searched exactly.
///
/// Only one store at a time has a directory open; a second one throws `StoreError.locked`.
public final class EmbeddedStore: PointStore {
    public struct Options: Sendable {
        public enum Durability: String, Sendable, CaseIterable {
            /// An update returns when it is synced to the disk: it survives a power cut.
            case full
            /// An update returns when it is written: it survives the end of the process, not a power cut.
            case relaxed
        }

        public var durability = Durability.full
        /// Bytes of vectors of one name from which a graph is built: 10 MB, as Qdrant's.
        public var indexingThreshold = 10_000_000
        /// Links of a graph's node, and candidates they are chosen from, as in the HNSW paper.
        public var M = 16
        public var efConstruction = 100
        /// Nodes a search keeps in view when the query does not say.
        public var ef = 128

        public init() {}
    }

    let path: String
    let directory: String
    let options: Options
    /// Whose operations those of this store are (`Epochs`).
    let session = Int64.random(in: .min ... .max)
    let pool: DatabasePool
    let queue = UpdateQueue()
    let payloads = PayloadCache()
    private let lock: DirectoryLock
    private let state: Mutex<Published>

    /// What readers see.
    typealias Published = (collections: [String: CollectionState], aliases: [String: String])
    private let builder = Mutex<GraphBuilder?>(nil)

    /// Opens the store of a directory, which is made when it is not there, readable by its owner only.
    ///
    /// - Throws: `.locked`, `.unusable`, `.diskFull`, `.damaged`, `.newerSchema`. A database that is refused is left as it is, byte for byte.
    public init(directory: String, options: Options = Options()) throws(StoreError) {
        let path = directory + "/points.sqlite"
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw .unusable(path: directory, reason: error.localizedDescription)
        }
        lock = try DirectoryLock(directory: directory)
        self.path = path
        self.directory = directory
        self.options = options
        let published: Published
        (pool, published) = try StoreError.translating(path) {
            let published = try DatabaseFile(path: path, directory: directory, options: options).load()
            let pool = try DatabasePool(path: path)
            // Acknowledged means synced, not merely written. GRDB sets NORMAL when it turns WAL on, after any
            // `prepareDatabase`: only from here on does FULL last. Readers write nothing and need none.
            let level = options.durability == .full ? "FULL" : "NORMAL"
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = \(level)") }
            return (pool, published)
        }
        state = Mutex(published)
        let builder = GraphBuilder(self)
        self.builder.withLock { $0 = builder }
        builder.start()
    }

    /// Closes the database and lets the next store open the directory. Nothing is lost when a store is not closed.
    public func close() throws(StoreError) {
        builder.withLock { $0.take() }?.stop()
        try StoreError.translating(path) { try pool.close() }
        lock.release()
    }

    // Without waiting: the last to let go of the store may be the builder itself.
    deinit { builder.withLock { $0 }?.stop(isWaiting: false) }

    /// The state of a collection by its name or an alias, for a reader or the writer.
    func collectionState(_ name: String) throws(StoreError) -> CollectionState {
        let collection = state.withLock { state in
            state.collections[name] ?? state.aliases[name].flatMap { state.collections[$0] }
        }
        guard let collection else { throw .collectionNotFound(name) }
        return collection
    }

    /// Makes a committed state visible. Called on the writer's queue only, so that states follow each other as commits do.
    func publish(_ collection: CollectionState) {
        var collection = collection
        collection.renewMark()
        // The old state goes, if nobody else has it, when the lock has been given back.
        _ = state.withLock { $0.collections.updateValue(collection, forKey: collection.name) }
        builder.withLock { $0 }?.wake()
    }

    /// The same of aliases.
    func publish(aliases: [String: String]) { state.withLock { $0.aliases = aliases } }

    /// The same of a collection that is gone, and its aliases with it.
    func forget(_ name: String) {
        state.withLock { state in
            state.collections[name] = nil
            state.aliases = state.aliases.filter { $0.value != name }
        }
        builder.withLock { $0 }?.wake()
    }

    /// Has the graphs of a collection written again, soon.
    func resaveGraphs(of collection: CollectionState) {
        for name in collection.dense.keys {
            builder.withLock { $0 }?.resave(GraphFile(collection.key, name, in: directory))
        }
    }

    var published: Published { state.withLock { $0 } }
    /// Who builds the graphs; nil when the store is closed.
    var graphBuilder: GraphBuilder? { builder.withLock { $0 } }
    /// All collections by name.
    var states: [String: CollectionState] { published.collections }

    // MARK: - Collections

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
            indexingError: builder.withLock { $0 }?.lastError(of: collection.key) ?? collection.damage
        )
    }

    // MARK: - Transactions

    /// Runs `body` in a transaction on the writer's queue; after the commit, what it returned second makes the new state
    /// visible. When `body` throws, nothing of it is kept.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> (Value, @Sendable () -> Void)
    ) async throws(StoreError) -> Value {
        try await StoreError.translating(path) {
            try await pool.writeWithoutTransaction { db in
                var outcome: (Value, @Sendable () -> Void)?
                try db.inTransaction(.immediate) {
                    outcome = try body(db)
                    return .commit
                }
                guard let (value, publish) = outcome else {
                    throw StoreError.database("the transaction had no outcome")
                }
                publish()
                return value
            }
        }
    }

    /// Counts one more operation in the collection, as the session's, and returns its number.
    static func nextOperation(
        of collection: CollectionState, _ db: Database, _ path: String, session: Int64
    ) throws -> Int64 {
        let number = try Int64.fetchOne(
            db.cachedStatement(
                sql: "UPDATE collections SET operation = operation + 1 WHERE collection = ? RETURNING operation"
            ),
            arguments: [collection.key]
        )
        guard let number else { throw StoreError.damaged(path: path, reason: "the collection's row is gone") }
        try Epochs.note(number, of: collection.key, session: session, db)
        return number
    }
}
