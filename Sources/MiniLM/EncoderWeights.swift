// The model's parameters, named and shaped as in Hugging Face's BertModel. Read-only, shared by all workers.

import Dispatch

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

    /// In the order they are used.
    var linears: [Linear] { [queryKeyValue, attentionOutput, intermediate, output] }
}

/// All parameters of the encoder.
struct EncoderWeights: Sendable {
    let wordEmbeddings: Tensor  // [vocabularySize, hiddenSize]
    let positionEmbeddings: Tensor  // [maxPositionEmbeddings, hiddenSize]
    let typeEmbeddings: Tensor  // [typeVocabularySize, hiddenSize]
    let embeddingNorm: LayerNormParameters
    let layers: [LayerWeights]

    /// Takes the parameters from a safetensors file, whose shapes must be those of `configuration`, and lays out those of the
    /// linear layers as `backend` and `precision` want them, on all cores. Embeddings and norms stay in the file, or are widened
    /// where it has them in 16 bits; of the layers' weights no more than a channel a core ever is.
    ///
    /// Throws `.invalidTensor` where a tensor holds NaN or infinity, as a checkpoint that was converted badly does: vectors
    /// would come out of it that look like others. MiniLM's 43 MB take 7 to 8 ms of processor time. Words' embeddings are not
    /// looked at: they are the other half of the file, of which nothing but the rows of texts is ever read. What is no number in
    /// them is none in the vectors of their texts.
    init(
        _ file: SafetensorsFile, _ configuration: EncoderConfiguration, backend: GEMMBackend, precision: Precision
    ) throws(SafetensorsError) {
        let hidden = configuration.hiddenSize
        let intermediate = configuration.intermediateSize
        // A checkpoint of a task model keeps its encoder under this prefix.
        let root = file.contains("bert.embeddings.word_embeddings.weight") ? "bert." : ""
        var checked: [(name: String, parameter: Parameter)] = []

        func tensor(_ name: String, _ shape: [Int]) throws(SafetensorsError) -> Tensor {
            let tensor = try file.tensor("\(root)\(name)", shape: shape)
            checked.append(("\(root)\(name)", .floats(tensor)))
            return tensor
        }
        func linear(_ name: String, _ outDim: Int, _ inDim: Int) throws(SafetensorsError) -> (Parameter, Tensor) {
            let weight = try file.parameter("\(root)\(name).weight", shape: [outDim, inDim])
            checked.append(("\(root)\(name).weight", weight))
            return (weight, try tensor("\(name).bias", [outDim]))
        }
        func norm(_ name: String) throws(SafetensorsError) -> LayerNormParameters {
            LayerNormParameters(
                weight: try tensor("\(name).LayerNorm.weight", [hidden]),
                bias: try tensor("\(name).LayerNorm.bias", [hidden]))
        }
        func embedding(_ name: String, _ rows: Int) throws(SafetensorsError) -> Tensor {
            try tensor("embeddings.\(name)_embeddings.weight", [rows, hidden])
        }

        wordEmbeddings = try file.tensor(
            "\(root)embeddings.word_embeddings.weight", shape: [configuration.vocabularySize, hidden])
        positionEmbeddings = try embedding("position", configuration.maxPositionEmbeddings)
        typeEmbeddings = try embedding("token_type", configuration.typeVocabularySize)
        embeddingNorm = try norm("embeddings")

        let arena = MemoryArena()
        var parameters: [LinearParameters] = []
        var norms: [LayerNormParameters] = []
        for index in 0..<configuration.hiddenLayers {
            let layer = "encoder.layer.\(index)"
            // The 1/√headSize of attention is in the queries' weights, and the log₂ e that makes its exponentials powers of
            // two: there they cost nothing.
            parameters.append(
                LinearParameters(
                    stacking: [
                        try linear("\(layer).attention.self.query", hidden, hidden),
                        try linear("\(layer).attention.self.key", hidden, hidden),
                        try linear("\(layer).attention.self.value", hidden, hidden),
                    ], scales: [queryScale(headSize: configuration.headSize), 1, 1], refined: 1, arena: arena))
            for (name, outDim, inDim) in [
                ("attention.output.dense", hidden, hidden), ("intermediate.dense", intermediate, hidden),
                ("output.dense", hidden, intermediate),
            ] {
                parameters.append(
                    LinearParameters(
                        stacking: [try linear("\(layer).\(name)", outDim, inDim)], scales: [1], arena: arena))
            }
            norms.append(try norm("\(layer).attention.output"))
            norms.append(try norm("\(layer).output"))
        }
        let areFinite = concurrentMap(checked) { $0.parameter.isFinite }
        for (checked, isFinite) in zip(checked, areFinite) where !isFinite {
            throw .invalidTensor(name: checked.name, reason: "it holds NaN or infinity")
        }
        let linears = concurrentMap(parameters) { Linear($0, backend: backend, precision: precision) }
        layers = (0..<configuration.hiddenLayers).map { index in
            LayerWeights(
                queryKeyValue: linears[4 * index], attentionOutput: linears[4 * index + 1],
                attentionNorm: norms[2 * index], intermediate: linears[4 * index + 2],
                output: linears[4 * index + 3], outputNorm: norms[2 * index + 1])
        }
    }
}

/// Applies `transform` to every element, on all cores.
private func concurrentMap<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ transform: @Sendable (Input) -> Output
) -> [Output] {
    let outputs = Locked([Output?](repeating: nil, count: inputs.count))
    DispatchQueue.concurrentPerform(iterations: inputs.count) { index in
        let output = transform(inputs[index])
        outputs.withLock { $0[index] = output }
    }
    return outputs.withLock { $0.compactMap { $0 } }
}

/// What queries are multiplied by: log₂ e / √headSize.
func queryScale(headSize: Int) -> Float { 1.442_695_04 / Float(headSize).squareRoot() }
