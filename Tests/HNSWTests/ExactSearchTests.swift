// Exact search against the definition in double precision.

import HNSW
import TestSupport
import Testing

@Suite struct ExactSearchTests {
    private static func random(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    private static func reference(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>, _ distance: Distance) -> Double {
        let pairs = zip(a, b).map { (Double($0), Double($1)) }
        return switch distance {
        case .cosine, .dot: pairs.reduce(0) { $0 + $1.0 * $1.1 }
        case .euclid: pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        case .manhattan: pairs.reduce(0) { $0 + abs($1.0 - $1.1) }
        }
    }

    // Tolerance: n products of magnitude up to 1 summed in float round to within n · 2⁻²⁴ of their sum of magnitudes; the
    // lanes' partial sums are shorter, so n · 2⁻²² is generous and still finds a missing element.
    @Test(arguments: Distance.allCases, [1, 2, 7, 8, 9, 31, 32, 33, 40, 384, 387])
    func `scores are the definition's, whatever the dimension`(distance: Distance, dimension: Int) {
        let a = Self.random(dimension, seed: 1)
        let b = Self.random(dimension, seed: 2)
        let expected = Self.reference(a[...], b[...], distance)
        let score = distance.score(a.span, b.span)
        #expect(abs(Double(score) - expected) <= Double(dimension) * 0x1p-22)
    }

    @Test(arguments: Distance.allCases)
    func `the nearest rows are those of a full sort, in its order`(distance: Distance) {
        let dimension = 24
        let rows = 500
        // Values on a coarse grid make exact ties, which are ordered by row.
        let matrix = Self.random(rows * dimension, seed: 3).map { ($0 * 2).rounded() }
        let query = Self.random(dimension, seed: 4).map { ($0 * 2).rounded() }
        let scored = (0..<rows).map { row in
            (row: row, score: Self.reference(query[...], matrix[row * dimension..<(row + 1) * dimension], distance))
        }
        let sorted = scored.sorted {
            $0.score == $1.score
                ? $0.row < $1.row : distance.greaterIsNearer ? $0.score > $1.score : $0.score < $1.score
        }
        for count in [0, 1, 10, 500, 1000] {
            let found = ExactSearch.nearest(
                to: query.span, in: matrix.span, dimension: dimension, distance: distance, count: count
            )
            #expect(found.map(\.row) == sorted.prefix(count).map(\.row))
        }
    }

    @Test func `only included rows are found`() {
        let matrix = Self.random(100 * 8, seed: 5)
        let query = Array(matrix[0..<8])
        let found = ExactSearch.nearest(
            to: query.span, in: matrix.span, dimension: 8, distance: .euclid, count: 100,
            where: { $0 % 3 == 1 }
        )
        #expect(found.count == 33)
        #expect(found.allSatisfy { $0.row % 3 == 1 })
    }

    @Test func `a score that is not a number comes last`() {
        let matrix: [Float] = [.nan, 0, 1, 0, 0, 1]
        let query: [Float] = [1, 0]
        let found = ExactSearch.nearest(to: query.span, in: matrix.span, dimension: 2, distance: .dot, count: 3)
        #expect(found.map(\.row) == [1, 2, 0])
    }
}
