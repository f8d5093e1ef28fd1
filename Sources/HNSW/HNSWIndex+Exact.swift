// Every vector of the index compared by its floats: for callers who want no approximation.

extension HNSWIndex {
    /// The `count` rows nearest to `query`, nearest first, equal scores by row: what `search` approximates.
    ///
    /// - Parameters:
    ///   - query: [dimension], finite
    ///   - filter: The rows that may be found; nil for all.
    /// - Complexity: O(nodes · dimension), on the calling thread.
    public func exactSearch(
        _ query: Span<Float>, count: Int, filter: RowBits? = nil
    ) throws(HNSWError) -> [Neighbour] {
        try validate(query)
        return shared { state in
            let graph = state.graph
            let context = unsafe state.takeContext(ef: 1)
            defer { unsafe state.giveBack(context) }
            var best = TopK(min(max(0, count), state.rowCapacity), configuration.distance)
            unsafe query.withUnsafeBufferPointer { query in
                guard let base = query.baseAddress else { return }
                let probe = unsafe context.pointee.prepare(graph, base)
                for node in 0..<Int(state.counters.load(IndexState.counterNodes)) {
                    var row = graph.firstRow.load(node)
                    if row == none { continue }
                    if let filter, !filter.matches(graph, node) { continue }
                    let score = graph.score(probe, node)
                    while row != none {
                        if filter?.contains(row) ?? true { best.offer(Neighbour(row: Int(row), score: score)) }
                        row = graph.nextRow.load(Int(row))
                    }
                }
            }
            return best.sorted()
        }
    }
}
