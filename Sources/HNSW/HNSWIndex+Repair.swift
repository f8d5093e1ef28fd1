// Deleted nodes leave the graph, and who was linked to them is linked to what lay behind them.

import CIntrinsics
import Dispatch
import Synchronization

extension HNSWIndex {
    /// Nodes that have no rows any more and are still passed through. `repair()` is worth its time when they are a tenth
    /// of all: until then searches look at that many nodes more.
    public var deletedNodeCount: Int { Int(state.counters.load(IndexState.counterDeleted)) }

    /// Takes deleted nodes out of the graph.
    ///
    /// A node that linked to deleted ones chooses again, by the heuristic, among its other neighbours and the neighbours of the
    /// deleted (FreshDiskANN, arXiv 2105.09613, algorithm 4). Searches and insertions go on meanwhile. Insertions and removals wait while
    /// the deleted are named and while the spanning tree is laid anew; searches wait for other searches only, once, at the end. Repairs and
    /// snapshots wait for each other.
    ///
    /// - Parameters:
    ///   - threads: How many; the calling one is among them.
    ///   - isCancelled: Asked before every 256 nodes, by any of the threads: true ends the repair soon. The graph is sound then and no
    ///     node has left it: what was deleted still is, and the next repair begins anew.
    ///   - apart: Runs what it is given, once, and returns when that is done: three times, and all that takes long. It may do so on a
    ///     thread of low priority. The calling thread should have a common one: for a moment at the end searches wait for it, and would
    ///     for the core that it waits for.
    /// - Returns: Whether all that was deleted at the beginning has left.
    @discardableResult
    public func repair(
        threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool = { false },
        apart: (@escaping @Sendable () -> Void) -> Void = { $0() }
    ) throws(HNSWError) -> Bool {
        state.lockRepairs()
        defer { state.unlockRepairs() }
        let named = Mutex<Leaving?>(nil)
        alone { apart { named.withLock { $0 = self.startRepair() } } }
        guard let leaving = named.withLock({ $0 }) else { return true }
        let hasBypassed = Atomic(false)
        writing {
            apart { hasBypassed.store(self.bypass(leaving, threads: threads, isCancelled), ordering: .relaxed) }
        }
        let isWhole = hasBypassed.load(ordering: .relaxed)
        alone {
            apart { self.layTree(after: leaving, isWhole: isWhole) }
            // Whoever began to search before the last link to the leaving nodes went may be looking at them: once the gate is had,
            // nobody is, and nobody comes to them any more.
            if isWhole { exclusive { _ in } }
            endRepair(leaving, isWhole: isWhole)
        }
        return isWhole
    }

    /// Makes sure that links lead to every node, as `insert(matrix:)` does at its end: for callers that insert one by one from several
    /// threads, before they save.
    ///
    /// Two nodes inserted in the same moment may have taken each other for the one that came first, and then nothing leads to either.
    /// Searches go on meanwhile, changes wait. During a repair it does nothing, for that does the same at its end; a snapshot that is
    /// being written is waited for.
    ///
    /// - Complexity: O(nodes · M) where nothing is wrong.
    /// - Returns: Whether something had to be mended.
    @discardableResult
    public func linkUnreachable() -> Bool {
        // Who waits for a repair's writers has all insertions wait behind it: while `repairs` is held there is none to wait for. The flag
        // is looked at again and again, because whoever has the lock may only be about to begin.
        while !state.lockRepairsIfFree() {
            if state.isRepairing { return false }
            pauseThread()
        }
        defer { state.unlockRepairs() }
        return alone {
            shared { state in
                guard Self.hasUnreachable(state) else { return false }
                Self.layTree(state) { _ in false }
                return true
            }
        }
    }

    private static func hasUnreachable(_ state: IndexState) -> Bool {
        let nodes = Int(state.counters.load(IndexState.counterNodes))
        var reached = state.graph.reachable(from: state.entryPoint?.node, nodes: nodes)
        for node in state.freeNodes { reached[Int(node)] = true }
        return reached.contains(false)
    }

    private struct Leaving: Sendable {
        var isLeaving: [Bool]
        var isFree: [Bool]
        var count: Int
    }

    /// Names the nodes that leave. From here on nothing revives them and no insertion links to them. The caller holds `writers` exclusively:
    /// searches look at nothing of what is written here but the entry point.
    private func startRepair() -> Leaving? {
        shared { state in
            if state.counters[IndexState.counterDeleted] == 0 { return nil }
            state.isRepairing = true
            let graph = state.graph
            let nodes = Int(state.counters[IndexState.counterNodes])
            var leaving = Leaving(
                isLeaving: Array(repeating: false, count: nodes), isFree: Array(repeating: false, count: nodes),
                count: 0)
            for node in state.freeNodes { leaving.isFree[Int(node)] = true }
            for node in 0..<nodes where !leaving.isFree[node] && graph.isDeleted(node) {
                leaving.isLeaving[node] = true
                leaving.count += 1
            }
            if let entry = state.entryPoint, leaving.isLeaving[entry.node] {
                var best: (node: Int, level: Int)?
                for node in 0..<nodes
                where !leaving.isFree[node] && !leaving.isLeaving[node] && graph.level(of: node) > best?.level ?? -1 {
                    best = (node, graph.level(of: node))
                }
                if let best { state.setEntryPoint(best.node, level: best.level) } else { state.clearEntryPoint() }
            }
            state.rebuildTable { leaving.isLeaving[$0] || leaving.isFree[$0] }
            return leaving
        }
    }

    /// Lays the tree without the leaving nodes, or, where some are still linked to, with them. The caller holds `writers` exclusively.
    private func layTree(after leaving: Leaving, isWhole: Bool) {
        let nodes = leaving.isLeaving.count
        shared { state in
            if !isWhole && state.entryPoint == nil {
                // All were leaving, and all stay.
                let graph = state.graph
                let top = (0..<nodes).lazy.filter { leaving.isLeaving[$0] }.max {
                    graph.level(of: $0) < graph.level(of: $1)
                }
                if let top { state.setEntryPoint(top, level: graph.level(of: top)) }
            }
            Self.layTree(state) { isWhole && $0 < nodes && leaving.isLeaving[$0] }
        }
    }

    /// Lets the numbers of the nodes that have left be used again. The caller holds `writers` exclusively.
    private func endRepair(_ leaving: Leaving, isWhole: Bool) {
        shared { state in
            state.isRepairing = false
            guard isWhole else { return }
            let counters = state.counters
            counters.store(
                counters[IndexState.counterDeleted] - UInt32(leaving.count), at: IndexState.counterDeleted)
            state.freeNodes += leaving.isLeaving.indices.lazy.filter { leaving.isLeaving[$0] }.map(UInt32.init)
        }
    }

    /// Replaces all links to leaving nodes. Returns false when it was cancelled before it had.
    private func bypass(_ leaving: Leaving, threads: Int, _ isCancelled: @Sendable () -> Bool) -> Bool {
        let nodes = leaving.isLeaving.count
        let batch = 256
        let stopped = FlatBuffer<UInt32>.allocate(1, repeating: 0)
        defer { stopped.deallocate() }
        // One integer, written and read as shared ones are.
        nonisolated(unsafe) let flag = stopped
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { thread in
            var start = thread * batch
            while start < nodes {
                if unsafe flag.load(0) != 0 { return }
                if isCancelled() { return unsafe flag.store(1, at: 0) }
                shared { state in
                    for node in start..<min(nodes, start + batch)
                    where !leaving.isLeaving[node] && !leaving.isFree[node] {
                        Self.bypass(node, leaving.isLeaving, state)
                    }
                }
                start += max(1, threads) * batch
            }
        }
        return stopped.load(0) == 0
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
        let keepPruned = state.configuration.keepPruned
        let chosen = context.choose(
            graph, from: context.beam, count: context.count, limit: graph.M, keepPruned: keepPruned)
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
            addLink(from: node, to: neighbour, layer: layer, isTree: false, keepPruned, graph, &context)
            addLink(from: neighbour, to: node, layer: layer, isTree: false, keepPruned, graph, &context)
        }
    }

    // MARK: The spanning tree

    /// Marks anew which links reach each node from the entry point, and links the nodes that none reaches. The caller holds `writers`
    /// exclusively and the gate shared: searches see links come and go as during an insertion, and do not look at the marks.
    ///
    /// - Parameter isLeftOut: Nodes that nothing need lead to, besides the free ones.
    static func layTree(_ state: IndexState, without isLeftOut: (Int) -> Bool) {
        let graph = state.graph
        let nodes = Int(state.counters[IndexState.counterNodes])
        guard let entry = state.entryPoint else { return }
        var isReached = Array(repeating: false, count: nodes)
        for node in state.freeNodes { isReached[Int(node)] = true }
        for node in 0..<nodes {
            if isLeftOut(node) { isReached[node] = true }
            let links = graph.links(node, layer: 0)
            for i in 0..<links.capacity where links[i] != none && links[i] & treeBit != 0 {
                links.store(links[i] & ~treeBit, at: i)
            }
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
                    links.store(link | treeBit, at: i)
                    treeLinks += 1
                    isReached[target] = true
                    reached.append(target)
                }
            }
        }
        claim(share: graph.M)
        next = 0
        claim(share: 2 * graph.M)
        let keepPruned = state.configuration.keepPruned
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
                    from: parent, to: node, layer: 0, isTree: true, keepPruned, graph, &context.pointee,
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
                    from: parent, to: node, layer: 0, isTree: true, keepPruned, graph, &context.pointee,
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
