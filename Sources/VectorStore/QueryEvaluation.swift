// The universal query, answered from one committed state: candidates, their ranking, prefetches first.
// QueryScores.swift has the rankings by vectors, Fusion.swift those by other rankings.

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
        // A sample is drawn from so many more that it is not empty after the offset, as in Qdrant.
        let more = query.ranking == .random ? offset : 0
        let lists = try query.prefetch.map { try hits($0, filters: filters, offset: more) }
        switch query.ranking {
        case .reciprocalRankFusion where !query.using.isEmpty, .distributionFusion where !query.using.isEmpty:
            // Only now: what is wrong with a prefetch is told first.
            throw PointsQuery.fusionOfOneVector
        case .reciprocalRankFusion(let k, let weights):
            return cut(Fusion.reciprocalRank(lists, k: k, weights: weights), query, count)
        case .distributionFusion: return cut(Fusion.distribution(lists), query, count)
        case .formula(let formula, let defaults):
            return cut(try boosted(lists, formula, defaults), query, count)
        default:
            let rows = RowBits(lists.joined().map(\.row), capacity: state.capacity)
            return rows.count == 0 ? [] : try rank(query, count, among: rows)
        }
    }

    private func rank(_ query: PointsQuery, _ count: Int, among rows: RowBits?) throws -> [Hit] {
        switch query.ranking {
        case nil:
            return try store.pointsByID(from: nil, among: rows, count: count, state, db).prefix(count).map {
                Hit(row: UInt32(truncatingIfNeeded: $0.point), score: 1)
            }
        case .random:
            // Shuffled no further than it is told.
            var all = (rows ?? state.live).list
            for place in 0..<min(count, all.count) { all.swapAt(place, .random(in: place..<all.count)) }
            return all.prefix(count).map { Hit(row: $0, score: 1) }
        case .order(let key, let isDescending, let start):
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
        case .nearest(let input):
            return try nearest(to: vector(input, query), query, count, without([input], query, rows))
        case .diverse(let input, let diversity, let candidates):
            let target = try vector(input, query)
            let pool = min(candidates ?? query.limit, max(state.pointsCount, 1))
            let found = try nearest(to: target, query, pool, without([input], query, rows))
            return try diversified(found, query, diversity, count)
        case .text(let wanted): return cut(try ranked(by: wanted, query, rows), query, count)
        case .recommend(let positive, let negative, let strategy):
            let rows = try without(positive + negative, query, rows)
            let liked = try positive.map { try vector($0, query) }
            let disliked = try negative.map { try vector($0, query) }
            if strategy == .averageVector {
                return try nearest(to: average(liked, disliked), query, count, rows)
            }
            let likes = try liked.map { try similarities(to: $0, query, rows) }
            let dislikes = try disliked.map { try similarities(to: $0, query, rows) }
            return cut(
                try scored(query, rows) { row in
                    let positives = likes.map { $0[Int(row)] }
                    let negatives = dislikes.map { $0[Int(row)] }
                    if strategy == .sumScores { return positives.reduce(0, +) - negatives.reduce(0, +) }
                    let best = positives.max() ?? -.infinity
                    let worst = negatives.max() ?? -.infinity
                    return best > worst ? Self.scaledSigmoid(best) : -Self.scaledSigmoid(worst)
                }, query, count)
        case .discover(let target, let pairs):
            let rows = try without([target] + pairs.flatMap { [$0.positive, $0.negative] }, query, rows)
            let distances = try similarities(to: vector(target, query), query, rows)
            let sides = try pairs.map { try differences($0, query, rows) }
            return cut(
                try scored(query, rows) { row in
                    let rank = sides.reduce(0) { sum, side in
                        let difference = side(row)
                        return sum + (difference > 0 ? 1 : difference < 0 ? -1 : 0)
                    }
                    return Float(rank) + Self.scaledSigmoid(distances[Int(row)])
                }, query, count)
        case .feedback(let target, let items, let coefficients):
            let rows = try without([target] + items.map(\.example), query, rows)
            let distances = try similarities(to: vector(target, query), query, rows)
            let examples = try items.map { try similarities(to: vector($0.example, query), query, rows) }
            // The weight of each item's likeness over all pairs: + as the better one, - as the worse.
            var weights = [Float](repeating: 0, count: items.count)
            for (better, high) in items.enumerated() {
                for (worse, low) in items.enumerated() where high.score > low.score {
                    let weight = pow(high.score - low.score, coefficients.b) * coefficients.c
                    weights[better] += weight
                    weights[worse] -= weight
                }
            }
            return cut(
                try scored(query, rows) { row in
                    zip(weights, examples).reduce(coefficients.a * distances[Int(row)]) { $0 + $1.0 * $1.1[Int(row)] }
                }, query, count)
        case .context(let pairs):
            let rows = try without(pairs.flatMap { [$0.positive, $0.negative] }, query, rows)
            let sides = try pairs.map { try differences($0, query, rows) }
            return cut(
                try scored(query, rows) { row in
                    sides.reduce(0) { $0 + Self.sigmoid(min($1(row) - .ulpOfOne, 0)) }
                }, query, count)
        // `check` has refused them without prefetches.
        case .reciprocalRankFusion, .distributionFusion, .formula: return []
        }
    }

    // MARK: - Examples

    func vector(_ input: VectorInput, _ query: PointsQuery) throws -> Vector {
        switch input {
        case .vector(let given):
            let vector = state.configuration.adapted(given, to: query.using)
            try state.configuration.check([query.using: vector])
            return vector
        case .id(let id):
            // Another collection is read in the same transaction.
            let source = try lookedUp(query)
            let name = query.lookup?.vector ?? query.using
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT vectors FROM points WHERE collection = ? AND id = ?"),
                    arguments: [source.key, id.key])
            else { throw StoreError.pointNotFound(id) }
            guard source.configuration.hasVector(name) else { throw StoreError.unknownVector(name) }
            guard let own = try EmbeddedStore.vectors(row, source.configuration, path: store.path)[name] else {
                throw StoreError.badRequest("point \(id) has no vector '\(name)'")
            }
            let vector = state.configuration.adapted(own, to: query.using)
            try state.configuration.check([query.using: vector])
            return vector
        }
    }

    /// The collection whose points are the query's examples, of the commit that the database is read at.
    ///
    /// - Throws: `.lookupNotFound`, `OtherCommit`.
    private func lookedUp(_ query: PointsQuery) throws -> CollectionState {
        guard let lookup = query.lookup else { return state }
        let other: CollectionState
        do {
            other = try store.collectionState(lookup.collection)
        } catch .collectionNotFound(let name) {
            throw StoreError.lookupNotFound(name)
        }
        if other.key == state.key { return state }
        guard try other.isOfCommit(db) else { throw EmbeddedStore.OtherCommit() }
        return other
    }

    /// The rows without the points of this collection that are named as examples.
    private func without(_ inputs: [VectorInput], _ query: PointsQuery, _ rows: RowBits?) throws -> RowBits? {
        if try lookedUp(query).key != state.key { return rows }
        var left = rows
        for case .id(let id) in inputs {
            let point = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?"),
                arguments: [state.key, id.key])
            guard let point else { throw StoreError.pointNotFound(id) }
            var others = left ?? state.live
            others.remove(UInt32(truncatingIfNeeded: point))
            left = others
        }
        return left
    }

    /// mean(positive), or 2 · mean(positive) - mean(negative). Of multivectors: all rows of the positive and, negated, the negative.
    private func average(_ positive: [Vector], _ negative: [Vector]) throws -> Vector {
        switch positive.first {
        case .multi:
            let rows = positive.flatMap { $0.multi ?? [] }
            return .multi(rows + negative.flatMap { $0.multi ?? [] }.map { row in row.map { -$0 } })
        case .dense(let first):
            func mean(_ index: Int, _ vectors: [Vector]) -> Float {
                vectors.reduce(0) { $0 + ($1.dense?[index] ?? 0) } / Float(vectors.count)
            }
            return .dense(
                first.indices.map { index in
                    negative.isEmpty ? mean(index, positive) : 2 * mean(index, positive) - mean(index, negative)
                })
        case .sparse, nil:
            var sums: [UInt32: Float] = [:]
            func add(_ vectors: [Vector], _ weight: Float) {
                for vector in vectors.compactMap(\.sparse) {
                    for (index, value) in zip(vector.indices, vector.values) {
                        sums[index, default: 0] += weight * value / Float(vectors.count)
                    }
                }
            }
            add(positive, negative.isEmpty ? 1 : 2)
            add(negative, -1)
            let indices = sums.keys.sorted()
            return .sparse(try SparseVector(indices: indices, values: indices.map { sums[$0] ?? 0 }))
        }
    }
}
