// Insertion: the paper's Algorithm 1.

import CIntrinsics

extension HNSWIndex {
    /// Adds a vector under a row number, or gives that row a new vector.
    ///
    /// - Parameters:
    ///   - vector: [dimension], finite. For cosine of length 1, which is not checked: see `Distance.cosine`.
    ///   - row: Numbers should be dense: tables grow with the greatest.
    public func insert(_ vector: Span<Float>, row: UInt32) throws(HNSWError) {
        try validate(vector)
        guard row < treeBit else { throw .tooManyVectors }
        while true {
            if contains(row: row) { remove(row: row) }
            let missing = writing {
                shared { state in
                    unsafe vector.withUnsafeBufferPointer { vector in
                        guard let base = vector.baseAddress else { return Missing.nothing }
                        return unsafe Self.insert(base, row: row, state)
                    }
                }
            }
            switch missing {
            case .nothing: return
            case .removal: continue
            case .room:
                try writing { () throws(HNSWError) in
                    try exclusive { state throws(HNSWError) in
                        // Grows only if no other thread has in the meantime.
                        let nodes = Int(state.counters[IndexState.counterNodes])
                        try state.grow(nodes: nodes + 1, rows: Int(row) + 1)
                    }
                }
            }
        }
    }

    /// What an insertion needs before it can be done.
    enum Missing { case nothing, removal, room }

    static func insert(_ vector: UnsafePointer<Float>, row: UInt32, _ state: IndexState) -> Missing {
        let graph = state.graph
        guard Int(row) < state.rowCapacity else { return .room }
        state.lockAllocation()
        if graph.nodeOfRow[Int(row)] != 0 {
            state.unlockAllocation()
            return .removal
        }
        guard let new = unsafe allocate(vector, state) else {
            state.unlockAllocation()
            return .room
        }
        let node = state.findOrEnter(new.node)
        let counters = state.counters
        if node != new.node {
            // A number taken from the free list goes back, one from the end is not counted yet.
            if new.isReused { state.freeNodes.append(UInt32(new.node)) }
        } else if !new.isReused {
            counters.store(UInt32(node + 1), at: IndexState.counterNodes)
            counters.store(new.lists, at: IndexState.counterLists)
        }
        if node != new.node && graph.isDeleted(node) {
            counters.store(counters[IndexState.counterDeleted] - 1, at: IndexState.counterDeleted)
        }
        state.enter(row, of: node)
        counters.store(counters[IndexState.counterRows] + 1, at: IndexState.counterRows)
        state.unlockAllocation()
        if node == new.node { link(node, state) }
        return .nothing
    }

    /// Writes a vector into a record that nothing points to yet. The caller holds `allocation`.
    private static func allocate(
        _ vector: UnsafePointer<Float>, _ state: IndexState
    ) -> (node: Int, lists: UInt32, isReused: Bool)? {
        let graph = state.graph
        var lists = state.counters[IndexState.counterLists]
        let node: Int
        let isReused = !state.freeNodes.isEmpty
        if isReused {
            // It keeps its level and its lists: levels do not depend on vectors.
            node = Int(state.freeNodes.removeLast())
            state.floatsHash = nil
        } else {
            node = Int(state.counters[IndexState.counterNodes])
            guard node < state.nodeCapacity else { return nil }
            let level = graph.level(of: node)
            guard (Int(lists) + level) * graph.M <= graph.upper.capacity else { return nil }
            graph.upperStart[node] = lists * UInt32(graph.M)
            lists += UInt32(level)
        }
        unsafe graph.floatVector(node).update(from: vector, count: graph.dimension)
        if graph.isCoded {
            let code = state.insertionCode
            let probe = unsafe Probe.encode(graph.floatVector(node), dimension: graph.dimension, into: code.base)
            unsafe cintrinsics_pack_planes(code.base, graph.code(node), graph.vectorBytes)
            graph.codeInfo[2 * node] = probe.scale
            graph.codeInfo[2 * node + 1] = probe.norm
            if graph.walksByHalves { graph.setHalfScale(node, probe) }
        }
        for layer in 0...graph.level(of: node) {
            let links = graph.links(node, layer: layer)
            for i in 0..<links.capacity { links[i] = none }
        }
        return (node, lists, isReused)
    }

    /// Gives a node its neighbours and them the node.
    static func link(_ node: Int, _ state: IndexState) {
        let graph = state.graph
        let level = graph.level(of: node)
        if state.entryPoint == nil {
            state.lockAllocation()
            let isFirst = state.entryPoint == nil
            if isFirst { state.setEntryPoint(node, level: level) }
            state.unlockAllocation()
            if isFirst { return }
        }
        guard let entry = state.entryPoint, entry.node != node else { return }
        let ef = state.configuration.efConstruction
        let context = unsafe state.takeContext(ef: ef)
        defer { unsafe state.giveBack(context) }
        let probe = unsafe graph.probe(node, into: context.pointee.code)
        var layer = min(level, entry.level)
        unsafe context.pointee.descend(graph, probe, from: entry, to: layer)
        while layer >= 0 {
            unsafe context.pointee.searchLayer(graph, probe, layer: layer, ef: ef, excluded: node)
            if state.isRepairing {
                // What is on its way out gets no new links. The entry point stays.
                let nearest = unsafe context.pointee.count > 0 ? context.pointee.beam[0].node : entry.node
                unsafe context.pointee.dropDeleted(graph)
                if unsafe context.pointee.count == 0 {
                    unsafe context.pointee.searchLayer(
                        graph, probe, from: nearest, layer: layer, ef: state.nodeCapacity, excluded: node)
                    unsafe context.pointee.dropDeleted(graph)
                    if unsafe context.pointee.count == 0 {
                        _ = unsafe context.pointee.offer(
                            Candidate(entry.node, graph.distance(probe, entry.node)), ef: 1)
                    }
                }
            }
            unsafe connect(node, layer: layer, graph, state, &context.pointee)
            layer -= 1
        }
        if level > entry.level { replaceEntryPoint(by: node, level: level, state) }
    }

    /// Links a node with the best of the beam, both ways.
    private static func connect(
        _ node: Int, layer: Int, _ graph: Graph, _ state: IndexState, _ context: inout SearchContext
    ) {
        let keepPruned = state.configuration.keepPruned
        let wanted = context.choose(
            graph, from: context.beam, count: context.count, limit: graph.M, keepPruned: keepPruned)
        let links = graph.links(node, layer: layer)
        graph.lock(node)
        // Another thread may have linked itself here in the meantime: those stay, ours follow.
        var held = 0
        while held < links.capacity && links[held] != none { held += 1 }
        for i in 0..<wanted {
            let neighbour = UInt32(context.chosen[i].node)
            var isHeld = false
            for j in 0..<held where links[j] & ~treeBit == neighbour { isHeld = true }
            if !isHeld && held < links.capacity {
                links.store(neighbour, at: held)
                held += 1
            }
        }
        graph.unlock(node)
        // The lists of the neighbours are rewritten with the context's buffers: copy who they are first.
        for i in 0..<wanted { context.pending[i] = UInt32(context.chosen[i].node) }
        var needsTree = layer == 0
        for i in 0..<wanted {
            let neighbour = Int(context.pending[i])
            if addLink(from: neighbour, to: node, layer: layer, isTree: needsTree, keepPruned, graph, &context) {
                needsTree = false
            }
        }
        if needsTree {
            // Every neighbour's share of tree links is used up: farther candidates have room.
            let count = context.count
            for i in 0..<count {
                let neighbour = context.beam[i].node
                if addLink(from: neighbour, to: node, layer: 0, isTree: true, keepPruned, graph, &context) { return }
            }
            // All of them full: somewhere under them there is room, for a tree has fewer links than nodes. A set, because a
            // node that became the entry point later than it got its parent closes a circle.
            var parents = count > 0 ? [context.beam[0].node] : []
            var seen = Set(parents)
            var next = 0
            while next < parents.count,
                !addLink(
                    from: parents[next], to: node, layer: 0, isTree: true, keepPruned, graph, &context,
                    share: 2 * graph.M - 1)
            {
                let links = graph.links(parents[next], layer: 0)
                for i in 0..<links.capacity {
                    let link = links.load(i)
                    if link == none { break }
                    let child = Int(link & ~treeBit)
                    if link & treeBit != 0 && child != node && seen.insert(child).inserted { parents.append(child) }
                }
                next += 1
            }
        }
    }

    /// Adds a link, pruning a full list by the heuristic. Returns whether it was added as a tree link.
    ///
    /// - Parameter share: The most tree links a list may hold: beyond half, the heuristic would have nothing to choose.
    @discardableResult
    static func addLink(
        from node: Int, to target: Int, layer: Int, isTree: Bool, _ keepPruned: Bool, _ graph: Graph,
        _ context: inout SearchContext, share: Int? = nil
    ) -> Bool {
        let links = graph.links(node, layer: layer)
        graph.lock(node)
        defer { graph.unlock(node) }
        var held = 0
        var treeLinks = 0
        while held < links.capacity && links[held] != none {
            let link = links[held]
            if link & treeBit != 0 { treeLinks += 1 }
            if Int(link & ~treeBit) == target {
                if isTree && link & treeBit == 0 && treeLinks < share ?? graph.M {
                    links.store(link | treeBit, at: held)
                    return true
                }
                return link & treeBit != 0
            }
            held += 1
        }
        let asTree = isTree && treeLinks < share ?? graph.M
        let new = UInt32(target) | (asTree ? treeBit : 0)
        if held < links.capacity {
            links.store(new, at: held)
            return asTree
        }
        // Full: choose again among the links and the newcomer. Tree links stay whatever they are.
        let probe = graph.probe(node, into: context.listCode)
        for i in 0..<held { graph.prefetchVector(Int(links[i] & ~treeBit)) }
        var kept = 0
        var others = 0
        for i in 0...held {
            let link = i < held ? links[i] : new
            let candidate = Candidate(Int(link & ~treeBit), graph.distance(probe, Int(link & ~treeBit)))
            if link & treeBit != 0 {
                context.chosen[kept] = candidate
                kept += 1
            } else {
                var place = others
                while place > 0 && context.scratch[place - 1].bits > candidate.bits {
                    context.scratch[place] = context.scratch[place - 1]
                    place -= 1
                }
                context.scratch[place] = candidate
                others += 1
            }
        }
        let chosen = context.choose(
            graph, from: context.scratch, count: others, limit: links.capacity, keepPruned: keepPruned, keeping: kept)
        for i in 0..<links.capacity {
            let link = i < chosen ? UInt32(context.chosen[i].node) | (i < kept ? treeBit : 0) : none
            links.store(link, at: i)
        }
        return asTree
    }

    /// A node above all others becomes the entry point, with a tree link to its predecessor.
    private static func replaceEntryPoint(by node: Int, level: Int, _ state: IndexState) {
        let graph = state.graph
        let context = unsafe state.takeContext(ef: state.configuration.efConstruction)
        defer { unsafe state.giveBack(context) }
        while let entry = state.entryPoint, entry.level < level {
            let keepPruned = state.configuration.keepPruned
            unsafe addLink(
                from: node, to: entry.node, layer: 0, isTree: true, keepPruned, graph, &context.pointee,
                share: 2 * graph.M - 1)
            state.lockAllocation()
            let isUnchanged = state.entryPoint?.node == entry.node
            if isUnchanged { state.setEntryPoint(node, level: level) }
            state.unlockAllocation()
            if isUnchanged { return }
        }
    }
}
