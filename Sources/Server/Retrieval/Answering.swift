// One question, top to bottom: embed, retrieve, prompt, generate.

import MiniLM
import VectorStore

/// Finds passages and has a chat model answer from them.
struct Answering: Sendable {
    /// Who writes answers when the chat model cannot be reached.
    enum Fallback: String, Sendable, CaseIterable {
        /// The best sentences are quoted, and the answer says so.
        case auto
        /// Nobody: the request fails with 503.
        case ollama
    }

    struct Configuration: Sendable {
        var model: String
        /// Passages retrieved for a question that does not say how many.
        var topK = 5
        /// Passages less similar than this are not shown to the model (cosine, -1…1).
        var minimumScore: Float
        /// The context window asked of the model (`num_ctx`), in its tokens.
        var contextLength = 4096
        /// Tokens of it kept free for the answer (`num_predict`).
        var maxAnswerTokens = 512
        var fallback = Fallback.auto
    }

    let store: any PointStore
    let embedding: EmbeddingService
    let chat: any ChatModel
    let configuration: Configuration

    /// What is answered when the passages do not hold the answer: the sentence of the API we replace.
    static let refusal = "Não tenho informações suficientes para responder."

    /// The `limit` passages most similar to `query`, among the documents of exactly this title when one is given.
    ///
    /// - Throws: `RequestError.notFound`, naming the nearest titles, when no document has the title.
    func search(_ query: String, title: String?, limit: Int) async throws -> [Source] {
        let vector = try await embedding.embed(question: query).vector
        return try await sources(near: vector, title: title, limit: limit)
    }

    /// Answers a question: its sources, then the answer's tokens as they come, then the whole record.
    ///
    /// Cancelling the consumer cancels generation.
    func answer(_ question: Question) -> AsyncThrowingStream<AnswerEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await answer(question) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func answer(_ question: Question, emit: (AnswerEvent) -> Void) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var draft = Draft(total: { begin.duration(to: clock.now).seconds })

        let (vector, truncatedTokens) = try await embedding.embed(question: question.text)
        draft.timings.embed = begin.duration(to: clock.now).seconds
        if truncatedTokens > 0 {
            draft.warnings.append(
                """
                Passages were searched with the question's first \(embedding.maxTokens) tokens; the last \
                \(truncatedTokens) did not take part. The chat model was given all of it.
                """
            )
        }

        let found = try await sources(near: vector, title: question.title, limit: question.topK ?? configuration.topK)
        let relevant = found.filter { $0.score > configuration.minimumScore }
        draft.timings.search = begin.duration(to: clock.now).seconds - (draft.timings.embed ?? 0)
        emit(.sources(relevant))
        guard !relevant.isEmpty else {
            emit(.token(Self.refusal))
            return emit(.finished(draft.refusal(Self.refusal)))
        }
        _ = draft
    }

    private func sources(near vector: [Float], title: String?, limit: Int) async throws -> [Source] {
        if let title { try await checkTitle(title) }
        let filter = title.map { Filter(must: [Library.hasTitle($0)]) }
        let query = VectorQuery(vector: vector, filter: filter, limit: limit)
        return try await store.query(query, in: Library.collection).map(Source.init)
    }

    private func checkTitle(_ title: String) async throws {
        let filter = Filter(must: [Library.hasTitle(title), Library.isFirstChunk])
        guard try await store.count(filter, in: Library.collection) == 0 else { return }
        let titles = try await store.facet(Library.Field.title, filter: nil, limit: 10_000, in: Library.collection)
        throw RequestError.notFound(
            NearestTitles.message(unknown: title, known: titles.compactMap(\.value.string))
        )
    }
}
