// The universal query, answered from one committed state.

import Foundation
import GRDB
import HNSW

extension EmbeddedStore {
    /// The points a query finds, best first.
    ///
    /// Rankings by several examples compare every candidate's vector; only the nearest to one vector are sought in graphs.
    public func query(_ query: PointsQuery, in name: String) async throws(StoreError) -> [ScoredPoint] {
        try query.check()
        return try await read(name) { [self] db, state in
            let evaluation = QueryEvaluation(store: self, state: state, db: db)
            let found = try evaluation.hits(query, filters: [], isRoot: true).dropFirst(query.offset).prefix(
                query.limit)
            return try found.map { hit in
                guard let row = try fetch(state.point(hit.row), query.withPayload, query.withVectors, db) else {
                    throw StoreError.damaged(path: path, reason: "the point in row \(hit.row) is gone")
                }
                let record = try record(row, query.withPayload, query.withVectors, state)
                return ScoredPoint(
                    id: record.id, version: UInt64(bitPattern: try row.decode(Int64.self, forColumn: "version")),
                    score: hit.score, payload: record.payload, vectors: record.vectors, orderValue: hit.orderValue)
            }
        }
    }
}

extension PointsQuery {
    fileprivate func check() throws(StoreError) {
        guard limit >= 0, offset >= 0 else { throw .badRequest("limit and offset must not be negative") }
        switch ranking {
        case nil where !prefetch.isEmpty:
            throw .badRequest(
                "A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
        case .reciprocalRankFusion(let k, let weights):
            guard !prefetch.isEmpty else { throw .badRequest("cannot apply Fusion without prefetches") }
            guard k >= 1 else { throw .badRequest("rrf: k must be 1 or larger") }
            if let weights {
                guard weights.count == prefetch.count else {
                    throw .badRequest("rrf: there are \(weights.count) weights for \(prefetch.count) prefetches")
                }
                guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                    throw .badRequest("rrf: weights must not be negative")
                }
            }
        case .distributionFusion where prefetch.isEmpty: throw .badRequest("cannot apply Fusion without prefetches")
        case .formula where prefetch.isEmpty: throw .badRequest("cannot apply Formula without prefetches")
        case .diverse(_, let diversity, let candidates):
            guard 0...1 ~= diversity else { throw .badRequest("mmr: diversity must be 0 to 1, not \(diversity)") }
            guard candidates ?? 1 >= 1 else { throw .badRequest("mmr: candidates_limit must be 1 or larger") }
        case .recommend(let positive, let negative, let strategy):
            if positive.isEmpty && (strategy == .averageVector || negative.isEmpty) {
                throw .badRequest(
                    strategy == .averageVector
                        ? "At least one positive vector ID required with this strategy"
                        : "At least one positive or negative vector ID required with this strategy")
            }
        default: break
        }
        for query in prefetch { try query.check() }
    }
}

/// A row with what it was found by.
private struct Hit {
    var row: UInt32
    var score: Float
    var orderValue: JSONValue?
}

/// One query in one state.
private struct QueryEvaluation {
    let store: EmbeddedStore
    let state: CollectionState
    let db: Database

    /// The first `offset + limit` hits, best first.
    ///
    /// - Parameter filters: Those of the queries around this one.
    func hits(_ query: PointsQuery, filters: [Filter], isRoot: Bool) throws -> [Hit] {
        let filters = filters + (query.filter.map { [$0] } ?? [])
        // Never more than there are points: a limit of a billion is not memory.
        let (end, overflow) = query.limit.addingReportingOverflow(isRoot ? query.offset : 0)
        let count = min(overflow ? .max : end, max(state.pointsCount, 1))
        if query.prefetch.isEmpty {
            var rows: RowBits?
            if !filters.isEmpty {
                let all = Filter(must: filters.map(Condition.filter))
                rows = try FilterPlan(filters.count == 1 ? filters[0] : all, state, db, path: store.path).rows()
            }
            return try rank(query, count, among: rows)
        }
        let lists = try query.prefetch.map { try hits($0, filters: filters, isRoot: false) }
        switch query.ranking {
        case .reciprocalRankFusion(let k, let weights):
            return cut(
                fused(
                    lists.enumerated().map { list, hits in
                        let weight = weights?[list] ?? 1
                        return hits.enumerated().map { rank, hit in
                            let score = weight <= 0 ? 0 : 1 / (Float(rank + 1) / weight + Float(k) - 1)
                            return Hit(row: hit.row, score: score)
                        }
                    }), query, count)
        case .distributionFusion: return cut(fused(lists.map(Self.normalised)), query, count)
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
            return (rows ?? state.live).list.shuffled().prefix(count).map { Hit(row: $0, score: 1) }
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
            let pool = min(candidates ?? count, max(state.pointsCount, 1))
            let found = try nearest(to: target, query, pool, without([input], query, rows))
            return try diversified(found, query, diversity, count)
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
                    let positives = likes.map { $0[row] ?? 0 }
                    let negatives = dislikes.map { $0[row] ?? 0 }
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
                    return Float(rank) + Self.scaledSigmoid(distances[row] ?? 0)
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

    private func vector(_ input: VectorInput, _ query: PointsQuery) throws -> Vector {
        switch input {
        case .vector(let vector):
            try state.configuration.check([query.using: vector])
            return vector
        case .id(let id):
            // Another collection is read in the same transaction of the database.
            let source = try query.lookup.map { try store.collectionState($0.collection) } ?? state
            let name = query.lookup?.vector ?? query.using
            guard source.configuration.vectors[name] != nil || source.configuration.sparseVectors[name] != nil else {
                throw StoreError.unknownVector(name)
            }
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT vectors FROM points WHERE collection = ? AND id = ?"),
                    arguments: [source.key, id.key])
            else { throw StoreError.pointNotFound(id) }
            guard let own = try EmbeddedStore.vectors(row, source.configuration, path: store.path)[name] else {
                throw StoreError.badRequest("point \(id) has no vector '\(name)'")
            }
            try state.configuration.check([query.using: own])
            return own
        }
    }

    /// The rows without the points of this collection that are named as examples.
    private func without(_ inputs: [VectorInput], _ query: PointsQuery, _ rows: RowBits?) throws -> RowBits? {
        if let lookup = query.lookup, try store.collectionState(lookup.collection).key != state.key { return rows }
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

    /// mean(positive), or 2 · mean(positive) - mean(negative).
    private func average(_ positive: [Vector], _ negative: [Vector]) throws -> Vector {
        func mean(_ vectors: [Vector]) throws -> [UInt32: Float] {
            var sum: [UInt32: Float] = [:]
            for vector in vectors {
                switch vector {
                case .dense(let values):
                    for (index, value) in values.enumerated() { sum[UInt32(index), default: 0] += value }
                case .sparse(let sparse):
                    for (index, value) in zip(sparse.indices, sparse.values) { sum[index, default: 0] += value }
                }
            }
            return sum.mapValues { $0 / Float(vectors.count) }
        }
        var result = try mean(positive)
        if !negative.isEmpty {
            result = result.mapValues { 2 * $0 }
            for (index, value) in try mean(negative) { result[index, default: 0] -= value }
        }
        if let size = positive.first?.dense?.count { return .dense((0..<size).map { result[UInt32($0)] ?? 0 }) }
        let indices = result.keys.sorted()
        return .sparse(try SparseVector(indices: indices, values: indices.map { result[$0] ?? 0 }))
    }

    // MARK: - Scores

    private func nearest(
        to vector: Vector, _ query: PointsQuery, _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        let found: [Neighbour]
        switch vector {
        case .dense(let values):
            guard let field = state.dense[query.using] else { throw StoreError.unknownVector(query.using) }
            let isCosine = field.parameters.distance == .cosine
            // Prefetched candidates are few, and each of them counts.
            let ef = query.isExact || !query.prefetch.isEmpty ? nil : query.ef ?? store.options.ef
            found = try field.nearest(to: isCosine ? values.normalised() : values, count: count, among: rows, ef: ef)
        case .sparse(let sparse):
            guard let field = state.sparse[query.using] else { throw StoreError.unknownVector(query.using) }
            found = field.nearest(to: sparse, count: count, among: rows, capacity: state.capacity)
        }
        let hits = found.map { Hit(row: UInt32($0.row), score: $0.score) }
        guard let threshold = query.scoreThreshold else { return hits }
        let distance = state.dense[query.using]?.parameters.distance ?? .dot
        return hits.filter { distance.isNearer($0.score, than: threshold) }
    }

    /// How like a vector each candidate is: greater is more, whatever the distance. Of Euclid it is minus the square, as in Qdrant.
    private func similarities(to vector: Vector, _ query: PointsQuery, _ rows: RowBits?) throws -> [UInt32: Float] {
        var exact = query
        exact.isExact = true
        exact.scoreThreshold = nil
        let distance = state.dense[query.using]?.parameters.distance ?? .dot
        let hits = try nearest(to: vector, exact, rows?.count ?? state.pointsCount, rows)
        return Dictionary(
            hits.map { hit in
                switch distance {
                case .cosine, .dot: (hit.row, hit.score)
                case .euclid: (hit.row, -hit.score * hit.score)
                case .manhattan: (hit.row, -hit.score)
                }
            }, uniquingKeysWith: { first, _ in first })
    }

    private func differences(
        _ pair: ContextPair, _ query: PointsQuery, _ rows: RowBits?
    ) throws -> (UInt32) -> Float {
        let positive = try similarities(to: vector(pair.positive, query), query, rows)
        let negative = try similarities(to: vector(pair.negative, query), query, rows)
        return { (positive[$0] ?? 0) - (negative[$0] ?? 0) }
    }

    private func scored(_ query: PointsQuery, _ rows: RowBits?, _ score: (UInt32) -> Float) throws -> [Hit] {
        guard state.dense[query.using] != nil || state.sparse[query.using] != nil else {
            throw StoreError.unknownVector(query.using)
        }
        var candidates = state.rows(withVector: query.using)
        if let rows { candidates.formIntersection(rows) }
        return candidates.list.map { Hit(row: $0, score: score($0)) }.sorted { $0.score > $1.score }
    }

    private func cut(_ hits: [Hit], _ query: PointsQuery, _ count: Int) -> [Hit] {
        let hits = query.scoreThreshold.map { threshold in hits.filter { $0.score > threshold } } ?? hits
        return Array(hits.prefix(count))
    }

    /// Greedily the candidate with the greatest λ · relevance - (1 - λ) · likeness to what was taken, λ = 1 - diversity.
    private func diversified(_ hits: [Hit], _ query: PointsQuery, _ diversity: Float, _ count: Int) throws -> [Hit] {
        let statement = try db.cachedStatement(sql: "SELECT vectors FROM points WHERE point = ?")
        var left: [(hit: Hit, relevance: Float, vector: Vector, likeness: Float)] = []
        for hit in hits {
            guard let row = try Row.fetchOne(statement, arguments: [state.point(hit.row)]),
                let vector = try EmbeddedStore.vectors(row, state.configuration, path: store.path)[query.using]
            else { continue }
            let isDistance = [.euclid, .manhattan].contains(state.dense[query.using]?.parameters.distance)
            left.append((hit, isDistance ? -hit.score : hit.score, vector, -.infinity))
        }
        var taken: [Hit] = []
        while taken.count < count, !left.isEmpty {
            let place = left.indices.max { a, b in
                func worth(_ index: Int) -> Float {
                    let relevance = left[index].relevance
                    return taken.isEmpty ? relevance : (1 - diversity) * relevance - diversity * left[index].likeness
                }
                return worth(a) < worth(b)
            }
            guard let place else { break }
            let next = left.remove(at: place)
            taken.append(next.hit)
            for index in left.indices {
                left[index].likeness = max(left[index].likeness, similarity(left[index].vector, next.vector, query))
            }
        }
        return taken
    }

    private func similarity(_ a: Vector, _ b: Vector, _ query: PointsQuery) -> Float {
        if let a = a.sparse, let b = b.sparse { return a.dot(b) }
        guard let a = a.dense, let b = b.dense, let distance = state.dense[query.using]?.parameters.distance else {
            return 0
        }
        let score = distance.score(a.span, b.span)
        return distance == .euclid || distance == .manhattan ? -score : score
    }

    // MARK: - Fusion

    /// Scores of the same row added, greatest first; equals in the order in which they were met.
    private func fused(_ lists: [[Hit]]) -> [Hit] {
        var places: [UInt32: Int] = [:]
        var sums: [Hit] = []
        for hit in lists.joined() {
            if let place = places[hit.row] {
                sums[place].score += hit.score
            } else {
                places[hit.row] = sums.count
                sums.append(hit)
            }
        }
        return sums.enumerated().sorted { a, b in
            a.element.score != b.element.score ? a.element.score > b.element.score : a.offset < b.offset
        }.map(\.element)
    }

    /// Each point of the lists once, by what the formula makes of it.
    private func boosted(_ lists: [[Hit]], _ formula: Formula, _ defaults: FormulaDefaults) throws -> [Hit] {
        let scores = lists.map { Dictionary($0.map { ($0.row, $0.score) }, uniquingKeysWith: { first, _ in first }) }
        let tokenizers = state.tokenizers
        let hits = try fused(lists).map { hit in
            guard let row = try store.fetch(state.point(hit.row), .all, .none, db) else {
                throw StoreError.damaged(path: store.path, reason: "the point in row \(hit.row) is gone")
            }
            let subject = FilterSubject(
                id: try EmbeddedStore.id(row, path: store.path),
                payload: .object(try EmbeddedStore.payload(row, path: store.path)),
                hasVector: { state.hasVector($0, row: hit.row) }, tokenizers: tokenizers)
            let value = try formula.value(
                of: FormulaSubject(subject: subject, scores: scores.map { $0[hit.row] }, defaults: defaults))
            guard Float(value).isFinite else {
                throw StoreError.badRequest("The expression \(value) as f32 produced a non-finite number")
            }
            return Hit(row: hit.row, score: Float(value))
        }
        return hits.sorted { $0.score > $1.score }
    }

    /// (score - (mean - 3σ)) / 6σ; 0.5 where all are equal.
    private static func normalised(_ hits: [Hit]) -> [Hit] {
        let mean = hits.reduce(0) { $0 + $1.score } / Float(max(1, hits.count))
        let variance = hits.reduce(0) { $0 + ($1.score - mean) * ($1.score - mean) } / Float(max(1, hits.count - 1))
        let deviation = variance.squareRoot()
        return hits.map { hit in
            Hit(
                row: hit.row,
                score: deviation == 0 ? 0.5 : (hit.score - (mean - 3 * deviation)) / (6 * deviation))
        }
    }

    private static func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }
    private static func scaledSigmoid(_ x: Float) -> Float { 0.5 * (sigmoid(x) + 1) }
}
