// What can go wrong: with a model directory (ModelError), with a call (EncodingError).

/// Why a model could not be loaded.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file of the model directory is not there or cannot be read.
    case unreadable(path: String, reason: String)
    /// A file is not what its name promises.
    case malformed(path: String, reason: String)
    /// The model is sound but needs something this encoder does not do.
    case unsupported(path: String, reason: String)
    /// The weights cannot be used.
    case weights(path: String, SafetensorsError)
    /// The vocabulary cannot be used.
    case tokenizer(TokenizerError)
    /// The system starts no thread to compute on.
    case noThreads
    /// The build uses instructions that this processor has not: a set of them.
    case processor(missing: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .malformed(let path, let reason): "\(path) is not valid: \(reason)"
        case .unsupported(let path, let reason): "\(path) asks for what this encoder does not do: \(reason)"
        case .weights(let path, let error): "cannot use the weights \(path): \(error)"
        case .tokenizer(let error): "cannot use the tokenizer: \(error)"
        case .noThreads: "no thread could be started to compute on; the system's limit may be reached"
        case .processor(let set):
            "the build uses \(set), which this processor has not: build it here, or without -march"
        }
    }
}

/// Why texts could not be encoded. Ids from the encoder's own tokenizer are always valid.
public enum EncodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A text without a single token. The empty text has two, `[CLS]` and `[SEP]`.
    case noTokens(text: Int)
    /// A text longer than the model reads.
    case tooManyTokens(text: Int, count: Int, limit: Int)
    /// An id that is no token of the model.
    case unknownToken(text: Int, id: Int32, vocabularySize: Int)
    /// The caller's buffer is not as large as the vectors.
    case wrongBufferSize(floats: Int, needed: Int)
    /// The caller asked for it.
    case cancelled

    public var description: String {
        switch self {
        case .noTokens(let text):
            "text \(text) has no tokens; even the empty text has [CLS] and [SEP]"
        case .tooManyTokens(let text, let count, let limit):
            "text \(text) has \(count) tokens and the model reads \(limit); tokenize it with maxTokens: \(limit)"
        case .unknownToken(let text, let id, let vocabularySize):
            "text \(text) has the token id \(id), but the model's ids are 0 to \(vocabularySize - 1)"
        case .wrongBufferSize(let floats, let needed):
            "the buffer has room for \(floats) floats, the vectors are \(needed): dimension times texts"
        case .cancelled:
            "cancelled"
        }
    }
}
