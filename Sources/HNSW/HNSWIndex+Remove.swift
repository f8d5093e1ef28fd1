// Removal of rows.

import CIntrinsics

extension HNSWIndex {
    /// Takes a row out. Its node, when no other row shares it, stays for others to pass through until `repair()`.
    ///
    /// - Returns: Whether the row was there.
    @discardableResult
    public func remove(row: UInt32) -> Bool {
        writing { exclusive { Self.remove(row, $0) } }
    }

    /// The same of many rows, some at a time: before any leaves, all searches under way have to end, and those that come have to wait for
    /// that. Which of the rows are there does not matter.
    public func remove(rows: some Sequence<UInt32>) {
        var waiting: [UInt32] = []
        func removeWaiting() {
            writing {
                exclusive { state in
                    for row in waiting { _ = Self.remove(row, state) }
                }
            }
            waiting.removeAll(keepingCapacity: true)
        }
        for row in rows {
            waiting.append(row)
            if waiting.count == Self.removedAtOnce { removeWaiting() }
        }
        if !waiting.isEmpty { removeWaiting() }
    }

    /// Rows that leave while searches wait: a tenth of a millisecond's work.
    private static let removedAtOnce = 256

    /// Takes a row out while the gate is held exclusively.
    private static func remove(_ row: UInt32, _ state: IndexState) -> Bool {
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
