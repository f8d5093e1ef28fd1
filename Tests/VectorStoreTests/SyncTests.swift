// That acknowledged means synced: calls of the system, counted.

import Foundation
import GRDB
import RuntimeCounters
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

/// With glibc, where the program's own fdatasync stands before the library's.
@Suite(.enabled(if: runtime_counts_exist())) struct SyncTests {
    /// What this process has done to a store's log.
    private struct Log: Sendable {
        private let watch: Int32

        init(_ directory: String) throws {
            var status = stat()
            try #require(unsafe stat(directory + "/points.sqlite-wal", &status) == 0)
            watch = runtime_watch_file(UInt64(status.st_dev), UInt64(status.st_ino))
            try #require(watch >= 0)
        }

        var counts: runtime_file_counts { runtime_file_counts(watch) }
    }

    private static func withStore(
        _ durability: EmbeddedStore.Options.Durability = .full, _ body: (EmbeddedStore, Log) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            var options = EmbeddedStore.Options()
            options.durability = durability
            let store = try EmbeddedStore(directory: directory, options: options)
            try await store.createCollection("c", CollectionConfiguration(size: 2, distance: .dot))
            try await body(store, Log(directory))
            try store.close()
        }
    }

    private static func update(_ store: EmbeddedStore, _ number: Int) async throws {
        _ = try await store.update([.upsert([Point(id: .number(UInt64(number)), vector: [1, 2])])], in: "c")
    }

    @Test func `an update alone costs a sync, and leaves nothing unsynced`() async throws {
        try await Self.withStore { store, log in
            for number in 0..<50 {
                let before = log.counts
                try await Self.update(store, number)
                let after = log.counts
                #expect(after.writes > before.writes)
                #expect(after.syncs > before.syncs)
                #expect(after.unsynced == 0)
            }
        }
    }

    /// What else changes the store is acknowledged in the same way.
    @Test func `collections, indexes and aliases are synced, too`() async throws {
        try await Self.withStore { store, log in
            let changes: [@Sendable () async throws -> Void] = [
                { try await store.createCollection("d", CollectionConfiguration(size: 1, distance: .dot)) },
                { try await store.createPayloadIndex("k", .keyword, in: "d") },
                { try await store.updateAliases([.create(alias: "a", collection: "d")]) },
                { try await store.createVector("words", .init(), in: "d") },
                { try await store.updateConfiguration(of: "d") { $0.metadata = ["a": 1] } },
                { _ = try await store.deletePayloadIndex("k", in: "d") },
                { _ = try await store.deleteCollection("d") },
            ]
            for change in changes {
                let before = log.counts
                try await change()
                let after = log.counts
                #expect(after.syncs > before.syncs)
                #expect(after.unsynced == 0)
            }
        }
    }

    /// The updates wait for one commit: nothing is written after it until all have been answered.
    @Test func `updates committed together share a sync, and none is answered before it`() async throws {
        try await Self.withStore { store, log in
            let mayGoOn = Shared(false)
            let unsynced = Shared<[UInt64]>([])
            store.pool.asyncWriteWithoutTransaction { _ in
                while !mayGoOn.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
            }
            let before = log.counts
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await Self.update(store, number)
                        unsynced.withLock { $0.append(log.counts.unsynced) }
                    }
                }
                while store.queue.waitingCount < 100 { try await Task.sleep(for: .milliseconds(1)) }
                mayGoOn.withLock { $0 = true }
                try await group.waitForAll()
            }
            #expect(unsynced.withLock { $0 } == Array(repeating: 0, count: 100))
            let syncs = log.counts.syncs - before.syncs
            // SQLite syncs a log that begins anew once more, its header; the commits are one.
            #expect(1...2 ~= syncs, "\(syncs) syncs")
        }
    }

    @Test func `writers at the same time cost no more syncs than they have updates, and no fewer than commits`()
        async throws
    {
        try await Self.withStore { store, log in
            let before = log.counts
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for number in 0..<40 {
                            let begun = log.counts
                            try await Self.update(store, writer * 100 + number)
                            // Its own commit's, begun after it was asked for.
                            #expect(log.counts.syncs > begun.syncs)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let syncs = Int(log.counts.syncs - before.syncs)
            #expect(syncs >= store.queue.commits.load(ordering: .relaxed))
            // Every thousand pages, some 150 updates, the log is copied to the database and begun anew: two syncs more.
            #expect(syncs <= 8 * 40 + 10)
        }
    }

    /// The counter can tell: without the promise there are no syncs.
    @Test func `relaxed updates are written and not synced`() async throws {
        try await Self.withStore(.relaxed) { store, log in
            let before = log.counts
            for number in 0..<50 { try await Self.update(store, number) }
            let after = log.counts
            #expect(after.writes > before.writes)
            #expect(after.syncs == before.syncs)
        }
    }
}
