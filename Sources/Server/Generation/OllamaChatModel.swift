// Chat over Ollama's /api/chat.

import VectorStore

/// The chat models of an Ollama server.
struct OllamaChatModel: ChatModel {
    let client: OllamaClient
    /// Ours, because Ollama's own tells nobody how long it is.
    let queue: ChatQueue
    /// Keeps the model off the GPU (`num_gpu: 0` in every request).
    let cpuOnly: Bool

    var generator: String { "ollama" }

    /// The longest answer accepted, in bytes. `maxAnswerTokens` keeps answers thousands of times shorter; this bounds
    /// a server that ignores it.
    private static let answerLimit = 8 << 20

    init(client: OllamaClient, queue: ChatQueue = ChatQueue(), cpuOnly: Bool = false) {
        self.client = client
        self.queue = queue
        self.cpuOnly = cpuOnly
    }

    func chat(_ request: ChatRequest) -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream(runningUntilDropped: { yield in
            try await queue.turn {
                do {
                    try await ask(request, thinkingOff: true, yield)
                } catch ChatError.rejected(let message) where message.contains("does not support thinking") {
                    // Some versions refuse the word `think` itself for models that cannot; nothing was generated yet.
                    try await ask(request, thinkingOff: false, yield)
                }
            }
        })
    }

    private func ask(_ request: ChatRequest, thinkingOff: Bool, _ yield: (ChatEvent) -> Void) async throws {
        let limits = (first: client.deadlines.firstToken, between: client.deadlines.betweenTokens)
        let body = body(request, thinkingOff: thinkingOff)
        var answerBytes = 0
        try await client.lines("/api/chat", body: body, model: request.model, limits: limits) { json in
            guard let line = ChatLine(json) else {
                throw ChatError.malformedReply("a line of a chat with neither message nor error")
            }
            answerBytes += line.content.utf8.count
            guard answerBytes <= Self.answerLimit else {
                throw ChatError.malformedReply("an answer of more than \(Self.answerLimit) bytes")
            }
            if !line.content.isEmpty { yield(.token(line.content)) }
            if let usage = line.usage { yield(.finished(usage)) }
            return line.usage != nil
        }
    }

    /// The request as Ollama reads it.
    func body(_ request: ChatRequest, thinkingOff: Bool = true) -> JSONObject {
        var options = request.options
        options["num_ctx"] = .integer(Int64(request.contextLength))
        if options["num_predict"] == nil { options["num_predict"] = .integer(Int64(request.maxAnswerTokens)) }
        if cpuOnly, options["num_gpu"] == nil { options["num_gpu"] = 0 }
        let messages = request.messages.map { message in
            ["role": .string(message.role.rawValue), "content": .string(message.content)] as JSONValue
        }
        var body: JSONObject = [
            "model": .string(request.model), "messages": .array(messages),
            // Always streamed, whatever our caller wants: a cancelled caller then stops the generation, and silence
            // is noticed.
            "stream": true,
            // Too long is an error we can act on, not a silent cut of the oldest messages (truncate) or of the prompt
            // while generating (shift).
            "truncate": false, "shift": false,
        ]
        // Models that can think do so by default: minutes of hidden text on a CPU.
        if thinkingOff { body["think"] = false }
        body["options"] = .object(options)
        return body
    }
}
