// The model's parameters, named and shaped as in Hugging Face's BertModel. Read-only, shared by all workers.

/// y = x · Wᵀ + b.
struct Linear: Sendable {
    let weight: Tensor  // [outDim, inDim]
    let bias: Tensor  // [outDim]
}

/// The scale and shift of a LayerNorm.
struct LayerNormParameters: Sendable {
    let weight: Tensor  // [hiddenSize]
    let bias: Tensor  // [hiddenSize]
}

/// One transformer layer.
struct LayerWeights: Sendable {
    let queryKeyValue: Linear  // [3 * hiddenSize, hiddenSize]
    let attentionOutput: Linear  // [hiddenSize, hiddenSize]
    let attentionNorm: LayerNormParameters
    let intermediate: Linear  // [intermediateSize, hiddenSize]
    let output: Linear  // [hiddenSize, intermediateSize]
    let outputNorm: LayerNormParameters
}

/// All parameters of the encoder.
struct EncoderWeights: Sendable {
    let wordEmbeddings: Tensor  // [vocabularySize, hiddenSize]
    let positionEmbeddings: Tensor  // [maxPositionEmbeddings, hiddenSize]
    let typeEmbeddings: Tensor  // [typeVocabularySize, hiddenSize]
    let embeddingNorm: LayerNormParameters
    let layers: [LayerWeights]

    /// Takes the parameters from a safetensors file; their shapes must be those of `configuration`.
    init(_ file: SafetensorsFile, _ configuration: EncoderConfiguration) throws(SafetensorsError) {
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        // A checkpoint of a task model keeps its encoder under this prefix.
        let root = file.contains("bert.embeddings.word_embeddings.weight") ? "bert." : ""

        func linear(_ name: String, _ outDim: Int, _ inDim: Int) throws(SafetensorsError) -> Linear {
            Linear(
                weight: try file.tensor("\(root)\(name).weight", shape: [outDim, inDim]),
                bias: try file.tensor("\(root)\(name).bias", shape: [outDim]))
        }
        func norm(_ name: String) throws(SafetensorsError) -> LayerNormParameters {
            LayerNormParameters(
                weight: try file.tensor("\(root)\(name).LayerNorm.weight", shape: [hidden]),
                bias: try file.tensor("\(root)\(name).LayerNorm.bias", shape: [hidden]))
        }
        func embedding(_ name: String, _ rows: Int) throws(SafetensorsError) -> Tensor {
            try file.tensor("\(root)embeddings.\(name)_embeddings.weight", shape: [rows, hidden])
        }

        wordEmbeddings = try embedding("word", configuration.vocabularySize)
        positionEmbeddings = try embedding("position", configuration.maxPositionEmbeddings)
        typeEmbeddings = try embedding("token_type", configuration.typeVocabularySize)
        embeddingNorm = try norm("embeddings")
        var layers: [LayerWeights] = []
        for index in 0..<configuration.hiddenLayers {
            let layer = "encoder.layer.\(index)"
            layers.append(
                LayerWeights(
                    queryKeyValue: Linear(
                        stacking: try linear("\(layer).attention.self.query", hidden, hidden),
                        try linear("\(layer).attention.self.key", hidden, hidden),
                        try linear("\(layer).attention.self.value", hidden, hidden)),
                    attentionOutput: try linear("\(layer).attention.output.dense", hidden, hidden),
                    attentionNorm: try norm("\(layer).attention.output"),
                    intermediate: try linear("\(layer).intermediate.dense", intermediate, hidden),
                    output: try linear("\(layer).output.dense", hidden, intermediate),
                    outputNorm: try norm("\(layer).output")))
        }
        self.layers = layers
    }
}

extension Linear {
    /// Several layers with the same input as one whose outputs stand side by side. A copy, because they are not neighbours
    /// in the file: 1.8 MB a layer for MiniLM's three attention projections.
    fileprivate init(stacking parts: Linear...) {
        let inDim = parts[0].weight.shape[1]
        let outDim = parts.reduce(0) { $0 + $1.weight.shape[0] }
        weight = Tensor(unsafe parts.flatMap { unsafe $0.weight.elements }, shape: [outDim, inDim])
        bias = Tensor(unsafe parts.flatMap { unsafe $0.bias.elements }, shape: [outDim])
    }
}
