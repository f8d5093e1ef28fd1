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
    /// nil where telling takes no longer than a search.
    private let work: WorkMeter?
    /// Rows of which one is left, or none, when the others are asked about one by one: a row is looked up in up to 43 sets, some 10 ns
    /// each, a set of all rows is put together in about 0.2 ns a row.
    private let fewShare: Int

    /// The rows of the points that pass, when indexes tell and telling takes no longer than a search; nil otherwise.
    static func rowsAtOnce(_ filter: Filter, _ state: CollectionState) throws -> RowBits? {
        guard let conditions = filter.quickConditions, conditions <= 64,
            conditions * state.capacity <= Filter.mostAtOnce
        else { return nil }
        let answer = try FilterPlan(filter, state, nil, path: "").answer()
        return answer.isExact ? answer.certain : nil
    }

    private init(_ filter: Filter, _ state: CollectionState, _ db: Database?, path: String) {
        self.filter = filter
        self.state = state
        self.db = db
        self.path = path
        work = nil
        fewShare = Self.fewShare
    }

    /// - Parameter work: Looks at the caller; nil where the database does.
    init(
        _ filter: Filter, _ state: CollectionState, _ db: Database, path: String, _ work: WorkMeter? = nil,
        fewShare: Int = Self.fewShare
    ) {
        self.filter = filter
        self.state = state
        self.db = db
        self.path = path
        self.work = work ?? WorkMeter(db, path: path)
        self.fewShare = fewShare
    }

    static let fewShare = 2048

    /// The rows of the points that pass.
    ///
    /// Points are looked at only where indexes do not tell.
    func rows() throws -> RowBits {
        let answer = try answer()
        if answer.isExact { return answer.certain }
        var rows = try look(at: answer.doubtful)
        rows.formUnion(answer.certain)
        return rows
    }

    /// What indexes tell of the filter: the points in doubt are those that `rows` looks at.
    func answer() throws -> FilterAnswer { try answer(filter, among: nil) }

    /// - Parameter few: The rows that are asked about: what is said of others means nothing. nil for all.
    private func answer(_ filter: Filter, among few: [UInt32]?) throws -> FilterAnswer {
        var few = few
        var answer: FilterAnswer?
        func narrow(_ found: FilterAnswer) {
            if answer == nil { answer = found } else { answer?.formIntersection(found) }
            if few == nil { few = answer.flatMap(fewRows) }
        }
        for condition in try ordered(filter.must) {
            narrow(try self.answer(condition, among: few))
            if let answer, answer.isEmpty { return answer }
        }
        if !filter.should.isEmpty { narrow(try atLeast(1, of: filter.should, among: few)) }
        if let clause = filter.minShould {
            narrow(try atLeast(clause.minCount, of: clause.conditions, among: few))
        }
        var rows = answer ?? FilterAnswer(state.live)
        for condition in filter.mustNot {
            if rows.isEmpty { break }
            rows.subtract(try self.answer(condition, among: few))
        }
        return rows
    }

    /// Conditions all of which must hold, those first that leave the fewest rows: when these are few, the others are asked about them
    /// alone, and when there are none, not at all.
    func ordered(_ conditions: [Condition]) throws -> [Condition] {
        guard conditions.count > 1 else { return conditions }
        var weighed: [(rows: Int, place: Int)] = []
        for (place, condition) in conditions.enumerated() {
            try work?.checkpoint()
            weighed.append((estimate(condition), place))
        }
        return weighed.sorted { $0 < $1 }.map { conditions[$0.place] }
    }

    /// How many rows a condition leaves, about.
    private func estimate(_ condition: Condition) -> Int {
        switch condition {
        case .hasID(let ids): ids.count
        case .hasVector(let name): state.rows(withVector: name).count
        case .match(let key, _), .range(let key, _), .datetimeRange(let key, _), .geo(let key, _), .isEmpty(let key),
            .isNull(let key), .valuesCount(let key, _):
            state.index(on: key)?.estimate(condition, of: state.pointsCount) ?? state.pointsCount
        // Filters are not taken apart for it: each level would be, once for every level above.
        case .filter, .slice, .nested: state.pointsCount
        }
    }

    /// What is left, when it is so little that looking up each row in the sets of a wide range takes less than putting these together;
    /// nil when it is more.
    private func fewRows(_ answer: FilterAnswer) -> [UInt32]? {
        (answer.certain.count + answer.doubtful.count) * fewShare <= state.capacity ? answer.possible.list : nil
    }

    /// The rows for which so many of the conditions hold.
    private func atLeast(_ count: Int, of conditions: [Condition], among few: [UInt32]?) throws -> FilterAnswer {
        guard count > 0 else { return FilterAnswer(state.live) }
        guard count <= conditions.count else { return FilterAnswer(RowBits(capacity: 0)) }
        var certain = RowCounts()
        // Counted apart from the first condition on that leaves doubts.
        var possible: RowCounts?
        for condition in conditions {
            let answer = try answer(condition, among: few)
            if possible == nil, !answer.isExact { possible = certain }
            possible?.add(answer.possible)
            certain.add(answer.certain)
        }
        let rows = certain.rows(inAtLeast: count)
        return possible.map { FilterAnswer(rows, doubtful: $0.rows(inAtLeast: count)) } ?? FilterAnswer(rows)
    }

    private func answer(_ condition: Condition, among few: [UInt32]?) throws -> FilterAnswer {
        // Most kinds read nothing, and there may be many.
        try work?.checkpoint()
        switch condition {
        case .filter(let filter): return try answer(filter, among: few)
        case .hasVector(let name): return FilterAnswer(state.rows(withVector: name))
        case .hasID(let ids):
            if let few { return FilterAnswer(rows(few, with: ids.contains)) }
            guard let db else { return .unknown(among: state.live) }
            let statement = try db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?")
            var rows = RowBits(capacity: state.capacity)
            for id in ids {
                try work?.step()
                guard let point = try Int64.fetchOne(statement, arguments: [state.key, id.key]) else { continue }
                rows.insert(UInt32(truncatingIfNeeded: point))
            }
            return FilterAnswer(rows)
        case .slice(let total, let index):
            return FilterAnswer(rows(few ?? state.live.list) { $0.slice(of: total) == index })
        case .match(let key, _), .range(let key, _), .datetimeRange(let key, _), .geo(let key, _), .isEmpty(let key),
            .isNull(let key), .valuesCount(let key, _):
            return try state.index(on: key)?.answer(
                condition, live: state.live, capacity: state.capacity, among: few, work)
                ?? .unknown(among: state.live)
        case .nested: return .unknown(among: state.live)
        }
    }

    /// Those of these rows whose points' ids, which memory has, are as wanted.
    private func rows(_ rows: [UInt32], with isWanted: (PointID) -> Bool) -> RowBits {
        RowBits(rows.filter { state.heads[$0].map { isWanted($0.id) } ?? false }, capacity: state.capacity)
    }

    private func look(at candidates: RowBits) throws -> RowBits {
        guard let db else { throw StoreError.database("a filter was to be answered without the database") }
        var rows = RowBits(capacity: state.capacity)
        let test = try FilterTest(filter, tokenizers: state.tokenizers, work)
        func look(_ row: Row) throws {
            let number = UInt32(truncatingIfNeeded: try row.decode(Int64.self, forColumn: "point"))
            let text: String = try row.decode(forColumn: "payload")
            let subject = FilterSubject(
                id: try EmbeddedStore.id(row, path: path),
                payload: .object(try EmbeddedStore.payload(of: text, path: path)),
                hasVector: { state.hasVector($0, row: number) }, work: work,
                byteCount: text.utf8.count
            )
            if try test.matches(subject) { rows.insert(number) }
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
            case .match(_, .value), .range, .datetimeRange, .hasVector, .isEmpty, .isNull, .valuesCount: count += 1
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
