// Queries: what they see is one committed state, in the database and in memory alike.

import Foundation
import GRDB
import HNSW

extension EmbeddedStore {
    public func query(_ query: VectorQuery, in name: String) async throws(StoreError) -> [ScoredPoint] {
        let configuration = try collectionState(name).configuration
        guard query.vector.count == configuration.size else {
            throw .wrongDimension(expected: configuration.size, got: query.vector.count)
        }
        guard query.vector.allSatisfy(\.isFinite) else {
            throw .badRequest("the query vector has a component that is not a finite number")
        }
        guard query.limit >= 0, query.offset >= 0 else { throw .badRequest("limit and offset must not be negative") }

        return try await read(name) { [self] db, collection in try search(query, in: collection, db) }
    }

    private func search(_ query: VectorQuery, in collection: Collection, _ db: Database) throws -> [ScoredPoint] {
        let slots = try query.filter.map { try FilterPlan($0, collection, db, path: path).slots() }
        // Never more than there are points: a limit of a billion is not memory.
        let (end, overflow) = query.offset.addingReportingOverflow(query.limit)
        let count = min(overflow ? .max : end, collection.pointsCount)
        let distance = collection.configuration.distance
        let vector = distance == .cosine ? Self.unit(query.vector) : query.vector
        let nearest = collection.matrix.nearest(to: vector, distance: distance, count: count, among: slots)
            .filter { neighbour in query.scoreThreshold.map { distance.isNearer(neighbour.score, than: $0) } ?? true }

        let columns = "id" + (query.withPayload ? ", payload" : "") + (query.withVector ? ", vector" : "")
        let statement = try db.cachedStatement(sql: "SELECT \(columns) FROM points WHERE collection = ? AND slot = ?")
        var points: [ScoredPoint] = []
        for neighbour in nearest.dropFirst(query.offset) {
            guard let row = try Row.fetchOne(statement, arguments: [collection.key, neighbour.row]) else {
                throw StoreError.damaged(path: path, reason: "the point in slot \(neighbour.row) is gone")
            }
            let record = try record(row, withPayload: query.withPayload, withVector: query.withVector, collection)
            points.append(
                ScoredPoint(
                    id: record.id, version: collection.matrix.version(at: neighbour.row), score: neighbour.score,
                    payload: record.payload, vector: record.vector
                )
            )
        }
        return points
    }

    public func retrieve(
        _ ids: [PointID], withPayload: Bool, withVector: Bool, in name: String
    ) async throws(StoreError) -> [Record] {
        try await read(name) { [self] db, collection in
            let statement = try db.cachedStatement(
                sql: "SELECT id, payload, vector FROM points WHERE collection = ? AND id = ?"
            )
            return try ids.compactMap { id in
                try Row.fetchOne(statement, arguments: [collection.key, id.key]).map {
                    try record($0, withPayload: withPayload, withVector: withVector, collection)
                }
            }
        }
    }

    public func scroll(_ request: ScrollRequest, in name: String) async throws(StoreError) -> ScrollPage {
        guard request.limit > 0 else { throw .badRequest("limit must be 1 or larger") }
        return try await read(name) { [self] db, collection in
            let slots = try request.filter.map { try FilterPlan($0, collection, db, path: path).slots() }
            let rows = try Row.fetchCursor(
                db, sql: "SELECT slot, id FROM points WHERE collection = ? AND id >= ? ORDER BY id",
                arguments: [collection.key, request.offset?.key ?? Data()]
            )
            let statement = try db.cachedStatement(
                sql: "SELECT id, payload, vector FROM points WHERE collection = ? AND slot = ?"
            )
            var page = ScrollPage(points: [], nextPageOffset: nil)
            while let row = try rows.next() {
                let slot = try row.decode(Int.self, forColumn: "slot")
                guard slots?.contains(slot) ?? true else { continue }
                if page.points.count == request.limit {
                    page.nextPageOffset = try Self.id(row, path: path)
                    break
                }
                guard let full = try Row.fetchOne(statement, arguments: [collection.key, slot]) else { continue }
                page.points.append(
                    try record(full, withPayload: request.withPayload, withVector: request.withVector, collection)
                )
            }
            return page
        }
    }

    public func count(_ filter: Filter?, in name: String) async throws(StoreError) -> Int {
        try await read(name) { [self] db, collection in
            if let filter { return try FilterPlan(filter, collection, db, path: path).slots().count }
            return try Int.fetchOne(
                db, sql: "SELECT count(*) FROM points WHERE collection = ?", arguments: [collection.key]
            ) ?? 0
        }
    }

    public func facet(
        _ field: String, filter: Filter?, limit: Int, in name: String
    ) async throws(StoreError) -> [FacetHit] {
        try await read(name) { [self] db, collection in
            guard let index = collection.indexes[field] else {
                throw StoreError.badRequest("facets need a payload index on '\(field)'")
            }
            var counts: [DatabaseValue: Int] = [:]
            if let filter {
                let statement = try db.cachedStatement(
                    sql: "SELECT value FROM payload_entries WHERE field = ? AND slot = ?"
                )
                for slot in try FilterPlan(filter, collection, db, path: path).slots() {
                    for row in try Row.fetchAll(statement, arguments: [index.key, slot]) {
                        counts[row[0], default: 0] += 1
                    }
                }
            } else {
                let rows = try Row.fetchCursor(
                    db, sql: "SELECT value, count(*) FROM payload_entries WHERE field = ? GROUP BY value",
                    arguments: [index.key]
                )
                while let row = try rows.next() { counts[row[0]] = try row.decode(atIndex: 1) }
            }
            let hits = try counts.map { FacetHit(value: try index.value($0.key, path: path), count: $0.value) }
            let sorted = hits.sorted { a, b in
                if a.count != b.count { return a.count > b.count }
                if let x = a.value.integer, let y = b.value.integer { return x < y }
                return (a.value.string ?? "").utf8.lexicographicallyPrecedes((b.value.string ?? "").utf8)
            }
            return Array(sorted.prefix(max(0, limit)))
        }
    }

    // MARK: - Help

    /// Runs `body` on one committed state, the same in the database and in memory.
    ///
    /// The two are taken one after the other, so a commit may come between: an index would be asked about points that the
    /// matrix does not have, or the reverse, and half of an update would show. The operation's number tells.
    private func read<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (Database, Collection) throws -> Value
    ) async throws(StoreError) -> Value {
        for _ in 0..<8 {
            let value: Value? = try await StoreError.translating(path) {
                try await pool.read { [self] db in
                    let collection = try collectionState(name)
                    let operation = try Int64.fetchOne(
                        db.cachedStatement(sql: "SELECT operation FROM collections WHERE collection = ?"),
                        arguments: [collection.key]
                    )
                    return operation == collection.operation ? try body(db, collection) : nil
                }
            }
            if let value { return value }
        }
        // Writers are faster than we are. Between two of them nothing changes.
        return try await write { [self] db in (try body(db, collectionState(name)), {}) }
    }

    /// What was asked for of a row with the column `id` and the others as needed.
    private func record(
        _ row: Row, withPayload: Bool, withVector: Bool, _ collection: Collection
    ) throws -> Record {
        let id = try Self.id(row, path: path)
        var record = Record(id: id)
        if withPayload { record.payload = try Self.payload(row, path: path) }
        if withVector {
            guard let vector = Self.vector(try row.decode(forColumn: "vector"), count: collection.configuration.size)
            else {
                throw StoreError.damaged(path: path, reason: "the vector of point \(id) is not valid")
            }
            record.vector = vector
        }
        return record
    }

    /// The query of a cosine collection at length one, so that scores are cosines.
    private static func unit(_ vector: [Float]) -> [Float] {
        let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return norm > 0 && abs(norm - 1) >= 1e-6 ? vector.map { Float(Double($0) / norm) } : vector
    }
}

extension EmbeddedStore.PayloadIndex {
    /// The value of an entry.
    fileprivate func value(_ entry: DatabaseValue, path: String) throws(StoreError) -> JSONValue {
        switch (type, entry.storage) {
        case (.keyword, .blob(let text)): .string(String(decoding: text, as: UTF8.self))
        case (.integer, .int64(let number)): .integer(number)
        default: throw .damaged(path: path, reason: "the index of '\(name)' holds a value that is no \(type)")
        }
    }
}
