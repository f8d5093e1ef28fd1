// Vectors for the index's tests, and the truth to hold it against.

import HNSW
import TestSupport

/// Clustered vectors, as embeddings are: uniform noise has no neighbours worth finding.
struct VectorSet {
    let dimension: Int
    let rows: Int
    let values: [Float]

    /// - Parameters:
    ///   - spread: How far an element is from its centre's at most; centres are within ±1.
    ///   - repeats: Every so many rows one repeats an earlier one exactly; 0 for never.
    init(
        rows: Int, dimension: Int, clusters: Int = 40, spread: Float = 0.7, repeats: Int = 0, normalised: Bool = true,
        seed: UInt64
    ) {
        var generator = SplitMix64(seed: seed)
        // The centres are the same for every seed, so that queries of another seed have neighbours.
        var centreGenerator = SplitMix64(seed: 77)
        let centres = (0..<clusters * dimension).map { _ in Float.random(in: -1...1, using: &centreGenerator) }
        var values: [Float] = []
        values.reserveCapacity(rows * dimension)
        for row in 0..<rows {
            if repeats > 0 && row > 0 && row % repeats == 0 {
                let earlier = Int.random(in: 0..<row, using: &generator)
                values.append(contentsOf: values[earlier * dimension..<(earlier + 1) * dimension])
                continue
            }
            let centre = Int.random(in: 0..<clusters, using: &generator)
            var vector = (0..<dimension).map {
                centres[centre * dimension + $0] + spread * Float.random(in: -1...1, using: &generator)
            }
            if normalised {
                let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                vector = vector.map { $0 / max(length, 1e-9) }
            }
            values += vector
        }
        self.dimension = dimension
        self.rows = rows
        self.values = values
    }

    subscript(row: Int) -> [Float] { Array(values[row * dimension..<(row + 1) * dimension]) }

    /// The share of true neighbours found, ties counted as found.
    func recall(
        of index: HNSWIndex, queries: VectorSet, count: Int, ef: Int, where isIncluded: (Int) -> Bool = { _ in true },
        filter: RowBits? = nil
    ) throws -> Double {
        let distance = index.configuration.distance
        var found = 0
        var wanted = 0
        for i in 0..<queries.rows {
            let query = queries[i]
            let truth = ExactSearch.nearest(
                to: query.span, in: values.span, dimension: dimension, distance: distance, count: count,
                where: isIncluded)
            guard let last = truth.last else { continue }
            let hits = try index.search(query.span, count: count, ef: ef, filter: filter)
            wanted += truth.count
            found += hits.count { !distance.isNearer(last.score, than: $0.score) && isIncluded($0.row) }
        }
        return wanted == 0 ? 1 : Double(found) / Double(wanted)
    }
}
