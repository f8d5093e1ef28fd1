// What a warm encoder must not do: ask for memory and count references within its loops.

import RuntimeCounters
import TestSupport
import Testing

@testable import MiniLM

@Suite(.enabled(if: runtime_counts_exist())) struct EncoderCostTests {
    /// What a thread has called between two moments.
    private struct Cost: Equatable {
        var allocations, retains, releases: Int

        init(from before: runtime_counts, to after: runtime_counts) {
            allocations = Int(after.allocations - before.allocations)
            retains = Int(after.retains - before.retains)
            releases = Int(after.releases - before.releases)
        }

        init(of body: () throws -> Void) rethrows {
            let before = runtime_counts()
            try body()
            self.init(from: before, to: runtime_counts())
        }
    }

    /// Whether this is the compiler whose calls were counted. How many references it counts outside of loops is its own affair, and
    /// another may need more; that there are as many whatever the tokens is ours.
    private static var isCountedCompiler: Bool {
        #if compiler(>=6.3) && compiler(<6.4)
        true
        #else
        false
        #endif
    }

    /// Lengths of texts: the shortest one, the longest, and as many tokens in several.
    private static let slices = [[2], [256], [8, 8, 8], [Int](repeating: 8, count: 32), [150, 3, 101, 2]]

    private static func ids(_ lengths: [Int]) -> [[Int32]] {
        lengths.map { length in (0..<length).map { Int32(1000 + ($0 * 31 + length) % 1000) } }
    }

    @Test(arguments: Engine.all)
    func `a pass allocates nothing, and retains as often whatever its tokens and texts`(engine: Engine) throws {
        let model = try Weights.model(engine.gemm, engine.precision)
        let activations = Activations(model.configuration, capacity: 256)
        var workspace = Workspace(model.configuration, precision: engine.precision)
        let vectors = AlignedBuffer<Float>(count: 32 * 384, zero: 0)
        var retains: Set<Int> = []
        // The first time the lists of ids grow to their size.
        for isWarm in [false, true] {
            for lengths in Self.slices {
                let ids = Self.ids(lengths)
                let begin = Cost { activations.begin(count: ids.count) { ids[$0] } }
                let forward = Cost { model.forward(activations, &workspace) }
                let pool = Cost {
                    for text in ids.indices {
                        unsafe model.pool(vectors[from: text * 384], activations, sequence: text)
                    }
                }
                guard isWarm else { continue }
                #expect(begin.allocations + forward.allocations + pool.allocations == 0, "\(lengths)")
                retains.insert(forward.retains)
                // A text's ids while they are copied, and the list of where texts begin while one is looked up.
                if Self.isCountedCompiler {
                    #expect(begin.retains <= 2 * ids.count && pool.retains <= 4 * ids.count, "\(lengths)")
                }
            }
        }
        // Each of a layer's products and norms holds what it works with: 18 times in float32, 28 where rows are rounded.
        #expect(retains.count == 1)
        if Self.isCountedCompiler { #expect(try #require(retains.max()) <= 32 * model.configuration.hiddenLayers) }
    }

    /// By its caller alone, since there is no other thread.
    @Test(arguments: Engine.all)
    func `a call of one slice allocates as often whatever its tokens and texts`(engine: Engine) throws {
        let encoder = try encoder(engine)
        var allocations: Set<Int> = []
        for isWarm in [false, true] {
            for lengths in Self.slices {
                let texts = Self.tokenized(lengths)
                let cost = try Cost { _ = try encoder.encode(tokenized: texts) }
                if isWarm { allocations.insert(cost.allocations) }
            }
        }
        // What is handed out: vectors and two lists of counts. For the time of the call lists of ids, of lengths and of what is
        // in the slice, and what closures hold.
        #expect(allocations.count == 1)
        if Self.isCountedCompiler { #expect(try #require(allocations.max()) <= 24) }
    }

    /// Of 40 and of 80 texts, five a slice, by the only worker: what 8 slices more cost. Once is for the turn that the queue gives.
    @Test(arguments: Engine.all) func `a worker allocates once for a slice, whatever its texts`(engine: Engine) throws {
        let encoder = try encoder(engine)
        func cost(_ count: Int) throws -> (caller: Cost, worker: Cost) {
            let texts = Self.tokenized([Int](repeating: 50, count: count))
            let before = counts(of: encoder)
            let caller = try Cost { _ = try encoder.encode(tokenized: texts) }
            return (caller, Cost(from: before, to: counts(of: encoder)))
        }
        _ = try cost(40)
        let (few, many) = (try cost(40), try cost(80))
        #expect(many.worker.allocations <= few.worker.allocations + 8)
        // Lists that grow by doubling.
        #expect(many.caller.allocations <= few.caller.allocations + 8)
    }

    /// One of one worker.
    private func encoder(_ engine: Engine) throws -> SentenceEncoder {
        try SentenceEncoder(
            modelDirectory: Weights.directory, threads: 1, precision: engine.precision, gemm: engine.gemm)
    }

    private static func tokenized(_ lengths: [Int]) -> [Tokenization] {
        ids(lengths).map { Tokenization(ids: $0, offsets: [], untruncatedCount: $0.count) }
    }

    /// What the only worker has called so far.
    private func counts(of encoder: SentenceEncoder) -> runtime_counts {
        let counts = Locked(runtime_counts())
        encoder.workers.run(1) { _, _ in
            let now = runtime_counts()
            counts.withLock { $0 = now }
        }
        return counts.withLock { $0 }
    }
}
