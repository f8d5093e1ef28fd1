// Removal of rows.

import CIntrinsics

extension HNSWIndex {
    /// Takes a row out. Its node, when no other row shares it, stays for others to pass through until `repair()`.
    ///
    /// - Returns: Whether the row was there.
    @discardableResult
    public func remove(row: UInt32) -> Bool {
        state.lockWritersShared()
        defer { state.unlockWriters() }
        return exclusive { state in
            let graph = state.graph
            guard Int(row) < state.rowCapacity else { return false }
            let present = graph.nodeOfRow[Int(row)]
            guard present != 0 else { return false }
            let node = Int(present - 1)
            state.leave(row, of: node)
            let counters = state.counters
            counters.store(counters[IndexState.counterRows] - 1, at: IndexState.counterRows)
            if graph.firstRow[node] == none {
                counters.store(counters[IndexState.counterDeleted] + 1, at: IndexState.counterDeleted)
            }
            return true
        }
    }
}
