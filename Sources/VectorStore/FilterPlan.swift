// Which points pass a filter: by payload indexes where they answer, by looking at payloads where they do not.

import Foundation
import GRDB

/// A filter in front of a collection, inside a transaction.
struct FilterPlan {
    private let filter: Filter
    private let collection: EmbeddedStore.Collection
    private let db: Database
    private let path: String

    init(_ filter: Filter, _ collection: EmbeddedStore.Collection, _ db: Database, path: String) {
        self.filter = filter
        self.collection = collection
        self.db = db
        self.path = path
    }

    /// The slots of the points that pass.
    ///
    /// Conditions of `must` that an index answers give candidates; only these are looked at for the rest of the filter, and
    /// when there is no rest nothing is looked at.
    func slots() throws -> Set<Int> {
        var candidates: Set<Int>?
        var rest = filter
        rest.must = []
        for condition in filter.must {
            if let slots = try indexedSlots(condition) {
                candidates = candidates.map { $0.intersection(slots) } ?? slots
            } else {
                rest.must.append(condition)
            }
        }
        if let candidates, rest == Filter() { return candidates }
        return try candidates.map { try look(at: $0, rest) } ?? lookAtAll(rest)
    }

    /// The slots a condition holds for, when an index or the ids tell; nil when only the payloads do.
    private func indexedSlots(_ condition: Condition) throws -> Set<Int>? {
        switch condition {
        case .hasID(let ids):
            let statement = try db.cachedStatement(sql: "SELECT slot FROM points WHERE collection = ? AND id = ?")
            return Set(try ids.compactMap { try Int.fetchOne(statement, arguments: [collection.key, $0.key]) })
        case .match(let key, .value(let value)):
            return try indexedSlots(key, [value])
        case .match(let key, .any(let values)):
            return try indexedSlots(key, values)
        default:
            return nil
        }
    }

    private func indexedSlots(_ key: String, _ values: [JSONValue]) throws -> Set<Int>? {
        guard let index = collection.indexes[key] else { return nil }
        var slots: Set<Int> = []
        for value in values {
            // A value of another type is not in the index, but it may be in payloads.
            guard let entry = index.entry(value) else { return nil }
            let statement = try db.cachedStatement(
                sql: "SELECT slot FROM payload_entries WHERE field = ? AND value = ?")
            slots.formUnion(try Int.fetchSet(statement, arguments: [index.key, entry]))
        }
        guard slots.allSatisfy({ $0 >= 0 }) else {
            throw StoreError.damaged(path: path, reason: "the index of '\(key)' names a point that cannot be")
        }
        return slots
    }

    private func look(at candidates: Set<Int>, _ rest: Filter) throws -> Set<Int> {
        let statement = try db.cachedStatement(sql: "SELECT id, payload FROM points WHERE collection = ? AND slot = ?")
        return try candidates.filter { slot in
            guard let row = try Row.fetchOne(statement, arguments: [collection.key, slot]) else { return false }
            return try passes(row, rest)
        }
    }

    private func lookAtAll(_ rest: Filter) throws -> Set<Int> {
        var slots: Set<Int> = []
        let rows = try Row.fetchCursor(
            db, sql: "SELECT slot, id, payload FROM points WHERE collection = ?", arguments: [collection.key]
        )
        while let row = try rows.next() {
            if try passes(row, rest) { slots.insert(try row.decode(forColumn: "slot")) }
        }
        return slots
    }

    private func passes(_ row: Row, _ rest: Filter) throws -> Bool {
        rest.matches(
            try EmbeddedStore.id(row, path: path), .object(try EmbeddedStore.payload(row, path: path))
        )
    }
}
