// A text's vector is its own: alone, among others, in any order, on any number of threads.
//
// To the bit, where the BLAS computes a row of a product alike wherever the row stands: the property is tested first, so
// that the encoder is held to equality on every machine where equality can be had. OpenBLAS 0.3.21's kernels for AVX-512
// (SkylakeX, Cooperlake) and for SSE and AVX (Nehalem, Sandybridge) have it; those for AVX2 (Haswell, Zen) sum a row in
// one of two orders, by its place within groups of twelve.

import TestSupport
import Testing

@testable import MiniLM

@Suite struct EncoderInvarianceTests {
    private static let goldens = Result { try EncoderGoldens() }
    private static let batch = Result { try Weights.encoder.get().encode(goldens.get().texts) }
    private static let areRowsInvariant = rowsAreInvariant()
    /// Two orders of summation are each within 3e-7 of the reference (EncoderGoldenTests), hence 6e-7 from each other.
    private static let tolerance: Float = areRowsInvariant ? 0 : 6e-7

    let texts: [String]
    let batch: Embeddings
    init() throws {
        texts = try Self.goldens.get().texts
        batch = try Self.batch.get()
    }

    /// Whether each of 48 rows has the bits it has in a product of its own and those behind it.
    private static func rowsAreInvariant() -> Bool {
        var random = SplitMix64(seed: 5)
        let (size, rows) = (384, 48)
        let x = random.floats(2 * rows * size, in: -1...1)
        let layer = Linear(
            weight: Tensor(random.floats(size * size, in: -1...1), shape: [size, size]),
            bias: Tensor(random.floats(size, in: -1...1), shape: [size]))
        func product(from row: Int) -> ArraySlice<Float> {
            var y = [Float](repeating: 0, count: rows * size)
            linear(&y, Array(x[(row * size)...].prefix(rows * size)), layer, rows: rows - row)
            return y.prefix((rows - row) * size)
        }
        let whole = product(from: 0)
        return (1..<rows).allSatisfy { product(from: $0).elementsEqual(whole.dropFirst($0 * size)) }
    }

    @Test func `a text alone has the vector it has in a batch`() throws {
        let encoder = try Weights.encoder.get()
        var worst: Float = 0
        for (row, text) in texts.enumerated() {
            worst = max(worst, largestDifference(try encoder.encode([text]).values, batch[row]))
        }
        #expect(worst <= Self.tolerance)
    }

    @Test func `order does not matter`() throws {
        var random = SplitMix64(seed: 1)
        // Half of them: other neighbours, too.
        let order = texts.indices.shuffled(using: &random).prefix(texts.count / 2)
        let shuffled = try Weights.encoder.get().encode(order.map { texts[$0] })
        for (row, text) in order.enumerated() {
            #expect(largestDifference(shuffled[row], batch[text]) <= Self.tolerance)
        }
    }

    @Test(arguments: [1, 3])
    func `the number of threads does not matter`(threads: Int) throws {
        let encoder = try SentenceEncoder(modelDirectory: Weights.directory, threads: threads)
        let some = Array(texts.prefix(100))
        let values = try encoder.encode(some).values
        #expect(largestDifference(values, batch.values.prefix(values.count)) <= Self.tolerance)
    }
}
