// The builder of graphs beside writers who never pause, readers who take their time, and files and memory that fail.

import Foundation
import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct GraphBuilderTests {
    private typealias Fixture = GraphFixture

    private static let options = Fixture.options(from: 100, isQuick: true)

    private static func withStore(
        _ names: [String] = ["c"], _ body: (EmbeddedStore, String) async throws -> Void
    ) async throws {
        try await Fixture.withStore(options, names: names, body)
    }

    /// On a thread that may wait, as the builder's.
    private static func updateAndWait(_ store: EmbeddedStore, _ points: [Point], in name: String) {
        let isDone = DispatchSemaphore(value: 0)
        Task {
            do { _ = try await store.update([.upsert(points)], in: name) } catch { Issue.record(error) }
            isDone.signal()
        }
        isDone.wait()
    }

    // MARK: - Writers who never pause

    /// Each batch of the builder's leaves another commit to be looked at, so that it never comes to rest: 200 rounds over the same 300 ids.
    @Test func `steady updates do not keep dead nodes from leaving, nor the graph from being saved`() async throws {
        try await Self.withStore { store, directory in
            let state = Mutex((generator: SplitMix64(seed: 21), rounds: 0, mostNodes: 0, isSaved: false))
            try #require(store.graphBuilder).hooks.withLock { hooks in
                hooks.batch = { [weak store] _ in
                    guard let store else { return }
                    let points: [Point]? = state.withLock { state in
                        guard state.rounds < 200 else { return nil }
                        // Written while the updates still come, and not only after them.
                        state.isSaved = FileManager.default.fileExists(atPath: GraphFile(1, "", in: directory).path)
                        state.rounds += 1
                        let nodes = (try? store.collectionState("c").dense[""]?.graph?.nodeCount) ?? 0
                        state.mostNodes = max(state.mostNodes, nodes)
                        let first = state.rounds % 6 * 50
                        return Fixture.points(first..<first + 50, &state.generator)
                    }
                    if let points { Self.updateAndWait(store, points, in: "c") }
                }
            }
            var generator = SplitMix64(seed: 20)
            _ = try await store.update([.upsert(Fixture.points(0..<300, &generator))], in: "c")
            try await Fixture.until("the rounds never ended") { state.withLock { $0.rounds } == 200 }
            try await Fixture.untilIndexed(store)
            // 300 live nodes, a quarter of the whole dead before a repair, a few batches that readers still had or that came
            // since: three times the points is far above all that, and far below the 10,300 that were inserted.
            #expect(state.withLock { $0.mostNodes } < 3 * 300)
            #expect(state.withLock { $0.isSaved }, "the graph was not written while the updates came")
        }
    }

    @Test func `a collection that is written all the time leaves others their graphs`() async throws {
        try await Self.withStore(["a", "b"]) { store, _ in
            let generator = Mutex(SplitMix64(seed: 22))
            let batches = Mutex<[String: Int]>([:])
            try #require(store.graphBuilder).hooks.withLock { hooks in
                hooks.batch = { [weak store] name in
                    let isEnough = batches.withLock { batches in
                        batches[name, default: 0] += 1
                        return batches.values.reduce(0, +) > 100 || batches.count > 1
                    }
                    guard let store, !isEnough else { return }
                    // Whichever of the two was first, there is more for it to do.
                    Self.updateAndWait(store, generator.withLock { Fixture.points(0..<20, &$0) }, in: name)
                }
            }
            let points = generator.withLock { Fixture.points(0..<200, &$0) }
            for name in ["a", "b"] { _ = try await store.update([.upsert(points)], in: name) }
            for name in ["a", "b"] { try await Fixture.untilIndexed(store, name) }
            #expect(batches.withLock { $0.values.reduce(0, +) } < 100, "one had to wait until the other was done with")
        }
    }

    // MARK: - Readers who take their time

    @Test func `a reader finds every point of its state while the builder goes on`() async throws {
        try await Self.withStore { store, _ in
            var generator = SplitMix64(seed: 23)
            let points = Fixture.points(0..<200, &generator)
            _ = try await store.update([.upsert(points)], in: "c")
            try await Fixture.untilIndexed(store)
            // What a query keeps from its first look at the store to its last.
            var reader: CollectionState? = try store.collectionState("c")
            for _ in 0..<5 {
                _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
                try await Fixture.untilIndexed(store)
            }
            for ef in [nil, 64] {
                let state = try #require(reader)
                let field = try #require(state.dense[""])
                for point in points {
                    let hits = try field.nearest(
                        to: try #require(point.vectors[""]?.dense), count: 1, among: nil, ef: ef, {})
                    let hit = try #require(hits.first, "a point was lost")
                    #expect(hit.score == 0)
                    #expect(state.heads[UInt32(hit.row)]?.id == point.id)
                }
            }
            // Only now do the rows leave that it still had.
            #expect(try Fixture.field(store).retired.count > 0)
            reader = nil
            try await Fixture.until("rows never left") { try Fixture.field(store).retired.count == 0 }
            let graph = try #require(try Fixture.field(store).graph)
            try await Fixture.until("the graph was never repaired") { graph.deletedNodeCount == 0 }
            // Invariants hold while nobody changes anything: the builder has ended when the store is closed.
            try store.close()
            #expect(graph.count == 200)
            #expect(try graph.checkInvariants() == [])
        }
    }

    // MARK: - What fails

    @Test func `rows that could not be inserted are tried again`() async throws {
        try await Self.withStore { store, _ in
            let failures = Mutex(0)
            try #require(store.graphBuilder).hooks.withLock { hooks in
                hooks.insertion = { row in
                    guard row == 77 else { return }
                    let isFailing = failures.withLock { failures in
                        failures += 1
                        return failures == 1
                    }
                    if isFailing { throw HNSWError.outOfMemory(bytes: 1) }
                }
            }
            var generator = SplitMix64(seed: 24)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            #expect(failures.withLock { $0 } == 2)
            try await Fixture.until("the error outlived its reason") {
                try await store.collection("c").indexingError == nil
            }
            #expect(try Fixture.field(store).graph?.count == 200)
        }
    }

    @Test func `a failure is forgotten when the points it was about are gone`() async throws {
        try await Self.withStore { store, directory in
            try #require(store.graphBuilder).hooks.withLock { hooks in
                hooks.insertion = { _ in throw HNSWError.outOfMemory(bytes: 1) }
            }
            var generator = SplitMix64(seed: 30)
            let points = Fixture.points(0..<200, &generator)
            _ = try await store.update([.upsert(points)], in: "c")
            try await Fixture.until("nothing failed") { try await store.collection("c").indexingError != nil }
            _ = try await store.update([.delete(.ids(points.map(\.id)))], in: "c")
            try await Fixture.until("the error outlived its points") {
                try await store.collection("c").indexingError == nil
            }
            let path = GraphFile(1, "", in: directory).path
            #expect(try #require(store.graphBuilder).progress.withLock { $0[path]?.retryTime } == nil)
        }
    }

    /// Before anything is answered, exact queries included, which read the floats of the graph.
    @Test(arguments: ["links", "floats"])
    func `a graph with a flipped bit is not believed`(part: String) async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 25)
            let points = Fixture.points(0..<200, &generator)
            _ = try await store.update([.upsert(points)], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            try store.close()
            var bytes = try Data(contentsOf: file)
            // The vector of the tenth point, to be flipped in the floats: they come last, and once.
            let values = try #require(points[10].vectors[""]?.dense)
            let vector = Data(
                values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } })
            let place = try #require(bytes.range(of: vector, options: .backwards)).lowerBound
            // The first node's first link follows the header's page.
            bytes[part == "floats" ? place + 2 : 16_384] ^= 4
            try bytes.write(to: file)

            let again = try EmbeddedStore(directory: directory, options: Fixture.withoutNewGraphs)
            defer { try? again.close() }
            #expect(try Fixture.field(again).graph == nil)
            #expect(try Fixture.field(again).indexed.count == 0)
            #expect(try await again.collection("c").indexingError?.contains("damaged") == true)
            if part == "floats" { #expect(!FileManager.default.fileExists(atPath: file.path)) }
            for point in points {
                let query = PointsQuery(vector: try #require(point.vectors[""]?.dense), limit: 1)
                let hits = try await again.query(query, in: "c")
                #expect(hits.map(\.id) == [point.id])
                #expect(hits.first?.score == 0)
            }
        }
    }

    // MARK: - What a start begins with

    @Test func `points whose payloads were edited since keep their places in the graph`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 26)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            let written = try Data(contentsOf: file)
            _ = try await store.update(
                [.setPayload(["seen": true], .filter(Filter())), .upsert(Fixture.points(0..<5, &generator))], in: "c")
            try store.close()
            // As if the process had been killed before the file was written again.
            try written.write(to: file)
            let again = try EmbeddedStore(directory: directory, options: Fixture.withoutNewGraphs)
            let state = try again.collectionState("c")
            // The five others may have been inserted already; those that kept their places are the ones counted as edited.
            #expect(state.dense[""].map { $0.indexed.count >= 195 } == true)
            #expect(state.payloadEdits == 195)
        }
    }

    @Test func `payloads that are edited often enough have the graph written again`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 27)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            // A mark in the place of a file that is written again.
            try FileManager.default.removeItem(at: file)
            for round in 0..<3 {
                _ = try await store.update([.setPayload(["round": .integer(Int64(round))], .filter(Filter()))], in: "c")
            }
            _ = try await Fixture.untilSaved(directory)
        }
    }

    /// A graph of a later state than the database's.
    @Test func `a graph's file that is refused is taken away`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 28)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            let graph = try #require(try Fixture.field(store).graph)
            try store.close()
            try graph.save(to: file.path, stamp: 1000)
            let again = try EmbeddedStore(directory: directory, options: Fixture.withoutNewGraphs)
            #expect(try Fixture.field(again).graph == nil)
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
    }
}
