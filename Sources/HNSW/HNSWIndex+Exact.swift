// Every vector of the index compared by its floats: for callers who want no approximation.

extension HNSWIndex {
    /// Nodes compared while the gate is held: of 384 elements some 10 ms, which growth and removal may have to wait.
    private static let slice = 32_768

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
        var best = TopK(count, configuration.distance)
        _ = shared { Self.scan(0..<Int.max, query, filter, $0, into: &best) }
        return best.sorted()
    }

    /// The same in slices of some ten milliseconds, between which others may change the index.
    ///
    /// - Parameter checkpoint: Called after each slice; what it throws ends the search.
    public func exactSearch(
        _ query: Span<Float>, count: Int, filter: RowBits? = nil, _ checkpoint: () throws -> Void
    ) throws -> [Neighbour] {
        try validate(query)
        var best = TopK(count, configuration.distance)
        var start = 0
        while shared({ Self.scan(start..<start + Self.slice, query, filter, $0, into: &best) }) {
            start += Self.slice
            try checkpoint()
        }
        return best.sorted()
    }

    /// Offers what part of the nodes stands for, while the gate is held.
    ///
    /// - Returns: Whether there are nodes behind.
    @discardableResult
    static func scan(
        _ range: Range<Int>, _ query: Span<Float>, _ filter: RowBits?, _ state: IndexState, into best: inout TopK
    ) -> Bool {
        let graph = state.graph
        let context = unsafe state.takeContext(ef: 1)
        defer { unsafe state.giveBack(context) }
        let nodes = Int(state.counters.load(IndexState.counterNodes))
        unsafe query.withUnsafeBufferPointer { query in
            guard let base = query.baseAddress else { return }
            let probe = unsafe context.pointee.prepare(graph, base)
            for node in range.clamped(to: 0..<nodes) {
                func included(_ row: UInt32) -> UInt32 { filter?.first(from: row, of: node, graph) ?? row }
                var row = included(graph.firstRow.load(node))
                if row == none { continue }
                let score = graph.score(probe, node)
                while row != none {
                    best.offer(Neighbour(row: Int(row), score: score))
                    row = included(graph.nextRow.load(Int(row)))
                }
            }
        }
        return nodes > range.upperBound
    }
}
