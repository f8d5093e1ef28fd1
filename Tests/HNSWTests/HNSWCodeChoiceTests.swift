// Codes or floats: what the choice is by, and what it is worth.

import HNSW
import TestSupport
import Testing

@Suite struct HNSWCodeChoiceTests {
    /// Features that were never scaled: the first is a thousand times as large as the others.
    private static func skewed(_ rows: Int, dimension: Int, isNormalised: Bool = true, seed: UInt64) -> [Float] {
        let set = VectorSet(rows: rows, dimension: dimension, normalised: false, seed: seed)
        return (0..<rows).flatMap { row in
            var vector = set[row]
            vector[0] *= 1000
            let length = Distance.dot.score(vector.span, vector.span).squareRoot()
            return isNormalised ? vector.map { $0 / length } : vector
        }
    }

    @Test(arguments: [(Distance.cosine, 384), (.dot, 64), (.euclid, 384), (.euclid, 16), (.cosine, 8)])
    func `vectors like embeddings are told apart by codes`(distance: Distance, dimension: Int) {
        for repeats in [0, 3] {
            let set = VectorSet(
                rows: 256, dimension: dimension, clusters: 40, repeats: repeats, normalised: distance == .cosine,
                seed: 81)
            let configuration = HNSWConfiguration(dimension: dimension, distance: distance)
            #expect(configuration.suited(to: set.values.span) == configuration)
        }
    }

    @Test(arguments: [8, 64, 384])
    func `features that were never scaled are told apart by floats`(dimension: Int) throws {
        let base = Self.skewed(3000, dimension: dimension, seed: 82)
        let asked = Self.skewed(30, dimension: dimension, seed: 83)
        let coded = HNSWConfiguration(dimension: dimension, distance: .cosine)
        let chosen = coded.suited(to: base.span.extracting(0..<HNSWConfiguration.sampleCount * dimension))
        #expect(chosen.codes == .float32)
        var expected = coded
        expected.codes = .float32
        #expect(chosen == expected)

        func recall(_ configuration: HNSWConfiguration) throws -> Double {
            let index = try HNSWIndex(configuration, capacity: 3000)
            try index.insert(matrix: base.span, threads: 2)
            var found = 0
            for query in 0..<30 {
                let query = asked.span.extracting(query * dimension..<(query + 1) * dimension)
                let truth = ExactSearch.nearest(
                    to: query, in: base.span, dimension: dimension, distance: .cosine, count: 10)
                found += Set(try index.search(query, count: 10, ef: 64).map(\.row)).intersection(truth.map(\.row)).count
            }
            return Double(found) / 300
        }
        // What the choice is for: without it a search misses most of what it is asked for.
        #expect(try recall(chosen) >= 0.95)
        #expect(try recall(coded) < 0.5)
    }

    @Test func `what codes are not for, and what is too little to tell by, stays as it is`() {
        let vectors = Self.skewed(256, dimension: 4, isNormalised: false, seed: 84)
        let manhattan = HNSWConfiguration(dimension: 4, distance: .manhattan)
        #expect(manhattan.suited(to: vectors.span) == manhattan)
        let euclid = HNSWConfiguration(dimension: 4, distance: .euclid)
        #expect(euclid.suited(to: vectors.span.extracting(0..<31 * 4)) == euclid)
        let (same, none) = ([Float](repeating: 1, count: 400), [Float]())
        #expect(euclid.suited(to: same.span) == euclid)
        #expect(euclid.suited(to: none.span) == euclid)
    }
}
