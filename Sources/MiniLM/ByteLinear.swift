// Weights and activations in 8 bits: a quarter of the memory to stream and four products a lane and instruction.

import CIntrinsics

/// Weights in panels of quads: [panels][passes][blocks][quads][columns], a quad being four elements
/// that are sixteen apart.
///
/// The inner dimension is cut into blocks of 128, zeros behind the last element. Within a block both sides are rotated: x · w =
/// (H · x) · (H⁻¹ · w), with an H that spreads what is in one element over eight, so that none is much larger than the others and
/// takes the steps from them (as in QuaRot, Ashkboos et al. 2024). Rotated weights are rounded to integers of -127 to 127, scaled
/// by output channel and block; a token's rotated activations to integers of 0 to 255 between the least and the greatest of the
/// block. Integer sums are exact, 128 · 255 · 127 being below 2²³; sums of blocks are float32.
struct ByteLinear: Sendable {
    let outDim: Int
    let inDim: Int
    private let shape: TileShape
    /// The first panel that has a second pass, for what rounding took from the weights of the first.
    private let firstRefined: Int
    let panels: AlignedBuffer<Int32>
    /// What an integer weight of a channel is worth, and the sum of the block's, so scaled: [panels][passes][blocks][columns].
    private let scales: AlignedBuffer<Float>
    private let sums: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>

    /// Elements of a block: eight vectors of sixteen.
    static let block = 128
    /// The largest magnitude of a weight.
    static let weightLimit: Float = 127
    /// What is not above this is rounded to zero: steps of some 1e-37 and less have no finite inverse.
    static let negligible: Float = 1e-30

    /// Blocks of an inner dimension.
    static func blocks(inDim: Int) -> Int { (inDim + block - 1) / block }

    /// Panels get their second pass from the one on that has the layer's first refined channel.
    init(_ layer: LinearParameters, shape: TileShape = .native) {
        (outDim, inDim, self.shape) = (layer.outDim, layer.inDim, shape)
        let columns = shape.columns
        let blocks = Self.blocks(inDim: inDim)
        let panelCount = (outDim + columns - 1) / columns
        firstRefined = layer.firstRefined / columns
        let passCount = panelCount + max(panelCount - firstRefined, 0)
        panels = AlignedBuffer(count: passCount * blocks * Self.block / 4 * columns, zero: 0, in: layer.arena)
        scales = AlignedBuffer(count: passCount * blocks * columns, zero: 0, in: layer.arena)
        sums = AlignedBuffer(count: passCount * blocks * columns, zero: 0, in: layer.arena)
        bias = AlignedBuffer(count: panelCount * columns, zero: 0, in: layer.arena)
        layer.forEachChannel { out, row, bias in
            unsafe self.bias.start[out] = bias
            let (panel, column) = (out / columns, out % columns)
            unsafe row.withUnsafeBufferPointer { row in
                for block in 0..<blocks {
                    let first = block * Self.block
                    // H is its own inverse but for a factor of eight.
                    var weights = unsafe RotatedBlock(row.baseAddress! + first, count: min(inDim - first, Self.block))
                    weights.scale(by: 0.125)
                    for pass in 0..<passes(panel) {
                        let index = (firstPass(panel) + pass) * blocks + block
                        let target = unsafe panels.start + index * Self.block / 4 * columns + column
                        let (scale, sum) = unsafe weights.takeIntegers(target, leading: columns)
                        unsafe scales.start[index * columns + column] = scale
                        unsafe sums.start[index * columns + column] = sum * scale
                    }
                }
            }
        }
    }

    private func passes(_ panel: Int) -> Int { panel < firstRefined ? 1 : 2 }

    /// Passes of the panels before this one.
    private func firstPass(_ panel: Int) -> Int { panel + max(panel - firstRefined, 0) }

    /// y = epilogue(x · Wᵀ + b) in this thread's share of the panels.   x: [rows, inDim]   y: [rows, outDim]
    func apply(
        _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ epilogue: Epilogue, _ share: Share,
        _ workspace: inout Workspace, next: UnsafeRawPointer?
    ) {
        let columns = shape.columns
        let blocks = Self.blocks(inDim: inDim)
        unsafe quantizeRowsToBytes(
            workspace.integers.start, scales: workspace.rowScales.start, offsets: workspace.rowOffsets.start, x,
            rows: rows, columns: inDim)
        let quads = Self.block / 4
        let mine = share.panels(of: (outDim + columns - 1) / columns)
        for (index, panel) in mine.enumerated() {
            let first = panel * columns
            let turns = passes(panel) * blocks
            let following = unsafe index + 1 < mine.count ? start(ofPanel: mine[index + 1]) : next
            for turn in 0..<turns {
                let (block, pass) = (turn % blocks, firstPass(panel) * blocks + turn)
                let scales = unsafe Quads(
                    rowScales: workspace.rowScales.start + block, rowOffsets: workspace.rowOffsets.start + block,
                    leading: blocks, columnScales: scales.start + pass * columns,
                    columnSums: sums.start + pass * columns)
                let start = unsafe panels.start + pass * quads * columns
                unsafe PanelProduct(
                    x: workspace.integers.start + block * quads, leadingX: blocks * quads,
                    panel: start, steps: quads, operands: .quads(scales),
                    bias: bias.start + first, y: y + first, leadingY: outDim, rows: rows, columns: outDim - first,
                    epilogue: epilogue, isFirst: turn == 0, isLast: turn == turns - 1,
                    next: turn == turns - 1 ? following : UnsafeRawPointer(start + quads * columns)
                ).run(shape)
            }
        }
    }

    /// Where the weights of this thread's share begin.
    func start(of share: Share) -> UnsafeRawPointer? {
        unsafe share.panels(of: (outDim + shape.columns - 1) / shape.columns).first.map { unsafe start(ofPanel: $0) }
    }

    private func start(ofPanel panel: Int) -> UnsafeRawPointer {
        let pass = firstPass(panel) * Self.blocks(inDim: inDim)
        return unsafe UnsafeRawPointer(panels.start + pass * Self.block / 4 * shape.columns)
    }
}

/// bytes = zero + H · x / scale, rounded, block by block: the least value, or zero, becomes 0 or 1, the greatest 254 or 255.
///
/// x: [rows, columns]
///
/// bytes: [rows, blocks, 128], four in an element   scales, offsets: [rows, blocks], an offset being -zero · scale
///
/// A block that holds NaN or infinity has the scale NaN, and so has its row's product: bytes could not tell.
func quantizeRowsToBytes(
    _ bytes: UnsafeMutablePointer<Int32>, scales: UnsafeMutablePointer<Float>, offsets: UnsafeMutablePointer<Float>,
    _ x: UnsafePointer<Float>, rows: Int, columns: Int
) {
    let blocks = ByteLinear.blocks(inDim: columns)
    for row in 0..<rows {
        for block in 0..<blocks {
            let first = block * ByteLinear.block
            let index = row * blocks + block
            let rotated = unsafe RotatedBlock(
                x + row * columns + first, count: min(columns - first, ByteLinear.block))
            // With zero within the range, bytes and their zero are within 0...255.
            let (least, greatest) = rotated.extremes
            let (low, high) = (min(least, 0), max(greatest, 0))
            // What is as small as this is nothing, and its steps would be too many for a float to count.
            let isFlat = high - low <= ByteLinear.negligible
            // One of 255 steps is left out: the zero is rounded up, and an end may be. Down, a product with one rounding may be just below a
            // half where this one with two is a half: the least would be -1, and wrap to the greatest.
            let scale = (high - low) / 254
            let factor = isFlat ? 0 : 254 / (high - low)
            let zero = (-low * factor).rounded(.up)
            unsafe scales[index] = rotated.isFinite ? scale : .nan
            unsafe offsets[index] = isFlat ? low : -zero * scale
            let target = unsafe UnsafeMutableRawPointer(bytes + index * ByteLinear.block / 4)
            for half in 0..<2 {
                unsafe target.storeBytes(
                    of: rotated.bytes(half: half, factor: factor, zero: zero), toByteOffset: 64 * half,
                    as: SIMD16<UInt32>.self)
            }
        }
    }
}

/// H · x for a block of 128 elements: of the eight that are sixteen apart, the sums with the signs of a Hadamard matrix.
private struct RotatedBlock {
    private var vectors: InlineArray<8, WideLanes>

    /// `count` elements, and zeros for those that are missing.
    @inline(__always)
    init(_ x: UnsafePointer<Float>, count: Int) {
        if count == ByteLinear.block {
            vectors = InlineArray {
                unsafe UnsafeRawPointer(x + 16 &* $0).loadUnaligned(as: WideLanes.self)
            }
        } else {
            vectors = InlineArray { vector in
                var lanes = WideLanes.zero
                for i in 0..<min(max(count - 16 * vector, 0), 16) { lanes[i] = unsafe x[16 * vector + i] }
                return lanes
            }
        }
        for stage in 0..<3 {
            let distance = 1 << stage
            for i in 0..<8 where i & distance == 0 {
                let (a, b): (WideLanes, WideLanes) = (vectors[i], vectors[i + distance])
                vectors[i] = a + b
                vectors[i + distance] = a - b
            }
        }
    }

    /// Whether all of the block's elements are, as they were before they were rotated: the first of eight rotated ones is their sum.
    @inline(__always)
    var isFinite: Bool { cintrinsics_sum16(vectors[0] * 0) == 0 }

    /// The least and the greatest element.
    @inline(__always)
    var extremes: (low: Float, high: Float) {
        var (least, greatest) = (vectors[0], vectors[0])
        for i in 1..<8 {
            least = cintrinsics_min16(vectors[i], least)
            greatest = cintrinsics_max16(vectors[i], greatest)
        }
        return (cintrinsics_smallest16(least), cintrinsics_largest16(greatest))
    }

    /// zero + factor · the elements of a half of the block, rounded to 0...255: four vectors in the bytes of one.
    @inline(__always)
    func bytes(half: Int, factor: Float, zero: Float) -> SIMD16<UInt32> {
        // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits of the sum, 0x4B400000 above it. That comes in with each
        // byte, and is taken away beforehand.
        let shifter = WideLanes(repeating: 0x1.8p23 + zero)
        var quads = SIMD16<UInt32>(repeating: 0 &- 0x4B40_0000 &* 0x0101_0101)
        for byte in 0..<4 {
            let shifted = multiplyAdd(vectors[4 * half + byte], WideLanes(repeating: factor), shifter)
            quads &+= unsafe unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &<< UInt32(8 * byte)
        }
        return quads
    }

    @inline(__always)
    mutating func scale(by factor: Float) {
        for i in 0..<8 { vectors[i] *= factor }
    }

    /// Rounds the block to integers of at most `weightLimit`, writes them as quads, each `leading` behind the last one, and keeps
    /// what rounding took. Gives an integer's worth and their sum.
    mutating func takeIntegers(_ quads: UnsafeMutablePointer<Int32>, leading: Int) -> (scale: Float, sum: Float) {
        var (largest, zeros) = (WideLanes.zero, WideLanes.zero)
        for i in 0..<8 {
            largest = cintrinsics_max16(cintrinsics_abs16(vectors[i]), largest)
            zeros += vectors[i] * 0
        }
        let limit = cintrinsics_largest16(largest)
        // Weights that are no numbers give vectors that are none, as in float32.
        guard cintrinsics_sum16(zeros) == 0 else { return (.nan, 0) }
        guard limit > ByteLinear.negligible else { return (0, 0) }
        let scale = limit / ByteLinear.weightLimit
        // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits of the sum.
        let shifter = WideLanes(repeating: 0x1.8p23)
        var sum = WideLanes.zero
        var bytes = SIMD16<Int32>.zero
        for i in 0..<8 {
            let shifted = multiplyAdd(vectors[i], WideLanes(repeating: ByteLinear.weightLimit / limit), shifter)
            let integers = shifted - shifter
            sum += integers
            vectors[i] = multiplyAdd(integers, WideLanes(repeating: -scale), vectors[i])
            // Four vectors in the bytes of one, as the activations are.
            let byte = (unsafe unsafeBitCast(shifted, to: SIMD16<Int32>.self) & 0xFF) &<< Int32(i % 4 * 8)
            bytes = i % 4 == 0 ? byte : bytes | byte
            if i % 4 == 3 {
                for lane in 0..<16 { unsafe quads[(4 &* (i &- 3) &+ lane) &* leading] = bytes[lane] }
            }
        }
        return (scale, cintrinsics_sum16(sum))
    }
}
