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
            try QueryEvaluation(store: self, state: state, db: db)
                .matrix(sample: size, of: name, filter: filter, limit: limit)
        }
    }
}

extension QueryEvaluation {
    func matrix(sample size: Int, of name: String, filter: Filter?, limit: Int) throws -> SimilarityMatrix {
        var rows = state.rows(withVector: name)
        if let filter { rows.formIntersection(try state.rows(passing: filter, db, path: store.path)) }
        let drawn = try rows.list.shuffled().prefix(size).map { row in
            (row: row, id: try state.scored(Hit(row: row, score: 0), store.path).id)
        }.sorted { $0.id < $1.id }
        guard drawn.count >= 2 else { return SimilarityMatrix(ids: [], cells: []) }
        let sample = drawn.map(\.row)
        let cells =
            if let parameters = state.configuration.vectors[name], !parameters.isMulti {
                try compared(sample, name, parameters, limit)
            } else {
                try compared(sample, name, limit)
            }
        return SimilarityMatrix(ids: drawn.map(\.id), cells: cells)
    }

    private func stored(_ name: String, of row: UInt32) throws -> Vector {
        guard let stored = try store.fetch(state.point(row), .none, .all, db),
            let vector = try EmbeddedStore.vectors(stored, state.configuration, path: store.path)[name]
        else { throw StoreError.damaged(path: store.path, reason: "the point in row \(row) is gone") }
        return vector
    }

    /// Dense vectors side by side, a band of rows at a time.
    private func compared(
        _ sample: [UInt32], _ name: String, _ parameters: CollectionConfiguration.VectorParameters, _ limit: Int
    ) throws -> [SimilarityMatrix.Cell] {
        let size = parameters.size
        // [count, size]: the only copy, because a sample may be everything.
        var read: [Float] = []
        read.reserveCapacity(sample.count * size)
        for row in sample {
            guard let vector = try stored(name, of: row).dense, vector.count == size else {
                throw StoreError.damaged(path: store.path, reason: "the vector in row \(row) has another size")
            }
            read += parameters.compared(vector)
        }
        let matrix = read
        let count = min(limit, sample.count - 1)
        // 20 million products a band take some milliseconds.
        let band = max(1, 20_000_000 / max(1, matrix.count))
        var cells: [SimilarityMatrix.Cell] = []
        // Not more than 24 MB at once, for a caller who may be gone before they are needed.
        cells.reserveCapacity(min(sample.count, 1_000_000 / max(1, count)) * count)
        for start in stride(from: 0, to: sample.count, by: band) {
            try checkpoint()
            let rows = start..<min(start + band, sample.count)
            let found = Mutex([Int: [SimilarityMatrix.Cell]]())
            DispatchQueue.concurrentPerform(iterations: rows.count) { place in
                let row = rows.lowerBound + place
                let others = ExactSearch.nearest(
                    to: matrix.span.extracting(row * size..<(row + 1) * size), in: matrix.span, dimension: size,
                    distance: parameters.distance, count: count, where: { $0 != row })
                let told = others.map { SimilarityMatrix.Cell(row: row, column: $0.row, score: $0.score) }
                found.withLock { $0[row] = told }
            }
            found.withLock { found in for row in rows { cells += found[row] ?? [] } }
        }
        return cells
    }

    /// Vectors of other kinds, as a query by each would compare them.
    private func compared(_ sample: [UInt32], _ name: String, _ limit: Int) throws -> [SimilarityMatrix.Cell] {
        let places = Dictionary(uniqueKeysWithValues: sample.enumerated().map { ($1, $0) })
        let all = RowBits(sample, capacity: state.capacity)
        var query = PointsQuery(nil, using: name)
        query.isExact = true
        return try sample.enumerated().flatMap { place, row in
            try checkpoint()
            var others = all
            others.remove(row)
            return try nearest(to: stored(name, of: row), query, limit, others).compactMap { hit in
                places[hit.row].map { SimilarityMatrix.Cell(row: place, column: $0, score: hit.score) }
            }
        }
    }
}
