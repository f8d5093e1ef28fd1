// BERT's encoder (Devlin et al. 2019; the layer is Vaswani et al. 2017, §3.1, with post-layer normalisation), then
// sentence-transformers' pooling (Reimers & Gurevych 2019, §3). Read downward.

/// A BERT sentence encoder: configuration and weights. Stateless; activations are the caller's.
struct BertModel: Sendable {
    let configuration: EncoderConfiguration
    let weights: EncoderWeights

    /// Computes this thread's share of `activations.hidden`, [tokens, hiddenSize], from `activations.sequences`. Every member of the share makes the same
    /// call with a workspace of its own; each must `synchronize` before it reads rows of the others.
    ///
    /// Every id must be below `vocabularySize`, every text within `maxTokens`, all texts within the activations' capacity.
    ///
    /// A workspace with a clock is for slices whose rows are not shared by columns.
    ///
    /// - Parameter observe: Called after the embeddings (0) and after each layer (1, 2, …).
    func forward(
        _ activations: Activations, _ workspace: inout Workspace, _ share: Share = .whole,
        observe: (Int) -> Void = { _ in }
    ) {
        // GELU as a pass of its own takes whole rows, of which others would compute columns.
        let hasClock = workspace.clock != nil
        precondition(!hasClock || share.split == .rows)
        let sequences = activations.sequences
        let hiddenSize = configuration.hiddenSize
        let epsilon = configuration.layerNormEpsilon
        let hidden = unsafe activations.hidden.start
        let queryKeyValue = unsafe activations.queryKeyValue.start
        let context = unsafe activations.context.start
        // Threads that share rows share these, too.
        let intermediate = unsafe (share.split == .rows ? workspace.intermediate : activations.intermediate).start

        let products = share.productRows(0..<sequences.tokens)
        let others = share.otherRows(products)
        let blocks = EvenBlocks(of: products, atMost: Activations.blockRows)
        workspace.clock?.start()

        // hidden = LayerNorm(word + type + position)
        unsafe embed(hidden, sequences, rows: others, weights)
        unsafe layerNorm(hidden, weights.embeddingNorm, epsilon: epsilon, rows: others)
        share.synchronizeColumns()
        workspace.clock?.end(.embedding)
        observe(0)

        // Where columns are shared, a thread computes queries, keys and values of the heads whose attention it computes.
        let ownHeads = share.ofOwnHeads(
            configuration.attentionHeads, headSize: configuration.headSize, columns: TileShape.native.columns)
        let headsShare = ownHeads ?? share
        let (queries, heads) = share.attention(of: 0..<sequences.tokens, heads: configuration.attentionHeads)

        for (index, layer) in weights.layers.enumerated() {
            for (number, block) in blocks.enumerated() {
                let next =
                    unsafe number + 1 < blocks.count
                    ? layer.queryKeyValue.start(of: headsShare) : layer.attentionOutput.start(of: share)
                unsafe layer.queryKeyValue.apply(
                    queryKeyValue + block.lowerBound * 3 * hiddenSize, hidden + block.lowerBound * hiddenSize,
                    rows: block.count, .store, headsShare, &workspace, next: next)
            }
            if ownHeads == nil { share.synchronize() }
            workspace.clock?.end(.queryKeyValue)
            unsafe attention(
                context, queryKeyValue, sequences, rows: queries, heads: heads, hiddenSize: hiddenSize,
                headSize: configuration.headSize, workspace)
            share.synchronize()
            workspace.clock?.end(.attention)

            let following = weights.layers[(index + 1) % weights.layers.count].queryKeyValue
            for (number, block) in blocks.enumerated() {
                let stream = unsafe hidden + block.lowerBound * hiddenSize
                let others = share.otherRows(block)

                // hidden = LayerNorm(hidden + W · Attention(Q, K, V))
                unsafe layer.attentionOutput.apply(
                    stream, context + block.lowerBound * hiddenSize, rows: block.count, .add, share, &workspace,
                    next: layer.intermediate.start(of: share))
                share.synchronizeColumns()
                workspace.clock?.end(.attentionOutput)
                unsafe layerNorm(hidden, layer.attentionNorm, epsilon: epsilon, rows: others)
                share.synchronizeColumns()
                workspace.clock?.end(.layerNorm)

                // hidden = LayerNorm(hidden + W₂ · GELU(W₁ · hidden))
                if !hasClock {
                    unsafe layer.intermediate.apply(
                        intermediate, stream, rows: block.count, .gelu, share, &workspace,
                        next: layer.output.start(of: share))
                } else {
                    // On its own, so that its time can be told.
                    unsafe layer.intermediate.apply(
                        intermediate, stream, rows: block.count, .store, share, &workspace)
                    workspace.clock?.end(.intermediate)
                    unsafe gelu(intermediate, count: block.count * configuration.intermediateSize)
                    workspace.clock?.end(.gelu)
                }
                share.synchronizeColumns()
                let next =
                    unsafe number + 1 < blocks.count
                    ? layer.attentionOutput.start(of: share) : following.start(of: headsShare)
                unsafe layer.output.apply(
                    stream, intermediate, rows: block.count, .add, share, &workspace, next: next)
                share.synchronizeColumns()
                workspace.clock?.end(.output)
                unsafe layerNorm(hidden, layer.outputNorm, epsilon: epsilon, rows: others)
                share.synchronizeColumns()
                workspace.clock?.end(.layerNorm)
            }
            observe(index + 1)
        }
    }

    /// The vector of one text whose hidden states are computed: [hiddenSize].
    func pool(_ vector: UnsafeMutablePointer<Float>, _ activations: Activations, sequence: Int) {
        let hiddenSize = configuration.hiddenSize
        unsafe MiniLM.pool(
            vector, activations.hidden.start, tokens: activations.sequences[sequence], hiddenSize: hiddenSize,
            configuration.pooling)
        if configuration.normalizes { unsafe normalize(vector, count: hiddenSize) }
    }
}

/// Rows in blocks of at most so many, none much smaller than the others.
struct EvenBlocks: RandomAccessCollection {
    private let rows: Range<Int>
    let endIndex: Int

    init(of rows: Range<Int>, atMost limit: Int) {
        self.rows = rows
        endIndex = (rows.count + limit - 1) / limit
    }

    var startIndex: Int { 0 }
    subscript(index: Int) -> Range<Int> {
        let (begin, end) = (rows.count * index / endIndex, rows.count * (index + 1) / endIndex)
        return rows.lowerBound + begin..<rows.lowerBound + end
    }
}
