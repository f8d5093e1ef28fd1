// Updates from many sides: one sync for all that wait, and each its own fate.

import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct UpdateQueueTests {
    private static func withStore(_ body: (EmbeddedStore, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 2, distance: .dot))
            try await body(store, directory)
        }
    }

    private static func point(_ number: Int) -> Point { Point(id: .number(UInt64(number)), vector: [1, 2]) }

    /// Keeps the writer busy until `updates` and no others wait, then runs `last` on the writer's queue and lets it go on.
    private static func whileWriterWaits(
        _ store: EmbeddedStore, _ updates: [@Sendable () async -> Void], last: @escaping @Sendable () -> Void = {}
    ) async throws {
        let mayGoOn = Shared(false)
        let isBusy = Shared(false)
        store.pool.asyncWriteWithoutTransaction { _ in
            isBusy.withLock { $0 = true }
            while !mayGoOn.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
            last()
        }
        while !isBusy.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for update in updates { group.addTask { await update() } }
            while store.queue.waitingCount < updates.count { try await Task.sleep(for: .milliseconds(1)) }
            mayGoOn.withLock { $0 = true }
            try await group.waitForAll()
        }
    }

    @Test func `updates that wait for the same sync share it, in their order`() async throws {
        try await Self.withStore { store, _ in
            let versions = Shared<[UInt64]>([])
            try await Self.whileWriterWaits(
                store,
                (0..<100).map { number in
                    {
                        let result = try? await store.update([.upsert([Self.point(number)])], in: "c")
                        if let result { versions.withLock { $0.append(result.operationID) } }
                    }
                })
            #expect(versions.withLock { $0.sorted() } == Array(1...100))
            #expect(store.queue.commits.load(ordering: .relaxed) == 1)
            #expect(try await store.count(nil, in: "c") == 100)
        }
    }

    @Test func `an update that fails takes no other with it`() async throws {
        try await Self.withStore { store, _ in
            let failures = Shared<[StoreError]>([])
            let filter = Filter(must: [.hasVector("")])
            try await store.createCollection("doomed", CollectionConfiguration(size: 2, distance: .dot))
            // Found out only inside the transaction: the collection goes while the updates wait.
            try await Self.whileWriterWaits(
                store,
                (0..<40).map { number in
                    {
                        do throws(StoreError) {
                            _ = try await store.update(
                                [.upsert([Self.point(number)]), .setPayload(["seen": true], .filter(filter))],
                                in: number % 4 == 0 ? "doomed" : "c")
                        } catch { failures.withLock { $0.append(error) } }
                    }
                }, last: { store.forget("doomed") })
            #expect(failures.withLock { $0 } == Array(repeating: .collectionNotFound("doomed"), count: 10))
            #expect(try await store.count(nil, in: "c") == 30)
            let page = try await store.scroll(ScrollRequest(limit: 99), in: "c")
            #expect(page.points.allSatisfy { $0.payload == ["seen": true] })
        }
    }

    @Test func `who is cancelled while waiting leaves no trace`() async throws {
        try await Self.withStore { store, _ in
            let updates = Shared<[Task<UpdateResult, any Error>]>([])
            try await Self.whileWriterWaits(
                store,
                (0..<10).map { number in
                    {
                        let update = Task { try await store.update([.upsert([Self.point(number)])], in: "c") }
                        updates.withLock { $0.append(update) }
                        _ = await update.result
                    }
                }, last: { for update in updates.withLock({ $0.prefix(5) }) { update.cancel() } })
            for (number, update) in updates.withLock({ $0 }).enumerated() {
                var failure: StoreError?
                if case .failure(let error) = await update.result { failure = error as? StoreError }
                #expect(failure == (number < 5 ? .cancelled : nil))
            }
            let count = try await store.count(nil, in: "c")
            #expect(count == 5)
        }
    }

    /// Points whose payloads are four megabytes together; the meter of a filter that looks at them asks some four times.
    private static let large = (0..<40).map { (number: Int) in
        Point(
            id: .number(UInt64(number)), vector: [1, 2],
            payload: ["text": .string(String(repeating: "x", count: 100_000))])
    }

    @Test(
        arguments: [
            .delete(.filter(Filter(must: [.match(key: "text", .substring("x"))]))),
            .upsert(
                large.map { Point(id: $0.id, vector: [3, 4]) }, if: Filter(must: [.match(key: "text", .substring("x"))])
            ),
            .updateVectors(
                large.map { PointVectors(id: $0.id, vectors: ["": .dense([3, 4])]) },
                if: Filter(must: [.match(key: "text", .substring("x"))])),
        ] as [PointOperation])
    func `who leaves while a filter looks at points leaves no trace and keeps no other waiting`(
        operation: PointOperation
    ) async throws {
        try await Self.withStore { store, _ in
            _ = try await store.update([.upsert(Self.large)], in: "c")
            let asked = Shared(0)
            let (answers, sender) = AsyncStream<Result<UpdateResult, StoreError>>.makeStream()
            // Not yet gone before the first change, nor when the filter is asked of indexes.
            let request = UpdateQueue.Request(
                collection: "c", operations: [.upsert([Self.point(99)]), operation],
                isCancelled: {
                    asked.withLock { asked in
                        asked += 1
                        return asked > 2
                    }
                }, answer: { sender.yield($0) })
            try await Self.whileWriterWaits(
                store,
                [
                    { _ = try? await store.update([.upsert([Self.point(100)])], in: "c") }
                ], last: { _ = store.queue.add(request) })
            for await answer in answers {
                #expect(throws: StoreError.cancelled) { try answer.get() }
                break
            }
            #expect(asked.withLock { $0 } == 3)
            _ = try await store.update([.upsert([Self.point(101)])], in: "c")
            let records = try await store.scroll(
                ScrollRequest(limit: 99, withVectors: .all), in: "c"
            ).points
            #expect(records.map(\.id) == (Array(0..<40) + [100, 101]).map { .number($0) })
            #expect(records.allSatisfy { $0.vector == [1, 2] })
        }
    }

    @Test func `ids that no point has are told, and the rest is done`() async throws {
        try await Self.withStore { store, _ in
            let points = (0..<3).map { Self.point($0) }
            let selector = PointSelector.ids([.number(1), .number(7), .number(1), .number(2)])
            let vectors = [PointVectors(id: .number(8), vectors: [:]), PointVectors(id: .number(0), vectors: [:])]
            let result = try await store.update(
                [
                    .upsert(points), .setPayload(["a": 1], selector), .updateVectors(vectors),
                    .delete(.ids([.number(9), .number(0)])),
                ], in: "c")
            #expect(result == UpdateResult(operationID: 4, notFound: [.number(7), .number(8)]))
            let records = try await store.scroll(ScrollRequest(limit: 9), in: "c").points
            #expect(records.map(\.payload) == [["a": 1], ["a": 1]])
        }
    }

    @Test(
        arguments: [
            .upsert([Point(id: .number(1), vectors: ["other": .dense([1, 2])])]),
            .upsert([Point(id: .number(1), vectors: ["words": .dense([1, 2])])]),
            .updateVectors([PointVectors(id: .number(1), vectors: ["": .dense([1])])]),
            .deleteVectors(["other"], .ids([])),
        ] as [PointOperation])
    func `a vector that is none of the collection's refuses the update`(operation: PointOperation) async throws {
        try await Self.withStore { store, _ in
            await #expect(throws: StoreError.self) {
                try await store.update([.upsert([Self.point(2)]), operation], in: "c")
            }
            let count = try await store.count(nil, in: "c")
            #expect(count == 0)
        }
    }

    @Test func `durability can be had cheaper`() async throws {
        try await withTemporaryDirectory { directory in
            var options = EmbeddedStore.Options()
            options.durability = .relaxed
            let store = try EmbeddedStore(directory: directory, options: options)
            let level = try await store.pool.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
            #expect(level == 1, "1 is NORMAL: synced at checkpoints only")
        }
    }

    @Test func `a backup made during updates is one state, whole, and opens as a store`() async throws {
        try await Self.withStore { store, directory in
            // Every update moves both points together.
            let isDone = Shared(false)
            let file = directory + "/copy.sqlite"
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var number: Int64 = 0
                    while !isDone.withLock({ $0 }) {
                        let payload: JSONObject = ["n": .integer(number)]
                        let points = (0..<2).map { Point(id: .number($0), vector: [1, 2], payload: payload) }
                        _ = try await store.update([.upsert(points)], in: "c")
                        number += 1
                    }
                }
                group.addTask {
                    defer { isDone.withLock { $0 = true } }
                    try await Task.sleep(for: .milliseconds(30))
                    try await store.backup(to: file)
                    try await EmbeddedStore.backup(directory: directory, to: file + "2")
                }
                try await group.waitForAll()
            }
            await #expect(throws: StoreError.self, "a file that is there is not overwritten") {
                try await store.backup(to: file)
            }
            for copy in [file, file + "2"] {
                try await withTemporaryDirectory { other in
                    try FileManager.default.moveItem(atPath: copy, toPath: other + "/points.sqlite")
                    let restored = try EmbeddedStore(directory: other)
                    let records = try await restored.scroll(ScrollRequest(limit: 9), in: "c").points
                    #expect(records.count == 2)
                    #expect(Set(records.map(\.payload)).count == 1)
                }
            }
        }
    }
}
