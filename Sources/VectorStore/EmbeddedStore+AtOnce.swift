// Questions answered at once: from memory, on the caller's thread, in fractions of a millisecond.
//
// Most of what clients ask by the thousand is of one kind: the few points nearest to a vector, perhaps among those that an index
// knows, by id and score, perhaps with payloads that were read before. Memory has all of it. Without the database there is no
// other thread to wait for: changing threads and asking SQLite for ten ids took longer than the search.

import HNSW

extension EmbeddedStore {
    /// What a query finds, when memory alone can tell and it does not take long; nil for any other, which `query` answers.
    ///
    /// Made for callers that must not be kept waiting, such as the threads that read from connections: while a graph grows or lets go
    /// of rows it is nil, too. What is answered is one committed state, as always.
    ///
    /// - Throws: what `query` does.
    public func queryAtOnce(_ query: PointsQuery, in name: String) throws(StoreError) -> [ScoredPoint]? {
        let state = try collectionState(name)
        // The graph keeps what this state relies on for as long as its mark is there.
        defer { withExtendedLifetime(state.mark) {} }
        guard query.withVectors == .none, query.prefetch.isEmpty, query.lookup == nil,
            case .nearest(.vector(.dense(let values)))? = query.ranking, let field = state.dense[query.using]
        else { return nil }
        try query.check(state.configuration)
        guard let ef = field.efAtOnce(query, options.ef) else { return nil }
        return try StoreError.translating(path) {
            var rows: RowBits?
            if let filter = query.filter {
                guard let passing = try FilterPlan.rowsAtOnce(filter, state) else { return nil }
                rows = passing
            }
            // No more than there are points, as in `QueryEvaluation.hits`; the sum is small, or there was no ef.
            let count = min(query.limit + query.offset, max(state.pointsCount, 1))
            let vector = field.parameters.prepared(values)
            guard let found = try field.nearestAtOnce(to: vector, count: count, among: rows, ef: ef) else { return nil }
            let hits = state.hits(found, query)
            var points = try hits.dropFirst(query.offset).prefix(query.limit).map { try state.scored($0, path) }
            if query.withPayload == .none { return points }
            let keys = zip(hits.dropFirst(query.offset), points).map { hit, point in
                PayloadCache.Key(point: state.point(hit.row), version: Int64(bitPattern: point.version))
            }
            guard let cached = payloads.payloads(keys, most: Self.mostPayload) else { return nil }
            for (index, payload) in cached.enumerated() {
                points[index].payload = query.withPayload.select(from: payload)
            }
            return points
        }
    }
}

extension EmbeddedStore {
    /// Bytes of payload that are written out in the time of a search.
    private static let mostPayload = 64 << 10
}

extension DenseField {
    /// The most there may be of each, for a search that takes a fraction of a millisecond.
    private enum Most {
        static let hits = 256
        static let ef = 512
        /// Nodes in view, those included that no row has any more.
        static let view = 2048
        /// Elements of vectors that no graph has, which are all compared: 4,096 of 384 take 0.4 ms.
        static let elements = 4096 * 384
    }

    /// With which ef a query is to be sought; nil when that takes long.
    fileprivate func efAtOnce(_ query: PointsQuery, _ usual: Int) -> Int? {
        let ef = query.ef ?? usual
        guard !query.isExact, query.limit <= Most.hits, query.offset <= Most.hits, ef <= Most.ef else { return nil }
        let count = query.limit + query.offset
        let isSought =
            isSoughtInGraph(ef: ef, count: count, isFiltered: query.filter != nil)
            && (graph?.view(holding: max(ef, count)) ?? 0) <= Most.view
        let compared = isSought ? present.count - indexed.count : present.count
        return compared * parameters.size <= Most.elements ? ef : nil
    }
}
