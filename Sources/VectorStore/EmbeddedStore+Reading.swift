// Queries: what they see is one committed state, in the database and in memory alike.

import Foundation
import GRDB
import HNSW

extension EmbeddedStore {
    public func query(_ query: PointsQuery, in name: String) async throws(StoreError) -> [ScoredPoint] {
        try await self.query([query], in: name).first ?? []
    }

    /// What each of the queries finds, all in one committed state.
    ///
    /// Rankings by several examples compare every candidate's vector; only the nearest to one vector are sought in graphs.
    public func query(_ queries: [PointsQuery], in name: String) async throws(StoreError) -> [[ScoredPoint]] {
        let configuration = try collectionState(name).configuration
        for query in queries { try query.check(configuration) }
        return try await read(name) { [self] db, state in
            let evaluation = QueryEvaluation(store: self, state: state, db: db)
            return try queries.map { try evaluation.points($0) }
        }
    }

    public func retrieve(
        _ ids: [PointID], withPayload: PayloadSelection, withVectors: VectorSelection, in name: String
    ) async throws(StoreError) -> [Record] {
        try await read(name) { [self] db, state in
            let statement = try db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?")
            return try ids.compactMap { id in
                guard let point = try Int64.fetchOne(statement, arguments: [state.key, id.key]),
                    let row = try fetch(point, withPayload, withVectors, db)
                else { return nil }
                return try record(row, withPayload, withVectors, state)
            }
        }
    }

    public func scroll(_ request: ScrollRequest, in name: String) async throws(StoreError) -> ScrollPage {
        guard request.limit > 0 else { throw .badRequest("limit must be 1 or larger") }
        return try await read(name) { [self] db, state in
            let rows = try request.filter.map { try state.rows(passing: $0, db, path: path) }
            var page = ScrollPage(points: [], nextPageOffset: nil)
            for (id, point) in try pointsByID(from: request.offset, among: rows, count: request.limit, state, db) {
                if page.points.count == request.limit {
                    page.nextPageOffset = id
                    break
                }
                guard let row = try fetch(point, request.withPayload, request.withVectors, db) else { continue }
                page.points.append(try record(row, request.withPayload, request.withVectors, state))
            }
            return page
        }
    }

    /// The first `count` + 1 points of these rows from an id on, in the order of ids; nil for all rows.
    func pointsByID(
        from first: PointID?, among rows: RowBits?, count: Int, _ state: CollectionState, _ db: Database
    ) throws -> [(PointID, point: Int64)] {
        guard let rows else { return try pointsInIndex(from: first, count: count, state, db) { _ in true } ?? [] }
        // Many are met soon in the index of ids, where one costs as much as 64 that memory tells of. Where the first do not come in the
        // time that all of them take, all are looked at.
        let patience = rows.count / 64
        if patience > count,
            let found = try pointsInIndex(from: first, count: count, state, db, within: patience, where: rows.contains)
        {
            return found
        }
        var leading = Leading<(id: PointID, row: UInt32)>(min(count, rows.count) + 1) { $0.id < $1.id }
        let work = WorkMeter(db, path: path)
        for row in rows.list {
            try work.spend(MemoryLayout<PointHeads.Head>.stride)
            guard let head = state.heads[row] else { continue }
            if first.map({ head.id >= $0 }) ?? true { leading.offer((head.id, row)) }
        }
        return leading.sorted().map { ($0.id, state.point($0.row)) }
    }

    /// The same by a walk through the index of ids; nil when it would have more steps.
    private func pointsInIndex(
        from first: PointID?, count: Int, _ state: CollectionState, _ db: Database, within mostSteps: Int = .max,
        where isWanted: (UInt32) -> Bool
    ) throws -> [(PointID, point: Int64)]? {
        var found: [(PointID, point: Int64)] = []
        let cursor = try Row.fetchCursor(
            db, sql: "SELECT point, id FROM points WHERE collection = ? AND id >= ? ORDER BY id",
            arguments: [state.key, first?.key ?? Data()])
        var steps = 0
        while found.count <= count, let row = try cursor.next() {
            if steps == mostSteps { return nil }
            steps += 1
            let point = try row.decode(Int64.self, forColumn: "point")
            if isWanted(UInt32(truncatingIfNeeded: point)) { found.append((try Self.id(row, path: path), point)) }
        }
        return found
    }

    public func count(_ filter: Filter?, in name: String) async throws(StoreError) -> Int {
        try await read(name) { [self] db, state in
            try filter.map { try state.rows(passing: $0, db, path: path).count } ?? state.pointsCount
        }
    }

    public func facet(
        _ field: String, filter: Filter?, limit: Int, in name: String
    ) async throws(StoreError) -> [FacetHit] {
        let key = try PayloadPath(field)
        return try await read(name) { [self] db, state in
            let rows = try filter.map { try state.rows(passing: $0, db, path: path) }
            guard let hits = state.index(on: key)?.facet(among: rows) else {
                throw StoreError.badRequest(
                    "facets need a payload index of keywords, integers, booleans or UUIDs on '\(field)'")
            }
            return try Self.mostFrequent(hits, limit, WorkMeter(db, path: path))
        }
    }

    /// The values that most points have, most frequent first, equals in the order of values: strings by their bytes.
    ///
    /// - Throws: what the meter does.
    static func mostFrequent(
        _ hits: [(value: JSONValue, count: Int)], _ limit: Int, _ work: WorkMeter
    ) throws(StoreError) -> [FacetHit] {
        var first = Leading<FacetHit>(min(limit, hits.count)) { a, b in
            if a.count != b.count { return a.count > b.count }
            return switch (a.value, b.value) {
            case (.string(let a), .string(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
            case (.integer(let a), .integer(let b)): a < b
            case (.bool(let a), .bool(let b)): !a && b
            // The values of an index are of one kind.
            default: false
            }
        }
        for hit in hits {
            try work.spend(MemoryLayout<FacetHit>.stride)
            first.offer(FacetHit(value: hit.value, count: hit.count))
        }
        return first.sorted()
    }

    // MARK: - Help

    /// Runs `body` on one committed state, the same in the database and in memory.
    ///
    /// The two are taken one after the other, so a commit may come between: an index would be asked about points that the
    /// matrix does not have, or the reverse, and half of an update would show. The operation's number tells.
    ///
    /// - Parameter body: Is run again where it throws `OtherCommit`.
    func read<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (Database, CollectionState) throws -> Value
    ) async throws(StoreError) -> Value {
        for _ in 0..<8 {
            let value: Value? = try await StoreError.translating(path) {
                try await pool.read { [self] db in
                    let collection = try collectionState(name)
                    guard try collection.isOfCommit(db) else { return nil }
                    // The graphs keep what this state relies on for as long as its mark is there.
                    return try withExtendedLifetime(collection.mark) {
                        do { return try body(db, collection) } catch is OtherCommit { return nil }
                    }
                }
            }
            if let value { return value }
        }
        // Writers are faster than we are. Between two of them nothing changes.
        return try await write { [self] db in (try body(db, collectionState(name)), {}) }
    }

    /// The state in memory of one more collection that is read is not of the commit that the database is read at.
    struct OtherCommit: Error {}

    func fetch(
        _ point: Int64, _ payload: PayloadSelection, _ vectors: VectorSelection, _ db: Database
    ) throws -> Row? {
        let columns =
            "id, version" + (payload == .none ? "" : ", payload") + (vectors == .none ? "" : ", vectors")
        return try Row.fetchOne(
            db.cachedStatement(sql: "SELECT \(columns) FROM points WHERE point = ?"), arguments: [point])
    }

    /// What was asked for of a row that `fetch` gave.
    func record(
        _ row: Row, _ payload: PayloadSelection, _ vectors: VectorSelection, _ state: CollectionState
    ) throws -> Record {
        var record = Record(id: try Self.id(row, path: path))
        if payload != .none { record.payload = payload.select(from: try Self.payload(row, path: path)) }
        switch vectors {
        case .none: break
        case .all: record.vectors = try Self.vectors(row, state.configuration, path: path)
        case .only(let names):
            record.vectors = try Self.vectors(row, state.configuration, path: path).filter { names.contains($0.key) }
        }
        return record
    }
}

extension CollectionState {
    /// Whether this is the collection as the transaction sees it.
    func isOfCommit(_ db: Database) throws -> Bool {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT operation FROM collections WHERE collection = ?"), arguments: [key]
        ) == operation
    }
}
