// The paper's Algorithm 2: from the entry point down to layer 0 and there from node to nearer node, a step at a time.

import CIntrinsics

extension SearchContext {
    /// Leaves in the beam where the search of `layer` starts: from the entry point nearer and nearer through the layers above.
    ///
    /// One path ends in the wrong part of the graph now and then, and where parts hardly hang together a beam does not leave it: the
    /// last layer above is searched with a beam of a few, all of which are starts.
    mutating func descend(
        _ graph: Graph, _ probe: Probe, from entry: (node: Int, level: Int), to layer: Int, byHalves: Bool = false
    ) {
        start(graph, probe, at: entry.node, byHalves)
        var above = entry.level
        while above > layer {
            let ef = above > layer + 1 ? 1 : Self.starts
            searchLayer(graph, probe, layer: above, ef: ef, byHalves: byHalves)
            above -= 1
        }
    }

    /// How many starts a search has.
    private static let starts = 4

    /// Leaves one node in the beam.
    private mutating func start(_ graph: Graph, _ probe: Probe, at node: Int, _ byHalves: Bool) {
        count = 1
        beam[0] = Candidate(node, distance(graph, probe, node, byHalves))
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
        if let start { self.start(graph, probe, at: start, byHalves) }
        count = min(count, ef)
        restart()
        if let excluded { _ = visit(excluded) }
        if let second, visit(second) { _ = offer(Candidate(second, distance(graph, probe, second, byHalves)), ef: ef) }
        asked = journalCount..<journalCount
        if byHalves {
            while step(graph, probe, layer: layer, ef: ef, byHalves: true) {}
        } else {
            while step(graph, probe, layer: layer, ef: ef, byHalves: false) {}
        }
        forgetVisits()
    }

    @inline(__always)
    private func distance(_ graph: Graph, _ probe: Probe, _ node: Int, _ byHalves: Bool) -> Float {
        byHalves
            ? graph.halfDistances(probe, SIMD4(repeating: UInt32(truncatingIfNeeded: node)))[0]
            : graph.distance(probe, node)
    }

    /// Expands the nearest unexpanded candidate: asks for its neighbours, and compares those asked for in the last step. Returns false
    /// when there is neither.
    ///
    /// On layer 0 a search is thus one step ahead: a candidate is chosen without knowing the last one's neighbours, a few more are
    /// expanded than need be, and memory is hardly waited for. Above, beams are so narrow that what is expanded in vain costs more:
    /// a step either asks or compares.
    @inline(__always)
    private mutating func step(_ graph: Graph, _ probe: Probe, layer: Int, ef: Int, byHalves: Bool) -> Bool {
        let start = journalCount
        if layer == 0 || asked.isEmpty {
            let isOpen = open(graph, layer: layer)
            if !isOpen && asked.isEmpty { return false }
        }
        let compared = asked
        asked = start..<journalCount
        compare(graph, probe, compared, layer: layer, ef: ef, byHalves: byHalves)
        return true
    }

    /// Visits the neighbours of the nearest unexpanded candidate. Returns false when there is none.
    @inline(__always)
    private mutating func open(_ graph: Graph, layer: Int) -> Bool {
        while cursor < count && beam[cursor].isExpanded { cursor += 1 }
        guard cursor < count else { return false }
        beam[cursor].bits |= 1
        visitAll(graph.links(beam[cursor].node, layer: layer), layer == 0 ? 2 * graph.M : graph.M)
        // Unless something nearer is found now, the next candidate's links are wanted next.
        if cursor + 1 < count { graph.prefetchLinks(beam[cursor + 1].node, layer: layer) }
        return true
    }

    /// Compares part of the journal, by fours, and asks for as many of what is `asked` for before each four: a core has some sixteen
    /// requests under way, and waits where it is to make more at once.
    @inline(__always)
    private mutating func compare(
        _ graph: Graph, _ probe: Probe, _ nodes: Range<Int>, layer: Int, ef: Int, byHalves: Bool
    ) {
        var asking = asked
        var place = nodes.lowerBound
        while place < nodes.upperBound {
            let four = place..<min(place + 4, nodes.upperBound)
            let few = asking.prefix(4)
            ask(graph, few, byHalves)
            asking = few.upperBound..<asking.upperBound
            if byHalves {
                compareHalves(graph, probe, journal, four, ef: ef) { offer($0, graph, layer: layer, ef: ef) }
            } else {
                for i in four {
                    let node = Int(journal[i])
                    offer(Candidate(node, graph.distance(probe, node)), graph, layer: layer, ef: ef)
                }
            }
            place = four.upperBound
        }
        ask(graph, asking, byHalves)
    }

    /// Asks for what a walk reads of part of the journal.
    @inline(__always)
    private func ask(_ graph: Graph, _ nodes: Range<Int>, _ byHalves: Bool) {
        for i in nodes {
            if byHalves { graph.prefetchHalf(Int(journal[i])) } else { graph.prefetchVector(Int(journal[i])) }
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

    /// Calls `body` with the nodes in part of a list and how far they are by the high halves of their codes, by fours. Nodes too far for
    /// a beam of `ef` are left out, where it is full.
    @inline(__always)
    func compareHalves(
        _ graph: Graph, _ probe: Probe, _ nodes: FlatBuffer<UInt32>, _ range: Range<Int>, ef: Int = .max,
        _ body: (Candidate) -> Void
    ) {
        var i = range.lowerBound
        while i < range.upperBound {
            let last = range.upperBound - 1
            // The last four may be fewer: the last is repeated, and left out.
            let four = SIMD4(nodes[i], nodes[min(i + 1, last)], nodes[min(i + 2, last)], nodes[min(i + 3, last)])
            let distances = graph.halfDistances(probe, four)
            let farthest = count < ef ? Float.infinity : beam[count - 1].distance
            // A bit for each: whether it is near enough, and there.
            var near = cintrinsics_not_above(distances, farthest) & 15 >> UInt32(max(0, i + 3 - last))
            while near != 0 {
                let lane = near.trailingZeroBitCount
                body(Candidate(Int(four[lane]), distances[lane]))
                near &= near - 1
            }
            i += 4
        }
    }

    /// Offers a node to be expanded when its turn comes.
    @inline(__always)
    private mutating func offer(_ candidate: Candidate, _ graph: Graph, layer: Int, ef: Int) {
        guard let place = offer(candidate, ef: ef) else { return }
        if layer > 0 { graph.prefetchStart(candidate.node) }
        if place <= cursor {
            cursor = place
            if layer == 0 { graph.prefetchLinks(candidate.node) }
        }
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
}
