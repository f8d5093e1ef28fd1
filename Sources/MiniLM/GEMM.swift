// The one seam where matrices are multiplied: y = x · Wᵀ + b, four ways, with what comes after the product done on the way.

import CBLASShim

/// Who multiplies matrices.
public enum GEMMBackend: String, Sendable, CaseIterable {
    /// Our own kernels over weights that are packed once, when they are loaded.
    case swift
    /// OpenBLAS (Accelerate on Apple platforms), which packs at every call.
    case openblas
}

/// How numbers are represented within matrix products; everything between two products is float32.
public enum Precision: String, Sendable, CaseIterable {
    /// 32-bit floating point: equals the reference to 2e-6 a component.
    case f32
    /// 16-bit fixed point, a scale per output channel and per token, summed exactly in 32 bits.
    case i16
    /// 8-bit integers, scales per block of 128 elements of an output channel and of a token, summed exactly within the block.
    case i8
}

/// A linear layer, in the form its back end multiplies by.
enum Linear: Sendable {
    case blas(BLASLinear)
    case packed(PackedLinear)
    case fixedPoint(FixedPointLinear)
    case bytes(ByteLinear)

    init(_ parameters: LinearParameters, backend: GEMMBackend, precision: Precision) {
        switch (precision, backend) {
        case (.f32, .openblas): self = .blas(BLASLinear(parameters))
        case (.f32, .swift): self = .packed(PackedLinear(parameters))
        case (.i16, _): self = .fixedPoint(FixedPointLinear(parameters))
        case (.i8, _): self = .bytes(ByteLinear(parameters))
        }
    }

    /// y = epilogue(x · Wᵀ + b).   x: [rows, inDim]   y: [rows, outDim]
    ///
    /// Computes this thread's share of the columns. With a BLAS, x and y have room for `leastRows` rows.
    ///
    /// - Parameter next: Weights that will be used after these (`start(of:)`), to be fetched meanwhile.
    func apply(
        _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ epilogue: Epilogue, _ share: Share,
        _ workspace: inout Workspace, next: UnsafeRawPointer? = nil
    ) {
        switch self {
        case .blas(let layer): unsafe layer.apply(y, x, rows: rows, epilogue)
        case .packed(let layer): unsafe layer.apply(y, x, rows: rows, epilogue, share, next: next)
        case .fixedPoint(let layer): unsafe layer.apply(y, x, rows: rows, epilogue, share, &workspace, next: next)
        case .bytes(let layer): unsafe layer.apply(y, x, rows: rows, epilogue, share, &workspace, next: next)
        }
    }

    /// The weights as they are streamed, without biases and scales.
    var memory: UnsafeRawBufferPointer {
        switch self {
        case .blas(let layer): unsafe layer.weight.bytes
        case .packed(let layer): unsafe layer.panels.bytes
        case .fixedPoint(let layer): unsafe layer.panels.bytes
        case .bytes(let layer): unsafe layer.panels.bytes
        }
    }

    /// Where the weights of this thread's share begin, if somebody may fetch them.
    func start(of share: Share) -> UnsafeRawPointer? {
        switch self {
        case .blas: nil
        case .packed(let layer): unsafe layer.start(of: share)
        case .fixedPoint(let layer): unsafe layer.start(of: share)
        case .bytes(let layer): unsafe layer.start(of: share)
        }
    }
}

/// A linear layer as the model file has it: some matrices whose outputs stand side by side.
struct LinearParameters: Sendable {
    let outDim: Int
    let inDim: Int
    private let parts: [(weight: Parameter, bias: Tensor)]  // [outDim of the part, inDim], [outDim of the part]
    private let scales: [Float]
    /// The first output channel whose weights are worth two passes in 8 bits; `outDim` if none is.
    let firstRefined: Int
    /// Where the layer lays out its weights; nil for memory of its own.
    let arena: MemoryArena?

    /// - Parameters:
    ///   - scales: Of each part, a factor of weight and bias.
    ///   - refined: How many parts at the end are worth two passes in 8 bits.
    init(
        stacking parts: [(weight: Parameter, bias: Tensor)], scales: [Float], refined: Int = 0,
        arena: MemoryArena? = nil
    ) {
        precondition(!parts.isEmpty && parts.count == scales.count)
        precondition(parts.allSatisfy { $0.weight.shape == [$0.bias.count, parts[0].weight.shape[1]] })
        outDim = parts.reduce(0) { $0 + $1.bias.count }
        inDim = parts[0].weight.shape[1]
        (self.parts, self.scales, self.arena) = (parts, scales, arena)
        firstRefined = parts.dropLast(refined).reduce(0) { $0 + $1.bias.count }
    }

    /// Calls `body` with each output channel's number, weights, [inDim], and bias.
    func forEachChannel(_ body: (_ out: Int, _ weights: [Float], _ bias: Float) -> Void) {
        var out = 0
        for (part, scale) in zip(parts, scales) {
            for row in 0..<part.bias.count {
                let weights = part.weight.floats(row * inDim..<(row + 1) * inDim, times: scale)
                unsafe body(out, weights, part.bias.elements[row] * scale)
                out += 1
            }
        }
    }
}

/// Weights as BLAS takes them: row-major.
struct BLASLinear: Sendable {
    let outDim: Int
    let inDim: Int
    let weight: AlignedBuffer<Float>  // [outDim, inDim]
    private let bias: AlignedBuffer<Float>  // [outDim]

    init(_ layer: LinearParameters) {
        (outDim, inDim) = (layer.outDim, layer.inDim)
        weight = AlignedBuffer(count: outDim * inDim, zero: 0, in: layer.arena)
        bias = AlignedBuffer(count: outDim, zero: 0)
        layer.forEachChannel { out, weights, bias in
            unsafe (weight.start + out * inDim).update(from: weights, count: inDim)
            unsafe self.bias.start[out] = bias
        }
    }

    /// y = epilogue(x · Wᵀ + b), all columns, for at least `leastRows` rows.
    func apply(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ epilogue: Epilogue) {
        let computed = max(rows, leastRows(outDim: outDim, inDim: inDim))
        for row in 0..<computed {
            let y = unsafe y + row * outDim
            // What the products are added to, as cheap as the zeros BLAS would write instead.
            if epilogue == .add {
                unsafe add(y, bias.start, count: outDim)
            } else {
                unsafe y.update(from: bias.start, count: outDim)
            }
        }
        unsafe cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(computed), Int32(outDim), Int32(inDim), 1, x, Int32(inDim),
            weight.start, Int32(inDim), 1, y, Int32(outDim))
        if epilogue == .gelu { unsafe gelu(y, count: rows * outDim) }
    }
}

/// Makes one BLAS call use one thread, process-wide: workers are the encoder's own, a slice each.
func useSingleThreadedBLAS() {
    cblas_shim_set_threads(1)
}

/// The fewest rows a BLAS computes, so that a row's result does not depend on how many others there are.
///
/// OpenBLAS has other kernels, which sum in another order, for products of up to 10⁶ multiplications: 6 rows of MiniLM's
/// smallest matrix. Bounded by the rows that a thread or a block has at least, so that nobody computes the rows of another;
/// matrices below 177 × 177 are beyond the guarantee.
func leastRows(outDim: Int, inDim: Int) -> Int {
    min(1_000_000 / (outDim * inDim) + 1, Share.leastBand)
}
