// Weights and activations in 16-bit fixed point: half the memory to stream and twice the products an instruction.

/// Weights in panels of pairs: [panels][blocks][pairs][columns], a pair being two neighbours of the inner dimension.
///
/// Each token is scaled so that its largest activation is `activationLimit`. Each output channel is scaled, block by block
/// of the inner dimension, so that activationLimit · Σ|w| < 2³¹ within the block: no sum of products, however the
/// activations fall, leaves 32 bits, and integer sums are exact. Between blocks sums are float32.
struct FixedPointLinear: Sendable {
    let outDim: Int
    let inDim: Int
    private let shape: TileShape
    /// Of the inner dimension, in pairs.
    private let blocks: [Range<Int>]
    let panels: AlignedBuffer<Int32>
    /// What an integer weight of a channel is worth: [panels][blocks][columns].
    private let scales: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>

    /// The largest magnitude of an activation: 13.5 bits, which leaves as many to a channel of 384 weights.
    static let activationLimit: Float = 11585

    /// Pairs of the blocks of an inner dimension: even blocks of at most 384 elements.
    static func blocks(inDim: Int) -> [Range<Int>] {
        let pairs = (inDim + 1) / 2
        let count = (pairs + 191) / 192
        return (0..<count).map { pairs * $0 / count..<pairs * ($0 + 1) / count }
    }

    init(_ layer: LinearParameters, shape: TileShape = .native) {
        (outDim, inDim, self.shape) = (layer.outDim, layer.inDim, shape)
        let columns = shape.columns
        let blocks = Self.blocks(inDim: inDim)
        self.blocks = blocks
        let pairs = (inDim + 1) / 2
        let panelCount = (outDim + columns - 1) / columns
        panels = AlignedBuffer(count: panelCount * pairs * columns, zero: 0, in: layer.arena)
        scales = AlignedBuffer(count: panelCount * blocks.count * columns, zero: 0, in: layer.arena)
        bias = AlignedBuffer(count: panelCount * columns, zero: 0, in: layer.arena)
        layer.forEachChannel { out, row, bias in
            unsafe self.bias.start[out] = bias
            let (panel, column) = (out / columns, out % columns)
            for (index, block) in blocks.enumerated() {
                let weights = row[2 * block.lowerBound..<min(2 * block.upperBound, inDim)]
                let (integers, scale) = Self.quantize(weights)
                unsafe scales.start[(panel * blocks.count + index) * columns + column] = scale
                for (i, pair) in block.enumerated() {
                    let low = Int32(integers[2 * i])
                    let high = 2 * i + 1 < integers.count ? Int32(integers[2 * i + 1]) : 0
                    unsafe panels.start[(panel * pairs + pair) * columns + column] = high << 16 | low & 0xFFFF
                }
            }
        }
    }

    /// Integers and their worth, such that activationLimit · Σ|integers| < 2³¹.
    static func quantize(_ weights: ArraySlice<Float>) -> (integers: [Int16], scale: Float) {
        let norm = weights.reduce(0) { $0 + abs(Double($1)) }
        let largest = weights.reduce(0) { max($0, abs($1)) }
        guard norm > 0, norm.isFinite else {
            // Weights that are no numbers give vectors that are none, as in float32.
            return ([Int16](repeating: 0, count: weights.count), norm == 0 ? 0 : .nan)
        }
        // Rounding adds half a unit a weight at most; the other bound is the 16 bits.
        let budget = (0x1p31 - 1) / Double(activationLimit) - Double(weights.count) / 2
        let factor = min(budget / norm, 32767 / Double(largest))
        return (weights.map { Int16((Double($0) * factor).rounded()) }, Float(1 / factor))
    }

    /// y = epilogue(x · Wᵀ + b) in this thread's share of the panels.   x: [rows, inDim]   y: [rows, outDim]
    func apply(
        _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ epilogue: Epilogue, _ share: Share,
        _ workspace: inout Workspace, next: UnsafeRawPointer?
    ) {
        let pairs = (inDim + 1) / 2
        let columns = shape.columns
        let integers = unsafe workspace.integers.start
        unsafe quantizeRows(
            integers, scales: workspace.rowScales.start, x, rows: rows, columns: inDim, limit: Self.activationLimit)
        let mine = share.panels(of: (outDim + columns - 1) / columns)
        for (number, panel) in mine.enumerated() {
            let first = panel * columns
            for (index, block) in blocks.enumerated() {
                let isLast = index == blocks.count - 1
                let start = unsafe panels.start + (panel * pairs + block.lowerBound) * columns
                let following = unsafe number + 1 < mine.count ? self.start(ofPanel: mine[number + 1]) : next
                let scales = unsafe Pairs(
                    rowScales: workspace.rowScales.start,
                    columnScales: scales.start + (panel * blocks.count + index) * columns)
                unsafe PanelProduct(
                    x: integers + block.lowerBound, leadingX: pairs, panel: start, steps: block.count,
                    operands: .pairs(scales), bias: bias.start + first, y: y + first, leadingY: outDim, rows: rows,
                    columns: outDim - first, epilogue: epilogue, isFirst: index == 0, isLast: isLast,
                    next: isLast ? following : UnsafeRawPointer(start + block.count * columns)
                ).run(shape)
            }
        }
    }

    /// Where the weights of this thread's share begin.
    func start(of share: Share) -> UnsafeRawPointer? {
        unsafe share.panels(of: (outDim + shape.columns - 1) / shape.columns).first.map { unsafe start(ofPanel: $0) }
    }

    private func start(ofPanel panel: Int) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(panels.start + panel * ((inDim + 1) / 2) * shape.columns)
    }
}
