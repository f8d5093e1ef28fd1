// The universal query, answered from one committed state: candidates, their ranking, prefetches first.
// QueryScores.swift has the rankings by vectors, QueryExamples.swift those by several, Fusion.swift those by other rankings.

import Foundation
import GRDB
import HNSW

/// A row with what it was found by.
struct Hit {
    var row: UInt32
    var score: Float
    var orderValue: JSONValue?
}

/// One query in one state.
struct QueryEvaluation {
    let store: EmbeddedStore
    let state: CollectionState
    let db: Database
    /// Told of every checkpoint before it looks: what lets a test cancel in the middle, however fast the machine is.
    var atCheckpoint: (@Sendable () -> Void)?

    /// Where work that reads nothing from the database stops when the caller's task has been cancelled.
    func checkpoint() throws {
        atCheckpoint?()
        try db.checkpoint()
    }

    /// Looks at the caller at each checkpoint.
    var meter: WorkMeter {
        WorkMeter { () throws(StoreError) in try StoreError.translating(store.path) { try checkpoint() } }
    }

    /// The points of the query, as they are told.
    func points(_ query: PointsQuery) throws -> [ScoredPoint] {
        // There is nothing to skip in a sample of everything; one of what was found is made as much longer first.
        let offset = query.ranking == .random && query.prefetch.isEmpty ? 0 : query.offset
        let found = try hits(query, filters: [], offset: offset).dropFirst(offset).prefix(query.limit)
        if query.withPayload == .none, query.withVectors == .none {
            return try found.map { try state.scored($0, store.path) }
        }
        return try found.map { hit in
            guard let row = try store.fetch(state.point(hit.row), query.withPayload, query.withVectors, db) else {
                throw StoreError.damaged(path: store.path, reason: "the point in row \(hit.row) is gone")
            }
            var record = try store.record(row, .none, query.withVectors, state)
            let version = try row.decode(Int64.self, forColumn: "version")
            if query.withPayload != .none {
                let payload = try EmbeddedStore.payload(row, path: store.path)
                let bytes = try row.decode(String.self, forColumn: "payload").utf8.count
                store.payloads.insert(payload, bytes: bytes, .init(point: state.point(hit.row), version: version))
                record.payload = query.withPayload.select(from: payload)
            }
            return ScoredPoint(
                id: record.id, version: UInt64(bitPattern: version), score: hit.score, payload: record.payload,
                vectors: record.vectors, orderValue: hit.orderValue)
        }
    }

    /// The first `offset + limit` hits, best first.
    ///
    /// - Parameters:
    ///   - filters: Those of the queries around this one.
    ///   - offset: Of the root, whose first hits are skipped.
    func hits(_ query: PointsQuery, filters: [Filter], offset: Int) throws -> [Hit] {
        try checkpoint()
        var filters = filters + (query.filter.map { [$0] } ?? [])
        // What prefetches find in vain is not among the results: points that are examples are left out from the leaves on.
        if !query.prefetch.isEmpty, let examples = query.ranking?.examples, try lookedUp(query).key == state.key {
            filters.append(Filter(mustNot: [.hasID(Set(examples))]))
        }
        let (end, overflow) = query.limit.addingReportingOverflow(offset)
        var count = overflow ? .max : end
        // Never more than there are points: a limit of a billion is not memory. In an order a point comes once a value.
        if case .order = query.ranking {} else { count = min(count, max(state.pointsCount, 1)) }
        if query.prefetch.isEmpty {
            var rows: RowBits?
            if let filter = Filter.merged(filters) {
                rows = try state.rows(passing: filter, db, path: store.path)
            }
            return try rank(query, count, among: rows)
        }
        return try fused(query, filters, offset: offset, count)
    }

    /// What a query makes of its prefetches. Each one's hits become part of what is kept of all, and are let go before the next is asked.
    private func fused(_ query: PointsQuery, _ filters: [Filter], offset: Int, _ count: Int) throws -> [Hit] {
        // A sample is drawn from so many more that it is not empty after the offset, as in Qdrant.
        let more = query.ranking == .random ? offset : 0
        func forEachList(_ body: (Int, [Hit]) throws -> Void) throws {
            for (number, prefetch) in query.prefetch.enumerated() {
                try body(number, hits(prefetch, filters: filters, offset: more))
            }
        }
        var sums = FusedHits()
        switch query.ranking {
        case .reciprocalRankFusion(let k, let weights):
            try forEachList { sums.add(Fusion.reciprocalRanks($1, k: k, weight: weights?[$0] ?? 1)) }
        case .distributionFusion: try forEachList { sums.add(Fusion.normalised($1)) }
        case .formula(let formula, let defaults):
            var scores: [[UInt32: Float]] = []
            try forEachList { _, hits in
                sums.add(hits)
                scores.append(Dictionary(hits.map { ($0.row, $0.score) }, uniquingKeysWith: { first, _ in first }))
            }
            return cut(try boosted(sums.sorted(), scores, formula, defaults), query, count)
        default:
            var rows = RowBits(capacity: state.capacity)
            try forEachList { _, hits in for hit in hits { rows.insert(hit.row) } }
            return rows.count == 0 ? [] : try rank(query, count, among: rows)
        }
        // Only now: what is wrong with a prefetch is told first.
        guard query.using.isEmpty else { throw PointsQuery.fusionOfOneVector }
        return cut(sums.sorted(), query, count)
    }

    private func rank(_ query: PointsQuery, _ count: Int, among rows: RowBits?) throws -> [Hit] {
        switch query.ranking {
        case nil:
            return try store.pointsByID(from: nil, among: rows, count: count, state, db).prefix(count).map {
                Hit(row: UInt32(truncatingIfNeeded: $0.point), score: 1)
            }
        case .random: return sampled(count, of: rows ?? state.live)
        case .order(let key, let isDescending, let start):
            return try ordered(by: key, isDescending, from: start, count, rows)
        case .nearest(let input):
            return try nearest(to: vector(input, query), query, count, without([input], query, rows))
        case .diverse(let input, let diversity, let candidates):
            let target = try vector(input, query)
            let pool = min(candidates ?? query.limit, max(state.pointsCount, 1))
            let found = try nearest(to: target, query, pool, without([input], query, rows))
            return try diversified(found, query, diversity, count)
        case .text(let wanted): return cut(try ranked(by: wanted, query, rows), query, count)
        case .recommend(let positive, let negative, let strategy):
            return try recommended(positive, negative, strategy, query, count, rows)
        case .discover(let target, let pairs): return try discovered(target, pairs, query, count, rows)
        case .feedback(let target, let items, let coefficients):
            return try fedBack(target, items, coefficients, query, count, rows)
        case .context(let pairs): return try inContext(pairs, query, count, rows)
        // `check` has refused them without prefetches.
        case .reciprocalRankFusion, .distributionFusion, .formula: return []
        }
    }

    /// Shuffled no further than it is told.
    private func sampled(_ count: Int, of rows: RowBits) -> [Hit] {
        var all = rows.list
        for place in 0..<min(count, all.count) { all.swapAt(place, .random(in: place..<all.count)) }
        return all.prefix(count).map { Hit(row: $0, score: 1) }
    }

    private func ordered(
        by key: PayloadPath, _ isDescending: Bool, from start: JSONValue?, _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        guard let index = state.index(on: key),
            let entries = try index.ordered(among: rows, isDescending, from: start, count)
        else {
            throw StoreError.badRequest(
                """
                No range index for `order_by` key: `\(key)`. Please create one to use `order_by`. Integer, float and datetime \
                indexes support ranges.
                """)
        }
        return entries.map { Hit(row: $0.row, score: 1, orderValue: $0.value) }
    }
}
