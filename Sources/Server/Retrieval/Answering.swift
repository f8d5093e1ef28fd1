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
        /// The chat model asked when a question names none.
        var model: String
        /// Passages retrieved for a question that does not say how many.
        var topK = 5
        /// Passages that are not more similar than this are not used (cosine, -1…1).
        var minimumScore: Float = 0
        var limits = ChatLimits()
        var fallback = Fallback.auto
    }

    let store: any PointStore
    let embedding: EmbeddingService
    let chat: any ChatModel
    let configuration: Configuration

    /// The `limit` passages most similar to `query`, among the documents of exactly this title when one is given.
    ///
    /// - Throws: `RequestError.notFound`, naming the nearest titles, when no document has the title.
    func search(_ query: String, title: String?, limit: Int) async throws -> [Source] {
        let vector = try await embedding.embed(question: query).vector
        return try await sources(near: vector, title: title, limit: limit)
    }

    /// Answers a question: its sources, then the answer's tokens as they come, then the whole record.
    ///
    /// Cancelling the consumer, or letting the stream go, cancels generation.
    func answer(_ question: Question) -> AsyncThrowingStream<AnswerEvent, any Error> {
        AsyncThrowingStream(runningUntilDropped: { emit in try await answer(question, emit) })
    }

    private func answer(_ question: Question, _ emit: (AnswerEvent) -> Void) async throws {
        let limits = try configuration.limits.applying(question.options)
        var stopwatch = Stopwatch()
        var draft = Draft(model: question.model ?? configuration.model)

        let (vector, unread) = try await embedding.embed(question: question.text)
        draft.timings.embed = stopwatch.lap()
        if unread > 0 { draft.warnings.append(Self.longQuestion(unread, of: embedding.maxTokens)) }

        let topK = question.topK ?? configuration.topK
        draft.sources = try await sources(near: vector, title: question.title, limit: topK)
            .filter { $0.score > configuration.minimumScore }
        draft.timings.search = stopwatch.lap()
        emit(.sources(draft.sources))

        if draft.sources.isEmpty {
            // Nothing to answer from: a model would take a minute to say so, or invent something.
            draft.generator = "none"
            draft.append(Prompt.refusal, emit)
        } else {
            do {
                try await generate(question, limits, &stopwatch, &draft, emit)
            } catch let error as ChatError where error.isUnreachable && configuration.fallback == .auto {
                try await extract(vector, after: error, &draft, emit)
            }
        }
        draft.timings.total = stopwatch.total
        emit(.finished(draft.answer))
    }

    // MARK: - Retrieval

    private func sources(near vector: [Float], title: String?, limit: Int) async throws -> [Source] {
        if let title { try await requireTitle(title) }
        let filter = title.map { Filter(must: [Library.hasTitle($0)]) }
        let query = PointsQuery(vector: vector, filter: filter, limit: limit)
        return try await store.query(query, in: Library.collection).map(Source.init)
    }

    private func requireTitle(_ title: String) async throws {
        let filter = Filter(must: [Library.hasTitle(title), Library.isFirstChunk])
        guard try await store.count(filter, in: Library.collection) == 0 else { return }
        let titles = try await store.facet(Library.Field.title, filter: nil, limit: 10_000, in: Library.collection)
        throw RequestError.notFound(NearestTitles.message(unknown: title, known: titles.compactMap(\.value.string)))
    }

    // MARK: - Generation

    /// Asks the chat model. When it says that the prompt does not fit its real window, the least relevant passage goes and
    /// it is asked again: our estimate errs on the high side, but a model may have been built with a smaller window.
    private func generate(
        _ question: Question, _ limits: ChatLimits, _ stopwatch: inout Stopwatch, _ draft: inout Draft,
        _ emit: (AnswerEvent) -> Void
    ) async throws {
        let tokenizer = embedding.tokenizer
        var offered = draft.sources.count
        while true {
            let prompt = try Prompt(
                question: question.text, sources: Array(draft.sources.prefix(offered)), limits: limits,
                countTokens: tokenizer.countTokens
            )
            draft.use(prompt, limits)
            let request = ChatRequest(
                model: draft.model, messages: prompt.messages, contextLength: limits.contextLength,
                maxAnswerTokens: limits.maxAnswerTokens, options: question.options
            )
            do {
                for try await event in chat.chat(request) {
                    switch event {
                    case .token(let token):
                        if draft.text.isEmpty { draft.timings.firstToken = stopwatch.sinceLap }
                        draft.append(token, emit)
                    case .finished(let usage):
                        draft.usage.promptTokens = usage.promptTokens
                        draft.usage.answerTokens = usage.answerTokens
                        draft.warnings += prompt.warnings(answer: draft.text, usage: usage)
                    }
                }
                // A stream that its consumer's cancellation ended is no answer.
                try Task.checkCancellation()
                draft.generator = chat.generator
                draft.timings.chat = stopwatch.lap()
                return
            } catch ChatError.contextExceeded(let reason) where draft.text.isEmpty && prompt.included.count > 1 {
                offered = prompt.included.count - 1
                draft.warnings.append(
                    "The model's window is smaller than asked for (\(reason)); a passage was left out.")
            }
        }
    }

    /// Quotes the sentences nearest to the question, and says that no model wrote the answer.
    private func extract(
        _ question: [Float], after error: ChatError, _ draft: inout Draft, _ emit: (AnswerEvent) -> Void
    ) async throws {
        let extract = try await ExtractiveAnswerer(sentences: SentenceBreaks.sentences).answer(sources: draft.sources) {
            try await embedding.embed(questions: $0).map { sentence in
                zip(sentence, question).reduce(0) { $0 + $1.0 * $1.1 }
            }
        }
        draft.reset(generator: "extractive")
        draft.warnings.append("No chat model wrote this answer, it quotes the documents: \(error.failure.detail)")
        draft.append(extract.text, emit)
    }

    private static func longQuestion(_ unread: Int, of maxTokens: Int) -> String {
        """
        Passages were searched with the question's first \(maxTokens) tokens; its last \(unread) took no part in the search. \
        The chat model was given all of it.
        """
    }
}

/// An answer in the making.
private struct Draft {
    var model: String
    var text = ""
    var sources: [Source] = []
    var generator = ""
    var dropped: [String] = []
    var warnings: [String] = []
    var usage = Answer.Usage()
    var timings = Answer.Timings(total: 0)

    init(model: String) { self.model = model }

    mutating func append(_ token: String, _ emit: (AnswerEvent) -> Void) {
        text += token
        emit(.token(token))
    }

    /// Notes what a prompt asks of the window and leaves out.
    mutating func use(_ prompt: Prompt, _ limits: ChatLimits) {
        dropped = sources[prompt.included.count...].map(\.id)
        usage.estimatedPromptTokens = prompt.estimatedTokens
        usage.contextLength = limits.contextLength
    }

    /// Forgets the attempt to ask a model.
    mutating func reset(generator: String) {
        self.generator = generator
        text = ""
        dropped = []
        usage = Answer.Usage()
        timings.firstToken = nil
    }

    var answer: Answer {
        Answer(
            text: text, sources: sources, model: generator == "extractive" || generator == "none" ? nil : model,
            generator: generator, dropped: dropped, warnings: warnings, usage: usage, timings: timings
        )
    }
}

/// Seconds since it was made, and between laps.
private struct Stopwatch {
    private let begin = ContinuousClock.now
    private var last = ContinuousClock.now

    /// Seconds since the last lap, which ends here.
    mutating func lap() -> Double {
        defer { last = .now }
        return sinceLap
    }

    var sinceLap: Double { last.duration(to: .now).inSeconds }
    var total: Double { begin.duration(to: .now).inSeconds }
}
