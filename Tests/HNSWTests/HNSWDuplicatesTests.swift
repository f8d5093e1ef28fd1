// Many rows of one vector: zero vectors, texts that repeat themselves. Steps are counted, not time.

import Foundation
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWDuplicatesTests {
    /// In what order rows of one vector come and go.
    enum Order: CaseIterable {
        case ascending, descending, shuffled

        func of(_ rows: [UInt32], seed: UInt64) -> [UInt32] {
            var generator = SplitMix64(seed: seed)
            switch self {
            case .ascending: return rows
            case .descending: return rows.reversed()
            case .shuffled: return rows.shuffled(using: &generator)
            }
        }
    }

    @Test(arguments: Order.allCases, Order.allCases)
    func `rows of one vector are found in their order, however they came and some went`(came: Order, went: Order) throws
    {
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, M: 4))
        let (vector, other): ([Float], [Float]) = ([1, 0], [0.6, 0.8])
        for row in came.of(Array(0..<2000), seed: 1) {
            try index.insert((row % 2 == 0 ? vector : other).span, row: row)
        }
        #expect(try index.checkInvariants() == [])
        for row in went.of(stride(from: 0, to: 2000, by: 3).map { $0 }, seed: 2) { #expect(index.remove(row: row)) }
        #expect(try index.checkInvariants() == [])
        let kept = (0..<2000).filter { $0 % 3 != 0 }
        let expected = kept.filter { $0 % 2 == 0 } + kept.filter { $0 % 2 == 1 }
        for count in [1, 10, 700, 2000] {
            #expect(try index.search(vector.span, count: count, ef: 10).map(\.row) == Array(expected.prefix(count)))
        }
        let filter = RowBits((0..<2000).filter { $0 % 5 == 1 }.map { UInt32($0) }, capacity: 2000)
        #expect(
            try index.search(vector.span, count: 30, ef: 10, filter: filter).map(\.row)
                == Array(expected.filter { $0 % 5 == 1 }.prefix(30)))
        for row in kept { index.remove(row: UInt32(row)) }
        #expect(try index.checkInvariants() == [])
        #expect(index.state.signposts.rows.isEmpty)
    }

    /// All rows come, a half goes and comes again. Without signposts that is 10⁹ steps in most orders.
    @Test(arguments: Order.allCases, Order.allCases)
    func `the way to a row is short in a list of any length`(came: Order, went: Order) throws {
        let count = 40_000
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, M: 4), capacity: count)
        let zero: [Float] = [0, 0]
        for row in came.of(Array(0..<UInt32(count)), seed: 3) { try index.insert(zero.span, row: row) }
        #expect(index.nodeCount == 1)
        let half = went.of(Array(0..<UInt32(count)), seed: 4).prefix(count / 2)
        for row in half { index.remove(row: row) }
        for row in half { try index.insert(zero.span, row: row) }
        #expect(try index.checkInvariants() == [])
        #expect(index.state.signposts.steps <= 2 * count * 2 * Signposts.distance)
        #expect(index.state.signposts.rows[0]?.count ?? 0 <= count / Signposts.distance)
    }

    /// Of 40,000 rows of one vector; without the set's turns each would be looked at.
    @Test func `whether a long list and a set of rows have one in common takes as many steps as the shorter is long`()
        throws
    {
        let count = 40_000
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, M: 4), capacity: 2 * count)
        let (zero, one): ([Float], [Float]) = ([0, 0], [1, 0])
        for row in 0..<UInt32(count) { try index.insert((row % 2 == 0 ? zero : one).span, row: row) }
        let graph = index.state.graph
        func look(_ rows: [UInt32]) -> (found: UInt32, steps: Int) {
            var steps = 0
            let bits = RowBits(rows, capacity: 0)
            let found = bits.first(behind: graph.firstRow.load(0), of: 0, graph, &steps)
            return (found, steps)
        }
        // A turn of the list's, which leads to row 128, and the set's end: of its words are left those from 2 to 10, the last twice.
        for (rows, words) in [([], 0), ([1, 3, 5, 701], 10)] as [([UInt32], Int)] {
            let few = look(rows)
            #expect(few.found == none)
            #expect(few.steps == 64 + words)
        }
        // A few far away: 40,000 rows are 625 words, with which the list keeps pace.
        let far = look([1, 39_001, 39_998])
        #expect(far.found == 39_998)
        #expect(far.steps <= 2 * (625 + 64))
        // As many as the list has, none of them there: both are gone along, neither twice.
        let odd = look((0..<UInt32(count / 2)).map { 2 * $0 + 1 })
        #expect(odd.found == none)
        #expect(odd.steps <= count + 2 * 64)
        // The short list ends it where the set is long.
        try index.insert([3, 3].span, row: UInt32(count))
        var steps = 0
        let all = RowBits(0..<UInt32(count), capacity: count)
        #expect(all.first(behind: UInt32(count), of: 2, graph, &steps) == none)
        #expect(steps == 1)
    }

    @Test func `what a filter lets through of long lists is found whatever it is`() throws {
        let count = 3000
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, M: 4), capacity: count)
        let (vector, other): ([Float], [Float]) = ([1, 0], [0.6, 0.8])
        var generator = SplitMix64(seed: 5)
        var rows: [UInt32] = []
        for row in 0..<UInt32(count) {
            let isFirst = Int.random(in: 0..<3, using: &generator) > 0
            if isFirst { rows.append(row) }
            try index.insert((isFirst ? vector : other).span, row: row)
        }
        let others = (0..<UInt32(count)).filter { !rows.contains($0) }
        for share in [0.5, 0.02, 0.002] {
            for _ in 0..<20 {
                let passing = (0..<UInt32(count)).filter { _ in Double.random(in: 0..<1, using: &generator) < share }
                let expected = (rows.filter(passing.contains) + others.filter(passing.contains)).map(Int.init)
                let filter = RowBits(passing, capacity: count)
                #expect(try index.search(vector.span, count: count, ef: 10, filter: filter).map(\.row) == expected)
                #expect(try index.exactSearch(vector.span, count: count, filter: filter).map(\.row) == expected)
            }
        }
    }

    @Test func `a restored list of rows is entered and left as one that was never written`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let index = try HNSWIndex(HNSWConfiguration(dimension: 2, M: 4))
        let zero: [Float] = [0, 0]
        for row in stride(from: UInt32(0), to: 6000, by: 2) { try index.insert(zero.span, row: row) }
        try index.save(to: path)
        let restored = try HNSWIndex.restore(from: path).index
        for row in stride(from: UInt32(5999), to: 0, by: -2) { try restored.insert(zero.span, row: row) }
        for row in 0..<100 as Range<UInt32> { restored.remove(row: row * 60) }
        #expect(try restored.checkInvariants() == [])
        #expect(
            try restored.search(zero.span, count: 200, ef: 10).map(\.row)
                == Array((0..<6000).filter { $0 % 60 != 0 }.prefix(200)))
    }
}
