// Kernels against their formulas in double precision. Inputs are seeded.

import Foundation
import TestSupport
import Testing

@testable import MiniLM

@Suite struct KernelTests {
    /// Half a unit in the last place of 1.
    let roundoff: Float = 0x1p-24

    @Test func `exponential is exact to 1.5e-7 of the value down to where floats end`() throws {
        // The worst of many points is what is expected to be good: a macro a point would take minutes.
        let worst = stride(from: Float(-87), through: 20, by: 0.001_37).map { x in
            abs(Double(exponential(WideLanes(repeating: x))[3]) / exp(Double(x)) - 1)
        }.max()
        #expect(try #require(worst) <= 1.5e-7)
        #expect(exponential(WideLanes(repeating: -88)) == exponential(WideLanes(repeating: -87)))
        #expect(exponential(WideLanes(repeating: -.infinity)).max() < 1.7e-38)
        #expect(exponential(.zero) == .one)
    }

    @Test func `powers of two are exact to 1.5e-7 of the value down to where floats end`() throws {
        // The worst of many points is what is expected to be good: a macro a point would take minutes.
        let worst = stride(from: Float(-126), through: 29, by: 0.001_37).map { x in
            abs(Double(powerOfTwo(WideLanes(repeating: x))[3]) / exp2(Double(x)) - 1)
        }.max()
        #expect(try #require(worst) <= 1.5e-7)
        #expect(powerOfTwo(WideLanes(repeating: -126.5)).max() <= 0x1p-126)
        #expect(powerOfTwo(WideLanes(repeating: -.infinity)).max() <= 0x1p-126)
        for n in -126...127 { #expect(powerOfTwo(WideLanes(repeating: Float(n)))[7] == exp2(Float(n))) }
    }

    /// 9e-9 from the fit, 6e-9 from float32 coefficients and Horner steps, then some roundings of the result.
    @Test func `GELU is x · Φ(x) by the exact error function`() throws {
        var x = Array(stride(from: Float(-16), to: 16, by: 0.000_5))
        let input = x
        unsafe gelu(&x, count: x.count)
        let worst = zip(input, x).map { x, y in
            let exact = Double(x) * 0.5 * erfc(-Double(x) / 2.0.squareRoot())
            return abs(Double(y) - exact) - 4 * Double(roundoff) * abs(exact)
        }.max()
        #expect(try #require(worst) <= 1.5e-8)
    }

    /// Sums of up to 392 squares in 32 lanes: an error of some roundoffs, times values of up to 4.
    @Test(arguments: [8, 40, 384, 392])
    func `LayerNorm is (x - mean) / √(variance + ε) · weight + bias`(size: Int) {
        var random = SplitMix64(seed: 2)
        let (rows, epsilon) = (5, Float(1e-12))
        var x = random.floats(rows * size, in: -3...5)
        let (weight, bias) = (random.floats(size, in: -2...2), random.floats(size, in: -1...1))
        let input = x.map(Double.init)
        unsafe layerNorm(
            &x, LayerNormParameters(weight: Tensor(weight, shape: [size]), bias: Tensor(bias, shape: [size])),
            epsilon: epsilon, rows: 0..<rows)
        for row in 0..<rows {
            let values = input[row * size..<(row + 1) * size]
            let mean = values.reduce(0, +) / Double(size)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)
            for i in 0..<size {
                let normal = (input[row * size + i] - mean) / (variance + Double(epsilon)).squareRoot()
                let exact = Float(normal * Double(weight[i]) + Double(bias[i]))
                #expect(abs(x[row * size + i] - exact) <= 16 * roundoff * 4)
            }
        }
    }

    @Test(arguments: [1, 2, 7, 8, 9, 15, 16, 17, 31, 256])
    func `a row of powers is 2 to the x less the largest, with zeros behind`(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let padded = roundedUpToWideLanes(count)
        // Far from zero: without subtracting the maximum, 2 to the x would overflow.
        var x = random.floats(padded, in: 115...173)
        let input = x.prefix(count).map(Double.init)
        let largest = input.max() ?? 0
        // What is behind the last number may be any score of a text before, or none.
        if count < padded { x[count] = .nan }
        let sum = unsafe powersOfTwo(&x, count: count, less: Float(largest))
        let exact = input.map { exp2($0 - largest) }
        // The power's 1.5e-7, and the roundings of a sum.
        #expect(abs(Double(sum) / exact.reduce(0, +) - 1) <= 5e-7)
        for (value, exact) in zip(x, exact) { #expect(abs(Double(value) - exact) <= 2e-7 * exact) }
        #expect(x[count...].allSatisfy { $0 == 0 })
    }

    /// Of every shape, for all queries and for some, with heads as wide as a panel and not.
    @Test(arguments: TileShape.allCases, [8, 32, 40])
    func `attention looks at the tokens of its own text only`(shape: TileShape, headSize: Int) {
        var random = SplitMix64(seed: 3)
        let (heads, lengths) = (2, [3, 1, 9, 70])
        let hidden = heads * headSize
        var sequences = PackedSequences()
        for length in lengths { sequences.append([Int32](repeating: 0, count: length)) }
        var queryKeyValue = random.floats(sequences.tokens * 3 * hidden, in: -2...2)
        // What the weights of the queries have in them.
        let scale = queryScale(headSize: headSize)
        for token in 0..<sequences.tokens {
            for i in 0..<hidden { queryKeyValue[token * 3 * hidden + i] *= scale }
        }
        let rows = 2..<sequences.tokens - 5
        var context = [Float](repeating: .nan, count: sequences.tokens * hidden)
        let configuration = EncoderConfiguration(
            vocabularySize: 1, hiddenSize: hidden, intermediateSize: hidden, hiddenLayers: 1, attentionHeads: heads,
            maxPositionEmbeddings: 80, typeVocabularySize: 1, layerNormEpsilon: 1e-12, pooling: .mean,
            normalizes: true, maxTokens: 80)
        let workspace = Workspace(configuration, precision: .f32, shape: shape)
        // What is behind a text's last key, from a text before, must not count as a score.
        unsafe workspace.keys.start.update(repeating: 1e30, count: workspace.keys.count)
        unsafe attention(
            &context, queryKeyValue, sequences, rows: rows, heads: 0..<heads, hiddenSize: hidden, headSize: headSize,
            workspace, shape: shape)

        func value(_ token: Int, _ part: Int, _ head: Int, _ i: Int) -> Double {
            Double(queryKeyValue[token * 3 * hidden + part * hidden + head * headSize + i])
        }
        for sequence in lengths.indices {
            for (token, head) in sequences[sequence].flatMap({ token in (0..<heads).map { (token, $0) } }) {
                let result = context[token * hidden + head * headSize..<token * hidden + (head + 1) * headSize]
                guard rows.contains(token) else {
                    #expect(result.allSatisfy { $0.isNaN }, "a query that was not asked for")
                    continue
                }
                let weights = sequences[sequence].map { other in
                    exp2((0..<headSize).reduce(0) { $0 + value(token, 0, head, $1) * value(other, 1, head, $1) })
                }
                let worst = (0..<headSize).map { i in
                    let exact =
                        zip(weights, sequences[sequence]).reduce(0) { $0 + $1.0 * value($1.1, 2, head, i) }
                        / weights.reduce(0, +)
                    return abs(Double(result[result.startIndex + i]) - exact)
                }
                // Scores up to 25 carry an error of 25 roundoffs or so into the exponent; values are up to 2.
                #expect(worst.allSatisfy { $0 <= 8e-6 })
            }
        }
    }

    @Test func `pooling takes the mean of a text's tokens, or its first`() {
        // Row t is all t.
        let hidden = (0..<4).flatMap { [Float](repeating: Float($0), count: 8) }
        var vector = [Float](repeating: .nan, count: 8)
        unsafe pool(&vector, hidden, tokens: 0..<3, hiddenSize: 8, .mean)
        #expect(vector == [Float](repeating: 1, count: 8))
        unsafe pool(&vector, hidden, tokens: 1..<3, hiddenSize: 8, .cls)
        #expect(vector == [Float](repeating: 1, count: 8))
        unsafe pool(&vector, hidden, tokens: 3..<4, hiddenSize: 8, .mean)
        #expect(vector == [Float](repeating: 3, count: 8))
    }

    @Test func `normalising gives length 1 and leaves zero zero`() {
        var x: [Float] = [3, 4, 0, 0, 0, 0, 0, 0]
        unsafe normalize(&x, count: 8)
        #expect(largestDifference(x, [0.6, 0.8] + [Float](repeating: 0, count: 6)) <= roundoff)
        var zero = [Float](repeating: 0, count: 8)
        unsafe normalize(&zero, count: 8)
        #expect(zero == [Float](repeating: 0, count: 8))
    }

    @Test func `a slice plan has every text once, in slices within the capacity`() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<200 {
            let lengths = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Int.random(in: 1...256, using: &random)
            }
            let workers = Int.random(in: 1...5, using: &random)
            let slices = SlicePlan(lengths: lengths, workers: workers, capacity: 256).slices
            #expect(slices.flatMap(\.self).sorted() == Array(lengths.indices))
            #expect(slices.allSatisfy { !$0.isEmpty && $0.reduce(0) { $0 + lengths[$1] } <= 256 })
        }
        // Few texts are spread, not put in one slice.
        #expect(SlicePlan(lengths: [10, 10, 10, 10], workers: 2, capacity: 256).slices == [[0, 1], [2, 3]])
    }

    /// A slice that is shared takes 1.2 times its work.
    @Test(arguments: [
        ([256, 10], 2, 2), ([256, 10], 8, 2), ([256, 256], 2, 0), ([256, 200], 2, 0), ([256, 256, 256], 2, 1),
        ([256, 256, 10], 2, 0), ([256, 256, 10], 4, 3), ([256, 10], 1, 0), ([Int](repeating: 256, count: 9), 2, 0),
        ([], 2, 0),
    ])
    func `slices that do not come out even are shared`(tokens: [Int], workers: Int, shared: Int) {
        #expect(SlicePlan.sharedSlices(tokens: tokens, workers: workers) { max($0 / 32, 6) } == shared)
    }

    @Test(arguments: [0, 1, 127, 128, 129, 256, 257, 1000])
    func `blocks are rows in order, of even sizes within the limit`(count: Int) {
        let blocks = EvenBlocks(of: 7..<7 + count, atMost: 128)
        #expect(blocks.flatMap { Array($0) } == Array(7..<7 + count))
        #expect(blocks.count == (count + 127) / 128)
        let sizes = blocks.map { $0.count }
        #expect((sizes.max() ?? 0) <= 128 && (sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }
}
