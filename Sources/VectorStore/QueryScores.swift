// Scores: how near each candidate is to one vector, and what formulas make of scores.

import GRDB
import HNSW

extension CollectionState {
    /// - Parameters:
    ///   - values: [size], as given or as stored
    ///   - ef: Nodes that a graph's search keeps in view; nil compares every vector.
    ///   - checkpoint: Called every few milliseconds where everything is compared; what it throws ends the search.
    func nearest(
        to values: [Float], _ query: PointsQuery, _ count: Int, among rows: RowBits?, ef: Int?,
        _ checkpoint: () throws -> Void
    ) throws -> [Hit] {
        guard let field = dense[query.using] else { throw StoreError.unknownVector(query.using) }
        return hits(
            try field.nearest(to: field.parameters.prepared(values), count: count, among: rows, ef: ef, checkpoint),
            query)
    }

    /// Those that are nearer than the query's threshold.
    func hits(_ found: [Neighbour], _ query: PointsQuery) -> [Hit] {
        let hits = found.map { Hit(row: UInt32($0.row), score: $0.score) }
        guard let threshold = query.scoreThreshold else { return hits }
        let distance = configuration.vectors[query.using]?.distance ?? .dot
        return hits.filter { distance.isNearer($0.score, than: threshold) }
    }

    /// A hit as it is told when nothing of the point was asked for.
    func scored(_ hit: Hit, _ path: String) throws(StoreError) -> ScoredPoint {
        guard let head = heads[hit.row] else {
            throw .damaged(path: path, reason: "the point in row \(hit.row) is gone")
        }
        return ScoredPoint(
            id: head.id, version: UInt64(bitPattern: head.version), score: hit.score, orderValue: hit.orderValue)
    }
}

extension QueryEvaluation {
    func nearest(
        to vector: Vector, _ query: PointsQuery, _ count: Int, _ rows: RowBits?
    ) throws -> [Hit] {
        let found: [Neighbour]
        switch vector {
        case .dense(let values):
            // Prefetched candidates are few, and each of them counts.
            let ef = query.isExact || !query.prefetch.isEmpty ? nil : query.ef ?? store.options.ef
            return try state.nearest(to: values, query, count, among: rows, ef: ef, checkpoint)
        case .multi(let vectors):
            guard let field = state.multi[query.using] else { throw StoreError.unknownVector(query.using) }
            found = try field.nearest(to: vectors, count: count, among: rows, meter)
        case .sparse(let sparse):
            guard let field = state.sparse[query.using] else { throw StoreError.unknownVector(query.using) }
            var counted: RowBits?
            if case .among(let filter) = query.rarity {
                counted = try state.rows(passing: filter, db, path: store.path)
            }
            found = field.nearest(
                to: sparse, count: count, among: rows, countedAmong: counted, capacity: state.capacity)
        }
        return state.hits(found, query)
    }

    func cut(_ hits: [Hit], _ query: PointsQuery, _ count: Int) -> [Hit] {
        let hits = query.scoreThreshold.map { threshold in hits.filter { $0.score > threshold } } ?? hits
        return Array(hits.prefix(count))
    }

    /// Greedily the candidate with the greatest λ · relevance - (1 - λ) · likeness to what was taken, λ = 1 - diversity.
    func diversified(_ hits: [Hit], _ query: PointsQuery, _ diversity: Float, _ count: Int) throws -> [Hit] {
        let statement = try db.cachedStatement(sql: "SELECT vectors FROM points WHERE point = ?")
        let distance = state.configuration.vectors[query.using]?.distance ?? .dot
        var left: [(hit: Hit, relevance: Float, vector: Vector, likeness: Float)] = []
        for hit in hits {
            guard let row = try Row.fetchOne(statement, arguments: [state.point(hit.row)]),
                let vector = try EmbeddedStore.vectors(row, state.configuration, path: store.path)[query.using]
            else { continue }
            let compared = state.configuration.compared(vector, of: query.using)
            left.append((hit, relevance(hit.score, vector, distance), compared, -.infinity))
        }
        var taken: [Hit] = []
        while taken.count < count, !left.isEmpty {
            // Of equals the last, as in Qdrant, which fills the place of the one taken with the last, too.
            var place = 0
            var best = -Float.infinity
            for (index, candidate) in left.enumerated() {
                let worth =
                    taken.isEmpty
                    ? candidate.relevance : (1 - diversity) * candidate.relevance - diversity * candidate.likeness
                if worth >= best { (place, best) = (index, worth) }
            }
            left.swapAt(place, left.count - 1)
            let next = left.removeLast()
            try checkpoint()
            taken.append(next.hit)
            for index in left.indices {
                left[index].likeness = max(left[index].likeness, similarity(left[index].vector, next.vector, distance))
            }
        }
        return taken
    }

    /// What a score was made of: a multivector's is told as a root, too, but is a sum.
    private func relevance(_ score: Float, _ vector: Vector, _ distance: Distance) -> Float {
        vector.sparse == nil ? distance.similarity(score) : score
    }

    private func similarity(_ a: Vector, _ b: Vector, _ distance: Distance) -> Float {
        switch (a, b) {
        case (.sparse(let a), .sparse(let b)): a.dot(b)
        case (.multi(let a), .multi(let b)): MultiField.similarity(a, b, distance)
        case (.dense(let a), .dense(let b)): distance.similarity(distance.score(a.span, b.span))
        default: 0
        }
    }

    /// Points by what the formula makes of them.
    ///
    /// - Parameters:
    ///   - hits: Each point once.
    ///   - scores: By prefetch and row.
    func boosted(
        _ hits: [Hit], _ scores: [[UInt32: Float]], _ formula: Formula, _ defaults: FormulaDefaults
    ) throws -> [Hit] {
        for condition in formula.conditions { try state.checkStemmers(of: condition) }
        let (tokenizers, work) = (state.tokenizers, meter)
        let formula = try formula.mapConditions { condition throws(StoreError) in
            try ConditionTest(condition, tokenizers: tokenizers, work)
        }
        return try hits.map { hit in
            guard let row = try store.fetch(state.point(hit.row), .all, .none, db) else {
                throw StoreError.damaged(path: store.path, reason: "the point in row \(hit.row) is gone")
            }
            let text: String = try row.decode(forColumn: "payload")
            let subject = FilterSubject(
                id: try EmbeddedStore.id(row, path: store.path),
                payload: .object(try EmbeddedStore.payload(of: text, path: store.path)),
                hasVector: { state.hasVector($0, row: hit.row) }, work: work,
                byteCount: text.utf8.count)
            let value = try formula.value(
                of: FormulaSubject(subject: subject, scores: scores.map { $0[hit.row] }, defaults: defaults))
            guard Float(value).isFinite else {
                throw StoreError.badRequest("The expression \(value) as f32 produced a non-finite number")
            }
            return Hit(row: hit.row, score: Float(value))
        }.sorted { $0.score > $1.score }
    }

    static func sigmoid(_ x: Float) -> Float { x / (1 + abs(x)) }
    static func scaledSigmoid(_ x: Float) -> Float { 0.5 * (sigmoid(x) + 1) }
}
