// What insertions on several threads may leave behind, made by hand: a node that nothing links to.

import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWReachabilityTests {
    @Test func `a node that nothing links to is linked again`() throws {
        let set = VectorSet(rows: 300, dimension: 32, seed: 81)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 32, M: 8, efConstruction: 60))
        try index.insert(matrix: set.values.span, threads: 1)
        index.linkUnreachable()
        #expect(try index.checkInvariants() == [])
        let lost = try #require((1..<300).first { index.state.graph.level(of: $0) == 0 })
        index.exclusive { state in
            for node in 0..<300 {
                let links = state.graph.links(node, layer: 0)
                let kept = (0..<links.capacity).map { links[$0] }.filter { $0 != none && Int($0 & ~treeBit) != lost }
                for i in 0..<links.capacity { links[i] = i < kept.count ? kept[i] : none }
            }
        }
        #expect(try index.checkInvariants().contains("node \(lost) is not reachable"))
        index.linkUnreachable()
        #expect(try index.checkInvariants() == [])
        #expect(try index.search(set[lost].span, count: 1, ef: 50).map(\.row) == [lost])
    }

    @Test func `a row has the vector that it was given and no other`() throws {
        let set = VectorSet(rows: 2, dimension: 32, seed: 82)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 32))
        try index.insert(set[0].span, row: 3)
        func has(_ row: UInt32, _ vector: [Float]) -> Bool { index.contains(row: row, vector: vector.span) }
        #expect(has(3, set[0]))
        #expect(!has(3, set[1]))
        #expect(!has(3, Array(set[0].prefix(31))))
        #expect(!has(2, set[0]))
        #expect(!has(1_000_000, set[0]))
        index.remove(row: 3)
        #expect(!has(3, set[0]))
    }
}
