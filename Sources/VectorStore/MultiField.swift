// The multivectors of one name: a point has several vectors there, as late interaction models make them.

import HNSW

/// Multivectors in memory, searched exactly.
///
///     similarity(query, point) = Σ over the query's rows of max over the point's rows of similarity(row, row)
///
/// which is MaxSim of ColBERT (Khattab and Zaharia 2020). Of Euclid a row's similarity is minus the squared distance, of Manhattan
/// minus the distance; the score told is the root of the sum's magnitude, or the magnitude, as in Qdrant.
struct MultiField: Sendable {
    let parameters: CollectionConfiguration.VectorParameters
    private var vectors = ShardedDictionary<UInt32, [[Float]]>()
    private(set) var present = RowBits(capacity: 0)
    /// Vectors of all points together.
    private(set) var rowsCount = 0

    init(_ parameters: CollectionConfiguration.VectorParameters) { self.parameters = parameters }

    /// - Parameter vector: [rows, size], as it is stored
    mutating func insert(_ vector: [[Float]], row: UInt32) {
        present.insert(row)
        rowsCount += vector.count - (vectors[row]?.count ?? 0)
        vectors.update(row, initial: []) { rows in
            rows = vector.map(parameters.compared)
            return true
        }
    }

    mutating func remove(row: UInt32) {
        guard present.contains(row) else { return }
        present.remove(row)
        rowsCount -= vectors[row]?.count ?? 0
        vectors.update(row, initial: []) { _ in false }
    }

    /// - Parameter query: [rows, size], as given or as stored
    /// - Complexity: the rows of all candidates, times those of the query.
    /// - Throws: what the meter does.
    func nearest(
        to query: [[Float]], count: Int, among rows: RowBits?, _ work: WorkMeter
    ) throws(StoreError) -> [Neighbour] {
        let distance = parameters.distance
        let query = query.map(parameters.prepared)
        var candidates = present
        if let rows { candidates.formIntersection(rows) }
        var best = TopK(count, distance)
        for row in candidates.list {
            guard let vector = vectors[row] else { continue }
            var similarity: Float = 0
            for part in query {
                similarity += Self.similarity(part, vector, distance)
                try work.spend(vector.count * parameters.size * MemoryLayout<Float>.size)
            }
            let score =
                switch distance {
                case .cosine, .dot: similarity
                case .euclid: abs(similarity).squareRoot()
                case .manhattan: abs(similarity)
                }
            best.offer(Neighbour(row: Int(row), score: score))
        }
        return best.sorted()
    }

    /// - Parameters: [rows, size] each, of one size.
    static func similarity(_ query: [[Float]], _ vector: [[Float]], _ distance: Distance) -> Float {
        query.reduce(0) { $0 + similarity($1, vector, distance) }
    }

    /// That of the row of `vector` which is likest to `row`.
    private static func similarity(_ row: [Float], _ vector: [[Float]], _ distance: Distance) -> Float {
        vector.reduce(-.infinity) { max($0, distance.similarity(distance.score(row.span, $1.span))) }
    }
}

extension Distance {
    /// A score as a likeness, of which more is nearer: minus the square of Euclid's, minus Manhattan's.
    func similarity(_ score: Float) -> Float {
        switch self {
        case .cosine, .dot: score
        case .euclid: -score * score
        case .manhattan: -score
        }
    }
}
