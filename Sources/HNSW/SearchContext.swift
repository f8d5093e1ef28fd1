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

    @inline(__always)
    init(bits: UInt64) { self.bits = bits }

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
    /// The codes of the query, of the node whose list is rewritten, of the candidate that is compared with those chosen.
    var code: FlatBuffer<Int8>
    var listCode: FlatBuffer<Int8>
    var candidateCode: FlatBuffer<Int8>
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
        code = .allocate(graph.vectorBytes, repeating: 0)
        listCode = .allocate(graph.vectorBytes, repeating: 0)
        candidateCode = .allocate(graph.vectorBytes, repeating: 0)
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
        listCode.deallocate()
        candidateCode.deallocate()
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
        let place = beam.place(of: candidate, count: count)
        beam.shiftUp(from: place, count: count - place)
        beam[place] = candidate
        count += 1
        return place
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
    mutating func descend(
        _ graph: Graph, _ probe: Probe, from entry: (node: Int, level: Int), to layer: Int, byHalves: Bool = false
    ) {
        var current = entry.node
        var above = entry.level
        while above > layer + 1 {
            current = nearest(graph, probe, from: current, layer: above, byHalves)
            above -= 1
        }
        if above > layer {
            searchLayer(graph, probe, from: current, layer: above, ef: Self.starts, byHalves: byHalves)
        } else {
            count = 0
            _ = offer(Candidate(current, distance(graph, probe, current, byHalves)), ef: 1)
        }
    }

    /// How many starts a search has.
    private static let starts = 4

    /// Walks from node to nearer node until none is: ef = 1.
    private mutating func nearest(_ graph: Graph, _ probe: Probe, from start: Int, layer: Int, _ byHalves: Bool) -> Int
    {
        var current = Candidate(start, distance(graph, probe, start, byHalves))
        while true {
            let links = graph.links(current.node, layer: layer)
            var held = 0
            while held < graph.M {
                let link = links.load(held)
                if link == none { break }
                if byHalves { graph.prefetchHalf(Int(link)) } else { graph.prefetchVector(Int(link)) }
                pending[held] = link
                held += 1
            }
            let before = current
            if byHalves {
                compareHalves(graph, probe, pending, 0..<held) { current = Candidate(bits: min(current.bits, $0.bits)) }
            } else {
                for i in 0..<held {
                    let node = Int(pending[i])
                    current.bits = min(current.bits, Candidate(node, graph.distance(probe, node)).bits)
                }
            }
            if current.node == before.node { return current.node }
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
        excluded: Int? = nil, byHalves: Bool = false
    ) {
        reserve(ef: ef)
        if let start {
            count = 1
            beam[0] = Candidate(start, distance(graph, probe, start, byHalves))
        }
        count = min(count, ef)
        restart()
        if let excluded { _ = visit(excluded) }
        if let second, visit(second) { _ = offer(Candidate(second, distance(graph, probe, second, byHalves)), ef: ef) }
        if byHalves {
            expand(graph, probe, layer: layer, ef: ef, byHalves: true)
        } else {
            expand(graph, probe, layer: layer, ef: ef, byHalves: false)
        }
        forgetVisits()
    }

    @inline(__always)
    private func distance(_ graph: Graph, _ probe: Probe, _ node: Int, _ byHalves: Bool) -> Float {
        byHalves
            ? graph.halfDistances(probe, SIMD4(repeating: UInt32(truncatingIfNeeded: node)))[0]
            : graph.distance(probe, node)
    }

    /// Orders the beam by whole codes, after a walk by their high halves.
    mutating func refine(_ graph: Graph, _ probe: Probe) {
        for i in 0..<min(4, count) { graph.prefetchLowHalf(beam[i].node) }
        for i in 0..<count {
            if i + 4 < count { graph.prefetchLowHalf(beam[i + 4].node) }
            let candidate = Candidate(beam[i].node, graph.distance(probe, beam[i].node))
            let place = beam.place(of: candidate, count: i)
            beam.shiftUp(from: place, count: i - place)
            beam[place] = candidate
        }
    }

    /// Makes the nodes of the beam the start of a new expansion.
    mutating func restart() {
        for i in 0..<count {
            beam[i].bits &= ~1
            _ = visit(beam[i].node)
        }
    }

    /// Expands the nearest unexpanded candidate until there is none.
    ///
    /// On layer 0 always one step ahead: a candidate's neighbours are asked for, then those of the one before are compared, which were
    /// asked for a step ago. A candidate is thus chosen without knowing the last one's neighbours, a few more are expanded than need
    /// be, and memory is hardly waited for. (Above, beams are so narrow that what is expanded in vain costs more.)
    @inline(__always)
    private mutating func expand(_ graph: Graph, _ probe: Probe, layer: Int, ef: Int, byHalves: Bool) {
        let capacity = layer == 0 ? 2 * graph.M : graph.M
        var cursor = 0
        // The part of the journal that was asked for a step ago.
        var ready = journalCount..<journalCount
        while true {
            while cursor < count && beam[cursor].isExpanded { cursor += 1 }
            let start = journalCount
            if cursor < count {
                beam[cursor].bits |= 1
                visitAll(graph.links(beam[cursor].node, layer: layer), capacity)
                for i in start..<journalCount {
                    if byHalves { graph.prefetchHalf(Int(journal[i])) } else { graph.prefetchVector(Int(journal[i])) }
                }
                // Unless something nearer is found now, the next candidate's links are wanted next.
                if cursor + 1 < count { graph.prefetchLinks(beam[cursor + 1].node, layer: layer) }
            } else if ready.isEmpty {
                return
            }
            if layer > 0 { ready = start..<journalCount }
            if byHalves {
                compareHalves(graph, probe, journal, ready) { offer($0, graph, layer: layer, ef: ef, &cursor) }
            } else {
                for i in ready {
                    let node = Int(journal[i])
                    offer(Candidate(node, graph.distance(probe, node)), graph, layer: layer, ef: ef, &cursor)
                }
            }
            ready = layer > 0 ? journalCount..<journalCount : start..<journalCount
        }
    }

    /// Adds to the journal those of a list's nodes that are visited for the first time.
    ///
    /// Without a branch on that: half of them are, in no order a processor could guess.
    @inline(__always)
    private mutating func visitAll(_ links: FlatBuffer<UInt32>, _ capacity: Int) {
        let (visited, journal) = (visited, journal)
        var end = journalCount
        for i in 0..<capacity {
            let link = links.load(i)
            if link == none { break }
            let node = link & ~treeBit
            let place = Int(node >> 6)
            let word = visited[place]
            visited[place] = word | 1 << UInt64(node & 63)
            journal[end] = node
            end += Int(truncatingIfNeeded: ~(word >> UInt64(node & 63)) & 1)
        }
        journalCount = end
    }

    /// Calls `body` with the nodes in part of a list and how far they are by the high halves of their codes, by fours.
    @inline(__always)
    func compareHalves(
        _ graph: Graph, _ probe: Probe, _ nodes: FlatBuffer<UInt32>, _ range: Range<Int>, _ body: (Candidate) -> Void
    ) {
        var i = range.lowerBound
        while i < range.upperBound {
            let last = range.upperBound - 1
            // The last four may be fewer: the last is repeated, and left out.
            let four = SIMD4(nodes[i], nodes[min(i + 1, last)], nodes[min(i + 2, last)], nodes[min(i + 3, last)])
            let distances = graph.halfDistances(probe, four)
            for lane in 0..<min(4, last - i + 1) { body(Candidate(Int(four[lane]), distances[lane])) }
            i += 4
        }
    }

    /// Offers a node to be expanded when its turn comes.
    @inline(__always)
    private mutating func offer(_ candidate: Candidate, _ graph: Graph, layer: Int, ef: Int, _ cursor: inout Int) {
        guard let place = offer(candidate, ef: ef) else { return }
        if layer > 0 { graph.prefetchStart(candidate.node) }
        if place <= cursor {
            cursor = place
            if layer == 0 { graph.prefetchLinks(candidate.node) }
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
                    graph.prefetchWalked(node)
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
                        graph.prefetchWalked(node)
                        pending[found] = UInt32(truncatingIfNeeded: node)
                        found += 1
                    }
                }
                next += 1
            }
            if graph.walksByHalves {
                compareHalves(graph, probe, pending, 0..<found) { offer($0, graph, layer: 0, ef: ef, &cursor) }
            } else {
                for i in 0..<found {
                    let node = Int(pending[i])
                    offer(Candidate(node, graph.distance(probe, node)), graph, layer: 0, ef: ef, &cursor)
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
            let probe = graph.probe(candidate.node, into: candidateCode)
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
