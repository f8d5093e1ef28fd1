// Vectors in memory: what they cost, and that copies keep their own.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct VectorMatrixTests {
    @Test func `one vector takes the memory of a few, and many that of many`() throws {
        var matrix = VectorMatrix(dimension: 1536)
        matrix.store([Float](repeating: 1, count: 1536), row: 0)
        #expect(matrix.byteCount == 8 * 1536 * 4)
        matrix.store([Float](repeating: 1, count: 1536), row: 8)
        #expect(matrix.byteCount == 16 * 1536 * 4)
        // The last row of the third segment: that one is whole, the second not there.
        matrix.store([Float](repeating: 1, count: 1536), row: 767)
        #expect(matrix.byteCount == (16 + 256) * 1536 * 4)
    }

    /// Copies share segments: a longer one must not show through in an older state.
    @Test func `vectors are what they were stored as, in whichever order, and copies keep theirs`() throws {
        var generator = SplitMix64(seed: 8)
        func random() -> [Float] { (0..<3).map { _ in Float.random(in: -1...1, using: &generator) } }
        var matrix = VectorMatrix(dimension: 3)
        var expected: [Int: [Float]] = [:]
        for row in (0..<600).shuffled(using: &generator) {
            let before = (matrix, expected)
            let vector = random()
            matrix.store(vector, row: row)
            expected[row] = vector
            for (row, vector) in before.1.prefix(20) { #expect(before.0.vector(row: row) == vector) }
        }
        for (row, vector) in expected { #expect(matrix.vector(row: row) == vector) }
        let rows = RowBits((0..<600).map { UInt32($0) }, capacity: 600)
        let query = random()
        let found = try matrix.nearest(to: query, distance: .dot, count: 7, among: rows)
        let scores = expected.mapValues { vector in Distance.dot.score(query.span, vector.span) }
        let best = scores.sorted { $0.value > $1.value }.prefix(7)
        #expect(found.map(\.row) == best.map(\.key))
    }
}
