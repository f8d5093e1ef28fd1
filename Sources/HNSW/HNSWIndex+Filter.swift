// Filtered search, in one of two ways:
//
//   few rows match        every one of them is compared: exact up to the codes' rounding, no graph
//   a good part matches   a beam, the wider the fewer match; what matches of it is ranked
//
// Comparing all takes the longer the more rows match, a beam the longer the fewer: where the two cross, neither takes long.

import CIntrinsics

/// What decides between the two ways: measured, Benchmarks/SPEED-HNSW.md.
enum FilterStrategy {
    /// As many rows are compared in the time that one more place in the beam takes.
    static let rowsPerPlace = 32.0
    /// The width at which keeping a beam sorted takes as long as all else: whoever comes in between moves half of what is in it.
    static let crowdedWidth = 8192.0
    /// Vectors asked for ahead of the arithmetic, and rows ahead of that.
    static let scanBatch = 16

    /// How wide a beam is that finds `count` matches where `share` of the rows match.
    ///
    /// ef / √share wide it would find as great a part of the nearest as without a filter; ef / share wide, with as many matches in it,
    /// nearly all, in twice the time and more: between the two. It has room for 32 matches (or ef) in any case, and for so many that by
    /// chance alone there are hardly ever fewer than `leastFound`.
    static func width(share: Double, count: Int, ef: Int) -> Double {
        let root = share.squareRoot()
        let least = max(Double(min(ef, 32)), Double(count) + 4 * Double(count).squareRoot())
        return max(Double(ef) / (root * root.squareRoot()), least / share)
    }

    /// Whether comparing so many rows, one after the other, is done before a beam of `width` is.
    static func isScanCheaper(of rows: Int, thanBeamOf width: Double) -> Bool {
        Double(rows) <= rowsPerPlace * width * (1 + width / crowdedWidth)
    }

    /// Matches a beam must have found to be believed: the last of fewer would lie at its edge, where others as near are missing.
    static func leastFound(count: Int) -> Int { count + Int(Double(count).squareRoot()) }
}

extension HNSWIndex {
    /// Leaves in the results the nearest of the rows of a filter.
    static func filtered(
        _ filter: RowBits, _ graph: Graph, _ probe: Probe, _ entry: (node: Int, level: Int), count: Int, ef: Int,
        _ state: IndexState, _ context: inout SearchContext
    ) {
        let rows = Int(state.counters.load(IndexState.counterRows))
        let matching = min(filter.count, rows)
        if matching == 0 { return }
        var share = Double(matching) / Double(rows)
        var width = FilterStrategy.width(share: share, count: count, ef: ef)
        while !FilterStrategy.isScanCheaper(of: matching, thanBeamOf: width) {
            let places = min(Int(width), state.nodeCapacity)
            context.walk(graph, probe, entry, ef: places)
            context.keepMatching(graph, filter)
            if context.count >= FilterStrategy.leastFound(count: count) || places == state.nodeCapacity {
                if graph.walksByHalves { context.refine(graph, probe) }
                context.rank(graph, probe, count: count, filter)
                return
            }
            // Fewer match here than elsewhere. A beam that suits what was found may do, if a scan is not cheaper.
            share = Double(context.count + 1) / Double(2 * places)
            width = FilterStrategy.width(share: share, count: count, ef: ef)
        }
        context.scan(filter, graph, probe, count: count, state)
        context.rank(graph, probe, count: count, filter)
    }
}

extension SearchContext {
    /// Takes nodes out of the beam that no row of the filter has.
    fileprivate mutating func keepMatching(_ graph: Graph, _ filter: RowBits) {
        var kept = 0
        for i in 0..<count where filter.matches(graph, beam[i].node) {
            beam[kept] = beam[i]
            kept += 1
        }
        count = kept
    }

    /// Compares every node that has rows, as the other compares those of a filter.
    mutating func scan(_ graph: Graph, _ probe: Probe, count wanted: Int, _ state: IndexState) {
        startResults(wanted)
        count = 0
        let margins = Margins(graph, probe)
        var ready = journalCount..<journalCount
        for node in 0..<Int(state.counters.load(IndexState.counterNodes)) where !graph.isDeleted(node) {
            compareLater(node, graph, probe, margins, &ready)
        }
        finishScan(graph, probe, ready, margins, count: wanted)
    }

    /// Compares every row of a filter and leaves in the beam, in order, all that may be among the `wanted` nearest.
    ///
    /// A row is left out when its distance by the codes is behind the last of the nearest by more than both can be off, five standard
    /// deviations of their rounding each. Where many lie equally far, the beam becomes as long as it must.
    fileprivate mutating func scan(
        _ filter: RowBits, _ graph: Graph, _ probe: Probe, count wanted: Int, _ state: IndexState
    ) {
        // Until they are ranked the results are the nodes nearest so far.
        startResults(wanted)
        count = 0
        let margins = Margins(graph, probe)
        // Rows wait here for the numbers of their nodes, then nodes in the journal for their vectors.
        var rows = InlineArray<16, UInt32>(repeating: none)
        var next = 0
        var ready = journalCount..<journalCount
        filter.forEach { row in
            guard Int(row) < state.rowCapacity else { return }
            unsafe cintrinsics_prefetch(graph.nodeOfRow.base + Int(row))
            compareLater(rows[next], graph, probe, margins, &ready)
            rows[next] = row
            next = (next + 1) % FilterStrategy.scanBatch
        }
        for _ in rows.indices {
            compareLater(rows[next], graph, probe, margins, &ready)
            next = (next + 1) % FilterStrategy.scanBatch
        }
        finishScan(graph, probe, ready, margins, count: wanted)
    }

    /// Compares what was asked for last and puts the beam in order.
    private mutating func finishScan(
        _ graph: Graph, _ probe: Probe, _ ready: Range<Int>, _ margins: Margins, count wanted: Int
    ) {
        sift(graph, probe, ready.lowerBound..<journalCount, margins)
        forgetVisits()
        if graph.walksByHalves { refineSifted(graph, probe, margins) } else { dropHopeless(graph, margins) }
        beam.sort(count: count)
        startResults(wanted)
    }

    /// The same as below of a row's node.
    @inline(__always)
    private mutating func compareLater(
        _ row: UInt32, _ graph: Graph, _ probe: Probe, _ margins: Margins, _ ready: inout Range<Int>
    ) {
        guard row != none else { return }
        let present = graph.nodeOfRow.load(Int(row))
        if present != 0 { compareLater(Int(present - 1), graph, probe, margins, &ready) }
    }

    /// Asks for the vector of a node, unless it has been before, and compares those asked for before when they are enough.
    ///
    /// - Parameter ready: The part of the journal that was asked for before the last few.
    @inline(__always)
    private mutating func compareLater(
        _ node: Int, _ graph: Graph, _ probe: Probe, _ margins: Margins, _ ready: inout Range<Int>
    ) {
        guard visit(node) else { return }
        graph.prefetchScanned(node)
        if journalCount - ready.upperBound == FilterStrategy.scanBatch {
            sift(graph, probe, ready, margins)
            ready = ready.upperBound..<journalCount
        }
    }

    /// Adds to the beam those nodes of part of the journal that may be among the nearest as far as is known.
    private mutating func sift(_ graph: Graph, _ probe: Probe, _ range: Range<Int>, _ margins: Margins) {
        if graph.walksByHalves {
            compareHalves(graph, probe, journal, range) { sift($0, graph, margins) }
        } else {
            for i in range {
                let node = Int(journal[i])
                sift(Candidate(node, graph.distance(probe, node)), graph, margins)
            }
        }
    }

    @inline(__always)
    private mutating func sift(_ candidate: Candidate, _ graph: Graph, _ margins: Margins) {
        if resultCount == resultLimit {
            let distance = candidate.distance
            if distance > results[resultCount - 1].distance + 2 * margins.of(candidate.node, graph) { return }
        }
        _ = offerResult(candidate)
        reserve(ef: count + 1)
        beam[count] = candidate
        count += 1
    }

    /// Takes out of the beam what is known to be too far when all is compared.
    private mutating func dropHopeless(_ graph: Graph, _ margins: Margins) {
        guard resultCount == resultLimit else { return }
        let last = results[resultCount - 1].distance
        var kept = 0
        for i in 0..<count where !(beam[i].distance > last + 2 * margins.of(beam[i].node, graph)) {
            beam[kept] = beam[i]
            kept += 1
        }
        count = kept
    }

    /// Gives the beam its distances by whole codes, less what the halves say is too far.
    private mutating func refineSifted(_ graph: Graph, _ probe: Probe, _ margins: Margins) {
        if resultCount == resultLimit {
            // The nearest by halves are as many as wanted: the farthest of them by whole codes is a bound.
            for i in 0..<resultCount { graph.prefetchLowHalf(results[i].node) }
            var last = -Float.infinity
            for i in 0..<resultCount { last = max(last, graph.distance(probe, results[i].node)) }
            var kept = 0
            for i in 0..<count where !(beam[i].distance - margins.of(beam[i].node, graph) > last) {
                beam[kept] = beam[i]
                kept += 1
            }
            count = kept
        }
        for i in 0..<min(8, count) { graph.prefetchLowHalf(beam[i].node) }
        for i in 0..<count {
            if i + 8 < count { graph.prefetchLowHalf(beam[i + 8].node) }
            beam[i] = Candidate(beam[i].node, graph.distance(probe, beam[i].node))
        }
    }
}

/// How far distances by codes may be off: five standard deviations of their rounding.
private struct Margins {
    /// By halves: what the scale of a node is multiplied with.
    private let byScale: Float
    private let probe: Probe

    init(_ graph: Graph, _ probe: Probe) {
        self.probe = probe
        // As in `Graph.deviation`, with steps of 16 on the side of the node. What the rounding of the query adds is small beside that,
        // and is taken for the most it can be: no code is longer than 127 · √dimension steps.
        let largest = 127 * probe.scale
        let variance = (256 * probe.norm + Float(graph.dimension) * largest * largest) / 12
        byScale = 5 * variance.squareRoot()
    }

    @inline(__always)
    func of(_ node: Int, _ graph: Graph) -> Float {
        if graph.walksByHalves { return byScale * graph.halfScale(node) }
        if !graph.isCoded { return 0 }
        return graph.deviation(probe, node) * (graph.distance == .euclid ? 10 : 5)
    }
}

extension Graph {
    /// What a scan reads of a node. Its scale is as seldom near as its vector: nodes are come by in the order of rows.
    @inline(__always)
    fileprivate func prefetchScanned(_ node: Int) {
        prefetchWalked(node)
        if walksByHalves { unsafe cintrinsics_prefetch(halfScale.base + node) }
    }
}

extension FlatBuffer where Element == Candidate {
    /// Sorts the first `count`, nearest first, without further memory: heapsort.
    func sort(count: Int) {
        func siftDown(_ start: Int, _ end: Int) {
            let moved = self[start]
            var place = start
            while 2 * place + 1 < end {
                var child = 2 * place + 1
                if child + 1 < end && self[child].bits < self[child + 1].bits { child += 1 }
                if self[child].bits <= moved.bits { break }
                self[place] = self[child]
                place = child
            }
            self[place] = moved
        }
        for start in stride(from: count / 2 - 1, through: 0, by: -1) { siftDown(start, count) }
        for end in stride(from: count - 1, to: 0, by: -1) {
            let last = self[end]
            self[end] = self[0]
            self[0] = last
            siftDown(0, end)
        }
    }
}
