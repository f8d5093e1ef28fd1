// BERT's encoder (Devlin et al. 2019; the layer is Vaswani et al. 2017, §3.1, with post-layer normalisation), then
// sentence-transformers' pooling (Reimers & Gurevych 2019, §3). Read downward.

/// A BERT sentence encoder: configuration and weights. Stateless; activations are the caller's scratch.
struct BertModel: Sendable {
    let configuration: EncoderConfiguration
    let weights: EncoderWeights

    /// Computes `scratch.vectors` from `scratch.sequences`.
    ///
    /// Every id must be below `vocabularySize`, every text within `maxTokens`, all texts within the scratch's capacity.
    ///
    /// - Parameter observe: Called with the hidden states, [tokens, hiddenSize] and unused rows behind, after the
    ///   embeddings (0) and after each layer (1, 2, …).
    func forward(_ scratch: inout EncoderScratch, observe: ((Int, [Float]) -> Void)? = nil) {
        let tokens = scratch.sequences.tokens
        let epsilon = configuration.layerNormEpsilon

        // hidden = LayerNorm(word + type + position)
        embed(&scratch.hidden, scratch.sequences, weights)
        layerNorm(&scratch.hidden, weights.embeddingNorm, epsilon: epsilon, rows: tokens)
        observe?(0, scratch.hidden)

        for (index, layer) in weights.layers.enumerated() {
            // hidden = LayerNorm(hidden + W · Attention(Q, K, V))
            linear(&scratch.queryKeyValue, scratch.hidden, layer.queryKeyValue, rows: tokens)
            attention(
                &scratch.context, scratch.queryKeyValue, scores: &scratch.scores, scratch.sequences,
                heads: configuration.attentionHeads, headSize: configuration.headSize)
            linear(&scratch.projected, scratch.context, layer.attentionOutput, rows: tokens)
            add(&scratch.hidden, scratch.projected, count: tokens * configuration.hiddenSize)
            layerNorm(&scratch.hidden, layer.attentionNorm, epsilon: epsilon, rows: tokens)

            // hidden = LayerNorm(hidden + W₂ · GELU(W₁ · hidden))
            linear(&scratch.intermediate, scratch.hidden, layer.intermediate, rows: tokens)
            gelu(&scratch.intermediate, count: tokens * configuration.intermediateSize)
            linear(&scratch.projected, scratch.intermediate, layer.output, rows: tokens)
            add(&scratch.hidden, scratch.projected, count: tokens * configuration.hiddenSize)
            layerNorm(&scratch.hidden, layer.outputNorm, epsilon: epsilon, rows: tokens)
            observe?(index + 1, scratch.hidden)
        }

        switch configuration.pooling {
        case .mean: meanPool(&scratch.vectors, scratch.hidden, scratch.sequences, hiddenSize: configuration.hiddenSize)
        case .cls: clsPool(&scratch.vectors, scratch.hidden, scratch.sequences, hiddenSize: configuration.hiddenSize)
        }
        if configuration.normalizes {
            normalize(&scratch.vectors, rows: scratch.sequences.count, hiddenSize: configuration.hiddenSize)
        }
    }
}
