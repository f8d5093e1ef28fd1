// Which node has a vector: a table of all nodes by the hash of theirs.

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension IndexState {
    /// 32 bits of a vector's floats. Not of its codes: where one element is much greater than the others, every vector has the same.
    private func makeHash(_ node: Int) -> UInt32 {
        let hash = unsafe Checksum.hash(graph.floatVector(node), count: graph.dimension * 4)
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    private func isSameVector(_ a: Int, _ b: Int) -> Bool {
        let bytes = graph.dimension * 4
        return unsafe memcmp(graph.floatVector(a), graph.floatVector(b), bytes) == 0
    }

    /// The node in the table whose vector is that of `node`; when there is none, `node` enters, without rows, and is returned.
    /// The caller holds `allocation`.
    func findOrEnter(_ node: Int) -> Int {
        let mask = table.capacity - 1
        let wanted = makeHash(node)
        hash[node] = wanted
        var slot = Int(wanted) & mask
        while table[slot] != 0 {
            let other = Int(table[slot] - 1)
            if hash[other] == wanted && isSameVector(other, node) { return other }
            slot = (slot + 1) & mask
        }
        table[slot] = UInt32(node + 1)
        graph.firstRow.store(none, at: node)
        return node
    }

    /// Enters every node but the free ones.
    func rebuildTable() {
        let free = Set(freeNodes)
        // While a repair runs, nodes without rows are on their way out.
        rebuildTable { free.contains(UInt32($0)) || (isRepairing && graph.isDeleted($0)) }
    }

    /// Enters every node but those left out. Reads their hashes and no vector.
    ///
    /// - Returns: Places of the table that were looked at: about two a node, if the hashes are what they should be.
    @discardableResult
    func rebuildTable(without isLeftOut: (Int) -> Bool, atMost limit: Int = .max) -> Int {
        unsafe table.base.update(repeating: 0, count: table.capacity)
        let mask = table.capacity - 1
        var looks = 0
        for node in 0..<Int(counters[Self.counterNodes]) where !isLeftOut(node) {
            var slot = Int(hash[node]) & mask
            while table[slot] != 0 && looks < limit {
                slot = (slot + 1) & mask
                looks += 1
            }
            if looks >= limit { return looks }
            table[slot] = UInt32(node + 1)
            looks += 1
        }
        return looks
    }
}
