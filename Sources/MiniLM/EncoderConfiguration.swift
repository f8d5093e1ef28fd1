// What a model directory says about its model. The directory is data: nothing here is particular to one model.

/// How the tokens' last hidden states become one vector (sentence-transformers' Pooling module).
enum Pooling: Sendable {
    /// The mean over all tokens, `[CLS]` and `[SEP]` included.
    case mean
    /// The hidden state of `[CLS]`.
    case cls
}

/// Sizes and rules of a BERT sentence encoder, in Hugging Face's terms.
struct EncoderConfiguration: Sendable, Equatable {
    var vocabularySize: Int
    var hiddenSize: Int
    var intermediateSize: Int
    var hiddenLayers: Int
    var attentionHeads: Int
    var maxPositionEmbeddings: Int
    var typeVocabularySize: Int
    var layerNormEpsilon: Float
    var pooling: Pooling
    /// Whether vectors are scaled to length 1.
    var normalizes: Bool
    /// Tokens of a text the model reads, `[CLS]` and `[SEP]` included.
    var maxTokens: Int

    /// Floats of one head's query, key and value.
    var headSize: Int { hiddenSize / attentionHeads }
}

extension EncoderConfiguration {
    /// Reads config.json, modules.json, the Pooling module's config.json and sentence_bert_config.json.
    ///
    /// The length limit is sentence_bert_config.json's alone: tokenizer.json's truncation and padding are what its exporter
    /// happened to have set (128 tokens for all-MiniLM-L6-v2, whose limit is 256).
    init(modelDirectory directory: String) throws(ModelError) {
        let bert = try JSONFile<BertFile>(path: "\(directory)/config.json")
        let modules = try JSONFile<[Module]>(path: "\(directory)/modules.json")
        let limits = try JSONFile<LimitsFile>(path: "\(directory)/sentence_bert_config.json")

        try bert.value.check(path: bert.path)
        vocabularySize = bert.value.vocabularySize
        hiddenSize = bert.value.hiddenSize
        intermediateSize = bert.value.intermediateSize
        hiddenLayers = bert.value.hiddenLayers
        attentionHeads = bert.value.attentionHeads
        maxPositionEmbeddings = bert.value.maxPositionEmbeddings
        typeVocabularySize = bert.value.typeVocabularySize
        layerNormEpsilon = bert.value.layerNormEpsilon

        (pooling, normalizes) = try Self.pooling(modules, in: directory, hiddenSize: hiddenSize)

        maxTokens = limits.value.maxTokens
        guard (2...maxPositionEmbeddings).contains(maxTokens) else {
            throw .malformed(
                path: limits.path, reason: "max_seq_length is \(maxTokens), not 2 to \(maxPositionEmbeddings)")
        }
    }

    /// What modules.json adds after the transformer: Pooling, then perhaps Normalize.
    private static func pooling(
        _ modules: JSONFile<[Module]>, in directory: String, hiddenSize: Int
    ) throws(ModelError) -> (Pooling, normalizes: Bool) {
        let names = modules.value.map(\.name)
        guard names == ["Transformer", "Pooling"] || names == ["Transformer", "Pooling", "Normalize"] else {
            throw .unsupported(
                path: modules.path,
                reason: "its modules are \(names), not Transformer, Pooling and perhaps Normalize")
        }
        guard modules.value[0].path.isEmpty else {
            throw .unsupported(path: modules.path, reason: "its Transformer is in the folder \(modules.value[0].path)")
        }
        let pooling = try JSONFile<PoolingFile>(path: "\(directory)/\(modules.value[1].path)/config.json")
        guard pooling.value.wordEmbeddingDimension == hiddenSize else {
            throw .malformed(
                path: pooling.path,
                reason: "word_embedding_dimension is \(pooling.value.wordEmbeddingDimension), hidden_size \(hiddenSize)"
            )
        }
        switch pooling.value.modes {
        case ["pooling_mode_mean_tokens"]: return (.mean, names.count == 3)
        case ["pooling_mode_cls_token"]: return (.cls, names.count == 3)
        case let modes:
            throw .unsupported(
                path: pooling.path, reason: "it pools by \(modes), not by mean or cls")
        }
    }
}

// MARK: - The files

/// config.json.
private struct BertFile: Decodable {
    let modelType: String
    let vocabularySize, hiddenSize, intermediateSize, hiddenLayers, attentionHeads, maxPositionEmbeddings: Int
    let typeVocabularySize: Int
    let hiddenActivation: String
    let layerNormEpsilon: Float
    let positionEmbeddingType: String?

    private enum CodingKeys: String, CodingKey {
        case modelType = "model_type"
        case vocabularySize = "vocab_size"
        case hiddenSize = "hidden_size"
        case intermediateSize = "intermediate_size"
        case hiddenLayers = "num_hidden_layers"
        case attentionHeads = "num_attention_heads"
        case maxPositionEmbeddings = "max_position_embeddings"
        case typeVocabularySize = "type_vocab_size"
        case hiddenActivation = "hidden_act"
        case layerNormEpsilon = "layer_norm_eps"
        case positionEmbeddingType = "position_embedding_type"
    }

    func check(path: String) throws(ModelError) {
        guard modelType == "bert" else {
            throw .unsupported(path: path, reason: "model_type is \(modelType), not bert")
        }
        // "gelu" is the exact one, by erf; gelu_new and others are approximations with other values.
        guard hiddenActivation == "gelu" else {
            throw .unsupported(path: path, reason: "hidden_act is \(hiddenActivation), not gelu")
        }
        guard positionEmbeddingType ?? "absolute" == "absolute" else {
            throw .unsupported(path: path, reason: "position_embedding_type is not absolute")
        }
        // Far above every BERT, and far below where products of sizes overflow.
        let sizes = [
            vocabularySize, hiddenSize, intermediateSize, hiddenLayers, attentionHeads, maxPositionEmbeddings,
            typeVocabularySize,
        ]
        guard sizes.allSatisfy((1...1 << 20).contains) else {
            throw .malformed(path: path, reason: "one of its sizes is not between 1 and \(1 << 20): \(sizes)")
        }
        guard hiddenSize % attentionHeads == 0 else {
            throw .malformed(
                path: path, reason: "hidden_size \(hiddenSize) is no multiple of num_attention_heads \(attentionHeads)")
        }
        guard hiddenSize % Lanes.scalarCount == 0, intermediateSize % Lanes.scalarCount == 0 else {
            throw .unsupported(
                path: path,
                reason: "hidden_size \(hiddenSize) or intermediate_size \(intermediateSize) is no multiple of 8")
        }
        guard layerNormEpsilon > 0, layerNormEpsilon.isFinite else {
            throw .malformed(path: path, reason: "layer_norm_eps is \(layerNormEpsilon)")
        }
    }
}

/// An element of modules.json.
private struct Module: Decodable {
    let path: String
    let type: String

    /// `Pooling` of `sentence_transformers.models.Pooling`.
    var name: String { type.split(separator: ".").last.map(String.init) ?? type }
}

/// 1_Pooling/config.json: the dimension, and a flag for each mode.
private struct PoolingFile: Decodable {
    let wordEmbeddingDimension: Int
    /// The modes that are on, sorted.
    let modes: [String]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        wordEmbeddingDimension = try values.decode(Int.self, forKey: Key(stringValue: "word_embedding_dimension"))
        modes = try values.allKeys
            .filter { key in try key.stringValue.hasPrefix("pooling_mode_") && values.decode(Bool.self, forKey: key) }
            .map(\.stringValue).sorted()
    }
}

/// sentence_bert_config.json.
private struct LimitsFile: Decodable {
    let maxTokens: Int

    private enum CodingKeys: String, CodingKey {
        case maxTokens = "max_seq_length"
    }
}
