// What a collection takes, for whoever sets limits to it.

import Foundation
import GRDB

extension EmbeddedStore {
    /// What is kept with a collection beside its vectors, as `updateConfiguration` left it. From memory: cheap enough for every request.
    ///
    /// - Throws: `.collectionNotFound`.
    public func metadata(of name: String) throws(StoreError) -> JSONObject {
        try collectionState(name).configuration.metadata
    }

    /// Bytes of the vectors that a collection's points have, four a component, eight a value of a sparse one. From memory.
    ///
    /// - Throws: `.collectionNotFound`.
    public func vectorBytes(in name: String) throws(StoreError) -> Int {
        let state = try collectionState(name)
        return state.dense.values.reduce(0) { $0 + 4 * $1.parameters.size * $1.present.count }
            + state.multi.values.reduce(0) { $0 + 4 * $1.parameters.size * $1.rowsCount }
            + state.sparse.values.reduce(0) { $0 + 8 * $1.valuesCount }
    }

    /// Points with each of a collection's sparse vectors, by name. From memory.
    ///
    /// - Throws: `.collectionNotFound`.
    public func sparseCounts(in name: String) throws(StoreError) -> [String: Int] {
        try collectionState(name).sparse.mapValues(\.present.count)
    }

    /// Bytes of memory that a collection's payload indexes take, by field: an estimate of the heap behind them.
    ///
    /// - Complexity: goes through all values of all indexes.
    /// - Throws: `.collectionNotFound`.
    public func payloadIndexBytes(in name: String) async throws(StoreError) -> [String: Int] {
        try await read(name) { _, state in
            Dictionary(state.indexes.map { ($0.field.description, $0.byteCount) }) { $1 }
        }
    }

    /// Bytes of a collection's payloads as JSON, each but an empty one rounded up to whole blocks.
    ///
    /// - Complexity: reads every payload.
    /// - Throws: `.collectionNotFound`.
    public func payloadBytes(in name: String, block: Int) async throws(StoreError) -> Int {
        try await read(name) { db, state in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT SUM((LENGTH(CAST(payload AS BLOB)) + :block - 1) / :block * :block) FROM points
                    WHERE point BETWEEN :first AND :last AND payload <> '{}'
                    """,
                arguments: ["block": block, "first": state.points.lowerBound, "last": state.points.upperBound]) ?? 0
        }
    }
}
