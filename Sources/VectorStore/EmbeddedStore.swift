// The point store in this process: SQLite for the record, memory for the search. Opening, closing, collections.

import Foundation
import GRDB
import HNSW
import Synchronization

/// A `PointStore` in a directory of this machine.
///
/// An update that returned is on disk: WAL, `synchronous=FULL`, one sync a transaction. Updates are serial, queries run beside
/// them and see each update whole or not at all. Vectors are held in memory and searched exactly on all cores.
///
/// Only one store at a time has a directory open; a second one throws `StoreError.locked`.
public final class EmbeddedStore: PointStore {
    /// What is known of a collection without asking the database.
    struct Collection: Sendable {
        let key: Int64
        let configuration: CollectionConfiguration
        /// The number of the last operation in it: equal to the database's when both are of the same commit.
        var operation: Int64 = 0
        var indexes: [String: PayloadIndex] = [:]
        var matrix: VectorMatrix
        /// Slots below `nextSlot` that hold no point: as ranges, for a damaged slot number must not cost memory.
        var freeSlots: [Range<Int>] = []
        var nextSlot = 0
        var pointsCount = 0
    }

    struct PayloadIndex: Sendable, Hashable {
        let key: Int64
        let name: String
        let type: PayloadIndexType
    }

    let path: String
    let pool: DatabasePool
    private let lock: DirectoryLock
    private let state: Mutex<[String: Collection]>

    /// Opens the store of a directory, which is made when it is not there, readable by its owner only.
    ///
    /// - Throws: `.locked`, `.unusable`, `.damaged`, `.newerSchema`. A file that is there is never overwritten.
    public init(directory: String) throws(StoreError) {
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
        let collections: [String: Collection]
        (pool, collections) = try StoreError.translating(path) {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = true
            let pool = try DatabasePool(path: path, configuration: configuration)
            // Acknowledged means synced, not merely written. GRDB sets NORMAL when it turns WAL on, after any
            // `prepareDatabase`: only from here on does FULL last. Readers write nothing and need none.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            let migrator = Schema.migrator
            if try pool.read(migrator.hasBeenSuperseded) { throw StoreError.newerSchema(path: path) }
            try migrator.migrate(pool)
            return (pool, try pool.read { db in try Self.load(db, path) })
        }
        state = Mutex(collections)
    }

    /// Closes the database and lets the next store open the directory. Nothing is lost when a store is not closed.
    public func close() throws(StoreError) {
        try StoreError.translating(path) { try pool.close() }
        lock.release()
    }

    /// The state of a collection, for a reader or the writer.
    func collectionState(_ name: String) throws(StoreError) -> Collection {
        guard let collection = state.withLock({ $0[name] }) else { throw .collectionNotFound(name) }
        return collection
    }

    /// Makes a committed state visible. Called on the writer's queue only, so that states follow each other as commits do.
    func publish(_ collection: Collection?, as name: String) { state.withLock { $0[name] = collection } }

    // MARK: - Collections

    public func createCollection(_ name: String, _ configuration: CollectionConfiguration) async throws(StoreError) {
        guard !name.isEmpty, name.utf8.count <= 255 else {
            throw .badRequest("a collection's name must have 1 to 255 bytes")
        }
        try Self.checkText(name, "a collection's name")
        guard 1...65_536 ~= configuration.size else {
            throw .badRequest("a collection's vector size must be 1 to 65536, not \(configuration.size)")
        }
        try await write { [self] db in
            if state.withLock({ $0[name] != nil }) { throw StoreError.collectionExists(name) }
            try db.execute(
                sql: "INSERT INTO collections (name, size, distance) VALUES (?, ?, ?)",
                arguments: [name, configuration.size, configuration.distance.rawValue]
            )
            let collection = Collection(
                key: db.lastInsertedRowID, configuration: configuration,
                matrix: VectorMatrix(dimension: configuration.size)
            )
            return ((), { [self] in publish(collection, as: name) })
        }
    }

    public func deleteCollection(_ name: String) async throws(StoreError) -> Bool {
        try await write { [self] db in
            guard let collection = state.withLock({ $0[name] }) else { return (false, {}) }
            try db.execute(sql: "DELETE FROM collections WHERE collection = ?", arguments: [collection.key])
            return (true, { [self] in publish(nil, as: name) })
        }
    }

    public func createPayloadIndex(
        _ field: String, _ type: PayloadIndexType, in name: String
    ) async throws(StoreError) {
        try Self.checkText(field, "a field's name")
        if try collectionState(name).indexes[field]?.type == type { return }
        try await write { [self] db in
            var collection = try collectionState(name)
            if let old = collection.indexes[field] {
                try db.execute(sql: "DELETE FROM payload_indexes WHERE field = ?", arguments: [old.key])
            }
            try db.execute(
                sql: "INSERT INTO payload_indexes (collection, name, type) VALUES (?, ?, ?)",
                arguments: [collection.key, field, type.rawValue]
            )
            let index = PayloadIndex(key: db.lastInsertedRowID, name: field, type: type)
            let rows = try Row.fetchCursor(
                db, sql: "SELECT slot, payload FROM points WHERE collection = ?", arguments: [collection.key]
            )
            while let row = try rows.next() {
                let payload = try Self.payload(row, path: path)
                try index.insert(.object(payload), slot: row.decode(forColumn: "slot"), db)
            }
            collection.indexes[field] = index
            collection.operation = try Self.nextOperation(of: collection, db, path)
            let published = collection
            return ((), { [self] in publish(published, as: name) })
        }
    }

    public func collections() async throws(StoreError) -> [String] { state.withLock { $0.keys.sorted() } }

    public func collection(_ name: String) async throws(StoreError) -> CollectionInfo {
        let collection = try collectionState(name)
        return CollectionInfo(
            configuration: collection.configuration, pointsCount: collection.pointsCount,
            payloadIndexes: collection.indexes.mapValues(\.type)
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

    /// Counts one more operation in the collection and returns its number.
    static func nextOperation(of collection: Collection, _ db: Database, _ path: String) throws -> Int64 {
        let number = try Int64.fetchOne(
            db.cachedStatement(
                sql: "UPDATE collections SET operation = operation + 1 WHERE collection = ? RETURNING operation"
            ),
            arguments: [collection.key]
        )
        guard let number else { throw StoreError.damaged(path: path, reason: "the collection's row is gone") }
        return number
    }

    // MARK: - Opening

    private static func load(_ db: Database, _ path: String) throws -> [String: Collection] {
        var collections: [String: Collection] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT collection, name, size, distance, operation FROM collections") {
            let name = try row.decode(String.self, forColumn: "name")
            let size = try row.decode(Int.self, forColumn: "size")
            guard let distance = Distance(rawValue: try row.decode(forColumn: "distance")), 1...65_536 ~= size else {
                throw StoreError.damaged(path: path, reason: "the collection \(name) has no valid vectors")
            }
            let configuration = CollectionConfiguration(size: size, distance: distance)
            var collection = try load(row.decode(forColumn: "collection"), configuration, db, path)
            collection.operation = try row.decode(forColumn: "operation")
            collections[name] = collection
        }
        return collections
    }

    private static func load(
        _ key: Int64, _ configuration: CollectionConfiguration, _ db: Database, _ path: String
    ) throws -> Collection {
        var collection = Collection(
            key: key, configuration: configuration, matrix: VectorMatrix(dimension: configuration.size)
        )
        for row in try Row.fetchAll(
            db, sql: "SELECT field, name, type FROM payload_indexes WHERE collection = ?", arguments: [key]
        ) {
            let name = try row.decode(String.self, forColumn: "name")
            guard let type = PayloadIndexType(rawValue: try row.decode(forColumn: "type")) else {
                throw StoreError.damaged(path: path, reason: "the payload index of '\(name)' has an unknown type")
            }
            collection.indexes[name] = PayloadIndex(key: try row.decode(forColumn: "field"), name: name, type: type)
        }
        var changes: [Int: VectorMatrix.Change] = [:]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT slot, version, vector FROM points WHERE collection = ? ORDER BY slot", arguments: [key]
        )
        while let row = try rows.next() {
            let slot = try row.decode(Int.self, forColumn: "slot")
            guard slot >= collection.nextSlot, slot < Int(Int32.max),
                let vector = Self.vector(try row.decode(forColumn: "vector"), count: configuration.size)
            else { throw StoreError.damaged(path: path, reason: "the point in slot \(slot) is not valid") }
            if slot > collection.nextSlot { collection.freeSlots.append(collection.nextSlot..<slot) }
            collection.nextSlot = slot + 1
            collection.pointsCount += 1
            let version = try row.decode(Int64.self, forColumn: "version")
            changes[slot] = .store(version: UInt64(bitPattern: version), vector: vector)
            if changes.count == VectorMatrix.rowsPerSegment {
                collection.matrix = collection.matrix.applying(changes)
                changes.removeAll(keepingCapacity: true)
            }
        }
        collection.matrix = collection.matrix.applying(changes)
        return collection
    }

    // MARK: - Columns

    /// Text is bound as a C string: what came after a NUL would be lost.
    private static func checkText(_ text: String, _ what: String) throws(StoreError) {
        if text.utf8.contains(0) { throw .badRequest("\(what) must not contain a NUL character") }
    }

    /// The floats of a blob; nil when it does not hold `count` of them.
    static func vector(_ blob: Data, count: Int) -> [Float]? {
        guard blob.count == count * 4 else { return nil }
        return unsafe blob.withUnsafeBytes { bytes in
            (0..<count).map { index in
                let bits = unsafe bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: bits))
            }
        }
    }

    static func blob(_ vector: [Float]) -> Data {
        let words = vector.map { $0.bitPattern.littleEndian }
        return unsafe words.withUnsafeBytes { unsafe Data($0) }
    }

    /// The id in a row's column of that name.
    static func id(_ row: Row, path: String) throws -> PointID {
        guard let id = PointID(key: try row.decode(forColumn: "id")) else {
            throw StoreError.damaged(path: path, reason: "a point's id is not valid")
        }
        return id
    }

    /// The payload in a row's column of that name.
    static func payload(_ row: Row, path: String) throws -> JSONObject {
        let text = try row.decode(String.self, forColumn: "payload")
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: text.utf8).object else {
                throw JSONError(message: "Not an object", position: 0)
            }
            return object
        } catch {
            throw StoreError.damaged(path: path, reason: "a payload is not JSON: \(error)")
        }
    }
}

extension StoreError {
    /// Runs `body` and makes store errors of what SQLite says.
    static func translating<Value>(_ path: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do { return try body() } catch { throw StoreError(error, path: path) }
    }

    static func translating<Value>(_ path: String, _ body: () async throws -> Value) async throws(StoreError) -> Value {
        do { return try await body() } catch { throw StoreError(error, path: path) }
    }

    private init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case is CancellationError: self = .cancelled
        // SQLite's columns hold any type, ours hold one.
        case is RowDecodingError: self = .damaged(path: path, reason: "a column holds a value of the wrong type")
        case let error as DatabaseError:
            let message = error.message ?? "\(error.resultCode)"
            switch error.resultCode {
            case .SQLITE_FULL: self = .diskFull(path: path)
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(path: path, reason: message)
            case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_IOERR:
                self = .unusable(path: path, reason: message)
            case .SQLITE_INTERRUPT, .SQLITE_ABORT: self = .cancelled
            default: self = .database(message)
            }
        default: self = .database("\(error)")
        }
    }
}
