// What acknowledged means, who may open a directory, and what happens to files that are not what they should be.

import Foundation
import GRDB
import Testing

@testable import VectorStore

@Suite struct DurabilityTests {
    /// kill -9 cannot tell a synced transaction from a written one, only a power cut can: hence the setting itself.
    @Test func `every commit is synced`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let (mode, synchronous) = try await store.pool.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(db, sql: "PRAGMA synchronous")
                )
            }
            #expect(mode == "wal")
            #expect(synchronous == 2, "2 is FULL; 1, NORMAL, syncs at checkpoints only")
        }
    }

    @Test func `closing frees the directory while the closed store is still referred to`() async throws {
        try await withTemporaryDirectory { directory in
            let first = try EmbeddedStore(directory: directory)
            try first.close()
            let second = try EmbeddedStore(directory: directory)
            #expect(try await second.collections() == [])
            await #expect(throws: StoreError.self) { try await first.createCollection("c", .init(size: 1, distance: .dot)) }
        }
    }
}
