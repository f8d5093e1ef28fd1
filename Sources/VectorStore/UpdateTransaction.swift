// The operations of one update, applied to the database and to a copy of the state in memory alike.

import Foundation
import GRDB
import HNSW

/// An update inside a transaction. Each operation sees what those before it did.
struct UpdateTransaction {
    private(set) var state: CollectionState
    private(set) var notFound: [PointID] = []
    private let db: Database
    private let path: String
    private let session: Int64
    /// Looks at the caller while filters look at points; nil where there is none who could leave.
    private let work: WorkMeter?

    init(_ state: CollectionState, _ db: Database, path: String, session: Int64, _ work: WorkMeter? = nil) {
        self.state = state
        self.db = db
        self.path = path
        self.session = session
        self.work = work
    }

    mutating func apply(_ operation: PointOperation) throws {
        state.operation = try EmbeddedStore.nextOperation(of: state, db, path, session: session)
        switch operation {
        case .upsert(let points, let mode, let filter):
            let test = try filter.map { try state.test(of: $0, work) }
            for point in points { try upsert(point, mode, test) }
        case .delete(let selector):
            for row in try rows(selector, areNeeded: false) { try delete(try stored(row)) }
        case .setPayload(let members, let selector, let key):
            try editPayloads(selector) { payload in
                if let key { payload.merge(members, at: key) } else { payload.merge(members) }
            }
        case .overwritePayload(let payload, let selector):
            try editPayloads(selector) { $0 = payload }
        case .deletePayload(let paths, let selector):
            try editPayloads(selector) { payload in for path in paths { payload.remove(path) } }
        case .clearPayload(let selector):
            try editPayloads(selector) { $0 = [:] }
        case .updateVectors(let points, let filter):
            let test = try filter.map { try state.test(of: $0, work) }
            for point in points {
                guard let row = try row(of: point.id, isNeeded: true) else { continue }
                if let test, try !passes(test, stored(row)) { continue }
                let vectors = state.configuration.stored(point.vectors)
                try editVectors(row) { $0.merge(vectors) { $1 } }
            }
        case .deleteVectors(let names, let selector):
            for row in try rows(selector) {
                try editVectors(row) { vectors in for name in names { vectors[name] = nil } }
            }
        }
    }

    // MARK: - Which points

    private mutating func rows(_ selector: PointSelector, areNeeded: Bool = true) throws -> [UInt32] {
        switch selector {
        case .ids(let ids):
            // An id named twice is one point.
            var seen: Set<PointID> = []
            return try ids.filter { seen.insert($0).inserted }.compactMap { try row(of: $0, isNeeded: areNeeded) }
        case .filter(let filter):
            return try state.rows(passing: filter, db, path: path, work).list
        }
    }

    private mutating func row(of id: PointID, isNeeded: Bool) throws -> UInt32? {
        let point = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?"),
            arguments: [state.key, id.key]
        )
        if point == nil && isNeeded { notFound.append(id) }
        return point.map { UInt32(truncatingIfNeeded: $0) }
    }

    /// A point as it stands in the database.
    private struct Stored {
        var row: UInt32
        var id: PointID
        var payload: JSONObject
        /// Of the payload as text.
        var byteCount: Int
        var vectors: NamedVectors
    }

    private func stored(_ number: UInt32) throws -> Stored {
        let statement = try db.cachedStatement(sql: "SELECT id, payload, vectors FROM points WHERE point = ?")
        guard let row = try Row.fetchOne(statement, arguments: [state.point(number)]), state.live.contains(number)
        else {
            throw StoreError.damaged(path: path, reason: "an index names a point that is not there")
        }
        let text: String = try row.decode(forColumn: "payload")
        return Stored(
            row: number, id: try EmbeddedStore.id(row, path: path),
            payload: try EmbeddedStore.payload(of: text, path: path), byteCount: text.utf8.count,
            vectors: try EmbeddedStore.vectors(row, state.configuration, path: path)
        )
    }

    private func passes(_ test: FilterTest, _ point: Stored) throws(StoreError) -> Bool {
        try test.matches(
            FilterSubject(
                id: point.id, payload: .object(point.payload), hasVector: { state.hasVector($0, row: point.row) },
                work: work, byteCount: point.byteCount))
    }

    // MARK: - Changes

    private mutating func upsert(_ point: Point, _ mode: UpsertMode, _ test: FilterTest?) throws {
        if let row = try row(of: point.id, isNeeded: false) {
            let old = try stored(row)
            guard mode != .insertOnly, try test.map({ try passes($0, old) }) ?? true else { return }
            try delete(old)
        } else if mode == .updateOnly {
            return
        }
        try insert(point.id, point.payload, state.configuration.stored(point.vectors))
    }

    private mutating func insert(_ id: PointID, _ payload: JSONObject, _ vectors: NamedVectors) throws {
        let row = try state.takeRow()
        try db.cachedStatement(
            sql: "INSERT INTO points (point, collection, id, version, payload, vectors) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            state.point(row), state.key, id.key, state.operation, payload.description, VectorsCoding.encode(vectors),
        ])
        state.insert(id, vectors, .object(payload), row: row)
    }

    private mutating func delete(_ point: Stored) throws {
        try db.cachedStatement(sql: "DELETE FROM points WHERE point = ?").execute(arguments: [state.point(point.row)])
        state.remove(point.vectors, .object(point.payload), row: point.row)
    }

    private mutating func editPayloads(_ selector: PointSelector, _ edit: (inout JSONObject) -> Void) throws {
        for row in try rows(selector) {
            let point = try stored(row)
            var payload = point.payload
            edit(&payload)
            try db.cachedStatement(sql: "UPDATE points SET payload = ?, version = ? WHERE point = ?")
                .execute(arguments: [payload.description, state.operation, state.point(row)])
            state.replacePayload(.object(point.payload), by: .object(payload), row: row)
        }
    }

    /// - Parameter edit: Of the vectors as they are stored.
    private mutating func editVectors(_ row: UInt32, _ edit: (inout NamedVectors) -> Void) throws {
        let point = try stored(row)
        var vectors = point.vectors
        edit(&vectors)
        // A row's vectors never change: the point moves.
        try delete(point)
        try insert(point.id, point.payload, vectors)
    }
}

extension [Float] {
    /// v / ‖v‖; a zero vector stays one, as in Qdrant. The norm is taken in double precision, whose squares of any two
    /// floats do not overflow.
    func normalised() -> [Float] {
        let norm = reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        // A unit vector is left alone, so that what comes back is what was stored, bit for bit.
        guard norm > 0, abs(norm - 1) >= 1e-6 else { return self }
        return map { Float(Double($0) / norm) }
    }
}
