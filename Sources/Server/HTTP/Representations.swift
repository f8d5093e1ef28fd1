// Results as JSON: the names of the wire in one place.

import VectorStore

extension UploadReceipt {
    var json: JSONObject {
        [
            "status": .string(status.rawValue), "document_id": .string(documentID), "title": .string(title),
            "chunks": .integer(Int64(chunks)), "tokens": .integer(Int64(tokens)),
            "replaced": .array(replaced.map(JSONValue.string)),
        ]
    }
}

extension DocumentPage {
    var json: JSONObject {
        [
            "documents": .array(documents.map { .object($0.json) }),
            "next_offset": nextOffset.map(JSONValue.string) ?? nil,
        ]
    }
}

extension DocumentSummary {
    var json: JSONObject {
        [
            "document_id": .string(documentID), "title": .string(title), "description": .string(description),
            "user_id": .string(userID), "url": .string(url), "chunks": .integer(Int64(chunks)),
            "tokens": .integer(Int64(tokens)), "characters": .integer(Int64(characters)),
            "created_at": .string(createdAt),
        ]
    }
}

extension Source {
    var json: JSONObject {
        [
            "id": .string(id), "document_id": .string(documentID), "title": .string(title), "url": .string(url),
            "text": .string(text), "score": JSONValue(score), "chunk": .integer(Int64(chunkIndex)),
            "start": .integer(Int64(characters.lowerBound)), "end": .integer(Int64(characters.upperBound)),
        ]
    }
}

extension Answer {
    var json: JSONObject {
        [
            "answer": .string(text),
            "sources": .array(sources.map { .object($0.json) }),
            "model": model.map(JSONValue.string) ?? nil,
            "generator": .string(generator),
            "usage": [
                "prompt_tokens": Self.integer(usage.promptTokens),
                "completion_tokens": Self.integer(usage.answerTokens),
                "estimated_prompt_tokens": Self.integer(usage.estimatedPromptTokens),
                "context_length": Self.integer(usage.contextLength),
            ],
            "timings": [
                "embed_ms": Self.milliseconds(timings.embed), "search_ms": Self.milliseconds(timings.search),
                "first_token_ms": Self.milliseconds(timings.firstToken), "chat_ms": Self.milliseconds(timings.chat),
                "total_ms": Self.milliseconds(timings.total),
            ],
            "dropped": .array(dropped.map(JSONValue.string)),
            "warnings": .array(warnings.map(JSONValue.string)),
        ]
    }

    private static func integer(_ value: Int?) -> JSONValue { value.map { .integer(Int64($0)) } ?? nil }

    /// To a tenth.
    private static func milliseconds(_ seconds: Double?) -> JSONValue {
        seconds.map { .double(($0 * 10_000).rounded() / 10) } ?? nil
    }
}
