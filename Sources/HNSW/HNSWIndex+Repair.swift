// Deleted nodes leave the graph, and who was linked to them is linked to what lay behind them.

import CIntrinsics
import Dispatch

extension HNSWIndex {
    /// Nodes that have no rows any more and are still passed through. `repair()` is worth its time when they are a tenth
    /// of all: until then searches look at that many nodes more.
    public var deletedNodeCount: Int { Int(state.counters.load(IndexState.counterDeleted)) }

    /// Takes deleted nodes out of the graph.
    ///
    /// A node that linked to deleted ones chooses again, by the heuristic, among its other neighbours and the neighbours of the
    /// deleted (FreshDiskANN, arXiv 2105.09613, algorithm 4). Searches and insertions go on meanwhile; they wait twice, briefly:
    /// while the deleted are named, and at the end, while the spanning tree is laid anew. Repairs wait for each other.
    public func repair(threads: Int = 1) throws(HNSWError) {
        state.lockWritersShared()
        defer { state.unlockWriters() }
        guard let leaving = startRepair() else { return }
        let nodes = leaving.isLeaving.count
        let batch = 256
        let indexBox = self
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { thread in
            var start = thread * batch
            while start < nodes {
                indexBox.shared { state in
                    for node in start..<min(nodes, start + batch)
                    where !leaving.isLeaving[node] && !leaving.isFree[node] {
                        Self.bypass(node, leaving.isLeaving, state)
                    }
                }
                start += max(1, threads) * batch
            }
        }
        try exclusive { state throws(HNSWError) in
            for node in 0..<nodes where leaving.isLeaving[node] { state.freeNodes.append(UInt32(node)) }
            let counters = state.counters
            counters.store(
                counters[IndexState.counterDeleted] - UInt32(leaving.count), at: IndexState.counterDeleted)
            state.isRepairing = false
            Self.layTree(state)
        }
    }

    private struct Leaving: Sendable {
        var isLeaving: [Bool]
        var isFree: [Bool]
        var count: Int
    }

    /// Names the nodes that leave. From here on nothing revives them and no insertion links to them.
    private func startRepair() -> Leaving? {
        exclusive { state in
            if state.isRepairing || state.counters[IndexState.counterDeleted] == 0 { return nil }
            state.isRepairing = true
            let graph = state.graph
            let nodes = Int(state.counters[IndexState.counterNodes])
            var leaving = Leaving(
                isLeaving: Array(repeating: false, count: nodes), isFree: Array(repeating: false, count: nodes),
                count: 0)
            for node in state.freeNodes { leaving.isFree[Int(node)] = true }
            var best: (node: Int, level: Int)?
            for node in 0..<nodes where !leaving.isFree[node] {
                if graph.isDeleted(node) {
                    leaving.isLeaving[node] = true
                    leaving.count += 1
                } else if graph.level(of: node) > best?.level ?? -1 {
                    best = (node, graph.level(of: node))
                }
            }
            if let entry = state.entryPoint, leaving.isLeaving[entry.node] {
                if let best { state.setEntryPoint(best.node, level: best.level) } else { state.clearEntryPoint() }
            }
            state.rebuildTable { leaving.isLeaving[$0] || leaving.isFree[$0] }
            return leaving
        }
    }

    /// Replaces a node's links to leaving nodes: those go, and the node chooses neighbours again as if it were new, among what a
    /// search from it finds and what lay behind the leaving. (Choosing among the latter alone takes a tenth of the time and loses
    /// 0.013 of recall@10 where half the nodes leave.)
    private static func bypass(_ node: Int, _ isLeaving: [Bool], _ state: IndexState) {
        let graph = state.graph
        func leaves(_ node: Int) -> Bool { node < isLeaving.count && isLeaving[node] }
        for layer in 0...graph.level(of: node) {
            let links = graph.links(node, layer: layer)
            var isAffected = false
            for i in 0..<links.capacity {
                let link = links.load(i)
                if link == none { break }
                if leaves(Int(link & ~treeBit)) { isAffected = true }
            }
            if !isAffected { continue }
            let context = unsafe state.takeContext(ef: state.configuration.efConstruction)
            defer { unsafe state.giveBack(context) }
            unsafe rechoose(node, layer: layer, graph, state, &context.pointee, leaves)
        }
    }

    private static func rechoose(
        _ node: Int, layer: Int, _ graph: Graph, _ state: IndexState, _ context: inout SearchContext,
        _ leaves: (Int) -> Bool
    ) {
        let links = graph.links(node, layer: layer)
        let probe = graph.probe(node, into: context.code)
        context.searchLayer(graph, probe, from: node, layer: layer, ef: state.configuration.efConstruction)
        var found = 0
        for i in 0..<context.count where context.beam[i].node != node && !leaves(context.beam[i].node) {
            context.beam[found] = context.beam[i]
            // Only what is in the beam is known from here on, expanded or not.
            context.beam[found].bits &= ~1
            _ = context.visit(context.beam[found].node)
            found += 1
        }
        context.count = found
        _ = context.visit(node)
        // All of what lay behind: the far ones are the bridges between regions, and the heuristic keeps those.
        let width = found + links.capacity * (links.capacity + 1)
        context.reserve(ef: width)
        for i in 0..<links.capacity {
            let link = links.load(i)
            if link == none { break }
            let neighbour = Int(link & ~treeBit)
            if !leaves(neighbour) {
                if context.visit(neighbour) {
                    _ = context.offer(Candidate(neighbour, graph.distance(probe, neighbour)), ef: width)
                }
                continue
            }
            let behind = graph.links(neighbour, layer: layer)
            for j in 0..<behind.capacity {
                let link = behind.load(j)
                if link == none { break }
                let second = Int(link & ~treeBit)
                guard !leaves(second), context.visit(second) else { continue }
                _ = context.offer(Candidate(second, graph.distance(probe, second)), ef: width)
            }
        }
        context.forgetVisits()
        let chosen = context.choose(graph, from: context.beam, count: context.count, limit: graph.M, keepPruned: false)
        for i in 0..<chosen { context.pending[i] = UInt32(context.chosen[i].node) }

        graph.lock(node)
        var held = 0
        for i in 0..<links.capacity {
            let link = links[i]
            if link == none { break }
            if !leaves(Int(link & ~treeBit)) {
                links.store(link, at: held)
                held += 1
            }
        }
        for i in held..<links.capacity { links.store(none, at: i) }
        graph.unlock(node)
        for i in 0..<chosen {
            let neighbour = Int(context.pending[i])
            addLink(from: node, to: neighbour, layer: layer, isTree: false, false, graph, &context)
            addLink(from: neighbour, to: node, layer: layer, isTree: false, false, graph, &context)
        }
    }

    // MARK: The spanning tree

    /// Marks anew which links reach each node from the entry point, and links the nodes that none reaches. The caller holds
    /// the gate exclusively.
    static func layTree(_ state: IndexState) {
        let graph = state.graph
        let nodes = Int(state.counters[IndexState.counterNodes])
        guard let entry = state.entryPoint else { return }
        var isReached = Array(repeating: false, count: nodes)
        for node in state.freeNodes { isReached[Int(node)] = true }
        for node in 0..<nodes {
            let links = graph.links(node, layer: 0)
            for i in 0..<links.capacity where links[i] != none { links[i] &= ~treeBit }
        }
        var reached = [entry.node]
        isReached[entry.node] = true
        var next = 0
        func claim(share: Int) {
            while next < reached.count {
                let links = graph.links(reached[next], layer: 0)
                next += 1
                var treeLinks = 0
                for i in 0..<links.capacity where links[i] != none && links[i] & treeBit != 0 { treeLinks += 1 }
                for i in 0..<links.capacity {
                    let link = links[i]
                    if link == none || treeLinks >= share { break }
                    let target = Int(link & ~treeBit)
                    if link & treeBit != 0 || isReached[target] { continue }
                    links[i] = link | treeBit
                    treeLinks += 1
                    isReached[target] = true
                    reached.append(target)
                }
            }
        }
        claim(share: graph.M)
        next = 0
        claim(share: 2 * graph.M)
        let context = unsafe state.takeContext(ef: state.configuration.efConstruction)
        defer { unsafe state.giveBack(context) }
        for node in 0..<nodes where !isReached[node] {
            let probe = unsafe graph.probe(node, into: context.pointee.code)
            unsafe context.pointee.beamSearch(graph, probe, entry, ef: state.configuration.efConstruction)
            let found = unsafe context.pointee.count
            for i in 0..<found {
                // The beam may pass through nodes that only other layers reach: a tree must grow from the tree.
                let parent = unsafe context.pointee.beam[i].node
                guard isReached[parent] else { continue }
                if unsafe addLink(
                    from: parent, to: node, layer: 0, isTree: true, false, graph, &context.pointee,
                    share: 2 * graph.M - 1)
                {
                    isReached[node] = true
                    break
                }
            }
            // None near has room: the search goes on over what is reached. A list of M >= 2 tree links is rare, all lists
            // full of them impossible: a tree has fewer links than nodes.
            if !isReached[node] {
                for parent in reached
                where unsafe addLink(
                    from: parent, to: node, layer: 0, isTree: true, false, graph, &context.pointee,
                    share: 2 * graph.M - 1)
                {
                    isReached[node] = true
                    break
                }
            }
            reached.append(node)
            next = reached.count - 1
            claim(share: 2 * graph.M)
        }
    }
}
