// Points of a sample compared with each other.

import Dispatch
import Foundation
import HNSW
import Synchronization

/// How like each other the points of a sample are: of each the likest others.
public struct SimilarityMatrix: Sendable, Equatable {
    /// A point, another one, by their places in `ids`, and their score.
    public struct Cell: Sendable, Equatable {
        public var row: Int
        public var column: Int
        public var score: Float
    }

    /// Ascending.
    public var ids: [PointID]
    /// Row by row, the likest first.
    public var cells: [Cell]
}

extension EmbeddedStore {
    /// Compares points drawn at random with each other, exactly.
    ///
    /// - Parameters:
    ///   - size: How many are drawn of those that have the vector and pass the filter.
    ///   - name: The vector that is compared.
    ///   - limit: How many others of each are told.
    /// - Complexity: size², on all cores for dense vectors. Stops within a few milliseconds when the caller's task is cancelled.
    /// - Throws: `.unknownVector`, `.collectionNotFound`; `.badRequest` for a negative size or limit.
    public func matrix(
        sample size: Int, of name: String, filter: Filter?, limit: Int, in collection: String
    ) async throws(StoreError) -> SimilarityMatrix {
        guard size >= 0, limit >= 0 else { throw .badRequest("sample and limit must not be negative") }
        guard try collectionState(collection).configuration.hasVector(name) else { throw .unknownVector(name) }
        return try await read(collection) { [self] db, state in
            var rows = state.rows(withVector: name)
            if let filter { rows.formIntersection(try FilterPlan(filter, state, db, path: path).rows()) }
            let evaluation = QueryEvaluation(store: self, state: state, db: db)
            let drawn = try rows.list.shuffled().prefix(size).map { row in
                guard let stored = try fetch(state.point(row), .none, .all, db),
                    let vector = try Self.vectors(stored, state.configuration, path: path)[name]
                else { throw StoreError.damaged(path: path, reason: "the point in row \(row) is gone") }
                return (row: row, id: try Self.id(stored, path: path), vector: vector)
            }.sorted { $0.id < $1.id }
            guard drawn.count >= 2 else { return SimilarityMatrix(ids: [], cells: []) }
            let vectors = drawn.map(\.vector)
            let cells =
                if let parameters = state.configuration.vectors[name], !parameters.isMulti {
                    try Self.compared(vectors.compactMap(\.dense), parameters, limit, evaluation.checkpoint)
                } else {
                    try compared(drawn.map { ($0.row, $0.vector) }, name, limit, evaluation)
                }
            return SimilarityMatrix(ids: drawn.map(\.id), cells: cells)
        }
    }

    /// Dense vectors side by side, a band of rows at a time.
    private static func compared(
        _ vectors: [[Float]], _ parameters: CollectionConfiguration.VectorParameters, _ limit: Int,
        _ checkpoint: () throws -> Void
    ) throws -> [SimilarityMatrix.Cell] {
        // [count, size]: what all bands read is copied once.
        let matrix = vectors.flatMap { $0 }
        // 20 million products a band take some milliseconds.
        let band = max(1, 20_000_000 / max(1, matrix.count))
        var cells: [SimilarityMatrix.Cell] = []
        for start in stride(from: 0, to: vectors.count, by: band) {
            try checkpoint()
            let rows = start..<min(start + band, vectors.count)
            let found = Mutex([Int: [SimilarityMatrix.Cell]]())
            DispatchQueue.concurrentPerform(iterations: rows.count) { place in
                let row = rows.lowerBound + place
                let vector = vectors[row]
                let others = ExactSearch.nearest(
                    to: vector.span, in: matrix.span, dimension: parameters.size, distance: parameters.distance,
                    count: limit, where: { $0 != row })
                let told = others.map { SimilarityMatrix.Cell(row: row, column: $0.row, score: $0.score) }
                found.withLock { $0[row] = told }
            }
            found.withLock { found in for row in rows { cells += found[row] ?? [] } }
        }
        return cells
    }

    /// Vectors of other kinds, as a query by each would compare them.
    private func compared(
        _ points: [(row: UInt32, vector: Vector)], _ name: String, _ limit: Int, _ evaluation: QueryEvaluation
    ) throws -> [SimilarityMatrix.Cell] {
        let places = Dictionary(uniqueKeysWithValues: points.enumerated().map { ($1.row, $0) })
        let all = RowBits(points.map(\.row), capacity: evaluation.state.capacity)
        var query = PointsQuery(nil, using: name)
        query.isExact = true
        return try points.enumerated().flatMap { place, point in
            try evaluation.checkpoint()
            var others = all
            others.remove(point.row)
            return try evaluation.nearest(to: point.vector, query, limit, others).compactMap { hit in
                places[hit.row].map { SimilarityMatrix.Cell(row: place, column: $0, score: hit.score) }
            }
        }
    }
}
