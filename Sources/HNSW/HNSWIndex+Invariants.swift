// What must hold of an index at any moment nobody is changing it.

extension HNSWIndex {
    /// Everything wrong with the graph, in words; empty when nothing is. For tests, and after opening what is doubted.
    ///
    /// Links name nodes that exist on their layer, none itself and none twice; lists end where they end; every node in the graph is
    /// reached from the entry point on layer 0; rows and nodes agree about each other, a node's ascend; counters count.
    ///
    /// - Complexity: O(nodes · M). Searches and insertions wait.
    public func checkInvariants() throws(HNSWError) -> [String] {
        exclusive { state in
            let graph = state.graph
            let nodes = Int(state.counters[IndexState.counterNodes])
            let free = Set(state.freeNodes)
            var problems: [String] = []
            for node in 0..<nodes where !free.contains(UInt32(node)) {
                for layer in 0...graph.level(of: node) {
                    checkLinks(of: node, layer: layer, graph, nodes: nodes, free, &problems)
                }
            }
            let reached = graph.reachable(from: state.entryPoint?.node, nodes: nodes)
            for node in 0..<nodes where !reached[node] && !free.contains(UInt32(node)) {
                problems.append("node \(node) is not reachable")
            }
            if let entry = state.entryPoint {
                if free.contains(UInt32(entry.node)) { problems.append("the entry point is a free node") }
                if entry.level != graph.level(of: entry.node) { problems.append("the entry point's level is wrong") }
            } else if nodes > free.count {
                problems.append("nodes without an entry point")
            }
            checkRows(state, nodes: nodes, free, &problems)
            return problems
        }
    }

    private func checkLinks(
        of node: Int, layer: Int, _ graph: Graph, nodes: Int, _ free: Set<UInt32>, _ problems: inout [String]
    ) {
        let links = graph.links(node, layer: layer)
        var seen: Set<Int> = []
        var hasEnded = false
        for i in 0..<links.capacity {
            let link = links[i]
            if link == none {
                hasEnded = true
                continue
            }
            let target = Int(link & ~treeBit)
            if hasEnded { problems.append("node \(node), layer \(layer): a link behind the end of the list") }
            if target == node { problems.append("node \(node), layer \(layer): a link to itself") }
            if !seen.insert(target).inserted { problems.append("node \(node), layer \(layer): two links to \(target)") }
            if target >= nodes || free.contains(UInt32(target)) {
                problems.append("node \(node), layer \(layer): a link to \(target), which does not exist")
            } else if graph.level(of: target) < layer {
                problems.append("node \(node), layer \(layer): a link to \(target), which is not on that layer")
            }
        }
    }

    private func checkRows(_ state: IndexState, nodes: Int, _ free: Set<UInt32>, _ problems: inout [String]) {
        let graph = state.graph
        var listed = 0
        var deleted = 0
        for node in 0..<nodes where !free.contains(UInt32(node)) {
            var row = graph.firstRow[node]
            if row == none { deleted += 1 }
            while row != none {
                guard Int(row) < state.rowCapacity, listed <= state.rowCapacity else {
                    problems.append("node \(node): a row that does not exist, or a circle of rows")
                    return
                }
                if graph.nodeOfRow[Int(row)] != UInt32(node + 1) {
                    problems.append("row \(row) is not of node \(node)")
                }
                listed += 1
                let next = graph.nextRow[Int(row)]
                if next <= row { problems.append("node \(node): row \(next) behind row \(row)") }
                row = next
            }
        }
        for (node, posts) in state.signposts.rows {
            for (post, next) in zip(posts, posts.dropFirst() + [none])
            where post >= next || graph.nodeOfRow[Int(post)] != UInt32(node + 1) {
                problems.append("node \(node): a signpost at row \(post), which is not its own or not before \(next)")
            }
        }
        let present = (0..<state.rowCapacity).count { graph.nodeOfRow[$0] != 0 }
        if listed != present { problems.append("\(listed) rows are listed by nodes, \(present) present") }
        if listed != Int(state.counters[IndexState.counterRows]) { problems.append("the count of rows is wrong") }
        if deleted != Int(state.counters[IndexState.counterDeleted]) {
            problems.append("the count of deleted nodes is wrong")
        }
    }
}

extension Graph {
    /// Which nodes links of layer 0 lead to.
    func reachable(from start: Int?, nodes: Int) -> [Bool] {
        var reached = Array(repeating: false, count: nodes)
        guard let start, start < nodes else { return reached }
        var waiting = [start]
        reached[start] = true
        while let node = waiting.popLast() {
            let links = links(node, layer: 0)
            for i in 0..<links.capacity {
                let link = links[i]
                if link == none { break }
                let target = Int(link & ~treeBit)
                if target < nodes && !reached[target] {
                    reached[target] = true
                    waiting.append(target)
                }
            }
        }
        return reached
    }
}
