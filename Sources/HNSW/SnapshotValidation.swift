// Nothing a snapshot says may lead outside of it.

import Dispatch

/// Checks of a loaded snapshot. A hash that fits proves that nothing was damaged by accident; these prove that no number in the file,
/// made however, makes a search or a change read or write where it should not, or go on for ever.
enum SnapshotValidation {
    /// - Parameter threads: How many look at the nodes' links and rows, each at its share of them.
    static func check(_ state: IndexState, _ header: SnapshotHeader, threads: Int) throws(HNSWError) {
        let graph = state.graph
        var isFree = Array(repeating: false, count: header.nodes)
        for node in state.freeNodes {
            guard node < header.nodes, !isFree[Int(node)] else {
                throw .invalidSnapshot("a free node does not exist or is named twice")
            }
            isFree[Int(node)] = true
        }
        try makeTable(state, header, isFree)
        try checkUpperLists(graph, header)
        var tallies = Array(repeating: Tally(), count: max(1, threads))
        let parts = tallies.count
        let share = (header.nodes + parts - 1) / parts
        unsafe tallies.withUnsafeMutableBufferPointer { tallies in
            // Each thread writes its own element and reads what nobody writes.
            nonisolated(unsafe) let (tallies, graph) = unsafe (tallies, graph)
            let isFree = isFree
            DispatchQueue.concurrentPerform(iterations: parts) { thread in
                let nodes = min(thread * share, header.nodes)..<min((thread + 1) * share, header.nodes)
                var tally = Tally()
                do throws(HNSWError) {
                    for node in nodes { unsafe try check(node, graph, header, isFree, &tally) }
                } catch {
                    tally.failure = error
                }
                unsafe tallies[thread] = tally
            }
        }
        if let failure = tallies.lazy.compactMap(\.failure).first { throw failure }
        let present = (0..<header.rowLimit).count { graph.nodeOfRow[$0] != 0 }
        guard tallies.reduce(0, { $0 + $1.rows }) == header.rows, present == header.rows else {
            throw .invalidSnapshot("the rows do not add up")
        }
        state.counters[IndexState.counterDeleted] = tallies.reduce(0) { $0 + $1.deleted }
        try checkEntryPoint(state, header, isFree)
    }

    /// What was found in a share of the nodes.
    private struct Tally {
        var deleted: UInt32 = 0
        var rows = 0
        var failure: HNSWError?
    }

    private static func check(
        _ node: Int, _ graph: Graph, _ header: SnapshotHeader, _ isFree: [Bool], _ tally: inout Tally
    ) throws(HNSWError) {
        for layer in 0...graph.level(of: node) { try checkLinks(node, layer, graph, header.nodes, isFree) }
        var row = graph.firstRow[node]
        if isFree[node] {
            guard row == none else { throw .invalidSnapshot("a free node has rows") }
            return
        }
        if row == none { tally.deleted += 1 }
        while row != none {
            tally.rows += 1
            guard row < header.rowLimit, graph.nodeOfRow[Int(row)] == UInt32(node + 1)
            else { throw .invalidSnapshot("the rows of node \(node) contradict the table of rows") }
            let next = graph.nextRow[Int(row)]
            // Also what ends a list that goes round.
            guard next > row else { throw .invalidSnapshot("the rows of node \(node) do not ascend") }
            row = next
        }
    }

    /// Each node above layer 0 has lists of its own: a link on one node's would be on another's, and on another layer.
    private static func checkUpperLists(_ graph: Graph, _ header: SnapshotHeader) throws(HNSWError) {
        var isTaken = Array(repeating: false, count: header.lists)
        for node in 0..<header.nodes {
            let level = graph.level(of: node)
            if level == 0 { continue }
            let start = Int(graph.upperStart[node])
            guard start % graph.M == 0, start / graph.M + level <= header.lists else {
                throw .invalidSnapshot("the lists of node \(node) are outside of the file")
            }
            for list in start / graph.M..<start / graph.M + level {
                guard !isTaken[list] else { throw .invalidSnapshot("two nodes have the same list") }
                isTaken[list] = true
            }
        }
    }

    private static func checkEntryPoint(_ state: IndexState, _ header: SnapshotHeader, _ isFree: [Bool])
        throws(HNSWError)
    {
        guard let entry = state.entryPoint else {
            guard header.entry == 0, header.nodes == header.free else {
                throw .invalidSnapshot("nodes without an entry point")
            }
            return
        }
        guard entry.node < header.nodes, !isFree[entry.node], entry.level == state.graph.level(of: entry.node) else {
            throw .invalidSnapshot("the entry point does not exist")
        }
    }

    /// Makes the table from the hashes. Where many are the same, which only happens on purpose, it would take for ever.
    private static func makeTable(_ state: IndexState, _ header: SnapshotHeader, _ isFree: [Bool]) throws(HNSWError) {
        let limit = 64 * (header.nodes + 4096)
        guard state.rebuildTable(without: { isFree[$0] }, atMost: limit) < limit else {
            throw .invalidSnapshot("the hashes are those of equal vectors")
        }
    }

    private static func checkLinks(
        _ node: Int, _ layer: Int, _ graph: Graph, _ nodes: Int, _ isFree: [Bool]
    ) throws(HNSWError) {
        let links = graph.links(node, layer: layer)
        var hasEnded = false
        for i in 0..<links.capacity {
            let link = links[i]
            if link == none {
                hasEnded = true
                continue
            }
            // A link that is added is written over the end, and would make one of what lies behind it.
            guard !hasEnded || isFree[node] else {
                throw .invalidSnapshot("there are links behind the end of node \(node)'s")
            }
            let target = Int(layer == 0 ? link & ~treeBit : link)
            guard target < nodes, target != node else { throw .invalidSnapshot("a link of node \(node) leads nowhere") }
            // A free node's own links are never followed; nobody may link to one.
            if isFree[node] { continue }
            guard !isFree[target], layer == 0 || graph.level(of: target) >= layer else {
                throw .invalidSnapshot("a link of node \(node) leads to a node that is not on layer \(layer)")
            }
        }
    }
}
