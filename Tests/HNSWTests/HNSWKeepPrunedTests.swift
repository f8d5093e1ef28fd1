// Algorithm 4's keepPrunedConnections: lists are filled up with what the heuristic refused, whoever writes them.

import Foundation
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWKeepPrunedTests {
    /// On one thread, so that the lists are the same each time.
    private static func index(_ set: VectorSet, keepPruned: Bool) throws -> HNSWIndex {
        let index = try HNSWIndex(
            HNSWConfiguration(dimension: set.dimension, M: 8, efConstruction: 60, keepPruned: keepPruned))
        try index.insert(matrix: set.values.span, threads: 1)
        return index
    }

    /// A node's links on a layer, and which list that is.
    private struct List: Hashable {
        var node: Int
        var layer: Int
    }

    /// How many links each list of the graph has.
    private static func lengths(_ index: HNSWIndex) -> [List: Int] {
        let (graph, free) = (index.state.graph, Set(index.state.freeNodes))
        var lengths: [List: Int] = [:]
        for node in 0..<Int(index.state.counters[IndexState.counterNodes]) where !free.contains(UInt32(node)) {
            for layer in 0...graph.level(of: node) {
                let links = graph.links(node, layer: layer)
                lengths[List(node: node, layer: layer)] = (0..<links.capacity).count { links[$0] != none }
            }
        }
        return lengths
    }

    /// The share of lists with fewer than M links, where there are as many nodes to link to.
    private static func shortLists(_ index: HNSWIndex) -> Double {
        let lengths = lengths(index)
        let nodes = Dictionary(grouping: lengths.keys, by: \.layer).mapValues(\.count)
        let short = lengths.count { $1 < min(index.configuration.M, (nodes[$0.layer] ?? 1) - 1) }
        return Double(short) / Double(lengths.count)
    }

    /// A new node takes M links and gives as many; a node that lost some chooses M again. With the option no list has fewer, ever.
    @Test(arguments: [true, false])
    func `with the option every list has M links, whatever leaves and comes, and many have not without`(
        keepPruned: Bool
    ) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 1500, dimension: 16, repeats: 9, seed: 101)
        let queries = VectorSet(rows: 60, dimension: 16, seed: 102)
        var index = try Self.index(set, keepPruned: keepPruned)
        func check(where isIncluded: (Int) -> Bool = { _ in true }) throws {
            #expect(try index.checkInvariants() == [])
            let short = Self.shortLists(index)
            #expect(keepPruned ? short == 0 : short > 0.05, "\(short) of the lists are short")
            #expect(try set.recall(of: index, queries: queries, count: 10, ef: 64, where: isIncluded) >= 0.97)
        }
        try check()
        for row in 0..<1500 where row % 3 == 0 { index.remove(row: UInt32(row)) }
        try index.repair()
        try check { $0 % 3 != 0 }

        try index.save(to: path)
        index = try HNSWIndex.restore(from: path).index
        #expect(index.configuration.keepPruned == keepPruned)
        for row in 0..<1500 where row % 3 == 1 { index.remove(row: UInt32(row)) }
        try index.repair()
        try check { $0 % 3 == 2 }
        for row in 0..<1500 where row % 3 != 2 { try index.insert(set[row].span, row: UInt32(row)) }
        try check()
    }

    /// Twice as many as M on layer 0: a list that is full is chosen anew for each newcomer, and is full again with the option only.
    @Test(arguments: [true, false])
    func `with the option no insertion makes a list shorter, and without it some do`(keepPruned: Bool) throws {
        let set = VectorSet(rows: 300, dimension: 16, clusters: 5, seed: 103)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 16, M: 3, efConstruction: 30, keepPruned: keepPruned))
        var before: [List: Int] = [:]
        var shortened = 0
        for row in 0..<300 {
            try index.insert(set[row].span, row: UInt32(row))
            let after = Self.lengths(index)
            shortened += before.count { $1 > after[$0] ?? 0 }
            before = after
        }
        #expect(keepPruned ? shortened == 0 : shortened > 100)
        #expect(before.values.max() == 6)
        #expect(try index.checkInvariants() == [])
    }

    /// Where nothing leads to a node, and all lists that might are full.
    @Test(arguments: [true, false])
    func `a full list that takes in a lost node stays full with the option only`(keepPruned: Bool) throws {
        let set = VectorSet(rows: 300, dimension: 16, seed: 104)
        let index = try Self.index(set, keepPruned: keepPruned)
        let graph = index.state.graph
        let lost = try #require((1..<300).first { graph.level(of: $0) == 0 })
        // Every list filled up with whoever is not in it, the lost node's place included.
        for node in 0..<300 {
            let links = graph.links(node, layer: 0)
            var held = (0..<links.capacity).map { links[$0] }.filter { $0 != none && Int($0 & ~treeBit) != lost }
            for other in 0..<300 where other != node && other != lost && held.count < links.capacity {
                if !held.contains(where: { Int($0 & ~treeBit) == other }) { held.append(UInt32(other)) }
            }
            for i in 0..<links.capacity { links[i] = held[i] }
        }
        #expect(try index.checkInvariants() == ["node \(lost) is not reachable"])
        let full = Self.lengths(index)
        #expect(index.linkUnreachable())
        #expect(try index.checkInvariants() == [])
        let shortened = Self.lengths(index).count { $1 < full[$0] ?? 0 }
        #expect(keepPruned ? shortened == 0 : shortened == 1)
    }
}
