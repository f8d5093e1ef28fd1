// What is kept of a vector, whatever happens to its point's others: of bytes whole numbers, of Cosine unit vectors, else what was given.

import Foundation
import GRDB
import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct StoredVectorTests {
    /// Every kind of dense vector by a name that says which.
    private static let kinds: [String: CollectionConfiguration.VectorParameters] = {
        var kinds: [String: CollectionConfiguration.VectorParameters] = [:]
        for distance in Distance.allCases {
            for (isMulti, isOfBytes) in [(false, false), (false, true), (true, false), (true, true)] {
                kinds["\(distance) \(isMulti ? "multi" : "single") \(isOfBytes ? "bytes" : "floats")"] =
                    .init(size: 3, distance: distance, isMulti: isMulti, isOfBytes: isOfBytes)
            }
        }
        return kinds
    }()

    private static let given: [[Float]] = [[3, 4.9, -12], [200, 300, 10]]
    /// By hand, but for the lengths: Qdrant Edge 0.9.0 tells the same of `Uint8` by every distance.
    private static func expected(_ parameters: CollectionConfiguration.VectorParameters) -> [[Float]] {
        if parameters.isOfBytes { return [[3, 4, 0], [200, 255, 10]] }
        guard parameters.distance == .cosine else { return given }
        return given.map { row in
            let length = row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            return row.map { Float(Double($0) / length) }
        }
    }

    private static func vector(_ rows: [[Float]], isMulti: Bool) -> Vector { isMulti ? .multi(rows) : .dense(rows[0]) }

    private static func isAsExpected(_ store: EmbeddedStore, _ moment: Comment, in name: String = "c") async throws {
        let request = ScrollRequest(limit: 9, withPayload: .none, withVectors: .only(Array(kinds.keys)))
        let points = try await store.scroll(request, in: name).points
        #expect(points.count == 2, moment)
        for point in points {
            for (name, parameters) in kinds {
                let wanted = vector(expected(parameters), isMulti: parameters.isMulti)
                #expect(point.vectors?[name] == wanted, "\(name) \(moment)")
            }
        }
    }

    @Test func `a vector stays as it was stored when others of its point come and go, restored and reopened, too`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory + "/a")
            var configuration = CollectionConfiguration(vectors: Self.kinds)
            configuration.vectors["other"] = .init(size: 1, distance: .dot)
            try await store.createCollection("c", configuration)
            var vectors = Self.kinds.mapValues { Self.vector(Self.given, isMulti: $0.isMulti) }
            vectors["other"] = .dense([1])
            let points = [1, 2].map { Point(id: .number($0), vectors: vectors) }
            _ = try await store.update([.upsert(points)], in: "c")
            try await Self.isAsExpected(store, "when stored")
            let other = [PointVectors(id: .number(1), vectors: ["other": .dense([2])])]
            _ = try await store.update([.updateVectors(other)], in: "c")
            try await Self.isAsExpected(store, "after another was set")
            _ = try await store.update([.deleteVectors(["other"], .ids([.number(2)]))], in: "c")
            try await Self.isAsExpected(store, "after another was deleted")
            try await store.deleteVector("other", in: "c")
            try await Self.isAsExpected(store, "after another's name was deleted")
            _ = try await store.snapshot(of: "c", to: directory + "/snapshot")
            try await store.restore("restored", from: directory + "/snapshot")
            try await Self.isAsExpected(store, "restored", in: "restored")
            try await Self.isTheLikest(store)
            try store.close()
            let again = try EmbeddedStore(directory: directory + "/a")
            try await Self.isAsExpected(again, "reopened")
            try await Self.isTheLikest(again)
        }
    }

    /// Point 2 has the vectors of point 1, which is not among the results of a query by its id.
    private static func isTheLikest(_ store: EmbeddedStore) async throws {
        for (name, parameters) in kinds {
            let rows = parameters.isMulti ? expected(parameters) : [expected(parameters)[0]]
            let score: Float =
                switch parameters.distance {
                case .cosine: Float(rows.count)
                case .dot:
                    // A row's likest is the one with the greatest product, here always the second but where there is one.
                    rows.reduce(0) { sum, row in
                        sum + (rows.map { zip(row, $0).reduce(0) { $0 + $1.0 * $1.1 } }.max() ?? 0)
                    }
                case .euclid, .manhattan: 0
                }
            for ranking: Ranking in [
                .nearest(.id(.number(1))), .recommend(positive: [.id(.number(1))], negative: [], .averageVector),
            ] {
                let hits = try await store.query(PointsQuery(ranking, using: name), in: "c")
                #expect(hits.map(\.id) == [.number(2)], "\(name)")
                // Sums of three products of 32-bit floats.
                #expect(abs((hits.first?.score ?? .nan) - score) <= 1e-6 * max(1, score), "\(name)")
            }
            let query = PointsQuery(.nearest(.vector(vector(given, isMulti: parameters.isMulti))), using: name)
            let found = try await store.query(query, in: "c")
            #expect(found.count == 2 && found.allSatisfy { abs($0.score - score) <= 1e-6 * max(1, score) }, "\(name)")
        }
    }

    // MARK: Databases of before

    @Test func `bytes that were divided by their length are read as whole numbers of that direction`() {
        let parameters = CollectionConfiguration.VectorParameters(size: 8, distance: .cosine, isOfBytes: true)
        var generator = SplitMix64(seed: 61)
        for most in [1, 2, 7, 200, 255] {
            for _ in 0..<100 {
                let bytes = (0..<8).map { _ in Float(Int.random(in: 0...most, using: &generator)) }
                let kept = bytes.normalised()
                let read = parameters.today(kept)
                #expect(read.allSatisfy { $0 == $0.rounded() && 0...255 ~= $0 })
                // The same direction: all quotients are one.
                for (a, b) in zip(bytes, read) { #expect(a * (read.max() ?? 0) == b * (bytes.max() ?? 0)) }
                #expect(parameters.today(read) == read)
                #expect(parameters.stored(read) == read)
            }
        }
        for odd: [Float] in [[.nan, 0.5], [.infinity, 0.5], [0.1, 0.7, 0.123456], [-0.6, -0.8], []] {
            let kept = parameters.today(odd)
            #expect(kept.map(\.bitPattern) == odd.map(\.bitPattern))
        }
    }

    @Test func `a database of vectors divided by their length answers as it did`() async throws {
        try await withTemporaryDirectory { directory in
            var store = try EmbeddedStore(directory: directory)
            let configuration = CollectionConfiguration(vectors: [
                "": .init(size: 2, distance: .cosine, isOfBytes: true), "other": .init(size: 1, distance: .dot),
            ])
            try await store.createCollection("c", configuration)
            let points = [1, 2].map { Point(id: .number($0), vectors: ["other": .dense([1])]) }
            _ = try await store.update([.upsert(points)], in: "c")
            try await store.pool.write { db in
                let divided = VectorsCoding.encode(["": .dense([0.6, 0.8]), "other": .dense([1])])
                try db.execute(sql: "UPDATE points SET vectors = ?", arguments: [divided])
            }
            try store.close()
            store = try EmbeddedStore(directory: directory)
            _ = try await store.snapshot(of: "c", to: directory + "/snapshot")
            let other = [PointVectors(id: .number(1), vectors: ["other": .dense([2])])]
            _ = try await store.update([.updateVectors(other)], in: "c")
            try await store.restore("restored", from: directory + "/snapshot")
            for name in ["c", "restored"] {
                for ranking: Ranking in [.nearest(.vector(.dense([30, 40]))), .nearest(.id(.number(1)))] {
                    let hits = try await store.query(PointsQuery(ranking, withVectors: .only([""])), in: name)
                    #expect(hits.count == (ranking.examples == nil ? 2 : 1))
                    #expect(hits.allSatisfy { abs($0.score - 1) <= 1e-6 && $0.vector == [3, 4] }, "\(name) \(hits)")
                }
            }
        }
    }
}
