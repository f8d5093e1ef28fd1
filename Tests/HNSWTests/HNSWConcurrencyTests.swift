// Everything at once. Run with the thread sanitizer, these find a data race; without it, a broken graph.

import Dispatch
import HNSW
import TestSupport
import Testing

@Suite struct HNSWConcurrencyTests {
    @Test func `searches, changes, growth and repairs run beside each other and leave a sound graph`() throws {
        let rows = 1200
        let set = VectorSet(rows: rows, dimension: 24, clusters: 300, repeats: 11, seed: 41)
        // Small at first, so that it grows under the load.
        let index = try HNSWIndex(HNSWConfiguration(dimension: 24, M: 6, efConstruction: 40), capacity: 64)
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            var generator = SplitMix64(seed: UInt64(thread))
            do {
                for step in 0..<300 {
                    switch thread {
                    case 0, 1, 2:
                        let row = thread * 400 + step
                        try index.insert(set[row].span, row: UInt32(row))
                        if step % 3 == 2 { index.remove(row: UInt32(row - 1)) }
                    case 3:
                        if step % 20 == 19 { try index.repair(threads: 1, isCancelled: { step % 40 == 39 }) }
                        if step % 25 == 24 { try index.reserve(nodes: 64 + 8 * step, rows: 64 + 6 * step) }
                        if step % 30 == 29 { index.linkUnreachable() }
                        _ = try index.search(set[step].span, count: 5, ef: 20)
                    default:
                        let filter = RowBits((0..<600).map { UInt32($0 * 2) }, capacity: rows)
                        let row = Int.random(in: 0..<rows, using: &generator)
                        let found = try index.search(
                            set[row].span, count: 10, ef: 30, filter: step % 2 == 0 ? filter : nil)
                        if step % 2 == 0 { #expect(found.allSatisfy { $0.row % 2 == 0 }) }
                    }
                }
            } catch {
                Issue.record(error)
            }
        }
        #expect(index.count == 600)
        index.linkUnreachable()
        #expect(try index.checkInvariants() == [])
        #expect(!index.linkUnreachable())
        try index.repair()
        #expect(try index.checkInvariants() == [])
        for row in [0, 300, 500, 900] where index.contains(row: UInt32(row)) {
            let found = try index.search(set[row].span, count: 20, ef: 100)
            #expect(found.contains { $0.row == row })
        }
    }
}
