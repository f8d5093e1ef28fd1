// The graph behind the store: what it changes is how fast an answer is, and nothing else.

import Foundation
import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct GraphTests {
    private typealias Fixture = GraphFixture

    private static var options: EmbeddedStore.Options {
        var options = Fixture.options(from: 300, isQuick: false)
        // Less than an eighth of 600, so that it is the graph that is searched.
        options.ef = 64
        return options
    }

    private static func withStore(_ body: (EmbeddedStore, String) async throws -> Void) async throws {
        try await Fixture.withStore(options) { store, directory in
            try await store.createPayloadIndex("tenth", .integer, in: "c")
            try await body(store, directory)
        }
    }

    private static func info(_ store: EmbeddedStore) async throws -> CollectionInfo.VectorInfo {
        try #require(try await store.collection("c").vectors[""])
    }

    /// The share of the ten nearest that are found without `isExact`.
    private static func recall(
        _ store: EmbeddedStore, _ filter: Filter?, _ generator: inout SplitMix64
    ) async throws -> Double {
        var found = 0
        var wanted = 0
        for _ in 0..<50 {
            var query = PointsQuery(vector: Fixture.vector(&generator), filter: filter)
            let hits = try await store.query(query, in: "c")
            query.isExact = true
            let truth = try await store.query(query, in: "c")
            wanted += truth.count
            found += Set(hits.map(\.id)).intersection(truth.map(\.id)).count
        }
        return Double(found) / Double(wanted)
    }

    @Test func `few vectors stay without a graph, many get one and are found through it`() async throws {
        try await Self.withStore { store, _ in
            var generator = SplitMix64(seed: 1)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Task.sleep(for: .milliseconds(50))
            #expect(try await Self.info(store).indexedCount == 0)
            for start in stride(from: 200, to: 5000, by: 400) {
                _ = try await store.update(
                    [.upsert((start..<start + 400).map { Fixture.point($0, &generator) })], in: "c")
            }
            try await Fixture.untilIndexed(store)
            let info = try await Self.info(store)
            #expect(info.pointsCount == 5000)
            #expect(try await Self.recall(store, nil, &generator) >= 0.95)
            for tenth in 0..<3 as Range<Int64> {
                let filter = Filter(must: [.match(key: "tenth", .value(.integer(tenth)))])
                #expect(try await Self.recall(store, filter, &generator) >= 0.95)
            }
        }
    }

    @Test func `a store opened again has its graph, and what came after it`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 2)
            _ = try await store.update([.upsert((0..<1000).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            _ = try await Fixture.untilSaved(directory)
            // Fewer changes than a new file is written for.
            let late = (1000..<1020).map { Fixture.point($0, &generator) }
            let moved = (5..<15).map { Fixture.point($0, &generator) }
            _ = try await store.update(
                [.upsert(late), .delete(.ids((20..<30).map { .number($0) })), .upsert(moved)], in: "c")
            try store.close()
            var options = Self.options
            options.indexingThreshold = .max
            let again = try EmbeddedStore(directory: directory, options: options)
            let info = try await Self.info(again)
            #expect(info.pointsCount == 1010)
            #expect(info.indexedCount >= 980, "the graph was not taken over")
            for point in late + moved {
                let query = PointsQuery(.nearest(.vector(try #require(point.vectors[""]))), limit: 1)
                let hits = try await again.query(query, in: "c")
                #expect(hits.map(\.id) == [point.id])
                #expect(hits.first?.score == 0)
            }
            let gone = Filter(must: [.range(key: "n", NumberRange(gte: 20, lt: 30))])
            #expect(
                try await again.query(PointsQuery(vector: late[0].vectors[""]?.dense ?? [], filter: gone), in: "c")
                    == [])
            #expect(try await Self.recall(again, nil, &generator) >= 0.95)
        }
    }

    private static func graph(_ store: EmbeddedStore) throws -> HNSWConfiguration? {
        try store.collectionState("c").dense[""]?.graph?.configuration
    }

    /// The vector's own parameters before the collection's, and those before the store's.
    @Test func `graphs are built as the configuration says, and anew when it has changed`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 12)
            try await store.updateConfiguration(of: "c") {
                $0.graph = .init(M: 5, efConstruction: 40)
                $0.vectors[""]?.graph.M = 7
            }
            _ = try await store.update([.upsert((0..<1000).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            _ = try await Fixture.untilSaved(directory)
            #expect(try Self.graph(store)?.M == 7)
            #expect(try Self.graph(store)?.efConstruction == 40)
            try await store.updateConfiguration(of: "c") { $0.vectors[""]?.graph.M = nil }
            try store.close()

            let again = try EmbeddedStore(directory: directory, options: Self.options)
            try await Fixture.until("the graph stayed as it was") { try Self.graph(again)?.M == 5 }
            try await Fixture.untilIndexed(again)
            #expect(try await Self.recall(again, nil, &generator) >= 0.95)
            let error = await #expect(throws: StoreError.self) {
                try await again.updateConfiguration(of: "c") { $0.graph.M = 1 }
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("2 to 128"))
            try await again.updateConfiguration(of: "c") { $0.graph.M = 0 }
            try again.close()

            let without = try EmbeddedStore(directory: directory, options: Self.options)
            try await Task.sleep(for: .milliseconds(50))
            #expect(try Self.graph(without) == nil)
            #expect(try await Self.recall(without, nil, &generator) == 1)
        }
    }

    /// What was opened mapped is brought into memory by the builder.
    @Test func `a graph that was opened is settled behind the queries' backs`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 13)
            _ = try await store.update([.upsert((0..<1000).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            _ = try await Fixture.untilSaved(directory)
            try store.close()
            let again = try EmbeddedStore(directory: directory, options: Self.options)
            let graph = try #require(try again.collectionState("c").dense[""]?.graph)
            for _ in 0..<6000 where !graph.isSettled { try await Task.sleep(for: .milliseconds(10)) }
            #expect(graph.isSettled)
            #expect(try await Self.recall(again, nil, &generator) >= 0.95)
        }
    }

    @Test(arguments: ["nothing", "a foreign file", "cut", "a flipped bit", "another size", "a folder"])
    func `a graph file that is not right is built again`(damage: String) async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 3)
            _ = try await store.update([.upsert((0..<600).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            try store.close()
            var bytes = try Data(contentsOf: file)
            try FileManager.default.removeItem(at: file)
            switch damage {
            case "a foreign file": bytes = Data("not a graph".utf8)
            case "cut": bytes = bytes.prefix(bytes.count / 2)
            case "a flipped bit": bytes[16_384 + 100] ^= 4  // in the first record, which follows the header's page
            case "another size":
                let other = try HNSWIndex(HNSWConfiguration(dimension: 3, distance: .euclid))
                try other.insert([1, 2, 3].span, row: 0)
                try other.save(to: file.path, stamp: 1)
            default: break
            }
            if damage == "a folder" {
                try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
            } else if damage != "nothing" && damage != "another size" {
                try bytes.write(to: file)
            }
            let wanted = HNSWConfiguration(dimension: Fixture.size, distance: .euclid)
            #expect(((try? GraphFile(1, "", in: directory).open(wanted)) ?? nil) == nil)
            let again = try EmbeddedStore(directory: directory, options: Self.options)
            #expect(try await again.count(nil, in: "c") == 600)
            #expect(try await Self.recall(again, nil, &generator) >= 0.95)
            try await Fixture.untilIndexed(again)
            #expect(try await Self.recall(again, nil, &generator) >= 0.95)
        }
    }

    /// What is mapped stays readable; the next start does without.
    @Test func `a graph file that is deleted while it is searched is missed by nobody`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 5)
            _ = try await store.update([.upsert((0..<600).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            _ = try await Fixture.untilSaved(directory)
            try store.close()
            var serving = try EmbeddedStore(directory: directory, options: Self.options)
            #expect(try await serving.collection("c").vectors[""]?.indexedCount == 600)
            try FileManager.default.removeItem(atPath: directory + "/graphs")
            #expect(try await Self.recall(serving, nil, &generator) >= 0.95)
            let new = (600..<700).map { Fixture.point($0, &generator) }
            _ = try await serving.update([.delete(.ids((0..<50).map { .number($0) })), .upsert(new)], in: "c")
            #expect(try await Self.recall(serving, nil, &generator) >= 0.95)
            try serving.close()
            try? FileManager.default.removeItem(atPath: directory + "/graphs")
            serving = try EmbeddedStore(directory: directory, options: Self.options)
            #expect(try await serving.count(nil, in: "c") == 650)
            #expect(try await Self.recall(serving, nil, &generator) >= 0.95)
            try await Fixture.untilIndexed(serving)
            #expect(try await Self.recall(serving, nil, &generator) >= 0.95)
            try serving.close()
        }
    }

    /// Put back from a copy, the database has other points under the rows that the graph knows, whether it is older than the graph
    /// or has gone on since.
    @Test(arguments: [false, true])
    func `a graph of another database is not believed`(hasGoneOn: Bool) async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 6)
            _ = try await store.update([.upsert((0..<10).map { Fixture.point($0, &generator) })], in: "c")
            let copy = directory + "/copy.sqlite"
            try await store.backup(to: copy)
            _ = try await store.update([.upsert((0..<600).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            _ = try await Fixture.untilSaved(directory)
            try store.close()
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: directory + "/points.sqlite" + suffix)
            }
            try FileManager.default.moveItem(atPath: copy, toPath: directory + "/points.sqlite")
            if hasGoneOn {
                // With no builder at work, so that the file stays as it is.
                try FileManager.default.moveItem(atPath: directory + "/graphs", toPath: directory + "/aside")
                var options = Self.options
                options.indexingThreshold = .max
                let older = try EmbeddedStore(directory: directory, options: options)
                for start in stride(from: 0, to: 600, by: 100) {
                    _ = try await older.update(
                        [.upsert((start..<start + 100).map { Fixture.point($0, &generator) })], in: "c")
                }
                try older.close()
                try FileManager.default.moveItem(atPath: directory + "/aside", toPath: directory + "/graphs")
            }
            let again = try EmbeddedStore(directory: directory, options: Self.options)
            for record in try await again.scroll(ScrollRequest(limit: 20, withVectors: .all), in: "c").points {
                let query = PointsQuery(.nearest(.vector(try #require(record.vectors?[""]))), limit: 1)
                let hits = try await again.query(query, in: "c")
                #expect(hits.map(\.id) == [record.id])
                #expect(hits.first?.score == 0)
            }
        }
    }

    /// A copy of the database and the one it was taken of went on by as many operations each, and have all points but ten alike.
    @Test func `a graph of a twin of the database is not believed`() async throws {
        try await Self.withStore { store, directory in
            var generator = SplitMix64(seed: 7)
            _ = try await store.update([.upsert((0..<1000).map { Fixture.point($0, &generator) })], in: "c")
            let copy = directory + "/copy.sqlite"
            try await store.backup(to: copy)
            for number in 100..<110 {
                _ = try await store.update([.upsert([Fixture.point(number, &generator)])], in: "c")
            }
            try await Fixture.untilIndexed(store)
            let file = GraphFile(1, "", in: directory)
            file.remove()
            try #require(store.graphBuilder).resave(file)
            _ = try await Fixture.untilSaved(directory)
            try store.close()
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: directory + "/points.sqlite" + suffix)
            }
            try FileManager.default.moveItem(atPath: copy, toPath: directory + "/points.sqlite")
            try FileManager.default.moveItem(atPath: directory + "/graphs", toPath: directory + "/aside")
            var options = Self.options
            options.indexingThreshold = .max
            let twin = try EmbeddedStore(directory: directory, options: options)
            var points: [Point] = []
            for number in 100..<110 {
                points.append(Fixture.point(number, &generator))
                _ = try await twin.update([.upsert([points[points.count - 1]])], in: "c")
            }
            try twin.close()
            try FileManager.default.moveItem(atPath: directory + "/aside", toPath: directory + "/graphs")

            let again = try EmbeddedStore(directory: directory, options: options)
            #expect(try again.collectionState("c").dense[""]?.graph == nil)
            #expect(try await again.collection("c").indexingError?.contains("another state") == true)
            #expect(!FileManager.default.fileExists(atPath: file.path))
            for point in points {
                let query = PointsQuery(vector: try #require(point.vectors[""]?.dense), limit: 1)
                let hits = try await again.query(query, in: "c")
                #expect(hits.map(\.id) == [point.id])
                #expect(hits.first?.score == 0)
            }
        }
    }

    @Test(arguments: ["a file is where its folder should be", "the disk is full"])
    func `a graph that cannot be written is said, and searched all the same`(reason: String) async throws {
        try await Self.withStore { store, directory in
            if reason == "the disk is full" {
                // What is written there fails as on a full disk: ENOSPC.
                try FileManager.default.createDirectory(
                    atPath: directory + "/graphs", withIntermediateDirectories: true)
                try FileManager.default.createSymbolicLink(
                    atPath: GraphFile(1, "", in: directory).path + ".partial", withDestinationPath: "/dev/full")
            } else {
                try Data().write(to: URL(filePath: directory + "/graphs"))
            }
            var generator = SplitMix64(seed: 4)
            _ = try await store.update([.upsert((0..<600).map { Fixture.point($0, &generator) })], in: "c")
            try await Fixture.untilIndexed(store)
            for _ in 0..<6000 {
                if try await store.collection("c").indexingError != nil { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await store.collection("c").indexingError != nil)
            #expect(try await Self.recall(store, nil, &generator) >= 0.95)
        }
    }

    @Test func `beside a builder that is always behind, every exact answer is the model's and every other one true`()
        async throws
    {
        try await Self.withStore { first, directory in
            var store = first
            var generator = SplitMix64(seed: 5)
            var model: [UInt64: Point] = [:]
            for round in 0..<120 {
                var operations: [PointOperation] = []
                let points = (0..<40).map { _ in Fixture.point(Int.random(in: 0..<1500, using: &generator), &generator)
                }
                operations.append(.upsert(points))
                for point in points { if case .number(let number) = point.id { model[number] = point } }
                if round % 3 == 0 {
                    let numbers = (0..<30).map { _ in UInt64.random(in: 0..<1500, using: &generator) }
                    operations.append(.delete(.ids(numbers.map { .number($0) })))
                    for number in numbers { model[number] = nil }
                }
                if round % 7 == 0 {
                    operations.append(
                        .setPayload(["seen": true], .filter(Filter(must: [.match(key: "tenth", .value(3))]))))
                }
                _ = try await store.update(operations, in: "c")
                if round % 30 == 29 {
                    try store.close()
                    store = try EmbeddedStore(directory: directory, options: Self.options)
                }
                let filter =
                    round % 2 == 0 ? nil : Filter(must: [.match(key: "tenth", .value(.integer(Int64(round % 10))))])
                let wanted = model.values.filter { point in
                    filter == nil || point.payload["tenth"] == .integer(Int64(round % 10))
                }
                var query = PointsQuery(vector: Fixture.vector(&generator), filter: filter, limit: 20)
                guard case .nearest(.vector(.dense(let target))) = query.ranking else { return }
                func distance(_ point: Point) -> Float {
                    let own = point.vectors[""]?.dense ?? []
                    return Distance.euclid.score(target.span, own.span)
                }
                query.isExact = true
                let exact = try await store.query(query, in: "c")
                #expect(exact.map(\.score) == wanted.map(distance).sorted().prefix(20).map { $0 })
                query.isExact = false
                let near = try await store.query(query, in: "c")
                #expect(near.count == min(20, wanted.count))
                #expect(Set(near.map(\.id)).count == near.count)
                for hit in near {
                    guard case .number(let number) = hit.id else { continue }
                    let point = try #require(model[number], "a point that is gone")
                    #expect(hit.score == distance(point))
                    #expect(filter == nil || point.payload["tenth"] == .integer(Int64(round % 10)))
                }
            }
            try await Fixture.untilIndexed(store)
            let state = try store.collectionState("c")
            #expect(try state.dense[""]?.graph?.checkInvariants() == [])
            #expect(state.dense[""]?.matrix.byteCount == 0, "vectors are kept that the graph has")
        }
    }
}
