// Everything that goes wrong between a question and its answer, and the one table that turns it into an HTTP status
// and a sentence that says what to do.

/// Why a chat model did not answer.
enum ChatError: Error, Sendable, Equatable {
    // Ours, before anything is sent.
    /// OLLAMA_HOST is not an address.
    case invalidEndpoint(String, reason: String)
    /// A model option of the request cannot be used.
    case invalidOption(name: String, reason: String)
    /// The question alone does not fit the window; it is never cut.
    case questionTooLong(tokens: Int, limit: Int)
    /// As many questions are waiting as we accept.
    case overloaded(waiting: Int)

    // On the way.
    /// Nobody listens at the address, or it does not resolve.
    case unreachable(endpoint: String, reason: String)
    /// No connection within the deadline.
    case connectTimeout(endpoint: String, after: Duration)
    /// Connected, but nothing was said within the deadline: the model is still loading or reading the prompt.
    case firstTokenTimeout(after: Duration)
    /// The answer began and then stalled.
    case tokenTimeout(after: Duration)

    // Ollama's answer, in its words.
    case modelNotFound(model: String)
    case notAChatModel(model: String)
    /// The messages do not fit the model's window: drop a passage and ask again.
    case contextExceeded(String)
    case rejected(String)
    case forbidden(String)
    case signInRequired(String)
    case busy(String)
    case failed(String)
    case pullFailed(model: String, reason: String)

    // What came was no complete answer.
    /// The connection ended before the line that says `"done": true`.
    case cutOff(String)
    case malformedReply(String)
}

/// A `ChatError` as an HTTP answer.
struct ChatFailure: Sendable, Equatable {
    var status: Int
    var detail: String
    /// Seconds for the Retry-After header; nil when waiting does not help.
    var retryAfter: Int?
}

extension ChatError {
    /// The table: status, sentence, and when to try again.
    var failure: ChatFailure {
        switch self {
        case .invalidEndpoint(let text, let reason):
            ChatFailure(
                status: 500, detail: "OLLAMA_HOST=\(text) cannot be used: \(reason). Example: 127.0.0.1:11434.")
        case .invalidOption(let name, let reason):
            ChatFailure(status: 400, detail: "options.\(name): \(reason).")
        case .questionTooLong(let tokens, let limit):
            ChatFailure(
                status: 413,
                detail: "The question takes about \(tokens) tokens and the model's window leaves room for \(limit). "
                    + "Shorten it, or ask with a larger options.num_ctx.")
        case .overloaded(let waiting):
            ChatFailure(
                status: 429, detail: "\(waiting) questions are waiting for the model already. Try again in a moment.",
                retryAfter: 10)
        case .unreachable(let endpoint, let reason):
            ChatFailure(
                status: 503,
                detail: "Ollama is not reachable at \(endpoint) (\(reason)). Start it with `ollama serve`, or set "
                    + "OLLAMA_HOST.",
                retryAfter: 5)
        case .connectTimeout(let endpoint, let limit):
            ChatFailure(
                status: 503,
                detail: "No connection to Ollama at \(endpoint) within \(limit.seconds) s. Check that it runs there "
                    + "and that OLLAMA_HOST is right.",
                retryAfter: 5)
        case .firstTokenTimeout(let limit):
            ChatFailure(
                status: 504,
                detail:
                    "Ollama did not begin to answer within \(limit.seconds) s: the model is loading or the prompt is "
                    + "long for this machine. Try again, or choose a smaller model or fewer passages (top_k).",
                retryAfter: 30)
        case .tokenTimeout(let limit):
            ChatFailure(
                status: 504,
                detail: "Ollama stopped in the middle of its answer: nothing for \(limit.seconds) s. Try again; if it "
                    + "happens again, restart Ollama or choose a smaller model.",
                retryAfter: 30)
        case .modelNotFound(let model):
            ChatFailure(
                status: 404,
                detail: "Ollama does not have the model '\(model)'. Fetch it with `ollama pull \(model)` or "
                    + "`minilm pull \(model)`, or choose another.")
        case .notAChatModel(let model):
            ChatFailure(
                status: 400,
                detail: "The model '\(model)' cannot chat (an embedding model?). Choose another, such as llama3.2.")
        case .contextExceeded(let message):
            ChatFailure(
                status: 413,
                detail: "The question and its passages do not fit the model's window (\(message)). Ask with fewer "
                    + "passages (top_k) or a larger options.num_ctx.")
        case .rejected(let message):
            ChatFailure(status: 400, detail: "Ollama refused the request: \(message). Check `options` and `model`.")
        case .forbidden(let message):
            ChatFailure(
                status: 502,
                detail:
                    "Ollama forbids the request (\(message)). If OLLAMA_HOST holds a name, use the address instead, "
                    + "such as 127.0.0.1:11434: Ollama answers only to names it knows.")
        case .signInRequired(let message):
            ChatFailure(
                status: 502,
                detail: "Ollama wants an account for this model (\(message)). Run `ollama signin`, or choose a local "
                    + "model.")
        case .busy(let message):
            ChatFailure(status: 503, detail: "Ollama is busy (\(message)). Try again in a moment.", retryAfter: 10)
        case .failed(let message):
            ChatFailure(
                status: 502,
                detail: "Ollama failed: \(message). See its log (`journalctl -u ollama`); when memory is short, choose "
                    + "a smaller model.")
        case .pullFailed(let model, let reason):
            ChatFailure(
                status: 502,
                detail: "Ollama could not fetch '\(model)': \(reason). Check the name at https://ollama.com/library "
                    + "and the connection.")
        case .cutOff(let reason):
            ChatFailure(
                status: 502, detail: "The connection to Ollama ended before the answer did (\(reason)). Try again.",
                retryAfter: 5)
        case .malformedReply(let reason):
            ChatFailure(
                status: 502,
                detail: "What answers at OLLAMA_HOST does not speak Ollama's protocol (\(reason)). Check the address.")
        }
    }

    /// Whether no model can be reached at all, so that an extractive answer may stand in.
    var isUnreachable: Bool {
        switch self {
        case .unreachable, .connectTimeout: true
        default: false
        }
    }
}

extension ChatError: CustomStringConvertible {
    var description: String { failure.detail }
}

extension ChatError {
    /// What an HTTP error of Ollama means.
    ///
    /// - Parameter message: the reply's `error`; empty when the body was (Ollama's check of the Host header answers
    ///   so).
    init(status: Int, message: String, model: String) {
        let words = message.lowercased()
        let message = message.isEmpty ? "no message" : message
        if Self.saysContextExceeded(words) {
            // 400 from most versions, 500 from others, inline from the native-template path: the words are what they
            // share.
            self = .contextExceeded(message)
            return
        }
        switch status {
        case 400 where words.contains("does not support chat"): self = .notAChatModel(model: model)
        case 400: self = .rejected(message)
        case 401: self = .signInRequired(message)
        case 403: self = .forbidden(message)
        // A 404 without Ollama's words is another server's, or a wrong path.
        case 404 where words.contains("not found") && words.contains("model"): self = .modelNotFound(model: model)
        case 429, 499, 503: self = .busy(message)
        case 500, 502: self = .failed(message)
        default: self = .malformedReply("HTTP \(status): \(message)")
        }
    }

    /// What a line `{"error": …}` in the middle of a reply means.
    init(midStream message: String) {
        self = Self.saysContextExceeded(message.lowercased()) ? .contextExceeded(message) : .failed(message)
    }

    /// Versions word it differently: "the input length exceeds the context length", "the request exceeds the available
    /// context size", "prompt too long; exceeded max context length", `exceed_context_size_error`.
    private static func saysContextExceeded(_ words: String) -> Bool {
        words.contains("context") && words.contains("exceed")
    }
}

extension Duration {
    /// Seconds for a sentence: "2", "0.25".
    fileprivate var seconds: String {
        let value = Double(components.seconds) + Double(components.attoseconds) / 1e18
        return value == value.rounded() && value < 1e15 ? "\(Int(value))" : "\(value)"
    }
}
