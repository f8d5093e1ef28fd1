// Rankings by examples: what they are, and what several of them make of each candidate.
//
// Examples are compared one after the other, and each one's likenesses become part of what is kept of all of them: a number or two a
// row, however many examples there are.

import Foundation
import GRDB
import HNSW

extension QueryEvaluation {
    // MARK: - Rankings

    func recommended(
        _ positive: [VectorInput], _ negative: [VectorInput], _ strategy: RecommendStrategy, _ query: PointsQuery,
        _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        let rows = try without(positive + negative, query, rows)
        switch strategy {
        case .averageVector: return try nearest(to: average(positive, negative, query), query, count, rows)
        case .sumScores:
            let likes = try folded(positive, from: 0, query, rows) { $0 += $1 }
            let dislikes = try folded(negative, from: 0, query, rows) { $0 += $1 }
            return cut(try scored(query, rows) { likes[$0] - dislikes[$0] }, query, count)
        case .bestScore:
            let likes = try folded(positive, from: -.infinity, query, rows) { if $1 > $0 { $0 = $1 } }
            let dislikes = try folded(negative, from: -.infinity, query, rows) { if $1 > $0 { $0 = $1 } }
            return cut(
                try scored(query, rows) { row in
                    let (best, worst) = (likes[row], dislikes[row])
                    return best > worst ? Self.scaledSigmoid(best) : -Self.scaledSigmoid(worst)
                }, query, count)
        }
    }

    func discovered(
        _ target: VectorInput, _ pairs: [ContextPair], _ query: PointsQuery, _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        let rows = try without([target] + pairs.flatMap { [$0.positive, $0.negative] }, query, rows)
        let likenesses = try similarities(to: vector(target, query), query, rows)
        let ranks = try folded(pairs, from: Int32(0), query, rows) { $0 += $1 > 0 ? 1 : $1 < 0 ? -1 : 0 }
        return cut(
            try scored(query, rows) { Float(ranks[$0]) + Self.scaledSigmoid(likenesses[$0]) }, query, count)
    }

    func inContext(_ pairs: [ContextPair], _ query: PointsQuery, _ count: Int, _ rows: RowBits?) throws -> [Hit] {
        let rows = try without(pairs.flatMap { [$0.positive, $0.negative] }, query, rows)
        let sums = try folded(pairs, from: Float(0), query, rows) { $0 += Self.sigmoid(min($1 - .ulpOfOne, 0)) }
        return cut(try scored(query, rows) { sums[$0] }, query, count)
    }

    func fedBack(
        _ target: VectorInput, _ items: [FeedbackItem], _ coefficients: FeedbackCoefficients, _ query: PointsQuery,
        _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        let rows = try without([target] + items.map(\.example), query, rows)
        var scores = try similarities(to: vector(target, query), query, rows).map { coefficients.a * $0 }
        for (item, weight) in zip(items, try weights(of: items, coefficients)) {
            let likenesses = try similarities(to: vector(item.example, query), query, rows)
            for row in scores.indices { scores[row] += weight * likenesses[row] }
        }
        return cut(try scored(query, rows) { scores[$0] }, query, count)
    }

    /// The weight of each item's likeness over all pairs: + as the better one, - as the worse.
    private func weights(of items: [FeedbackItem], _ coefficients: FeedbackCoefficients) throws -> [Float] {
        var weights = [Float](repeating: 0, count: items.count)
        for (better, high) in items.enumerated() {
            // A row of a thousand powers takes some 50 microseconds.
            if better % 64 == 0 { try checkpoint() }
            for (worse, low) in items.enumerated() where high.score > low.score {
                let weight = pow(high.score - low.score, coefficients.b) * coefficients.c
                weights[better] += weight
                weights[worse] -= weight
            }
        }
        return weights
    }

    // MARK: - Likenesses

    /// By row, how like a vector each candidate is: greater is more, whatever the distance. Of Euclid it is minus the square, as
    /// in Qdrant; of rows that share nothing with a sparse vector it is 0.   [capacity]
    private func similarities(to vector: Vector, _ query: PointsQuery, _ rows: RowBits?) throws -> [Float] {
        var exact = query
        exact.isExact = true
        exact.scoreThreshold = nil
        let distance = state.configuration.vectors[query.using]?.distance ?? .dot
        try checkpoint()
        var similarities = [Float](repeating: 0, count: state.capacity)
        for hit in try nearest(to: vector, exact, rows?.count ?? state.pointsCount, rows) {
            similarities[Int(hit.row)] = distance.similarity(hit.score)
        }
        return similarities
    }

    /// By row, what the likenesses to each example in turn make of a value.   [capacity]
    private func folded(
        _ examples: [VectorInput], from initial: Float, _ query: PointsQuery, _ rows: RowBits?,
        _ fold: (inout Float, Float) -> Void
    ) throws -> [Float] {
        var values = [Float](repeating: initial, count: state.capacity)
        for example in examples {
            let likenesses = try similarities(to: vector(example, query), query, rows)
            for row in values.indices { fold(&values[row], likenesses[row]) }
        }
        return values
    }

    /// The same of pairs: by how much more a row is like the one than like the other.   [capacity]
    private func folded<Value>(
        _ pairs: [ContextPair], from initial: Value, _ query: PointsQuery, _ rows: RowBits?,
        _ fold: (inout Value, Float) -> Void
    ) throws -> [Value] {
        var values = [Value](repeating: initial, count: state.capacity)
        for pair in pairs {
            let positive = try similarities(to: vector(pair.positive, query), query, rows)
            let negative = try similarities(to: vector(pair.negative, query), query, rows)
            for row in values.indices { fold(&values[row], positive[row] - negative[row]) }
        }
        return values
    }

    /// The candidates that have the vector, by what is told of their rows, greatest first.
    private func scored(_ query: PointsQuery, _ rows: RowBits?, _ score: (Int) -> Float) throws -> [Hit] {
        guard state.configuration.hasVector(query.using) else { throw StoreError.unknownVector(query.using) }
        var candidates = state.rows(withVector: query.using)
        if let rows { candidates.formIntersection(rows) }
        return candidates.list.map { Hit(row: $0, score: score(Int($0))) }.sorted { $0.score > $1.score }
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
    func lookedUp(_ query: PointsQuery) throws -> CollectionState {
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
    func without(_ inputs: [VectorInput], _ query: PointsQuery, _ rows: RowBits?) throws -> RowBits? {
        if try lookedUp(query).key != state.key { return rows }
        var left: RowBits?
        for case .id(let id) in inputs {
            let point = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT point FROM points WHERE collection = ? AND id = ?"),
                arguments: [state.key, id.key])
            guard let point else { throw StoreError.pointNotFound(id) }
            if left == nil { left = rows ?? state.live }
            left?.remove(UInt32(truncatingIfNeeded: point))
        }
        return left ?? rows
    }

    /// mean(positive), or 2 · mean(positive) - mean(negative). Of multivectors: all rows of the positive and, negated, the negative.
    ///
    /// - Parameter positive: One at least.
    private func average(_ positive: [VectorInput], _ negative: [VectorInput], _ query: PointsQuery) throws -> Vector {
        guard let parameters = state.configuration.vectors[query.using] else {
            return try averageSparse(positive, negative, query)
        }
        if parameters.isMulti {
            let liked = try positive.flatMap { try vector($0, query).multi ?? [] }
            let disliked = try negative.flatMap { try vector($0, query).multi ?? [] }
            return .multi(liked + disliked.map { row in row.map { -$0 } })
        }
        func mean(_ examples: [VectorInput]) throws -> [Float] {
            var sums = [Float](repeating: 0, count: parameters.size)
            for example in examples {
                let values = try vector(example, query).dense ?? []
                for (index, value) in values.enumerated() { sums[index] += value }
            }
            return sums.map { $0 / Float(examples.count) }
        }
        let liked = try mean(positive)
        return .dense(negative.isEmpty ? liked : zip(liked, try mean(negative)).map { 2 * $0 - $1 })
    }

    private func averageSparse(
        _ positive: [VectorInput], _ negative: [VectorInput], _ query: PointsQuery
    ) throws -> Vector {
        var sums: [UInt32: Float] = [:]
        func add(_ examples: [VectorInput], _ weight: Float) throws {
            for example in examples {
                guard let vector = try vector(example, query).sparse else { continue }
                for (index, value) in zip(vector.indices, vector.values) {
                    sums[index, default: 0] += weight * value / Float(examples.count)
                }
            }
        }
        try add(positive, negative.isEmpty ? 1 : 2)
        try add(negative, -1)
        let indices = sums.keys.sorted()
        return .sparse(try SparseVector(indices: indices, values: indices.map { sums[$0] ?? 0 }))
    }
}
