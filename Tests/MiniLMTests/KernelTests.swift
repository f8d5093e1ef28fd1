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
            abs(Double(exponential(Lanes(repeating: x))[3]) / exp(Double(x)) - 1)
        }.max()
        #expect(try #require(worst) <= 1.5e-7)
        #expect(exponential(Lanes(repeating: -88)) == .zero)
        #expect(exponential(Lanes(repeating: -.infinity)) == .zero)
        #expect(exponential(.zero) == .one)
    }

    /// 9e-9 from the fit, 6e-9 from float32 coefficients and Horner steps, then some roundings of the result.
    @Test func `GELU is x · Φ(x) by the exact error function`() throws {
        var x = Array(stride(from: Float(-16), to: 16, by: 0.000_5))
        let input = x
        gelu(&x, count: x.count)
        let worst = zip(input, x).map { x, y in
            let exact = Double(x) * 0.5 * erfc(-Double(x) / 2.0.squareRoot())
            return abs(Double(y) - exact) - 4 * Double(roundoff) * abs(exact)
        }.max()
        #expect(try #require(worst) <= 1.5e-8)
    }

    /// Sums of 384 squares in eight lanes: an error of some roundoffs, times values of up to 4.
    @Test func `LayerNorm is (x - mean) / √(variance + ε) · weight + bias`() {
        var random = SplitMix64(seed: 2)
        let (rows, size, epsilon) = (5, 384, Float(1e-12))
        var x = random.floats(rows * size, in: -3...5)
        let (weight, bias) = (random.floats(size, in: -2...2), random.floats(size, in: -1...1))
        let input = x.map(Double.init)
        layerNorm(
            &x, LayerNormParameters(weight: Tensor(weight, shape: [size]), bias: Tensor(bias, shape: [size])),
            epsilon: epsilon, rows: rows)
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

    @Test(arguments: [1, 2, 7, 8, 9, 31, 256])
    func `softmax rows sum to 1 and are e to the x over their sum`(columns: Int) {
        var random = SplitMix64(seed: UInt64(columns))
        let (rows, leading) = (3, roundedUpToLanes(columns))
        // Far from zero: without subtracting the maximum, e to the x would overflow.
        var x = random.floats(rows * leading, in: 80...120)
        let input = x.map(Double.init)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe softmax(x, rows: rows, columns: columns, leading: leading)
        }
        for row in 0..<rows {
            let exponentials = input[row * leading..<row * leading + columns].map { exp($0 - 100) }
            let sum = exponentials.reduce(0, +)
            for i in 0..<columns {
                // The exponential's 1.5e-7 twice, once in the sum, and the roundings of a sum and a product.
                #expect(abs(Double(x[row * leading + i]) - exponentials[i] / sum) <= 5e-7 * exponentials[i] / sum)
            }
            #expect(x[row * leading + columns..<(row + 1) * leading].allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: [1, 3, 17, 64])
    func `linear is x · Wᵀ + b`(rows: Int) {
        var random = SplitMix64(seed: UInt64(rows))
        let (outDim, inDim) = (48, 40)
        let room = max(rows, leastRows(outDim: outDim, inDim: inDim))
        let x = random.floats(room * inDim, in: -1...1)
        let (weight, bias) = (random.floats(outDim * inDim, in: -1...1), random.floats(outDim, in: -1...1))
        var y = [Float](repeating: .nan, count: room * outDim)
        linear(
            &y, x, Linear(weight: Tensor(weight, shape: [outDim, inDim]), bias: Tensor(bias, shape: [outDim])),
            rows: rows)
        for row in 0..<rows {
            for out in 0..<outDim {
                var exact = Double(bias[out])
                for i in 0..<inDim { exact += Double(x[row * inDim + i]) * Double(weight[out * inDim + i]) }
                // Each of the 40 additions rounds a partial sum of magnitude below 8.
                #expect(abs(Double(y[row * outDim + out]) - exact) <= 40 * 8 * Double(roundoff))
            }
        }
    }

    @Test func `attention looks at the tokens of its own text only`() {
        var random = SplitMix64(seed: 3)
        let (heads, headSize, lengths) = (2, 8, [3, 1, 9])
        let hidden = heads * headSize
        var sequences = PackedSequences()
        for length in lengths { sequences.append([Int32](repeating: 0, count: length)) }
        let queryKeyValue = random.floats(sequences.tokens * 3 * hidden, in: -2...2)
        var context = [Float](repeating: .nan, count: sequences.tokens * hidden)
        var scores = [Float](repeating: .nan, count: 9 * 16)
        attention(&context, queryKeyValue, scores: &scores, sequences, heads: heads, headSize: headSize)

        func value(_ token: Int, _ part: Int, _ head: Int, _ i: Int) -> Double {
            Double(queryKeyValue[token * 3 * hidden + part * hidden + head * headSize + i])
        }
        for sequence in lengths.indices {
            for (token, head) in sequences[sequence].flatMap({ token in (0..<heads).map { (token, $0) } }) {
                let weights = sequences[sequence].map { other in
                    exp(
                        (0..<headSize).reduce(0) { $0 + value(token, 0, head, $1) * value(other, 1, head, $1) }
                            / Double(headSize).squareRoot())
                }
                for i in 0..<headSize {
                    let exact =
                        zip(weights, sequences[sequence]).reduce(0) { $0 + $1.0 * value($1.1, 2, head, i) }
                        / weights.reduce(0, +)
                    // Scores up to 11 carry an error of 11 roundoffs or so into the exponent; values are up to 2.
                    #expect(abs(Double(context[token * hidden + head * headSize + i]) - exact) <= 4e-6)
                }
            }
        }
    }

    @Test func `pooling takes the mean of a text's tokens, or its first`() {
        var sequences = PackedSequences()
        sequences.append([0, 0, 0])
        sequences.append([0])
        // Row t is all t.
        let hidden = (0..<4).flatMap { [Float](repeating: Float($0), count: 8) }
        var vectors = [Float](repeating: .nan, count: 16)
        meanPool(&vectors, hidden, sequences, hiddenSize: 8)
        #expect(vectors == [Float](repeating: 1, count: 8) + [Float](repeating: 3, count: 8))
        clsPool(&vectors, hidden, sequences, hiddenSize: 8)
        #expect(vectors == [Float](repeating: 0, count: 8) + [Float](repeating: 3, count: 8))
    }

    @Test func `normalising gives length 1 and leaves zero zero`() {
        var x: [Float] = [3, 4, 0, 0, 0, 0, 0, 0] + [Float](repeating: 0, count: 8)
        normalize(&x, rows: 2, hiddenSize: 8)
        #expect(largestDifference(x, [0.6, 0.8] + [Float](repeating: 0, count: 14)) <= roundoff)
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
}
