// Search: the paper's Algorithm 5, with exact ranking of what the codes found, and the strategies for filters.
//
//   no filter                 beam of ef
//   few rows match            every matching row is compared: exact up to the codes' rounding, no graph
//   a good part matches       a beam wider by the share of what does not match
//   in between                two-hop expansion: the beam holds matching nodes only; where hardly any of the nodes nearest to the
//                             query match, every matching row is compared

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
        shared { state in
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
        let nodes = Int(state.counters.load(IndexState.counterNodes))
        let deleted = Int(state.counters.load(IndexState.counterDeleted))
        let ef = deleted == 0 ? ef : min(state.nodeCapacity, ef * nodes / max(1, nodes - deleted))
        let rows = Int(state.counters.load(IndexState.counterRows))
        guard let filter else {
            context.beamSearch(graph, probe, entry, ef: ef)
            context.rank(graph, probe, count: count)
            return
        }
        let matching = min(filter.count, rows)
        if matching == 0 { return }
        let share = Double(matching) / Double(rows)
        if matching <= FilterStrategy.scanLimit(ef: ef) {
            scan(filter, graph, probe, ef: ef, count: count, state, &context)
            return
        }
        if share >= FilterStrategy.wideBeamShare {
            context.beamSearch(graph, probe, entry, ef: min(Int(Double(ef) / share), state.nodeCapacity))
            context.rank(graph, probe, count: count, filter)
        } else {
            let seeds = min(ef, FilterStrategy.seeds)
            context.walk(graph, probe, entry, ef: seeds)
            let refused = context.restart(graph, filter)
            let expected = share * Double(context.count)
            if Double(context.count - refused) < FilterStrategy.leastLocalShare * expected {
                context.forgetVisits()
                scan(filter, graph, probe, ef: ef, count: count, state, &context)
                return
            }
            context.reserve(ef: ef + refused)
            context.expandMatching(graph, probe, ef: ef + refused, filter)
            if graph.walksByHalves { context.refine(graph, probe) }
            context.rank(graph, probe, count: count, filter)
        }
        // The part of the graph that matches may not hang together near the query.
        if context.resultCount < min(count, matching) {
            scan(filter, graph, probe, ef: ef, count: count, state, &context)
        }
    }

    /// Compares every matching row.
    ///
    /// Where many lie equally far, the codes cannot tell which are the nearest: as long as one that was dropped may be, all are
    /// compared again and more are kept.
    private static func scan(
        _ filter: RowBits, _ graph: Graph, _ probe: Probe, ef: Int, count: Int, _ state: IndexState,
        _ context: inout SearchContext
    ) {
        let widest = min(FilterStrategy.widestScan * ef, state.nodeCapacity)
        var width = min(graph.walksByHalves ? 2 * ef : ef, widest)
        while true {
            context.startResults(count)
            context.fill(with: filter, graph, probe, ef: width, state)
            let isWhole = context.count < width
            // Farther than this by the halves is everything that was dropped.
            let horizon = graph.walksByHalves && !isWhole ? context.horizon(graph, probe) : nil
            if graph.walksByHalves { context.refine(graph, probe) }
            var isSettled = context.rank(graph, probe, count: count, filter)
            if let horizon { isSettled = context.resultCount == count && context.results[count - 1].distance < horizon }
            if isSettled || isWhole || width >= widest { return }
            width = min(4 * width, widest)
        }
    }
}

/// Where one way of filtering gives over to the next: measured crossings, Benchmarks/SPEED-HNSW.md.
enum FilterStrategy {
    /// Matching rows up to which comparing them all is cheaper than the graph.
    static func scanLimit(ef: Int) -> Int { 4000 + 256 * ef }
    /// The share from which a wider beam is cheaper than two hops.
    static let wideBeamShare = 0.3
    /// Nodes near the query from which two-hop expansion starts.
    static let seeds = 32
    /// Where fewer of the seeds match than this part of what would by chance, what matches lies elsewhere. A beam that comes from
    /// afar finds there only some of the nearest, however wide it is; a scan finds them all.
    static let leastLocalShare = 0.25
    /// How many times ef a scan keeps in view at most.
    static let widestScan = 16
    /// Vectors asked for ahead of the arithmetic.
    static let scanBatch = 16
}

extension SearchContext {
    /// Descent from the entry point and the beam on layer 0.
    mutating func beamSearch(_ graph: Graph, _ probe: Probe, _ entry: (node: Int, level: Int), ef: Int) {
        walk(graph, probe, entry, ef: ef)
        if graph.walksByHalves { refine(graph, probe) }
    }

    /// The same, in the order of the high halves where those are what is walked by.
    fileprivate mutating func walk(_ graph: Graph, _ probe: Probe, _ entry: (node: Int, level: Int), ef: Int) {
        let byHalves = graph.walksByHalves
        descend(graph, probe, from: entry, to: 0, byHalves: byHalves)
        // Links have a direction: from where the descent ends, part of the graph may be out of reach. By dot product it is, where
        // vectors of greater norm came later. The entry point is the spanning tree's root, from which every node is reached.
        searchLayer(graph, probe, and: entry.node, layer: 0, ef: ef, byHalves: byHalves)
    }

    /// Leaves in the beam the `ef` nearest of all rows of a filter.
    fileprivate mutating func fill(with filter: RowBits, _ graph: Graph, _ probe: Probe, ef: Int, _ state: IndexState) {
        reserve(ef: ef)
        count = 0
        var ready = journalCount..<journalCount
        filter.forEach { row in
            guard Int(row) < state.rowCapacity else { return }
            let present = graph.nodeOfRow.load(Int(row))
            guard present != 0, visit(Int(present - 1)) else { return }
            graph.prefetchWalked(Int(present - 1))
            if journalCount - ready.upperBound == FilterStrategy.scanBatch {
                offerAll(graph, probe, ready, ef: ef)
                ready = ready.upperBound..<journalCount
            }
        }
        offerAll(graph, probe, ready.lowerBound..<journalCount, ef: ef)
        forgetVisits()
    }

    /// Offers the nodes of part of the journal.
    private mutating func offerAll(_ graph: Graph, _ probe: Probe, _ range: Range<Int>, ef: Int) {
        if graph.walksByHalves {
            compareHalves(graph, probe, journal, range) { _ = offer($0, ef: ef) }
        } else {
            for i in range {
                let node = Int(journal[i])
                _ = offer(Candidate(node, graph.distance(probe, node)), ef: ef)
            }
        }
    }

    /// The least distance there is, but for one in millions, behind a full beam ordered by halves.
    fileprivate func horizon(_ graph: Graph, _ probe: Probe) -> Float {
        let last = beam[count - 1]
        return last.distance - 5 * graph.halfDeviation(probe, last.node)
    }

    /// Makes the beam the start of a new expansion. Nodes that do not match lead on and are left out of the results. Returns how
    /// many those are: being the nearest, they keep their places in the beam to the end.
    fileprivate mutating func restart(_ graph: Graph, _ filter: RowBits) -> Int {
        restart()
        var refused = 0
        for i in 0..<count where !filter.matches(graph, beam[i].node) { refused += 1 }
        return refused
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
    /// so are all after it, and their floats need not be read. Returns whether it came to that.
    @discardableResult
    mutating func rank(_ graph: Graph, _ probe: Probe, count wanted: Int) -> Bool {
        rank(graph, probe, count: wanted) { _ in true }
    }

    @discardableResult
    mutating func rank(_ graph: Graph, _ probe: Probe, count wanted: Int, _ filter: RowBits) -> Bool {
        rank(graph, probe, count: wanted) { filter.contains($0) }
    }

    @inline(__always)
    private mutating func rank(
        _ graph: Graph, _ probe: Probe, count wanted: Int, _ isIncluded: (UInt32) -> Bool
    ) -> Bool {
        resultSign = graph.distance.greaterIsNearer ? -1 : 1
        for i in 0..<min(2, count) { graph.prefetchFloats(beam[i].node) }
        for i in 0..<count {
            let node = beam[i].node
            if i + 2 < count { graph.prefetchFloats(beam[i + 2].node) }
            if graph.isCoded && resultCount == wanted {
                let last = results[resultCount - 1].distance
                let squared = graph.distance == .euclid
                let deviation = graph.deviation(probe, node) * (squared ? 2 : 1)
                if beam[i].distance - 5 * deviation > (squared ? last * last : last) { return true }
            }
            var row = graph.firstRow.load(node)
            if row == none { continue }
            let score = graph.score(probe, node)
            let distance = graph.distance.greaterIsNearer ? -score : score
            while row != none {
                if isIncluded(row) { offerResult(Candidate(Int(row), distance)) }
                row = graph.nextRow.load(Int(row))
            }
        }
        // Floats are in their exact order already.
        return !graph.isCoded
    }

    private mutating func offerResult(_ candidate: Candidate) {
        if resultCount == resultLimit {
            if candidate.bits >= results[resultCount - 1].bits { return }
            resultCount -= 1
        }
        var place = resultCount
        while place > 0 && results[place - 1].bits > candidate.bits {
            results[place] = results[place - 1]
            place -= 1
        }
        results[place] = candidate
        resultCount += 1
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

    /// The standard deviation of a dot product of codes: steps of scale, each rounded within half a step, variance step² / 12.
    func deviation(_ probe: Probe, _ node: Int) -> Float {
        let scale = codeInfo[2 * node]
        let norm = codeInfo[2 * node + 1]
        return ((probe.norm * scale * scale + norm * probe.scale * probe.scale) / 12).squareRoot()
    }

    /// The same by the high halves of the node's codes, whose steps are sixteen of the scale.
    func halfDeviation(_ probe: Probe, _ node: Int) -> Float {
        let scale = 16 * codeInfo[2 * node]
        let norm = codeInfo[2 * node + 1]
        return ((probe.norm * scale * scale + norm * probe.scale * probe.scale) / 12).squareRoot()
    }
}
