// Questions: one answer, or its parts as they come.

import Hummingbird
import VectorStore

struct AskRoutes: Sendable {
    let answering: Answering

    /// Unicode scalars. Ten times what any chat model's default window holds; longer is refused, never cut.
    static let longestQuestion = 100_000

    /// POST /llm/ask, POST /llm/generate-response
    @Sendable func ask(_ call: inout Call) async throws -> Response {
        let body = try await call.jsonObject()
        let (question, isStream) = try Self.question(body)
        let events = answering.answer(question)
        if isStream { return try await ServerSentEvents.response(events, to: call) }
        // Whoever hangs up cancels the generation.
        let answer = try await call.whileConnected { try await Self.final(events) }
        return .json(answer.json)
    }

    private static func final(_ events: AsyncThrowingStream<AnswerEvent, any Error>) async throws -> Answer {
        for try await event in events {
            if case .finished(let answer) = event { return answer }
        }
        throw CancellationError()
    }

    /// The question a body asks, and whether its answer is to be streamed.
    static func question(_ body: JSONObject) throws(InvalidRequest) -> (Question, isStream: Bool) {
        var reader = FieldReader(body, location: "body", missingInput: .object(body))
        let text = reader.string("question", maxLength: longestQuestion)
        let title = reader.optionalString("title_rag")
        let model = reader.optionalString("model", maxLength: 256)
        let topK = reader.optionalInteger("top_k", in: 1...100)
        let isStream = reader.optionalBool("stream") ?? false
        let options = reader.optionalObject("options") ?? [:]
        if text.allSatisfy(\.isWhitespace), body["question"]?.string != nil {
            reader.problem(
                "string_too_short", "question", "String should have at least 1 character", .string(text),
                ["min_length": 1])
        }
        try reader.finish()
        return (Question(text: text, title: title, model: model, topK: topK, options: options), isStream)
    }
}
