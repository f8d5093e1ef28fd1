// float32 weights laid out once for the kernels, so that nothing is packed when they are used.

/// Weights in panels: [panels][inDim][columns], the columns of a panel side by side, zeros beyond the last.
///
/// A row's result depends on that row alone, to the bit: sums run over the inner dimension in order, block by block, whatever the
/// number of rows and whoever computes them.
struct PackedLinear: Sendable {
    let outDim: Int
    let inDim: Int
    private let shape: TileShape
    let panels: AlignedBuffer<Float>
    private let bias: AlignedBuffer<Float>

    /// Elements of the inner dimension that are summed at once: a block of a panel, 98 KB where it has 64 columns, the next one,
    /// and the rows that are multiplied by it stay in the second-level cache.
    private static let block = 384

    init(_ layer: LinearParameters, shape: TileShape = .native) {
        (outDim, inDim, self.shape) = (layer.outDim, layer.inDim, shape)
        let columns = shape.columns
        let panelCount = (outDim + columns - 1) / columns
        panels = AlignedBuffer(count: panelCount * inDim * columns, zero: 0, in: layer.arena)
        bias = AlignedBuffer(count: panelCount * columns, zero: 0, in: layer.arena)
        layer.forEachChannel { out, weights, bias in
            let column = unsafe panels.start + out / columns * inDim * columns + out % columns
            for k in 0..<inDim { unsafe column[k &* columns] = weights[k] }
            unsafe self.bias.start[out] = bias
        }
    }

    /// y = epilogue(x · Wᵀ + b) in this thread's share of the panels.   x: [rows, inDim]   y: [rows, outDim]
    func apply(
        _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ epilogue: Epilogue, _ share: Share,
        next: UnsafeRawPointer?
    ) {
        let columns = shape.columns
        let mine = share.panels(of: (outDim + columns - 1) / columns)
        for (index, panel) in mine.enumerated() {
            let first = panel * columns
            for begin in stride(from: 0, to: inDim, by: Self.block) {
                let isLast = begin + Self.block >= inDim
                let block = unsafe panels.start + first * inDim + begin * columns
                let following = unsafe index + 1 < mine.count ? start(ofPanel: mine[index + 1]) : next
                unsafe PanelProduct(
                    x: x + begin, leadingX: inDim, panel: block, steps: min(Self.block, inDim - begin),
                    operands: .floats, bias: bias.start + first, y: y + first, leadingY: outDim, rows: rows,
                    columns: outDim - first, epilogue: epilogue, isFirst: begin == 0, isLast: isLast,
                    next: isLast ? following : UnsafeRawPointer(block + Self.block * columns)
                ).run(shape)
            }
        }
    }

    /// Where the weights of this thread's share begin.
    func start(of share: Share) -> UnsafeRawPointer? {
        unsafe share.panels(of: (outDim + shape.columns - 1) / shape.columns).first.map { unsafe start(ofPanel: $0) }
    }

    private func start(ofPanel panel: Int) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(panels.start + panel * shape.columns * inDim)
    }
}
