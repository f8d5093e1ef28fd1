// The memory of a forward pass: what threads share (Activations), what each has to itself (Workspace). Allocated once.

/// The activations of one slice. Threads that compute a slice together write disjoint parts of them.
final class Activations: Sendable {
    // Written by one thread before the others begin with the slice.
    nonisolated(unsafe) private var input = PackedSequences()

    let hidden: AlignedBuffer<Float>  // [capacity, hiddenSize]: the stream every layer reads and adds to
    let queryKeyValue: AlignedBuffer<Float>  // [capacity, 3 * hiddenSize]
    let context: AlignedBuffer<Float>  // [capacity, hiddenSize]: the heads' results side by side
    /// [blockRows, intermediateSize], for threads that share rows; others use their workspace's.
    let intermediate: AlignedBuffer<Float>

    /// Rows that are taken through the feed-forward part together, so that what is between its two products stays in the
    /// cache: 128 rows of 1536 floats are 790 KB. As many as half of the longest text has: two threads take it in one block each.
    static let blockRows = 128

    /// - Parameter capacity: Most tokens of a slice, at least `configuration.maxTokens`.
    init(_ configuration: EncoderConfiguration, capacity: Int) {
        precondition(capacity >= configuration.maxTokens)
        let hiddenSize = configuration.hiddenSize
        // A BLAS may compute more rows than there are.
        let rows = capacity + leastRows(outDim: hiddenSize, inDim: hiddenSize)
        hidden = AlignedBuffer(count: rows * hiddenSize, zero: 0)
        queryKeyValue = AlignedBuffer(count: rows * 3 * hiddenSize, zero: 0)
        context = AlignedBuffer(count: rows * hiddenSize, zero: 0)
        intermediate = AlignedBuffer(count: Self.blockRows * configuration.intermediateSize, zero: 0)
    }

    /// The slice's input.
    var sequences: PackedSequences { unsafe input }

    /// Begins a slice of so many texts, whose ids `sequence` gives.
    func begin(count: Int, _ sequence: (Int) -> [Int32]) {
        unsafe input.removeAll()
        for number in 0..<count { unsafe input.append(sequence(number)) }
    }
}

/// What a thread needs for itself.
struct Workspace: ~Copyable, Sendable {
    /// What is between the feed-forward part's two products: [blockRows, intermediateSize].
    let intermediate: AlignedBuffer<Float>
    /// Keys of one head of one text, a key a column, in panels of `TileShape.headColumns`; values likewise, a row each.
    let keys: AlignedBuffer<Float>
    let values: AlignedBuffer<Float>
    /// Of a tile's queries: scores, [headRows, maxTokens rounded up to panels], the largest of each lane and, in the end, a share.
    let scores: AlignedBuffer<Float>
    let largestScores: AlignedBuffer<Float>
    let shares: AlignedBuffer<Float>
    /// Rows of activations as pairs of 16-bit integers or quads of bytes, [blockRows, intermediateSize / 2] at most, and their
    /// scales and, of bytes, offsets, block by block.
    let integers: AlignedBuffer<Int32>
    let rowScales: AlignedBuffer<Float>
    let rowOffsets: AlignedBuffer<Float>
    /// Where the time goes, when somebody wants to know.
    var clock: StageClock?

    init(_ configuration: EncoderConfiguration, precision: Precision, shape: TileShape = .native) {
        intermediate = AlignedBuffer(count: Activations.blockRows * configuration.intermediateSize, zero: 0)
        // Scores are whole vectors.
        let panel = max(shape.headColumns, WideLanes.scalarCount)
        func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }
        keys = AlignedBuffer(count: padded(configuration.maxTokens) * configuration.headSize, zero: 0)
        values = AlignedBuffer(count: configuration.maxTokens * padded(configuration.headSize), zero: 0)
        scores = AlignedBuffer(count: shape.headRows * padded(configuration.maxTokens), zero: 0)
        largestScores = AlignedBuffer(count: shape.headRows * WideLanes.scalarCount, zero: 0)
        shares = AlignedBuffer(count: shape.headRows, zero: 0)
        let widest = max(configuration.hiddenSize, configuration.intermediateSize)
        let rows = precision == .f32 ? 0 : Activations.blockRows
        let blocks = precision == .i8 ? ByteLinear.blocks(inDim: widest) : 1
        integers = AlignedBuffer(
            count: rows * (precision == .i8 ? blocks * ByteLinear.block / 4 : (widest + 1) / 2), zero: 0)
        rowScales = AlignedBuffer(count: rows * blocks, zero: 0)
        rowOffsets = AlignedBuffer(count: rows * blocks, zero: 0)
    }
}

/// What one who computes has.
struct Worker: ~Copyable {
    /// For the slices it computes alone or begins.
    let activations: Activations
    var workspace: Workspace
}
