// A text's vector is its own: alone, among others, in any order, on any number of threads.
//
// To the bit with our own kernels, in every precision. With a BLAS to the bit where it computes a row of a product alike
// wherever the row stands: the property is tested first, so that the encoder is held to equality on every machine where
// equality can be had. OpenBLAS 0.3.21's kernels for AVX-512 (SkylakeX, Cooperlake) and for SSE and AVX (Nehalem, Sandybridge)
// have it; those for AVX2 (Haswell, Zen) sum a row in one of two orders, by its place within groups of twelve.

import TestSupport
import Testing

@testable import MiniLM

extension Engine {
    /// How far a text's vectors may be apart. Two orders of summation are each within 3e-7 of the reference (EncoderGoldenTests), hence
    /// 6e-7 from each other.
    var tolerance: Float { gemm == .swift || Self.areBLASRowsInvariant ? 0 : 6e-7 }

    /// Whether each of 48 rows has the bits it has in a product of its own and those behind it.
    private static let areBLASRowsInvariant: Bool = {
        var random = SplitMix64(seed: 5)
        let (size, rows) = (384, 48)
        useSingleThreadedBLAS()
        let x = random.floats(2 * rows * size, in: -1...1)
        let layer = BLASLinear(LinearParameters(&random, outDim: size, inDim: size))
        func product(from row: Int) -> ArraySlice<Float> {
            var y = [Float](repeating: 0, count: rows * size)
            unsafe layer.apply(&y, Array(x[(row * size)...].prefix(rows * size)), rows: rows - row, .store)
            return y.prefix((rows - row) * size)
        }
        let whole = product(from: 0)
        return (1..<rows).allSatisfy { product(from: $0).elementsEqual(whole.dropFirst($0 * size)) }
    }()
}

@Suite struct EncoderInvarianceTests {
    private static let goldens = Result { try EncoderGoldens() }
    let texts: [String]
    init() throws { texts = try Self.goldens.get().texts }

    @Test(arguments: Engine.all)
    func `a text alone has the vector it has in a batch`(_ engine: Engine) throws {
        let encoder = try engine.encoder()
        let batch = try encoder.encode(texts)
        var worst: Float = 0
        // Every third: OpenBLAS as Debian builds it takes its time on new processors.
        for row in stride(from: 0, to: texts.count, by: 3) {
            worst = max(worst, largestDifference(try encoder.encode([texts[row]]).values, batch[row]))
        }
        #expect(worst <= engine.tolerance)
    }

    /// A long text and few others: its slice is computed by all threads together, the others' by one each.
    @Test(arguments: Engine.all, [1, 3])
    func `a long text has its vector among few others`(_ engine: Engine, longTexts: Int) throws {
        let encoder = try engine.encoder()
        let long = (0..<longTexts).map { "\($0) " + String(repeating: "many words ", count: 150) }
        let some = long + ["The lamp is lit.", ""]
        let batch = try encoder.encode(some)
        #expect(batch.tokenCounts.prefix(longTexts).allSatisfy { $0 == encoder.maxTokens })
        for (row, text) in some.enumerated() {
            #expect(largestDifference(try encoder.encode([text]).values, batch[row]) <= engine.tolerance)
        }
    }

    @Test(arguments: Engine.all)
    func `order does not matter`(_ engine: Engine) throws {
        let encoder = try engine.encoder()
        let batch = try encoder.encode(texts)
        var random = SplitMix64(seed: 1)
        // Half of them: other neighbours, too.
        let order = texts.indices.shuffled(using: &random).prefix(texts.count / 2)
        let shuffled = try encoder.encode(order.map { texts[$0] })
        for (row, text) in order.enumerated() {
            #expect(largestDifference(shuffled[row], batch[text]) <= engine.tolerance)
        }
    }

    @Test(arguments: Engine.all, [1, 3])
    func `the number of threads does not matter`(_ engine: Engine, threads: Int) throws {
        let encoder = try SentenceEncoder(
            modelDirectory: Weights.directory, threads: threads, precision: engine.precision, gemm: engine.gemm)
        let some = Array(texts.prefix(100))
        let difference = try largestDifference(encoder.encode(some).values, engine.encoder().encode(some).values)
        #expect(difference <= engine.tolerance)
    }

    /// The threads are the test's own: on a small machine the encoder would have no second worker to share a slice with. Twelve heads
    /// and six panels are dealt out evenly to three threads, not to five.
    @Test(arguments: [Precision.f32, .i16, .i8], [Share.Split.rows, .columns])
    func `threads that share a slice compute what one computes`(precision: Precision, split: Share.Split) throws {
        let ids = try Array(Self.goldens.get().ids.prefix(12))
        let model = try Weights.model(.swift, precision)
        for members in [3, 5] {
            let (alone, together) = hidden(model, ids, precision, split: split, members: members)
            let size = alone.sequences.tokens * 384
            #expect(together.hidden.prefix(size) == alone.hidden.prefix(size))
        }
    }

    /// A BLAS is given bands of rows only, of 32 or more, as the encoder does it. Two threads and three: other rows are first.
    @Test(arguments: [2, 3])
    func `threads that share a slice by a BLAS compute what one computes`(members: Int) throws {
        let model = try Weights.model(.openblas)
        // Within a slice, and enough for three bands; a text that two of them share is among them.
        let ids = try Array(Self.goldens.get().ids.filter { 21...60 ~= $0.count }.prefix(4))
        let tokens = ids.reduce(0) { $0 + $1.count }
        try #require(tokens >= members * Share.leastBand && tokens <= 256)
        let (alone, together) = hidden(model, ids, .f32, split: .rows, members: members)
        for text in ids.indices {
            var vectors = [[Float]](repeating: [Float](repeating: 0, count: 384), count: 2)
            unsafe model.pool(&vectors[0], alone, sequence: text)
            unsafe model.pool(&vectors[1], together, sequence: text)
            #expect(largestDifference(vectors[0], vectors[1]) <= Engine.openBLAS.tolerance)
        }
    }

    /// The last hidden states as one thread computes them, and as `members` threads do.
    private func hidden(
        _ model: BertModel, _ ids: [[Int32]], _ precision: Precision, split: Share.Split, members: Int
    ) -> (alone: Activations, together: Activations) {
        let alone = Activations(model.configuration, capacity: 256)
        let together = Activations(model.configuration, capacity: 256)
        alone.begin(count: ids.count) { ids[$0] }
        together.begin(count: ids.count) { ids[$0] }
        var workspace = Workspace(model.configuration, precision: precision)
        model.forward(alone, &workspace)

        let barrier = SpinBarrier(members: members)
        onThreads(members) { member in
            var workspace = Workspace(model.configuration, precision: precision)
            let share = Share(member: member, members: members, split: split, barrier: barrier)
            model.forward(together, &workspace, share)
        }
        return (alone, together)
    }
}
