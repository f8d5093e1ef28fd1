// What one search writes: the beam, the visited nodes, the query's code. Reused, so that a search allocates nothing.

import CIntrinsics

/// A node and its distance in one integer that sorts as the distance does: [distance: 32][node: 31][expanded: 1].
struct Candidate: BitwiseCopyable {
    var bits: UInt64

    @inline(__always)
    init(_ node: Int, _ distance: Float) {
        let pattern = distance.bitPattern
        let ordered = pattern & 0x8000_0000 != 0 ? ~pattern : pattern | 0x8000_0000
        bits = UInt64(ordered) << 32 | UInt64(node) << 1
    }

    var node: Int { Int(bits >> 1 & 0x7FFF_FFFF) }
    var isExpanded: Bool { bits & 1 != 0 }
    var distance: Float {
        let ordered = UInt32(bits >> 32)
        return Float(bitPattern: ordered & 0x8000_0000 != 0 ? ordered & 0x7FFF_FFFF : ~ordered)
    }
}

/// The buffers of one search at a time.
///
/// The beam is one sorted array and not the paper's two heaps: with every candidate in it, the nearest unexpanded one is
/// found by a cursor, and the farthest is the last. The visited set is a bitset with a journal: at 200,000 nodes it is 25 kB
/// and stays in the nearest caches, where epoch stamps would be 400 kB or more.
@safe struct SearchContext {
    var visited: FlatBuffer<UInt64>
    var journal: FlatBuffer<UInt32>
    var journalCount = 0
    var beam: FlatBuffer<Candidate>
    var count = 0
    var pending: FlatBuffer<UInt32>
    var chosen: FlatBuffer<Candidate>
    var scratch: FlatBuffer<Candidate>
    var code: FlatBuffer<Int8>
    var floats: FlatBuffer<Float>
    /// Rows found, nearest first: a candidate's node is the row here.
    var results: FlatBuffer<Candidate>
    var resultCount = 0
    var resultLimit = 0
    /// -1 where a greater score is nearer.
    var resultSign: Float = 1

    init(_ graph: Graph, nodeCapacity: Int, ef: Int) {
        visited = .allocate((nodeCapacity + 63) / 64, repeating: 0)
        journal = .allocate(nodeCapacity + 1, repeating: 0)
        beam = .allocate(ef + 1, repeating: Candidate(0, 0))
        // One node's links, or with two-hop expansion those of its neighbours too.
        pending = .allocate(2 * graph.M * (2 * graph.M + 1), repeating: 0)
        chosen = .allocate(2 * graph.M + 1, repeating: Candidate(0, 0))
        scratch = .allocate(2 * graph.M + 2, repeating: Candidate(0, 0))
        code = .allocate((graph.dimension + 63) / 64 * 64, repeating: 0)
        floats = .allocate(graph.dimension + 16, repeating: 0)
        results = .allocate(65, repeating: Candidate(0, 0))
    }

    func deallocate() {
        visited.deallocate()
        journal.deallocate()
        beam.deallocate()
        pending.deallocate()
        chosen.deallocate()
        scratch.deallocate()
        code.deallocate()
        floats.deallocate()
        results.deallocate()
    }

    /// Makes room for a beam of `ef`, keeping what is in it.
    mutating func reserve(ef: Int) {
        guard beam.capacity < ef + 1 else { return }
        let wider = FlatBuffer<Candidate>.allocate(max(ef + 1, 2 * beam.capacity), repeating: Candidate(0, 0))
        for i in 0..<count { wider[i] = beam[i] }
        beam.deallocate()
        beam = wider
    }

    /// Whether this is the first visit.
    @inline(__always)
    mutating func visit(_ node: Int) -> Bool {
        let bit: UInt64 = 1 << (UInt64(node) & 63)
        let word = visited[node >> 6]
        if word & bit != 0 { return false }
        visited[node >> 6] = word | bit
        journal[journalCount] = UInt32(truncatingIfNeeded: node)
        journalCount += 1
        return true
    }

    mutating func forgetVisits() {
        for i in 0..<journalCount { visited[Int(journal[i]) >> 6] = 0 }
        journalCount = 0
    }

    /// Puts a candidate where it belongs, dropping the farthest beyond `ef`. Returns its place, or nil when too far.
    @inline(__always)
    mutating func offer(_ candidate: Candidate, ef: Int) -> Int? {
        if count == ef {
            if candidate.bits >= beam[count - 1].bits { return nil }
            count -= 1
        }
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) >> 1
            if beam[middle].bits < candidate.bits { low = middle + 1 } else { high = middle }
        }
        beam.shiftUp(from: low, count: count - low)
        beam[low] = candidate
        count += 1
        return low
    }

    /// The query in this context's buffers.
    mutating func prepare(_ graph: Graph, _ query: UnsafePointer<Float>) -> Probe {
        unsafe floats.base.update(from: query, count: graph.dimension)
        guard graph.isCoded else {
            return unsafe Probe(code: code.base, floats: floats.base, scale: 0, norm: 0, sum: 0)
        }
        return unsafe Probe.encode(floats.base, dimension: graph.dimension, into: code.base)
    }

    // MARK: The paper's Algorithm 2

    /// Leaves in the beam where the search of `layer` starts: from the entry point nearer and nearer through the layers above.
    ///
    /// One path ends in the wrong part of the graph now and then, and where parts hardly hang together a beam does not leave it: the
    /// last layer above is searched with a beam of a few, all of which are starts.
    mutating func descend(_ graph: Graph, _ probe: Probe, from entry: (node: Int, level: Int), to layer: Int) {
        var current = entry.node
        var above = entry.level
        while above > layer + 1 {
            current = nearest(graph, probe, from: current, layer: above)
            above -= 1
        }
        if above > layer {
            searchLayer(graph, probe, from: current, layer: above, ef: Self.starts)
        } else {
            count = 0
            _ = offer(Candidate(current, graph.distance(probe, current)), ef: 1)
        }
    }

    /// How many starts a search has.
    private static let starts = 4

    /// Walks from node to nearer node until none is: ef = 1.
    private func nearest(_ graph: Graph, _ probe: Probe, from start: Int, layer: Int) -> Int {
        var current = start
        var nearest = graph.distance(probe, start)
        while true {
            let links = graph.links(current, layer: layer)
            var next = current
            for i in 0..<graph.M {
                let link = links.load(i)
                if link == none { break }
                graph.prefetchVector(Int(link))
            }
            for i in 0..<graph.M {
                let link = links.load(i)
                if link == none { break }
                let distance = graph.distance(probe, Int(link))
                if distance < nearest {
                    nearest = distance
                    next = Int(link)
                }
            }
            if next == current { return current }
            current = next
        }
    }

    /// Leaves in the beam the `ef` nearest nodes reachable on a layer, nearest first.
    ///
    /// - Parameters:
    ///   - start: Where to begin; nil for all nodes that are in the beam.
    ///   - second: One more.
    ///   - excluded: A node that is neither entered nor passed.
    mutating func searchLayer(
        _ graph: Graph, _ probe: Probe, from start: Int? = nil, and second: Int? = nil, layer: Int, ef: Int,
        excluded: Int? = nil
    ) {
        reserve(ef: ef)
        if let start {
            count = 1
            beam[0] = Candidate(start, graph.distance(probe, start))
        }
        count = min(count, ef)
        restart()
        if let excluded { _ = visit(excluded) }
        if let second, visit(second) { _ = offer(Candidate(second, graph.distance(probe, second)), ef: ef) }
        expand(graph, probe, layer: layer, ef: ef)
        forgetVisits()
    }

    /// Makes the nodes of the beam the start of a new expansion.
    mutating func restart() {
        for i in 0..<count {
            beam[i].bits &= ~1
            _ = visit(beam[i].node)
        }
    }

    /// Expands the nearest unexpanded candidate until there is none.
    @inline(__always)
    private mutating func expand(_ graph: Graph, _ probe: Probe, layer: Int, ef: Int) {
        let capacity = layer == 0 ? 2 * graph.M : graph.M
        var cursor = 0
        while cursor < count {
            let candidate = beam[cursor]
            if candidate.isExpanded {
                cursor += 1
                continue
            }
            beam[cursor].bits |= 1
            let links = graph.links(candidate.node, layer: layer)
            var pendingCount = 0
            for i in 0..<capacity {
                let link = links.load(i)
                if link == none { break }
                let node = Int(link & ~treeBit)
                if visit(node) {
                    graph.prefetchVector(node)
                    pending[pendingCount] = UInt32(truncatingIfNeeded: node)
                    pendingCount += 1
                }
            }
            for i in 0..<pendingCount {
                let node = Int(pending[i])
                if let place = offer(Candidate(node, graph.distance(probe, node)), ef: ef), place <= cursor {
                    cursor = place
                    if layer == 0 { graph.prefetchLinks(node) }
                }
            }
        }
    }

    /// Two-hop expansion in the manner of ACORN (arXiv 2403.04871): the beam holds matching nodes only; where a neighbour
    /// does not match, its own neighbours are looked at in its place. The beam as it stands is where it starts.
    mutating func expandMatching(_ graph: Graph, _ probe: Probe, ef: Int, _ filter: RowBits) {
        var cursor = 0
        while cursor < count {
            let candidate = beam[cursor]
            if candidate.isExpanded {
                cursor += 1
                continue
            }
            beam[cursor].bits |= 1
            var found = 0
            let links = graph.links(candidate.node, layer: 0)
            var refused = 0
            for i in 0..<2 * graph.M {
                let link = links.load(i)
                if link == none { break }
                let node = Int(link & ~treeBit)
                graph.prefetchLinks(node)
                if !isVisited(node) && filter.matches(graph, node) {
                    _ = visit(node)
                    graph.prefetchVector(node)
                    pending[found] = UInt32(truncatingIfNeeded: node)
                    found += 1
                } else {
                    scratch[refused] = Candidate(node, 0)
                    refused += 1
                }
            }
            // As many as an unfiltered step would look at; nearer neighbours come first in a list.
            let enough = 2 * graph.M
            var next = 0
            while next < refused && found < enough {
                let second = graph.links(scratch[next].node, layer: 0)
                for j in 0..<2 * graph.M {
                    let link = second.load(j)
                    if link == none { break }
                    let node = Int(link & ~treeBit)
                    if !isVisited(node) && filter.matches(graph, node) {
                        _ = visit(node)
                        graph.prefetchVector(node)
                        pending[found] = UInt32(truncatingIfNeeded: node)
                        found += 1
                    }
                }
                next += 1
            }
            for i in 0..<found {
                let node = Int(pending[i])
                if let place = offer(Candidate(node, graph.distance(probe, node)), ef: ef), place <= cursor {
                    cursor = place
                    graph.prefetchLinks(node)
                }
            }
        }
        forgetVisits()
    }

    /// Takes nodes without rows out of the beam.
    mutating func dropDeleted(_ graph: Graph) {
        var kept = 0
        for i in 0..<count where !graph.isDeleted(beam[i].node) {
            beam[kept] = beam[i]
            kept += 1
        }
        count = kept
    }

    @inline(__always)
    private func isVisited(_ node: Int) -> Bool { visited[node >> 6] & (1 << (UInt64(node) & 63)) != 0 }

    // MARK: The paper's Algorithm 4

    /// Leaves in `chosen` up to `limit` of the candidates, nearest first in and out: each nearer to the base than to every one chosen
    /// before it. Returns how many.
    ///
    /// - Parameter keeping: How many candidates at the start of `chosen` are kept whatever they are.
    mutating func choose(
        _ graph: Graph, from candidates: FlatBuffer<Candidate>, count: Int, limit: Int, keepPruned: Bool,
        keeping kept: Int = 0
    ) -> Int {
        var chosenCount = kept
        for i in 0..<count {
            if chosenCount == limit { break }
            let candidate = candidates[i]
            let probe = graph.probe(candidate.node)
            let bound = candidate.distance
            var isDiverse = true
            for j in 0..<chosenCount where graph.distance(probe, chosen[j].node) < bound {
                isDiverse = false
                break
            }
            if isDiverse {
                chosen[chosenCount] = candidate
                chosenCount += 1
            }
        }
        if keepPruned && chosenCount < limit {
            for i in 0..<count {
                if chosenCount == limit { break }
                var isChosen = false
                for j in 0..<chosenCount where chosen[j].node == candidates[i].node { isChosen = true }
                if !isChosen {
                    chosen[chosenCount] = candidates[i]
                    chosenCount += 1
                }
            }
        }
        return chosenCount
    }
}
