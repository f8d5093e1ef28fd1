// Names of vectors that go: what the points that had one tell of themselves afterwards.

import Testing

@testable import VectorStore

@Suite struct VectorNameTests {
    /// A version is told from memory where nothing else of a point was asked for, else from the database.
    private static func versions(_ store: EmbeddedStore, _ payload: PayloadSelection) async throws -> [UInt64] {
        let query = PointsQuery(vector: [1, 1], withPayload: payload)
        return try await store.query(query, in: "c").sorted { $0.id < $1.id }.map(\.version)
    }

    @Test func `a point that had a deleted vector is of the operation that deleted it, in memory and on disk`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var store = try EmbeddedStore(directory: directory)
            let configuration = CollectionConfiguration(
                vectors: ["": .init(size: 2, distance: .dot), "a": .init(size: 1, distance: .dot)],
                sparseVectors: ["b": .init()])
            try await store.createCollection("c", configuration)
            let word = Vector.sparse(try SparseVector(indices: [3], values: [1]))
            let points: [NamedVectors] = [["a": .dense([1])], ["b": word], ["a": .dense([2]), "b": word], [:]]
            let upserted = try await store.update(
                [
                    .upsert(
                        points.enumerated().map { number, vectors in
                            let all = vectors.merging(["": .dense([1, Float(number)])]) { $1 }
                            return Point(id: .number(UInt64(number)), vectors: all, payload: ["n": 1])
                        })
                ], in: "c")
            let first = upserted.operationID
            try await store.deleteVector("a", in: "c")
            #expect(try await Self.versions(store, .none) == [first + 1, first, first + 1, first])
            try await store.deleteVector("b", in: "c")
            let expected = [first + 1, first + 2, first + 2, first]
            for payload in [PayloadSelection.none, .all, .none] {
                #expect(try await Self.versions(store, payload) == expected)
            }
            // The payloads just read are told without the database.
            let again = try store.queryAtOnce(PointsQuery(vector: [1, 1]), in: "c")
            #expect(again?.count == 4)
            #expect(again?.allSatisfy { $0.payload == ["n": 1] } == true)
            try store.close()
            store = try EmbeddedStore(directory: directory)
            for payload in [PayloadSelection.none, .all] {
                #expect(try await Self.versions(store, payload) == expected)
            }
        }
    }
}
