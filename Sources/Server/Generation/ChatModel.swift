// Whoever writes the answer: a protocol, so that retrieval cannot tell a local Ollama from any other server.
//
// The room, in the order a question passes through it:
//   Prompt             question and passages to messages that fit the model's window (PromptBudget, PromptText)
//   ChatModel          the protocol, what is asked and what comes back
//   OllamaChatModel    the protocol over Ollama's /api/chat (ChatQueue: our side's queue)
//   OllamaClient       Ollama's other routes: version, models, what is loaded, context length, pull
//   OllamaEndpoint     OLLAMA_HOST to an address (OllamaReplies: the JSON that comes back)
//   HTTPExchange       one HTTP request over URLSession whose body is read line by line, with deadlines (LineSplitter)
//   ChatError          everything that goes wrong, with the one table to HTTP statuses
//   ExtractiveAnswerer the answer without a model: the best sentences, quoted

import VectorStore

/// One turn of a conversation.
struct ChatMessage: Sendable, Equatable {
    enum Role: String, Sendable {
        case system, user, assistant
    }

    var role: Role
    var content: String
}

/// What a chat model is asked.
struct ChatRequest: Sendable {
    var model: String
    var messages: [ChatMessage]
    /// The context window to run the model with, in tokens (Ollama's `num_ctx`), prompt and answer together.
    var contextLength: Int
    /// Generation stops after this many tokens (Ollama's `num_predict`).
    var maxAnswerTokens: Int
    /// The caller's own model options, passed on as they are; see `ChatLimits` for those that change the two above.
    var options = JSONObject()
}

/// What a chat model says: its text piece by piece, then once how it went.
enum ChatEvent: Sendable, Equatable {
    case token(String)
    case finished(ChatUsage)
}

/// A finished generation in numbers; nil where the model did not say.
struct ChatUsage: Sendable, Equatable {
    var promptTokens: Int?
    var answerTokens: Int?
    /// "stop": the model ended by itself; "length": it was cut by the answer limit or the window.
    var finishReason: String?
    var loadSeconds: Double?
    var promptSeconds: Double?
    var answerSeconds: Double?
}

/// A language model that can be talked to.
protocol ChatModel: Sendable {
    /// What answers call their author: "ollama".
    var generator: String { get }

    /// Asks for the next message of a conversation. Nothing is sent before the stream is created and everything is
    /// released when it ends: at `finished`, at an error (`ChatError`), or when its consumer is cancelled or lets it
    /// go, which stops the generation at the server too.
    func chat(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error>
}
