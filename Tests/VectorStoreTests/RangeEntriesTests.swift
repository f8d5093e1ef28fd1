// Ranges of a sorted index against a plain list of the same pairs.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct RangeEntriesTests {
    private struct Pair: Hashable {
        var key: Int64
        var row: UInt32
    }

    /// Rows with a key in the range, by the entries and by looking at each pair.
    private static func expectRanges(
        _ entries: RangeEntries<Int64>, _ pairs: Set<Pair>, _ generator: inout SplitMix64
    ) {
        #expect(entries.count == pairs.count)
        for round in 0..<12 {
            let low = round == 0 ? .min : Int64.random(in: -10..<6_000, using: &generator)
            let high = round == 1 ? .max : Int64.random(in: 0..<6_000, using: &generator)
            // Some rows are there already, and stay.
            var rows = RowBits([3, 70_001], capacity: 10)
            entries.addRows(from: { $0 < low }, to: { $0 > high }, to: &rows)
            var wanted = RowBits([3, 70_001], capacity: 10)
            var count = 0
            for pair in pairs where (low <= high) && (low...high).contains(pair.key) {
                wanted.insert(pair.row)
                count += 1
            }
            #expect(rows == wanted)
            #expect(entries.count(from: { $0 < low }, to: { $0 > high }) == count)
            // Asked about a few rows, no others are found.
            let few = pairs.prefix(20).map(\.row) + (0..<5).map { _ in .random(in: 0..<9_000, using: &generator) }
            var found = RowBits([3], capacity: 0)
            entries.addRows(from: { $0 < low }, to: { $0 > high }, among: few, to: &found)
            #expect(Set(found.list) == Set([3] + few.filter { $0 != 3 && $0 != 70_001 && wanted.contains($0) }))
        }
    }

    /// Many more pairs than a group has, rows with several values, and values of many rows.
    @Test(arguments: [UInt64(1), 2, 3]) func `a range has the rows that looking at each pair finds`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var entries = RangeEntries<Int64>()
        var pairs: Set<Pair> = []
        func pair() -> Pair {
            Pair(
                key: .random(in: 0..<5_000, using: &generator),
                // In one run rows are sparse, in another every row has several values.
                row: .random(in: 0..<[9_000, 100_000, 3_000_000][Int(seed - 1)], using: &generator))
        }
        for _ in 0..<60_000 {
            let pair = pair()
            entries.insert(pair.key, pair.row)
            pairs.insert(pair)
        }
        Self.expectRanges(entries, pairs, &generator)
        let (kept, before) = (entries, pairs)
        for pair in pairs.prefix(20_000) {
            entries.remove(pair.key, pair.row)
            // Not there any more, or never: nothing happens.
            entries.remove(pair.key, pair.row)
            pairs.remove(pair)
        }
        for _ in 0..<5_000 {
            let pair = pair()
            entries.insert(pair.key, pair.row)
            pairs.insert(pair)
        }
        Self.expectRanges(entries, pairs, &generator)
        // A copy is what it was.
        Self.expectRanges(kept, before, &generator)
        for pair in pairs {
            entries.remove(pair.key, pair.row)
        }
        Self.expectRanges(entries, [], &generator)
    }

    @Test func `values ascend forwards and descend backwards`() {
        var entries = RangeEntries<Int64>()
        for number in 0..<UInt32(50_000) { entries.insert(Int64(number % 977), number) }
        var forwards: [Pair] = []
        entries.forEach(from: { $0 < 100 }, to: { $0 > 900 }) { forwards.append(Pair(key: $0.key, row: $0.row)) }
        let wanted = (0..<UInt32(50_000)).map { Pair(key: Int64($0 % 977), row: $0) }
            .filter { 100...900 ~= $0.key }.sorted { ($0.key, $0.row) < ($1.key, $1.row) }
        #expect(forwards == wanted)
        var backwards: [Pair] = []
        entries.forEachBackwards(from: { $0 > 900 }) { entry in
            backwards.append(Pair(key: entry.key, row: entry.row))
            return backwards.count < 30_000
        }
        #expect(backwards == Array(wanted.reversed().prefix(30_000)))
    }

    /// Deleted at random, in order, or from the end: what is left has been copied together.
    @Test(arguments: [0, 1, 2]) func `entries that are gone leave no memory behind`(order: Int) {
        var generator = SplitMix64(seed: 9)
        var entries = RangeEntries<Int64>()
        var pairs = (0..<UInt32(60_000)).map { Pair(key: .random(in: 0..<5_000, using: &generator), row: $0 &* 17) }
        for pair in pairs { entries.insert(pair.key, pair.row) }
        let whole = entries.byteCount
        switch order {
        case 0: pairs.shuffle(using: &generator)
        case 1: pairs.sort { ($0.key, $0.row) < ($1.key, $1.row) }
        default: pairs.sort { ($0.key, $0.row) > ($1.key, $1.row) }
        }
        for pair in pairs.dropLast(300) { entries.remove(pair.key, pair.row) }
        #expect(entries.groupsCount == 1)
        #expect(entries.byteCount < whole / 40, "\(whole) bytes became \(entries.byteCount)")
        Self.expectRanges(entries, Set(pairs.suffix(300)), &generator)
    }

    /// Ascending, the first groups are divided while the limit is low.
    @Test func `there are 43 groups at most, however the values came`() {
        var entries = RangeEntries<Int64>(leastLimit: 4096)
        var most = 0
        for row in 0..<UInt32(120_000) {
            entries.insert(Int64(row), row)
            most = max(most, entries.groupsCount)
        }
        #expect((20...43).contains(most))
        for row in 0..<UInt32(120_000) where row % 3 > 0 { entries.remove(Int64(row), row) }
        #expect((10...43).contains(entries.groupsCount))
        var rows = RowBits(capacity: 0)
        entries.addRows(from: { $0 < 1000 }, to: { $0 > 100_000 }, to: &rows)
        #expect(rows == RowBits(stride(from: UInt32(1002), through: 99_999, by: 3), capacity: 0))
    }
}
