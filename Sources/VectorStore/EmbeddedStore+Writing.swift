// Updates: one transaction each, all operations or none.

import Foundation
import GRDB
import HNSW

extension EmbeddedStore {
    public func update(_ operations: [PointOperation], in name: String) async throws(StoreError) -> UpdateResult {
        // What can be refused without the database is refused before the writer is kept busy with it.
        let configuration = try collectionState(name).configuration
        for case .upsert(let points) in operations { try Self.check(points, configuration) }

        return try await write { [self] db in
            let collection = try collectionState(name)
            var transaction = UpdateTransaction(collection, db, path: path)
            for operation in operations { try transaction.apply(operation) }
            let changed = transaction.finish()
            let result = UpdateResult(operationID: UInt64(bitPattern: changed.operation))
            return (result, { [self] in publish(changed, as: name) })
        }
    }

    /// Refuses a batch with a point that cannot be stored.
    private static func check(_ points: [Point], _ configuration: CollectionConfiguration) throws(StoreError) {
        for point in points {
            guard point.vector.count == configuration.size else {
                throw .wrongDimension(expected: configuration.size, got: point.vector.count)
            }
            guard point.vector.allSatisfy(\.isFinite) else {
                throw .badRequest("the vector of point \(point.id) has a component that is not a finite number")
            }
        }
    }
}

/// The operations of one update, applied to the database one by one and to the state in memory at the end.
private struct UpdateTransaction {
    private var collection: EmbeddedStore.Collection
    private let db: Database
    private let path: String
    private var changes: [Int: VectorMatrix.Change] = [:]

    init(_ collection: EmbeddedStore.Collection, _ db: Database, path: String) {
        self.collection = collection
        self.db = db
        self.path = path
    }

    mutating func apply(_ request: PointOperation) throws {
        collection.operation = try EmbeddedStore.nextOperation(of: collection, db, path)
        switch request {
        case .upsert(let points): for point in points { try upsert(point) }
        case .delete(.ids(let ids)): for id in ids { try slot(of: id).map { try delete($0) } }
        case .delete(.filter(let filter)):
            for slot in try FilterPlan(filter, collection, db, path: path).slots() { try delete(slot) }
        }
    }

    /// The state after the update.
    consuming func finish() -> EmbeddedStore.Collection {
        collection.matrix = collection.matrix.applying(changes)
        return collection
    }

    private func slot(of id: PointID) throws -> Int? {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT slot FROM points WHERE collection = ? AND id = ?"),
            arguments: [collection.key, id.key]
        )
    }

    private mutating func upsert(_ point: Point) throws {
        let vector = collection.configuration.distance == .cosine ? Self.normalised(point.vector) : point.vector
        let slot: Int
        if let existing = try self.slot(of: point.id) {
            slot = existing
            try removeEntries(of: slot)
        } else {
            slot = collection.takeSlot()
        }
        try db.cachedStatement(
            sql:
                "INSERT OR REPLACE INTO points (collection, slot, id, version, vector, payload) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            collection.key, slot, point.id.key, collection.operation, EmbeddedStore.blob(vector),
            point.payload.description,
        ])
        for index in collection.indexes.values { try index.insert(.object(point.payload), slot: slot, db) }
        changes[slot] = .store(version: UInt64(bitPattern: collection.operation), vector: vector)
    }

    private mutating func delete(_ slot: Int) throws {
        try db.cachedStatement(sql: "DELETE FROM points WHERE collection = ? AND slot = ?")
            .execute(arguments: [collection.key, slot])
        // A slot freed without having been taken would be given to two points.
        guard db.changesCount == 1 else {
            throw StoreError.damaged(path: path, reason: "an index names a point that is not there")
        }
        try removeEntries(of: slot)
        collection.freeSlots.append(slot..<slot + 1)
        collection.pointsCount -= 1
        changes[slot] = .free
    }

    private func removeEntries(of slot: Int) throws {
        for index in collection.indexes.values {
            try db.cachedStatement(sql: "DELETE FROM payload_entries WHERE field = ? AND slot = ?")
                .execute(arguments: [index.key, slot])
        }
    }

    /// v / ‖v‖; a zero vector stays one, as in Qdrant. The norm is taken in double precision, whose squares of any two
    /// floats do not overflow.
    private static func normalised(_ vector: [Float]) -> [Float] {
        let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard norm > 0 else { return vector }
        // A unit vector is left alone, so that what comes back is what was stored, bit for bit.
        if abs(norm - 1) < 1e-6 { return vector }
        return vector.map { Float(Double($0) / norm) }
    }
}

extension EmbeddedStore.Collection {
    /// A slot for one more point: one that was freed, or the next.
    fileprivate mutating func takeSlot() -> Int {
        pointsCount += 1
        guard let free = freeSlots.popLast() else {
            nextSlot += 1
            return nextSlot - 1
        }
        if free.count > 1 { freeSlots.append(free.dropFirst()) }
        return free.lowerBound
    }
}

extension EmbeddedStore.PayloadIndex {
    /// A value as it stands in `payload_entries`; nil for one that this type of index does not hold.
    ///
    /// Keywords are bytes: Swift takes canonically equivalent strings for equal, Qdrant and SQLite do not.
    func entry(_ value: JSONValue) -> DatabaseValue? {
        switch (type, value) {
        case (.keyword, .string(let text)): Data(text.utf8).databaseValue
        case (.integer, .integer(let number)): number.databaseValue
        default: nil
        }
    }

    /// Enters a point's values of the field.
    func insert(_ payload: JSONValue, slot: Int, _ db: Database) throws {
        for value in Set(PayloadPath(name).elements(in: payload).compactMap(entry)) {
            try db.cachedStatement(sql: "INSERT INTO payload_entries (field, value, slot) VALUES (?, ?, ?)")
                .execute(arguments: [key, value, slot])
        }
    }
}
