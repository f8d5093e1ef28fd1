import VectorStore

/// One question: embed, retrieve, prompt, generate.
struct Answering: Sendable {
    func search(_ query: String, title: String?, limit: Int) async throws -> [Source] {
        throw RequestError.badRequest("not yet")
    }
    /// Cancelling the consumer cancels generation.
    func answer(_ question: Question) -> AsyncThrowingStream<AnswerEvent, any Error> {
        AsyncThrowingStream { $0.finish() }
    }
}
