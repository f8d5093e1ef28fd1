// The four ways a matrix is multiplied, against sums in double precision. Inputs are seeded.

import TestSupport
import Testing

@testable import MiniLM

extension LinearParameters {
    /// Weights and biases of a size that products stay within a few units.
    init(_ random: inout SplitMix64, outDim: Int, inDim: Int) {
        self.init(
            stacking: [
                (
                    .floats(Tensor(random.floats(outDim * inDim, in: -1...1), shape: [outDim, inDim])),
                    Tensor(random.floats(outDim, in: -1...1), shape: [outDim])
                )
            ], scales: [1])
    }

    /// x · Wᵀ + b of one row.
    func exact(_ x: ArraySlice<Float>) -> [Double] {
        var y: [Double] = []
        forEachChannel { _, weights, bias in
            y.append(zip(x, weights).reduce(Double(bias)) { $0 + Double($1.0) * Double($1.1) })
        }
        return y
    }
}

@Suite struct LinearTests {
    /// Half a unit in the last place of 1.
    let roundoff = 0x1p-24

    /// y = x · Wᵀ + b by one of the back ends, as `members` threads would compute it one after the other.
    private func apply(
        _ layer: Linear, _ x: [Float], onto y: [Float]? = nil, rows: Int, outDim: Int, inDim: Int,
        _ epilogue: Epilogue = .store, members: Int = 1, shape: TileShape = .native
    ) -> [Float] {
        let room = rows + leastRows(outDim: outDim, inDim: inDim)
        var x = x + [Float](repeating: 0, count: (room - rows) * inDim)
        var result = (y ?? [Float](repeating: .nan, count: rows * outDim))
        result += [Float](repeating: 0, count: (room - rows) * outDim)
        let configuration = EncoderConfiguration(
            vocabularySize: 1, hiddenSize: inDim, intermediateSize: inDim, hiddenLayers: 1, attentionHeads: 1,
            maxPositionEmbeddings: 8, typeVocabularySize: 1, layerNormEpsilon: 1e-12, pooling: .mean,
            normalizes: true, maxTokens: 8)
        let precision: Precision = if case .bytes = layer { .i8 } else { .i16 }
        var workspace = Workspace(configuration, precision: precision)
        for member in 0..<members {
            let share = Share(member: member, members: members, split: .columns, barrier: nil)
            unsafe layer.apply(&result, &x, rows: rows, epilogue, share, &workspace)
        }
        return Array(result.prefix(rows * outDim))
    }

    /// Every number of rows of a tile, several tiles, columns that fill panels and columns that do not.
    @Test(arguments: TileShape.allCases, [1, 2, 3, 4, 5, 6, 7, 13, 96])
    func `packed weights give x · Wᵀ + b`(shape: TileShape, rows: Int) {
        for (outDim, inDim) in [(64, 40), (72, 384), (8, 16)] {
            var random = SplitMix64(seed: UInt64(rows * outDim))
            let x = random.floats(rows * inDim, in: -1...1)
            let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
            let y = apply(
                .packed(PackedLinear(parameters, shape: shape)), x, rows: rows, outDim: outDim, inDim: inDim)
            for row in 0..<rows {
                let exact = parameters.exact(x[row * inDim..<(row + 1) * inDim])
                // Each of the additions rounds a partial sum, of magnitude below 32 where there are 384.
                let worst = zip(y[row * outDim..<(row + 1) * outDim], exact).map { abs(Double($0) - $1) }.max() ?? 1
                #expect(worst <= Double(inDim) * 32 * roundoff)
            }
        }
    }

    @Test(arguments: [1, 3, 17, 64])
    func `a BLAS gives x · Wᵀ + b`(rows: Int) {
        var random = SplitMix64(seed: UInt64(rows))
        let (outDim, inDim) = (48, 40)
        let x = random.floats(rows * inDim, in: -1...1)
        let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
        let y = apply(.blas(BLASLinear(parameters)), x, rows: rows, outDim: outDim, inDim: inDim)
        for row in 0..<rows {
            let exact = parameters.exact(x[row * inDim..<(row + 1) * inDim])
            let worst = zip(y[row * outDim..<(row + 1) * outDim], exact).map { abs(Double($0) - $1) }.max() ?? 1
            // Each of the 40 additions rounds a partial sum of magnitude below 8.
            #expect(worst <= 40 * 8 * roundoff)
        }
    }

    @Test(arguments: TileShape.allCases)
    func `what comes after the product is done to every column once`(shape: TileShape) {
        var random = SplitMix64(seed: 9)
        let (rows, outDim, inDim) = (10, 72, 16)
        let x = random.floats(rows * inDim, in: -1...1)
        let stream = random.floats(rows * outDim, in: -1...1)
        let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
        for layer: Linear in [
            .packed(PackedLinear(parameters, shape: shape)), .fixedPoint(FixedPointLinear(parameters, shape: shape)),
            .bytes(ByteLinear(parameters, shape: shape)), .blas(BLASLinear(parameters)),
        ] {
            let plain = apply(layer, x, rows: rows, outDim: outDim, inDim: inDim)
            let added = apply(layer, x, onto: stream, rows: rows, outDim: outDim, inDim: inDim, .add)
            // One addition more, and in another order with a BLAS: roundings of numbers below 8.
            #expect(largestDifference(added, zip(plain, stream).map { $0 + $1 }) <= 2e-6)
            var expected = plain
            unsafe gelu(&expected, count: expected.count)
            #expect(apply(layer, x, rows: rows, outDim: outDim, inDim: inDim, .gelu) == expected)
        }
    }

    @Test(arguments: TileShape.allCases)
    func `columns split between threads are the columns of one`(shape: TileShape) {
        var random = SplitMix64(seed: 10)
        let (rows, outDim, inDim) = (7, 200, 24)
        let x = random.floats(rows * inDim, in: -1...1)
        let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
        for layer: Linear in [
            .packed(PackedLinear(parameters, shape: shape)), .fixedPoint(FixedPointLinear(parameters, shape: shape)),
            .bytes(ByteLinear(parameters, shape: shape)),
        ] {
            let one = apply(layer, x, rows: rows, outDim: outDim, inDim: inDim)
            for members in [2, 3, 50] {
                #expect(apply(layer, x, rows: rows, outDim: outDim, inDim: inDim, members: members) == one)
            }
        }
    }

    /// The bound of the sum is each row's own, so the worst case is activations of the largest size with the weights' signs.
    @Test(arguments: TileShape.allCases)
    func `16-bit sums cannot overflow`(shape: TileShape) {
        var random = SplitMix64(seed: 11)
        let (outDim, inDim) = (24, 1536)
        for weights in [
            random.floats(outDim * inDim, in: -1...1), [Float](repeating: 1, count: outDim * inDim),
            (0..<outDim * inDim).map { $0 % 97 == 0 ? 1 : 1e-4 },
        ] {
            for row in 0..<outDim {
                for block in FixedPointLinear.blocks(inDim: inDim) {
                    let slice = weights[row * inDim + 2 * block.lowerBound..<row * inDim + 2 * block.upperBound]
                    let (integers, _) = FixedPointLinear.quantize(slice)
                    let norm = integers.reduce(0.0) { $0 + abs(Double($1)) }
                    #expect(norm * Double(FixedPointLinear.activationLimit) < 0x1p31)
                }
            }
            let parameters = LinearParameters(
                stacking: [
                    (
                        .floats(Tensor(weights, shape: [outDim, inDim])),
                        Tensor([Float](repeating: 0, count: outDim), shape: [outDim])
                    )
                ], scales: [1])
            let x = weights.prefix(inDim).map { $0 < 0 ? Float(-1) : 1 }
            let y = apply(
                .fixedPoint(FixedPointLinear(parameters, shape: shape)), x, rows: 1, outDim: outDim, inDim: inDim)
            let norm = weights.prefix(inDim).reduce(0.0) { $0 + abs(Double($1)) }
            // Weights of 13 bits or more; an overflow would have the wrong sign.
            #expect(abs(Double(y[0]) - norm) <= norm * 1e-3)
        }
    }

    /// Random numbers lose what rounding loses: half a step of the largest activation, and of the channel's scale.
    @Test(arguments: TileShape.allCases, [1, 5, 6, 11])
    func `16-bit weights give x · Wᵀ + b to the rounding of both`(shape: TileShape, rows: Int) {
        for (outDim, inDim) in [(72, 1536), (64, 384), (8, 40)] {
            var random = SplitMix64(seed: UInt64(rows))
            let x = random.floats(rows * inDim, in: -1...1)
            let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
            let y = apply(
                .fixedPoint(FixedPointLinear(parameters, shape: shape)), x, rows: rows, outDim: outDim, inDim: inDim)
            // Roundings are independent: six standard deviations of their sum. A weight's step is below 1 / 900 (a channel's
            // norm is half its length), an activation's 1 / 11585; each is off by step / √12 on average.
            let sigma = (Double(inDim) / 3 / 12).squareRoot() * (1 / 900 + 1 / 11585)
            for row in 0..<rows {
                let exact = parameters.exact(x[row * inDim..<(row + 1) * inDim])
                let worst = zip(y[row * outDim..<(row + 1) * outDim], exact).map { abs(Double($0) - $1) }.max() ?? 1
                #expect(worst <= 6 * sigma)
            }
        }
    }

    /// As above, with 254 steps between the least and the greatest of a rotated block of x, and as many from the least to the
    /// greatest weight. Rotated numbers are nearly normal: both ranges are about six of their deviations, 6 / √3 / 254 a step.
    @Test(arguments: TileShape.allCases, [1, 5, 6, 11])
    func `8-bit weights give x · Wᵀ + b to the rounding of both`(shape: TileShape, rows: Int) {
        for (outDim, inDim) in [(72, 1536), (64, 384), (8, 40)] {
            var random = SplitMix64(seed: UInt64(rows))
            let x = random.floats(rows * inDim, in: -1...1)
            let parameters = LinearParameters(&random, outDim: outDim, inDim: inDim)
            let y = apply(
                .bytes(ByteLinear(parameters, shape: shape)), x, rows: rows, outDim: outDim, inDim: inDim)
            // A padded block has roundings of its zeros, too.
            let elements = ByteLinear.blocks(inDim: inDim) * ByteLinear.block
            let sigma = (Double(elements) / 3 / 12).squareRoot() * 2 * (6 / 3.0.squareRoot() / 254)
            for row in 0..<rows {
                let exact = parameters.exact(x[row * inDim..<(row + 1) * inDim])
                let worst = zip(y[row * outDim..<(row + 1) * outDim], exact).map { abs(Double($0) - $1) }.max() ?? 1
                #expect(worst <= 6 * sigma)
            }
        }
    }

    /// The extremes of both sides in every product: a sum that saturated or wrapped would be far off.
    @Test(arguments: TileShape.allCases)
    func `8-bit sums are exact`(shape: TileShape) {
        let (outDim, inDim) = (16, 256)
        // Of each eight that are rotated into one another the first alone: the result is as large everywhere.
        let corner = (0..<inDim).map { $0 % ByteLinear.block < 16 ? Float(1) : 0 }
        for sign: Float in [1, -1] {
            let parameters = LinearParameters(
                stacking: [
                    (
                        .floats(
                            Tensor((0..<outDim).flatMap { _ in corner.map { $0 * sign } }, shape: [outDim, inDim])),
                        Tensor([Float](repeating: 0, count: outDim), shape: [outDim])
                    )
                ], scales: [1])
            // One negative element, so that 0 to 254 is what the bytes use.
            var x = corner
            x[0] = -1
            let y = apply(.bytes(ByteLinear(parameters, shape: shape)), x, rows: 1, outDim: outDim, inDim: inDim)
            // 31 ones and one of the other sign; both sides are multiples of their steps, and float32 sums are off by roundings.
            #expect(y.allSatisfy { abs($0 - 30 * sign) <= 1e-4 })
        }
    }

    /// Blocks whose rotation is known: two of its elements are as given, the others zero.
    ///
    /// The first pair is one whose least element was once -1, and so 255: its product with the factor is a half when rounded to a
    /// float, and a little more before. The last ones are too small for a step of their own, or have zero at an end.
    @Test func `bytes of activations are within half a step of them`() {
        var random = SplitMix64(seed: 13)
        var pairs: [(Float, Float)] = [
            (-6.291112899780273, 4.767313480377197), (1e-38, -1e-38), (3e-37, 0), (0, 0), (0, 5), (-5, 0), (3, 5),
            (-3, -5),
        ]
        for _ in 0..<3000 {
            let values = random.floats(2, in: -8...8)
            pairs.append((values[0], values[1]))
        }
        for pair in pairs {
            var x = [Float](repeating: 0, count: ByteLinear.block)
            for vector in 0..<8 {
                x[16 * vector] = pair.0 / 8
                x[16 * vector + 1] = pair.1 / 8
            }
            var quads = [Int32](repeating: 0, count: ByteLinear.block / 4)
            var (scale, offset): (Float, Float) = (0, 0)
            unsafe quantizeRowsToBytes(&quads, scales: &scale, offsets: &offset, x, rows: 1, columns: x.count)
            // Of the first vector the first two elements, and one of those that are zero.
            let bytes = quads.prefix(3).map { Float($0 & 0xFF) }
            for (byte, value) in zip(bytes, [pair.0, pair.1, 0]) {
                // A step of 254 and roundings of its ends; 1e-30 is what counts as nothing.
                #expect(abs(byte * scale + offset - value) <= 0.501 * scale + 1e-30)
            }
        }
    }

    /// A column of W, chosen by an x whose bytes are exact: in one pass within half a step of the weights, in two within half of
    /// a step of what that left, each eight times over.
    @Test func `a second pass gives 8-bit weights what the first one lost`() {
        var random = SplitMix64(seed: 12)
        let (outDim, inDim) = (72, 128)
        let parts = [
            (
                weight: Parameter.floats(Tensor(random.floats(outDim * inDim, in: -1...1), shape: [outDim, inDim])),
                bias: Tensor([Float](repeating: 0, count: outDim), shape: [outDim])
            )
        ]
        var x = [Float](repeating: 0, count: inDim)
        x[5] = 1
        for (refined, tolerance) in [(0, 8 * 0.5 / 127), (1, 8 * 0.25 / 127 / 127)] {
            let parameters = LinearParameters(stacking: parts, scales: [1], refined: refined)
            let y = apply(.bytes(ByteLinear(parameters)), x, rows: 1, outDim: outDim, inDim: inDim)
            let worst = zip(y, parameters.exact(x[...])).map { abs(Double($0) - $1) }.max() ?? 1
            #expect(worst <= tolerance)
        }
    }

    @Test func `weights too small for a step of their own are zeros`() {
        let weights = (0..<64).map { Float($0 - 32) * (Float.leastNormalMagnitude / 128) }
        let parameters = LinearParameters(
            stacking: [(.floats(Tensor(weights, shape: [8, 8])), Tensor([Float](repeating: 2, count: 8), shape: [8]))],
            scales: [1])
        let x = (0..<8).map { Float($0) }
        let y = apply(.bytes(ByteLinear(parameters)), x, rows: 1, outDim: 8, inDim: 8)
        #expect(y.allSatisfy { abs($0 - 2) <= 1e-6 })
    }

    @Test func `weights that are no numbers give results that are none`() {
        let weights: [Float] = [1, .nan, 1, 1, 1, 1, 1, 1] + [Float](repeating: 1, count: 56)
        let parameters = LinearParameters(
            stacking: [(.floats(Tensor(weights, shape: [8, 8])), Tensor([Float](repeating: 0, count: 8), shape: [8]))],
            scales: [1])
        let x = [Float](repeating: 1, count: 8)
        for layer: Linear in [.fixedPoint(FixedPointLinear(parameters)), .bytes(ByteLinear(parameters))] {
            let y = apply(layer, x, rows: 1, outDim: 8, inDim: 8)
            #expect(y[0].isNaN && !y[1].isNaN)
        }
    }
}
