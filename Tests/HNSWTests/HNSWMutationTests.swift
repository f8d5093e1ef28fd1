// Seeded random changes, with all that must hold checked after each of them. The oracle is a dictionary of vectors by row.

import Foundation
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWMutationTests {
    /// What an index is made of, and what the random changes are drawn with. Rows share vectors: there are fewer of these.
    struct Kind: CustomTestStringConvertible {
        var distance: Distance
        var dimension: Int
        var M: Int
        var codes = HNSWConfiguration.Codes.int8
        var keepPruned = false

        var testDescription: String {
            "\(distance), \(dimension) elements, M \(M), \(codes)\(keepPruned ? ", kept pruned" : "")"
        }

        /// From 128 elements on products are walked by half their codes; with M 2 a list is full of tree links before long.
        static let all = [
            Kind(distance: .cosine, dimension: 8, M: 2),
            Kind(distance: .cosine, dimension: 130, M: 4, keepPruned: true),
            Kind(distance: .dot, dimension: 128, M: 3), Kind(distance: .dot, dimension: 5, M: 16, codes: .float32),
            Kind(distance: .euclid, dimension: 3, M: 3, keepPruned: true), Kind(distance: .euclid, dimension: 33, M: 8),
            Kind(distance: .manhattan, dimension: 17, M: 2, keepPruned: true),
            Kind(distance: .manhattan, dimension: 2, M: 5),
        ]
    }

    /// An index under change, and what it should be.
    private struct Trial {
        static let rows = 120
        let vectors: VectorSet
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        var generator: SplitMix64
        var index: HNSWIndex
        var model: [UInt32: [Float]] = [:]

        init(_ kind: Kind, seed: UInt64) throws {
            vectors = VectorSet(
                rows: 90, dimension: kind.dimension, clusters: 6, normalised: kind.distance == .cosine, seed: seed)
            generator = SplitMix64(seed: seed + 1)
            let configuration = HNSWConfiguration(
                dimension: kind.dimension, distance: kind.distance, M: kind.M, efConstruction: 20, codes: kind.codes,
                keepPruned: kind.keepPruned, seed: seed)
            // The least there can be, so that it grows.
            index = try HNSWIndex(configuration, capacity: 1)
        }

        /// One change or search, drawn by its share of a hundred. Returns what it was.
        mutating func step() throws -> String {
            let row = UInt32.random(in: 0..<UInt32(Self.rows), using: &generator)
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<55:
                // A row that is there gets another vector, or its own again.
                let vector = vectors[Int.random(in: 0..<vectors.rows, using: &generator)]
                try index.insert(vector.span, row: row)
                let wasThere = model.updateValue(vector, forKey: row) != nil
                return wasThere ? "update of \(row)" : "insertion of \(row)"
            case 55..<82:
                #expect(index.remove(row: row) == (model.removeValue(forKey: row) != nil))
                return "removal of \(row)"
            case 82..<86:
                let rows = model.keys.sorted().filter { _ in Bool.random(using: &generator) }
                index.remove(rows: rows)
                for row in rows { model[row] = nil }
                return "removal of \(rows.count) rows"
            case 86..<90:
                let isCancelled = Int.random(in: 0..<4, using: &generator) == 0
                let hasDeleted = index.deletedNodeCount > 0
                #expect(try index.repair(isCancelled: { isCancelled }) == !(isCancelled && hasDeleted))
                if !isCancelled { #expect(index.deletedNodeCount == 0) }
                return isCancelled ? "cancelled repair" : "repair"
            case 90..<92:
                try index.save(to: path)
                defer { unsafe unlink(path) }
                let restored = try HNSWIndex.restore(from: path).index
                #expect(restored.configuration == index.configuration)
                index = restored
                if Bool.random(using: &generator) { try index.settle() }
                return "snapshot"
            default:
                let share = Double.random(in: 0...1, using: &generator)
                let passing = (0..<UInt32(Self.rows)).filter { _ in Double.random(in: 0..<1, using: &generator) < share
                }
                try search(filter: passing)
                return "search among \(passing.count) rows"
            }
        }

        /// What is found passes the filter, has its true score, and is in order.
        private mutating func search(filter: [UInt32]) throws {
            let query = vectors[Int.random(in: 0..<vectors.rows, using: &generator)]
            let passing = RowBits(filter, capacity: Self.rows)
            let found = try index.search(query.span, count: 10, ef: 30, filter: passing)
            let distance = index.configuration.distance
            #expect(found.count == min(10, filter.count { model[$0] != nil }))
            for hit in found {
                let vector = try #require(model[UInt32(hit.row)], "row \(hit.row) is not there")
                #expect(passing.contains(UInt32(hit.row)))
                let score = distance.score(query.span, vector.span)
                #expect(hit.score == score)
            }
            for (near, far) in zip(found, found.dropFirst()) {
                #expect(near.score == far.score ? near.row < far.row : distance.isNearer(near.score, than: far.score))
            }
        }

        func check(_ step: String) throws {
            #expect(try index.checkInvariants() == [], "after \(step)")
            #expect(index.count == model.count, "after \(step)")
        }

        /// The share of the true ten nearest that a search finds, ties counted as found.
        func recall() throws -> Double {
            let distance = index.configuration.distance
            var (found, wanted) = (0, 0)
            for i in 0..<vectors.rows {
                let query = vectors[i]
                var best = TopK(10, distance)
                for (row, vector) in model {
                    best.offer(Neighbour(row: Int(row), score: distance.score(query.span, vector.span)))
                }
                let truth = best.sorted()
                guard let last = truth.last else { continue }
                let hits = try index.search(query.span, count: 10, ef: 30)
                wanted += truth.count
                found += hits.count { !distance.isNearer(last.score, than: $0.score) }
            }
            return Double(found) / Double(max(1, wanted))
        }
    }

    @Test(arguments: Kind.all, [1, 2] as [UInt64])
    func `after each of many random changes everything holds that must, and at the end nearly all is found`(
        kind: Kind, seed: UInt64
    ) throws {
        var trial = try Trial(kind, seed: 110 + 10 * seed)
        for number in 0..<500 {
            let step = try trial.step()
            try trial.check("step \(number), \(step)")
        }
        // Enough to be looked for, whatever was removed last.
        for row in 0..<UInt32(Trial.rows) where row % 3 > 0 && trial.model[row] == nil {
            let vector = trial.vectors[Int(row) % trial.vectors.rows]
            try trial.index.insert(vector.span, row: row)
            trial.model[row] = vector
            try trial.check("insertion of \(row)")
        }
        let hasAll = trial.model.allSatisfy { row, vector in trial.index.contains(row: row, vector: vector.span) }
        #expect(hasAll)
        // A beam of 30 among some 60 nodes: what is missed lies where links of M 2 hardly lead.
        #expect(try trial.recall() >= 0.97)
        try trial.index.repair()
        try trial.check("repair")
        #expect(try trial.recall() >= 0.97)
    }
}
