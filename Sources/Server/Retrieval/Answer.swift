// A question, the passages found for it, and the answer made of them.

import VectorStore

/// The body of `POST /llm/ask`.
struct Question: Sendable {
    var text: String
    /// Only documents of exactly this title are searched; nil searches everything.
    var title: String?
    /// The chat model to ask; nil asks the server's own (`--model`).
    var model: String?
    /// How many passages to retrieve; nil takes the server's default.
    var topK: Int?
    /// Ollama options (`temperature`, `seed`, …), passed through.
    var options = JSONObject()
}

/// A stored passage that matched, with its place in its document.
struct Source: Sendable {
    /// The point's id.
    var id: String
    var documentID: String
    var title: String
    var url: String
    var text: String
    /// Cosine similarity to the question, -1…1.
    var score: Float
    var chunkIndex: Int
    /// The passage's place in the uploaded text, in Unicode scalars.
    var characters: Range<Int>
}

/// The final record of an answered question.
struct Answer: Sendable {
    struct Usage: Sendable {
        /// Tokens of the prompt as our conservative estimate counted them before sending.
        var estimatedPromptTokens: Int?
        /// Tokens as the chat model counted them.
        var promptTokens: Int?
        var answerTokens: Int?
        /// The context window asked for (`num_ctx`).
        var contextLength: Int?
    }

    /// Seconds of each stage; nil for a stage that did not run.
    struct Timings: Sendable {
        var embed: Double?
        var search: Double?
        var firstToken: Double?
        var chat: Double?
        var total: Double
    }

    var text: String
    var sources: [Source]
    var model: String?
    /// Who wrote the text: "ollama", or "extractive" when no model could be reached; "none" for a refusal no model was asked for.
    var generator: String
    /// Ids of passages that were found but left out to keep the prompt within its budget.
    var dropped: [String]
    var warnings: [String]
    var usage: Usage
    var timings: Timings
}

/// What happens while a question is answered, in this order: sources once, tokens as they come, then the record.
enum AnswerEvent: Sendable {
    case sources([Source])
    case token(String)
    case finished(Answer)
}
