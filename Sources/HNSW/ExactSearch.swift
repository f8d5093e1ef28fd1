// Every vector compared with the query: the truth that approximate indexes are measured against.

/// Exhaustive nearest-neighbour search over row-major matrices.
public enum ExactSearch {
    /// The `count` rows of `matrix` nearest to `query`, nearest first, equal scores by row.
    ///
    /// - Parameters:
    ///   - query: [dimension]
    ///   - matrix: [rows, dimension], row-major
    ///   - isIncluded: Which rows take part.
    /// - Complexity: O(rows · dimension), on the calling thread.
    public static func nearest(
        to query: Span<Float>, in matrix: Span<Float>, dimension: Int, distance: Distance, count: Int,
        where isIncluded: (Int) -> Bool = { _ in true }
    ) -> [Neighbour] {
        var best = TopK(count, distance)
        scan(query, matrix, dimension: dimension, distance: distance, firstRow: 0, into: &best, where: isIncluded)
        return best.sorted()
    }

    /// Offers the rows of `matrix` to `best`, numbered from `firstRow`: for matrices kept in parts.
    public static func scan(
        _ query: Span<Float>, _ matrix: Span<Float>, dimension: Int, distance: Distance, firstRow: Int,
        into best: inout TopK, where isIncluded: (Int) -> Bool
    ) {
        precondition(dimension > 0 && query.count == dimension && matrix.count % dimension == 0)
        unsafe query.withUnsafeBufferPointer { query in
            unsafe matrix.withUnsafeBufferPointer { matrix in
                guard let q = query.baseAddress, let rows = matrix.baseAddress else { return }
                for row in 0..<matrix.count / dimension where isIncluded(firstRow + row) {
                    let score = unsafe distance.score(q, rows + row * dimension, count: dimension)
                    best.offer(Neighbour(row: firstRow + row, score: score))
                }
            }
        }
    }

    /// Offers only the rows named, ascending or not, each numbered from `firstRow` on.
    public static func scan(
        _ query: Span<Float>, _ matrix: Span<Float>, dimension: Int, distance: Distance, firstRow: Int,
        rows: some Sequence<Int>, into best: inout TopK
    ) {
        precondition(dimension > 0 && query.count == dimension && matrix.count % dimension == 0)
        let count = matrix.count / dimension
        for row in rows {
            precondition(row >= firstRow && row - firstRow < count)
            let start = (row - firstRow) * dimension
            let score = distance.score(query, matrix.extracting(start..<start + dimension))
            best.offer(Neighbour(row: row, score: score))
        }
    }
}
