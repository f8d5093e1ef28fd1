// How long vectors may be, so that every score is a finite number.

import HNSW
import Testing

@testable import VectorStore

@Suite struct VectorLengthTests {
    @Test func `the longest vectors there may be have finite scores, and longer ones are refused`() throws {
        let longest: [Float] = [7e17, 7e17]
        let opposite = longest.map { -$0 }
        for distance in Distance.allCases {
            let configuration = CollectionConfiguration(
                vectors: [
                    "d": .init(size: 2, distance: distance), "m": .init(size: 2, distance: distance, isMulti: true),
                    "b": .init(size: 2, distance: distance, isOfBytes: true),
                ], sparseVectors: ["s": .init()])
            try configuration.check(["d": .dense(longest), "m": .multi([longest, opposite])], of: .number(1))
            let scores = [distance.score(longest.span, longest.span), distance.score(longest.span, opposite.span)]
            #expect(scores.allSatisfy { $0.isFinite })
            let longer: [Float] = [8e17, 8e17]
            let sparse = try SparseVector(indices: [1, 2], values: longer)
            for (name, vector) in ["d": Vector.dense(longer), "m": .multi([[1, 1], longer]), "s": .sparse(sparse)] {
                // Those of cosine are made as long as 1.
                if distance == .cosine && name != "s" {
                    try configuration.check([name: vector])
                } else {
                    let error = #expect(throws: StoreError.self) { try configuration.check([name: vector]) }
                    #expect(error?.description.contains("query vector is longer than 1e+18") == true)
                }
            }
            // Bytes are cut to 255.
            try configuration.check(["b": .dense([3e38, 0])])
        }
        #expect(CollectionConfiguration.VectorParameters(size: 2, distance: .cosine).prepared([3e38, 0]) == [1, 0])
    }
}
