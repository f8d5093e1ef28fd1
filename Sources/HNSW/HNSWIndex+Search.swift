// Search: the paper's Algorithm 5, with exact ranking of what the codes found. HNSWIndex+Filter.swift has what is done about filters.

import CIntrinsics

extension HNSWIndex {
    /// The `count` rows nearest to `query`, nearest first, equal scores by row.
    ///
    /// - Parameters:
    ///   - query: [dimension], finite
    ///   - ef: Nodes the search keeps in view: more is slower and finds more. At least `count` is used.
    ///   - filter: The rows that may be found; nil for all.
    public func search(
        _ query: Span<Float>, count: Int, ef: Int, filter: RowBits? = nil
    ) throws(HNSWError) -> [Neighbour] {
        var found: [Neighbour] = []
        try search(query, count: count, ef: ef, filter: filter, into: &found)
        return found
    }

    /// The same into an array whose memory is used again: with room for `count` in it, nothing is allocated.
    public func search(
        _ query: Span<Float>, count: Int, ef: Int, filter: RowBits? = nil, into found: inout [Neighbour]
    ) throws(HNSWError) {
        found.removeAll(keepingCapacity: true)
        try validate(query)
        guard count > 0 else { return }
        shared { Self.search(query, count: count, ef: ef, filter, $0, into: &found) }
    }

    /// The same while the gate is held.
    static func search(
        _ query: Span<Float>, count: Int, ef: Int, _ filter: RowBits?, _ state: IndexState,
        into found: inout [Neighbour]
    ) {
        // Nobody finds more than there is; this also bounds the buffers whatever was asked for.
        let count = min(count, state.rowCapacity)
        let ef = min(max(ef, count), state.nodeCapacity)
        let context = unsafe state.takeContext(ef: ef)
        unsafe query.withUnsafeBufferPointer { query in
            guard let base = query.baseAddress else { return }
            unsafe Self.search(base, count: count, ef: ef, filter, state, &context.pointee)
        }
        unsafe context.pointee.appendResults(to: &found)
        unsafe state.giveBack(context)
    }

    private static func search(
        _ query: UnsafePointer<Float>, count: Int, ef: Int, _ filter: RowBits?, _ state: IndexState,
        _ context: inout SearchContext
    ) {
        let graph = state.graph
        let probe = unsafe context.prepare(graph, query)
        context.startResults(count)
        guard let entry = state.entryPoint else { return }
        // Nodes without rows fill places of the beam: it is made wider by as many.
        let view = state.view(holding: ef)
        guard let filter else {
            let (nodes, deleted) = state.nodeCounts
            // What was asked for is kept in view; what that has become because most is deleted need not be.
            if view > ef && FilterStrategy.isScanCheaper(of: nodes - deleted, thanBeamOf: Double(view)) {
                context.scan(graph, probe, count: count, state)
            } else {
                context.beamSearch(graph, probe, entry, ef: view)
            }
            context.rank(graph, probe, count: count)
            return
        }
        filtered(filter, graph, probe, entry, count: count, ef: view, state, &context)
    }
}

extension SearchContext {
    /// Descent from the entry point and the beam on layer 0.
    mutating func beamSearch(_ graph: Graph, _ probe: Probe, _ entry: (node: Int, level: Int), ef: Int) {
        walk(graph, probe, entry, ef: ef)
        if graph.walksByHalves { refine(graph, probe) }
    }

    /// The same, in the order of the high halves where those are what is walked by.
    mutating func walk(_ graph: Graph, _ probe: Probe, _ entry: (node: Int, level: Int), ef: Int) {
        let byHalves = graph.walksByHalves
        descend(graph, probe, from: entry, to: 0, byHalves: byHalves)
        // Links have a direction: from where the descent ends, part of the graph may be out of reach. By dot product it is, where
        // vectors of greater norm came later. The entry point is the spanning tree's root, from which every node is reached.
        searchLayer(graph, probe, and: entry.node, layer: 0, ef: ef, byHalves: byHalves)
    }

    // MARK: Results

    mutating func startResults(_ capacity: Int) {
        resultCount = 0
        resultLimit = capacity
        if results.capacity < capacity + 1 {
            results.deallocate()
            results = .allocate(capacity + 1, repeating: Candidate(0, 0))
        }
    }

    /// Ranks the beam by the floats and keeps the nearest rows.
    ///
    /// The beam is ordered by codes, whose error is known: a dot product of rounded vectors is off by a sum of independent
    /// roundings, each uniform within half a step. Once a candidate is behind the last result by five standard deviations,
    /// so are all after it, and their floats need not be read.
    mutating func rank(_ graph: Graph, _ probe: Probe, count wanted: Int) {
        rank(graph, probe, count: wanted) { row, _ in row }
    }

    mutating func rank(_ graph: Graph, _ probe: Probe, count wanted: Int, _ filter: RowBits) {
        rank(graph, probe, count: wanted) { filter.first(from: $0, of: $1, graph) }
    }

    /// - Parameter included: From one of a node's rows on, the first that may be found, or `none`.
    @inline(__always)
    private mutating func rank(
        _ graph: Graph, _ probe: Probe, count wanted: Int, _ included: (_ row: UInt32, _ node: Int) -> UInt32
    ) {
        resultSign = graph.distance.greaterIsNearer ? -1 : 1
        for i in 0..<min(2, count) { graph.prefetchFloats(beam[i].node) }
        for i in 0..<min(4, count) { graph.prefetchFirstRow(beam[i].node) }
        for i in 0..<count {
            let node = beam[i].node
            if i + 2 < count { graph.prefetchFloats(beam[i + 2].node) }
            if i + 4 < count { graph.prefetchFirstRow(beam[i + 4].node) }
            if i + 1 < count { graph.prefetchNextRow(beam[i + 1].node) }
            if graph.isCoded && resultCount == wanted {
                let last = results[resultCount - 1].distance
                let squared = graph.distance == .euclid
                let deviation = graph.deviation(probe, node) * (squared ? 2 : 1)
                if beam[i].distance - 5 * deviation > (squared ? last * last : last) { return }
            }
            var row = included(graph.firstRow.load(node), node)
            if row == none { continue }
            let score = graph.score(probe, node)
            let distance = graph.distance.greaterIsNearer ? -score : score
            // They ascend: behind one that is not among those wanted, none is.
            while row != none && offerResult(Candidate(Int(row), distance)) {
                row = included(graph.nextRow.load(Int(row)), node)
            }
        }
    }

    /// Whether the candidate is among the results now.
    mutating func offerResult(_ candidate: Candidate) -> Bool {
        if resultCount == resultLimit {
            if candidate.bits >= results[resultCount - 1].bits { return false }
            resultCount -= 1
        }
        let place = results.place(of: candidate, count: resultCount)
        results.shiftUp(from: place, count: resultCount - place)
        results[place] = candidate
        resultCount += 1
        return true
    }

    func appendResults(to found: inout [Neighbour]) {
        for i in 0..<resultCount {
            found.append(Neighbour(row: results[i].node, score: resultSign * results[i].distance))
        }
    }
}

extension Graph {
    @inline(__always)
    func prefetchFloats(_ node: Int) {
        if isCoded { unsafe cintrinsics_prefetch_range(floatVector(node), dimension * 4) }
    }

    @inline(__always)
    func prefetchFirstRow(_ node: Int) { unsafe cintrinsics_prefetch(firstRow.base + node) }

    /// What tells whether a second row shares a node. Which its first is must be known to ask for it: `prefetchFirstRow` asks for that.
    @inline(__always)
    func prefetchNextRow(_ node: Int) {
        let row = firstRow.load(node)
        if row != none { unsafe cintrinsics_prefetch(nextRow.base + Int(row)) }
    }

    /// The standard deviation of a dot product of codes: steps of scale, each rounded within half a step, variance step² / 12.
    func deviation(_ probe: Probe, _ node: Int) -> Float {
        let scale = codeInfo[2 * node]
        let norm = codeInfo[2 * node + 1]
        return ((probe.norm * scale * scale + norm * probe.scale * probe.scale) / 12).squareRoot()
    }
}
