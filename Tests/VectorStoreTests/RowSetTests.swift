// Sets of rows against the standard library's, and what they cost.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct RowSetTests {
    /// Goes back and forth between few and many members, of few rows and of many.
    @Test(arguments: [UInt32(70), 5_000, 1_000_000])
    func `a set has the rows that a plain one has, and costs no more than sixteen bytes each`(limit: UInt32) {
        var generator = SplitMix64(seed: UInt64(limit))
        var (rows, plain) = (RowSet(), Set<UInt32>())
        for phase in 0..<8 {
            let share = phase % 2 == 0 ? 0.95 : 0.02
            for _ in 0..<12_000 {
                let row = UInt32.random(in: 0..<limit, using: &generator)
                if Double.random(in: 0..<1, using: &generator) < share {
                    rows.insert(row)
                    plain.insert(row)
                } else {
                    // Of those that are there, or this one, which mostly is not.
                    let gone = plain.randomElement(using: &generator) ?? row
                    rows.remove(gone)
                    plain.remove(gone)
                    rows.remove(row)
                    plain.remove(row)
                }
            }
            #expect(rows.count == plain.count && rows.isEmpty == plain.isEmpty)
            var found: [UInt32] = []
            rows.forEach { found.append($0) }
            #expect(found == plain.sorted())
            #expect(rows.bits(capacity: Int(limit)).list == found)
            for row in (0..<100).map({ _ in UInt32.random(in: 0..<limit, using: &generator) }) {
                #expect(rows.contains(row) == plain.contains(row))
            }
            // A list has room for four times as many at most, bits are a list as soon as that is half as large; a bit a row is the most.
            #expect(rows.byteCount <= min(16 * rows.count, max(Int(limit) / 4, 512)) + 200)
        }
    }
}
