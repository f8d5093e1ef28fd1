// Points compared with each other. The oracle is a query by each of them.

import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct MatrixTests {
    @Test(arguments: [Distance.cosine, .dot, .euclid, .manhattan])
    func `of each point of a sample the likest others are told, by ids, as a query would find them`(
        distance: Distance
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let configuration = CollectionConfiguration(
                vectors: [
                    "d": .init(size: 8, distance: distance), "m": .init(size: 2, distance: distance, isMulti: true),
                ],
                sparseVectors: ["s": .init()])
            try await store.createCollection("c", configuration)
            var generator = SplitMix64(seed: 11)
            let points = try (0..<60).map { number in
                func row(_ count: Int) -> [Float] {
                    (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
                }
                let sparse = try SparseVector(indices: [0, UInt32(number % 7 + 1)], values: row(2))
                return Point(
                    id: .number(UInt64(number)),
                    vectors: ["d": .dense(row(8)), "m": .multi([row(2), row(2)]), "s": .sparse(sparse)],
                    payload: ["half": .integer(Int64(number % 2))])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            let half = Filter(must: [.match(key: "half", .value(1))])
            for name in ["d", "m", "s"] {
                let matrix = try await store.matrix(sample: 1000, of: name, filter: half, limit: 4, in: "c")
                #expect(matrix.ids == stride(from: 1, to: 60, by: 2).map { PointID.number(UInt64($0)) })
                for (place, id) in matrix.ids.enumerated() {
                    var query = PointsQuery(.nearest(.id(id)), using: name, filter: half, limit: 4)
                    query.isExact = true
                    let found = try await store.query(query, in: "c")
                    let told = matrix.cells.filter { $0.row == place }
                    #expect(told.map { matrix.ids[$0.column] } == found.map(\.id))
                    // The two sum in different orders where the query prepares its vector once more.
                    #expect(zip(told, found).allSatisfy { abs($0.score - $1.score) <= 1e-5 })
                }
            }
            let few = try await store.matrix(sample: 5, of: "d", filter: nil, limit: 2, in: "c")
            #expect(few.ids.count == 5 && few.cells.count == 10 && few.cells.allSatisfy { $0.row != $0.column })
            let one = try await store.matrix(
                sample: 5, of: "d", filter: Filter(must: [.hasID([.number(3)])]), limit: 2, in: "c")
            #expect(one.ids.isEmpty && one.cells.isEmpty)
            await #expect(throws: StoreError.unknownVector("x")) {
                try await store.matrix(sample: 5, of: "x", filter: nil, limit: 2, in: "c")
            }
        }
    }

    /// Runs `work` on `c` as a caller of its own, who hangs up at a checkpoint.
    ///
    /// - Parameter last: The number of the checkpoint, from 1; nil for none.
    /// - Returns: How many checkpoints there were.
    private static func checkpoints(
        _ store: EmbeddedStore, hangingUpAt last: Int? = nil,
        _ work: @escaping @Sendable (QueryEvaluation) throws -> Void
    ) async throws -> Int {
        let reached = Atomic(0)
        let caller = Mutex<Task<Void, any Error>?>(nil)
        let (start, starter) = AsyncStream<Void>.makeStream()
        let task: Task<Void, any Error> = Task {
            // Not before it can be cancelled.
            for await _ in start {}
            try await store.read("c") { db, state in
                try work(
                    QueryEvaluation(
                        store: store, state: state, db: db,
                        atCheckpoint: {
                            let number = reached.add(1, ordering: .relaxed).newValue
                            if number == last { caller.withLock { $0 }?.cancel() }
                        }))
            }
        }
        caller.withLock { $0 = task }
        starter.finish()
        try await task.value
        return reached.load(ordering: .relaxed)
    }

    @Test func `a caller who hangs up in the middle is not answered, at whichever checkpoint`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            let configuration = CollectionConfiguration(
                vectors: ["": .init(size: 2, distance: .dot)], sparseVectors: ["s": .init()])
            try await store.createCollection("c", configuration)
            let points = try (0..<50).map { number in
                let sparse = try SparseVector(indices: [0, UInt32(number % 7 + 1)], values: [1, 2])
                return Point(
                    id: .number(UInt64(number)), vectors: ["": .dense([Float(number), 1]), "s": .sparse(sparse)])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            let rankings: [Ranking] = [
                .nearest(.vector(.dense([1, 0]))), .recommend(positive: [.id(.number(1))], negative: [], .bestScore),
                .diverse(.vector(.dense([1, 0])), diversity: 0.5, candidates: 20),
            ]
            // How many checkpoints each has at least: a look at the query, and one for each vector that is compared with all
            // others or each point that is taken.
            var works: [(least: Int, work: @Sendable (QueryEvaluation) throws -> Void)] = zip([1, 2, 6], rankings).map {
                least, ranking in
                (least, { _ = try $0.points(PointsQuery(ranking, limit: 5)) })
            }
            works.append((1, { _ = try $0.matrix(sample: 50, of: "", filter: nil, limit: 3) }))
            works.append((50, { _ = try $0.matrix(sample: 50, of: "s", filter: nil, limit: 3) }))
            for (least, work) in works {
                let all = try await Self.checkpoints(store, work)
                try #require(all >= least)
                for last in 1...all {
                    await #expect(throws: StoreError.cancelled) {
                        try await Self.checkpoints(store, hangingUpAt: last, work)
                    }
                }
            }
            // Who hung up before anything began is not answered either.
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await store.matrix(sample: 50, of: "", filter: nil, limit: 3, in: "c")
            }
            task.cancel()
            await #expect(throws: StoreError.cancelled) { try await task.value }
            #expect(try await store.count(nil, in: "c") == 50)
        }
    }

    @Test func `an index and what is kept of it come together or not at all`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 2, distance: .dot))
            await #expect(throws: StoreError.badRequest("no")) {
                try await store.createPayloadIndex("a", .keyword, in: "c") { _ throws(StoreError) in
                    throw StoreError.badRequest("no")
                }
            }
            #expect(try await store.collection("c").payloadIndexes.isEmpty)
            await #expect(throws: StoreError.badRequest("no")) {
                let sparse = CollectionConfiguration.SparseVectorParameters()
                try await store.createVector("s", sparse, in: "c") { _ throws(StoreError) in
                    throw StoreError.badRequest("no")
                }
            }
            #expect(try await store.collection("c").configuration.sparseVectors.isEmpty)
            try await store.createPayloadIndex("a", .keyword, in: "c") { $0.metadata["told"] = 1 }
            // The index is there already: what is kept changes all the same.
            try await store.createPayloadIndex("a", .keyword, in: "c") { $0.metadata["again"] = 2 }
            try store.close()
            let reopened = try EmbeddedStore(directory: directory)
            let info = try await reopened.collection("c")
            #expect(info.payloadIndexes["a"]?.type == .keyword)
            #expect(info.configuration.metadata["told"] == 1 && info.configuration.metadata["again"] == 2)
            try reopened.close()
        }
    }
}
