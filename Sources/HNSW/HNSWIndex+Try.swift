// Searches that wait for nobody: for threads that have others to serve.

extension HNSWIndex {
    /// What `search` finds; nil while the index grows or rows are taken out of it, or while a thread waits to do so.
    public func trySearch(
        _ query: Span<Float>, count: Int, ef: Int, filter: RowBits? = nil
    ) throws(HNSWError) -> [Neighbour]? {
        try validate(query)
        guard count > 0 else { return [] }
        var found: [Neighbour] = []
        let isDone: Void? = sharedIfFree { Self.search(query, count: count, ef: ef, filter, $0, into: &found) }
        return isDone.map { found }
    }

    /// The same of `exactSearch`.
    public func tryExactSearch(
        _ query: Span<Float>, count: Int, filter: RowBits? = nil
    ) throws(HNSWError) -> [Neighbour]? {
        try validate(query)
        var best = TopK(count, configuration.distance)
        guard sharedIfFree({ Self.scan(0..<Int.max, query, filter, $0, into: &best) }) != nil else { return nil }
        return best.sorted()
    }
}
