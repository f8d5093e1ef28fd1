// The activations of one forward pass. Allocated once a worker and used for every slice.

/// Room for `capacity` tokens. Only the first `sequences.tokens` rows mean anything.
struct EncoderScratch: ~Copyable {
    /// The slice's input.
    var sequences = PackedSequences()

    var hidden: [Float]  // [capacity, hiddenSize]: the stream every layer reads and adds to
    var queryKeyValue: [Float]  // [capacity, 3 * hiddenSize]
    var scores: [Float]  // [maxTokens, maxTokens rounded up to lanes]: one head of one text
    var context: [Float]  // [capacity, hiddenSize]: the heads' results side by side
    var intermediate: [Float]  // [capacity, intermediateSize]
    var projected: [Float]  // [capacity, hiddenSize]: what a layer adds to the stream

    /// The slice's output: [sequences.count, hiddenSize].
    var vectors: [Float]

    /// - Parameter capacity: Most tokens of a slice, at least `configuration.maxTokens`.
    init(_ configuration: EncoderConfiguration, capacity: Int) {
        precondition(capacity >= configuration.maxTokens)
        let hiddenSize = configuration.hiddenSize
        let rows = max(capacity, leastRows(outDim: hiddenSize, inDim: hiddenSize))
        func buffer(_ rows: Int, _ columns: Int) -> [Float] { [Float](repeating: 0, count: rows * columns) }
        hidden = buffer(rows, hiddenSize)
        queryKeyValue = buffer(rows, 3 * hiddenSize)
        scores = buffer(configuration.maxTokens, roundedUpToLanes(configuration.maxTokens))
        context = buffer(rows, hiddenSize)
        intermediate = buffer(rows, configuration.intermediateSize)
        projected = buffer(rows, hiddenSize)
        vectors = buffer(capacity, hiddenSize)
    }
}
