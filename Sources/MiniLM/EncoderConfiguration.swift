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
    /// Reads config.json, modules.json, its modules' config.json, sentence_bert_config.json, tokenizer_config.json and
    /// config_sentence_transformers.json, as sentence-transformers writes them: up to version 5.3, from 5.4 on, or some of each.
    init(modelDirectory directory: String) throws(ModelError) {
        let bert = try JSONFile<BertFile>(path: "\(directory)/config.json")
        let modules = try JSONFile<[Module]>(path: "\(directory)/modules.json")

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

        maxTokens = try Self.maxTokens(in: directory, positions: maxPositionEmbeddings)

        if let calls = try JSONFile<CallsFile>.ifPresent(path: "\(directory)/config_sentence_transformers.json") {
            try calls.value.check(path: calls.path, hiddenSize: hiddenSize)
        }
    }

    /// Tokens of a text the model reads: `max_seq_length` of sentence_bert_config.json where it is written, which it is up to
    /// sentence-transformers 5.3. From 5.4 on it is tokenizer_config.json's `model_max_length`, and the positions are the limit
    /// of that: a tokenizer without a limit has 1e30 there.
    ///
    /// tokenizer.json's truncation and padding are what its exporter happened to have set (128 tokens for all-MiniLM-L6-v2,
    /// whose limit is 256).
    private static func maxTokens(in directory: String, positions: Int) throws(ModelError) -> Int {
        if let file = try JSONFile<TransformerFile>.ifPresent(path: "\(directory)/sentence_bert_config.json") {
            try file.value.check(path: file.path)
            if let limit = file.value.maxTokens {
                guard (2...positions).contains(limit) else {
                    throw .malformed(path: file.path, reason: "max_seq_length is \(limit), not 2 to \(positions)")
                }
                return limit
            }
        }
        guard let file = try JSONFile<TokenizerLimitFile>.ifPresent(path: "\(directory)/tokenizer_config.json"),
            let limit = file.value.maxTokens
        else { return positions }
        guard limit >= 2 else { throw .malformed(path: file.path, reason: "model_max_length is \(limit), less than 2") }
        return Int(min(limit, Double(positions)))
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
        let normalizes = names.count == 3
        if normalizes,
            let file = try JSONFile<NormalizeFile>.ifPresent(path: "\(directory)/\(modules.value[2].path)/config.json"),
            !file.value.isOfVectors
        {
            throw .unsupported(path: file.path, reason: "it normalizes something else than sentence_embedding")
        }
        let pooling = try JSONFile<PoolingFile>(path: "\(directory)/\(modules.value[1].path)/config.json")
        guard pooling.value.dimension == hiddenSize else {
            throw .malformed(
                path: pooling.path,
                reason: "\(pooling.value.dimensionKey) is \(pooling.value.dimension), hidden_size \(hiddenSize)")
        }
        switch pooling.value.modes {
        case ["pooling_mode_mean_tokens"], ["mean"]: return (.mean, normalizes)
        case ["pooling_mode_cls_token"], ["cls"]: return (.cls, normalizes)
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
        guard maxPositionEmbeddings >= 2 else {
            throw .malformed(path: path, reason: "max_position_embeddings is 1, and the empty text has two tokens")
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

/// 1_Pooling/config.json. Up to sentence-transformers 5.3 it has `word_embedding_dimension` and a flag for each mode, such as
/// `pooling_mode_mean_tokens`; from 5.4 on `embedding_dimension` and `pooling_mode`, a name or a list of names.
///
/// `include_prompt` says whether a prompt's tokens are pooled, too: here texts have none.
private struct PoolingFile: Decodable {
    let dimension: Int
    /// What the file calls the dimension.
    let dimensionKey: String
    /// The modes that are on, in the file's words; sorted where they are flags.
    let modes: [String]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        let (newKey, oldKey) = ("embedding_dimension", "word_embedding_dimension")
        dimensionKey = values.contains(Key(stringValue: newKey)) ? newKey : oldKey
        dimension = try values.decode(Int.self, forKey: Key(stringValue: dimensionKey))
        let mode = Key(stringValue: "pooling_mode")
        guard values.contains(mode) else {
            modes = try values.allKeys
                .filter { try $0.stringValue.hasPrefix("pooling_mode_") && values.decode(Bool.self, forKey: $0) }
                .map(\.stringValue).sorted()
            return
        }
        do {
            modes = [try values.decode(String.self, forKey: mode)]
        } catch DecodingError.typeMismatch {
            modes = try values.decode([String].self, forKey: mode)
        }
    }
}

/// 2_Normalize/config.json, which sentence-transformers 6 writes: what is made of length 1, and what the result is called.
private struct NormalizeFile: Decodable {
    private let input, output: String?

    private enum CodingKeys: String, CodingKey {
        case input = "module_input_name"
        case output = "module_output_name"
    }

    /// Whether it is the text's vector, and no token's.
    var isOfVectors: Bool { [input, output].allSatisfy { $0 ?? "sentence_embedding" == "sentence_embedding" } }
}

/// sentence_bert_config.json. Up to sentence-transformers 5.3 it has the length limit; from 5.4 on it says instead what the
/// Transformer module is for and how texts are given to it.
private struct TransformerFile: Decodable {
    let maxTokens: Int?
    let task: String?
    let processing: [String: Anything]?

    struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    private enum CodingKeys: String, CodingKey {
        case maxTokens = "max_seq_length"
        case task = "transformer_task"
        case processing = "processing_kwargs"
    }

    func check(path: String) throws(ModelError) {
        guard task ?? "feature-extraction" == "feature-extraction" else {
            throw .unsupported(path: path, reason: "transformer_task is \(task ?? ""), not feature-extraction")
        }
        guard processing?.isEmpty ?? true else {
            throw .unsupported(path: path, reason: "processing_kwargs are not empty")
        }
    }
}

/// config_sentence_transformers.json: what is done in every call that does not say otherwise.
private struct CallsFile: Decodable {
    let prompts: [String: String?]?
    let defaultPrompt: String?
    let vectorSize: Int?

    private enum CodingKeys: String, CodingKey {
        case prompts
        case defaultPrompt = "default_prompt_name"
        case vectorSize = "truncate_dim"
    }

    func check(path: String, hiddenSize: Int) throws(ModelError) {
        if let defaultPrompt {
            guard let prompt = prompts?[defaultPrompt] else {
                throw .malformed(path: path, reason: "default_prompt_name is \(defaultPrompt), which prompts lack")
            }
            // null is the empty prompt.
            guard (prompt ?? "").isEmpty else {
                throw .unsupported(
                    path: path, reason: "every text would begin with “\(prompt ?? "")”, its default prompt")
            }
        }
        guard vectorSize ?? hiddenSize >= hiddenSize else {
            throw .unsupported(
                path: path, reason: "truncate_dim is \(vectorSize ?? 0), less than hidden_size \(hiddenSize)")
        }
    }
}

/// tokenizer_config.json, of which the tokenizer reads the rest.
private struct TokenizerLimitFile: Decodable {
    /// Not an Int: "no limit" is written as 1000000000000000019884624838656.
    let maxTokens: Double?

    private enum CodingKeys: String, CodingKey {
        case maxTokens = "model_max_length"
    }
}
