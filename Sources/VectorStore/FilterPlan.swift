// Which points pass a filter: by payload indexes as far as they tell, by looking at payloads where they do not.

import Foundation
import GRDB
import HNSW

/// A filter in front of a collection, inside a transaction of the same state.
struct FilterPlan {
    private let filter: Filter
    private let state: CollectionState
    /// nil where only memory may be asked.
    private let db: Database?
    private let path: String

    /// The rows of the points that pass, when indexes tell and telling takes no longer than a search; nil otherwise.
    static func rowsAtOnce(_ filter: Filter, _ state: CollectionState) throws -> RowBits? {
        guard let conditions = filter.quickConditions, conditions <= 64,
            conditions * state.capacity <= Filter.mostAtOnce
        else { return nil }
        guard case .exactly(let rows) = try FilterPlan(filter, state, nil, path: "").answer(filter) else { return nil }
        return rows
    }

    private init(_ filter: Filter, _ state: CollectionState, _ db: Database?, path: String) {
        self.filter = filter
        self.state = state
        self.db = db
        self.path = path
    }

    init(_ filter: Filter, _ state: CollectionState, _ db: Database, path: String) {
        self.filter = filter
        self.state = state
        self.db = db
        self.path = path
    }

    /// The rows of the points that pass.
    ///
    /// Indexes give the rows that may pass. When they give exactly those that do, no point is looked at; otherwise only these are.
    func rows() throws -> RowBits {
        switch try answer(filter) {
        case .exactly(let rows): return rows
        case .atMost(let candidates): return try look(at: candidates)
        case .unknown: return try look(at: state.live)
        }
    }

    private typealias Answer = PayloadIndex.Answer

    private func answer(_ filter: Filter) throws -> Answer {
        var rows: RowBits?
        var isExact = true
        func narrow(_ found: RowBits) {
            guard var known = rows else { return rows = found }
            known.formIntersection(found)
            rows = known
        }
        func take(_ answer: Answer) {
            switch answer {
            case .exactly(let found): narrow(found)
            case .atMost(let found):
                narrow(found)
                isExact = false
            case .unknown: isExact = false
            }
        }
        for condition in filter.must { take(try answer(condition)) }
        if !filter.should.isEmpty { take(try atLeast(1, of: filter.should)) }
        if let clause = filter.minShould { take(try atLeast(clause.minCount, of: clause.conditions)) }
        for condition in filter.mustNot {
            guard case .exactly(let found) = try answer(condition) else {
                isExact = false
                continue
            }
            var others = rows ?? state.live
            others.subtract(found)
            rows = others
        }
        if isExact { return .exactly(rows ?? state.live) }
        return rows.map(Answer.atMost) ?? .unknown
    }

    /// The rows for which so many of the conditions hold, or may.
    private func atLeast(_ count: Int, of conditions: [Condition]) throws -> Answer {
        guard count > 0 else { return .exactly(state.live) }
        guard count <= conditions.count else { return .exactly(RowBits(capacity: 0)) }
        var counts = RowCounts()
        var isExact = true
        for condition in conditions {
            switch try answer(condition) {
            case .exactly(let rows): counts.add(rows)
            case .atMost(let rows):
                counts.add(rows)
                isExact = false
            case .unknown: return .unknown
            }
        }
        let rows = counts.rows(inAtLeast: count)
        return isExact ? .exactly(rows) : .atMost(rows)
    }

    private func answer(_ condition: Condition) throws -> Answer {
        // Most kinds read nothing, and there may be many.
        try db?.checkpoint()
        switch condition {
        case .filter(let filter): return try answer(filter)
        case .hasVector(let name): return .exactly(state.rows(withVector: name))
        case .hasID(let ids):
            guard let db else { return .unknown }
            let statement = try db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?")
            var rows = RowBits(capacity: state.capacity)
            for id in ids {
                guard let point = try Int64.fetchOne(statement, arguments: [state.key, id.key]) else { continue }
                rows.insert(UInt32(truncatingIfNeeded: point))
            }
            return .exactly(rows)
        case .match(let key, _), .range(let key, _), .datetimeRange(let key, _), .geo(let key, _), .isEmpty(let key):
            return state.index(on: key)?.answer(condition, live: state.live, capacity: state.capacity) ?? .unknown
        case .valuesCount, .isNull, .slice, .nested: return .unknown
        }
    }

    private func look(at candidates: RowBits) throws -> RowBits {
        guard let db else { throw StoreError.database("a filter was to be answered without the database") }
        var rows = RowBits(capacity: state.capacity)
        let tokenizers = state.tokenizers
        let work = WorkMeter(db, path: path)
        func look(_ row: Row) throws {
            let number = UInt32(truncatingIfNeeded: try row.decode(Int64.self, forColumn: "point"))
            let text: String = try row.decode(forColumn: "payload")
            let subject = FilterSubject(
                id: try EmbeddedStore.id(row, path: path),
                payload: .object(try EmbeddedStore.payload(of: text, path: path)),
                hasVector: { state.hasVector($0, row: number) }, tokenizers: tokenizers, work: work,
                byteCount: text.utf8.count
            )
            if try filter.matches(subject) { rows.insert(number) }
        }
        // Reading everything in order costs a quarter as much a point as asking for one.
        if candidates.count * 4 > state.live.count {
            let all = try Row.fetchCursor(
                db, sql: "SELECT point, id, payload FROM points WHERE point BETWEEN ? AND ?",
                arguments: [state.points.lowerBound, state.points.upperBound]
            )
            while let row = try all.next() {
                let point = try row.decode(Int64.self, forColumn: "point")
                if candidates.contains(UInt32(truncatingIfNeeded: point)) { try look(row) }
            }
        } else {
            let statement = try db.cachedStatement(sql: "SELECT point, id, payload FROM points WHERE point = ?")
            for number in candidates.list {
                if let row = try Row.fetchOne(statement, arguments: [state.point(number)]) { try look(row) }
            }
        }
        return rows
    }
}

extension Filter {
    /// Conditions, nested ones counted, times points, up to which a filter is answered in a millisecond or less: a range adds up to as many
    /// rows as there are points, a nanosecond each.
    fileprivate static let mostAtOnce = 1_000_000

    /// How many conditions there are in all, when indexes, where there are some, answer each in steps of whole words of rows or by the rows
    /// that pass: not by going through keywords, places or tokens. nil when one is of another kind.
    fileprivate var quickConditions: Int? {
        var count = 0
        for condition in must + mustNot + should + (minShould?.conditions ?? []) {
            switch condition {
            case .match(_, .value), .range, .datetimeRange, .hasVector, .isEmpty: count += 1
            case .match(_, .any(let keys)), .match(_, .except(let keys)): count += keys.count
            case .filter(let filter):
                guard let nested = filter.quickConditions else { return nil }
                count += nested + 1
            default: return nil
            }
        }
        return count
    }
}

extension RowBits {
    /// The rows, ascending.
    var list: [UInt32] {
        var rows: [UInt32] = []
        rows.reserveCapacity(count)
        forEach { rows.append($0) }
        return rows
    }
}
