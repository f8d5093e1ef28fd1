// How much a model may read and write for one question.

import VectorStore

/// The window and the room for the answer, in tokens: the server's own unless the caller's options say otherwise.
///
/// A model option the caller spells out is always honoured, also where it makes Ollama load the model anew (`num_ctx`,
/// `num_gpu`, `num_thread`, `num_batch`): it was asked for. We never vary those by ourselves, so that a model stays
/// loaded from one question to the next. Two options bound the prompt and are read here, so that the budget is the
/// model's real one.
struct ChatLimits: Sendable, Equatable {
    /// Ollama's own default on machines without a large GPU (less than 23 GiB of its memory).
    static let defaultContextLength = 4096
    static let defaultMaxAnswerTokens = 768

    /// Tokens of prompt and answer together (`num_ctx`).
    var contextLength = defaultContextLength
    /// Tokens kept free for the answer (`num_predict`), less than `contextLength`.
    var maxAnswerTokens = defaultMaxAnswerTokens

    /// These limits with the caller's `num_ctx` and `num_predict` in their place; a small window halves between prompt
    /// and answer.
    ///
    /// A negative `num_predict` (Ollama: no limit) is passed on, and the room for the answer stays the server's.
    func applying(_ options: JSONObject) throws(ChatError) -> ChatLimits {
        var limits = self
        if let value = options["num_ctx"] {
            guard let tokens = value.integer, 512...1_048_576 ~= tokens else {
                throw .invalidOption(name: "num_ctx", reason: "give a whole number of tokens from 512 to 1048576")
            }
            limits.contextLength = Int(tokens)
            limits.maxAnswerTokens = min(limits.maxAnswerTokens, limits.contextLength / 2)
        }
        if let value = options["num_predict"] {
            guard let tokens = value.integer, tokens != 0, tokens >= -2, tokens < 1_048_576 else {
                throw .invalidOption(
                    name: "num_predict", reason: "give a whole number of tokens above 0, or -1 for no limit")
            }
            if tokens > 0 { limits.maxAnswerTokens = Int(tokens) }
        }
        guard limits.maxAnswerTokens <= limits.contextLength / 2 else {
            throw .invalidOption(
                name: "num_predict",
                reason: "an answer of \(limits.maxAnswerTokens) tokens must leave half of the window of "
                    + "\(limits.contextLength) to the prompt: give a smaller num_predict or a larger num_ctx")
        }
        return limits
    }
}
