// The types of /openapi.json: requests, answers, refusals, and examples of them.

import VectorStore

extension OpenAPI {
    static let schemas: JSONObject = [
        "Body_text_to_vector_vector_text_to_vector_post": object(
            [
                "title": field("string", "What questions name as `title_rag`."),
                "description": field("string", default: ""),
                "user_id": field("string", default: ""),
                "url": field("string", "Where the text comes from. Kept, never fetched.", default: ""),
                "file": [
                    "type": "string", "contentMediaType": "application/octet-stream", "description": "Text in UTF-8.",
                ],
                "replace": field(
                    "boolean", "Remove the title's other documents in the same transaction.", default: false),
            ], required: ["title", "file"]),
        "UploadResponse": object([
            "status": [
                "type": "string", "enum": ["created", "unchanged", "replaced"],
                "description": "`unchanged`: the same content was there already.",
            ],
            "document_id": field("string"), "title": field("string"), "chunks": field("integer"),
            "tokens": field("integer", "Tokens of the chunks, overlap counted each time."),
            "replaced": list(["type": "string"], "Ids of the documents that made room."),
        ]),
        "Document": object([
            "document_id": field("string"), "title": field("string"), "description": field("string"),
            "user_id": field("string"), "url": field("string"), "chunks": field("integer"),
            "tokens": field("integer"), "characters": field("integer", "Unicode scalars."),
            "created_at": ["type": "string", "format": "date-time"],
        ]),
        "DocumentsResponse": object([
            "documents": list(reference("schemas", "Document")),
            "next_offset": optional("string", "null on the last page."),
        ]),
        "DeleteResponse": object(["document_id": field("string"), "deleted_chunks": field("integer")]),
        "SearchRequest": object(
            [
                "query": ["type": "string", "maxLength": longestText],
                "title": optional("string", "Only documents of exactly this title."),
                "limit": ["type": "integer", "minimum": 1, "maximum": 100, "default": 5],
            ], required: ["query"]),
        "SearchResponse": object(["results": list(reference("schemas", "Source"))]),
        "Source": object([
            "id": field("string"), "document_id": field("string"), "title": field("string"), "url": field("string"),
            "text": field("string"), "score": field("number", "Cosine similarity, -1 to 1."),
            "chunk": field("integer", "The passage's number in its document, from 0."),
            "start": field("integer", "Where it begins in the uploaded text, in Unicode scalars."),
            "end": field("integer", "Where it ends."),
        ]),
        "AskRequest": object(
            [
                "question": ["type": "string", "minLength": 1, "maxLength": longestText],
                "title_rag": optional("string", "Only documents of exactly this title; left out or null: all."),
                "model": optional("string", "Any chat model Ollama has; left out: the server's own."),
                "top_k": [
                    "anyOf": [["type": "integer", "minimum": 1, "maximum": 100], ["type": "null"]],
                    "description": "Passages to retrieve.",
                ],
                "stream": field("boolean", "Answer as server-sent events.", default: false),
                "options": optional("object", "Ollama's model options, passed on: `temperature`, `seed`, …"),
            ], required: ["question"]),
        "AskResponse": object([
            "answer": field("string"), "sources": list(reference("schemas", "Source")),
            "model": optional("string", "null when no model wrote the answer."),
            "generator": field(
                "string",
                """
                `ollama`; `extractive`: no model could be reached and the answer quotes the documents; `none`: nothing was \
                found and no model was asked.
                """),
            "usage": reference("schemas", "Usage"), "timings": reference("schemas", "Timings"),
            "dropped": list(["type": "string"], "Ids of passages left out to keep the prompt within the window."),
            "warnings": list(["type": "string"]),
        ]),
        "Usage": object([
            "prompt_tokens": optional("integer", "As the chat model counted."),
            "completion_tokens": optional("integer", "As the chat model counted."),
            "estimated_prompt_tokens": optional("integer", "As counted before sending, on the high side."),
            "context_length": optional("integer", "The window asked for (`num_ctx`)."),
        ]),
        "Timings": object([
            "embed_ms": optional("number", "Embedding the question."),
            "search_ms": optional("number", "Finding the passages."),
            "first_token_ms": optional("number", "From asking the chat model to its first token."),
            "chat_ms": optional("number", "The chat model in all."), "total_ms": field("number"),
        ]),
        "Error": object(["detail": field("string", "What was wrong and what to do.")]),
        "HTTPValidationError": object(["detail": list(reference("schemas", "ValidationError"))], required: []),
        "ValidationError": object(
            [
                "loc": list(["anyOf": [["type": "string"], ["type": "integer"]]]), "msg": field("string"),
                "type": field("string"), "input": [:], "ctx": ["type": "object"],
            ], required: ["loc", "msg", "type"]),
    ]

    private static let longestText = JSONValue.integer(Int64(AskRoutes.longestQuestion))

    // MARK: - Refusals

    /// The names of the refusals that operations share, by status.
    static let sharedResponseNames = [
        400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 413: "TooLarge", 422: "Invalid",
        429: "Overloaded", 500: "ServerError", 502: "ChatModelFailed", 503: "Unavailable", 504: "ChatModelTimeout",
        507: "DiskFull",
    ]

    static let sharedResponses: JSONObject = [
        "BadRequest": refusal("The content or a parameter cannot be used", "The file is empty."),
        "Unauthorized": refusal(
            "The server has an API key and the request did not show it",
            "This server needs its API key: Authorization: Bearer KEY, or api-key: KEY.", header: "WWW-Authenticate"),
        "Forbidden": refusal(
            "Called by a name that is not this machine's, or by a page that is not allowed",
            "This server does not answer to the name 'example.org'. Use http://localhost or http://127.0.0.1."),
        "NotFound": refusal(
            "Something named in the request does not exist", "No document has the title 'fare'. Nearest: 'faro'."),
        "TooLarge": refusal(
            "More than a limit allows: 32 MB for uploads unless set otherwise, 2 MB for other bodies",
            "The request's body is larger than 33554432 bytes (32 MB), the most this server takes here."),
        "Invalid": .object(
            response(
                "Validation Error", "HTTPValidationError",
                example: [
                    "detail": [
                        ["type": "missing", "loc": ["body", "title"], "msg": "Field required", "input": nil]
                    ]
                ])),
        "Overloaded": refusal(
            "As much to do as the server accepts",
            "3 questions are waiting for the model already. Try again in a moment.", header: "Retry-After"),
        "ServerError": [
            "description": "A fault of the server: JSON where it is a known one, plain text otherwise",
            "content": [
                "application/json": ["schema": reference("schemas", "Error")],
                "text/plain": ["schema": ["type": "string"], "example": "Internal Server Error"],
            ],
        ],
        "ChatModelFailed": refusal(
            "The chat model failed", "The connection to Ollama ended before the answer did (reset). Try again."),
        "Unavailable": refusal(
            "Something the request needs is not there at the moment",
            "Ollama is busy (loading). Try again in a moment.", header: "Retry-After"),
        "ChatModelTimeout": refusal(
            "The chat model took too long",
            """
            Ollama stopped in the middle of its answer: nothing for 60 s. Try again; if it happens again, restart Ollama or \
            choose a smaller model.
            """, header: "Retry-After"),
        "DiskFull": refusal(
            "No space left; nothing of the operation was kept",
            "The disk that holds data is full: nothing of the operation was kept. Make room and try again."),
    ]

    private static func refusal(_ description: String, _ detail: String, header: String? = nil) -> JSONValue {
        var refusal = response(description, "Error", example: ["detail": .string(detail)])
        if let header { refusal["headers"] = .object([header: ["schema": ["type": "string"]]]) }
        return .object(refusal)
    }

    // MARK: - Types

    /// An object; every property is required unless `required` says otherwise.
    private static func object(_ properties: JSONObject, required: [String]? = nil) -> JSONValue {
        let required = (required ?? properties.keys).map(JSONValue.string)
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema["required"] = .array(required) }
        return .object(schema)
    }

    private static func field(
        _ type: JSONValue, _ description: String? = nil, default standard: JSONValue? = nil
    ) -> JSONValue {
        var schema: JSONObject = ["type": type]
        if let standard { schema["default"] = standard }
        if let description { schema["description"] = .string(description) }
        return .object(schema)
    }

    private static func optional(_ type: JSONValue, _ description: String) -> JSONValue {
        ["anyOf": [["type": type], ["type": "null"]], "description": .string(description)]
    }

    private static func list(_ items: JSONValue, _ description: String? = nil) -> JSONValue {
        var schema: JSONObject = ["type": "array", "items": items]
        if let description { schema["description"] = .string(description) }
        return .object(schema)
    }

    // MARK: - Examples

    /// What a session with the sample document looks like.
    enum Examples {
        static let documentID = "8f0b3c52-5a8e-8c1d-9b1f-2f6c0c1f7a11"

        static let receipt: JSONObject = [
            "status": "created", "document_id": .string(documentID), "title": "faro", "chunks": 3, "tokens": 412,
            "replaced": [],
        ]
        static let document: JSONObject = [
            "document_id": .string(documentID), "title": "faro", "description": "Notes on a lighthouse",
            "user_id": "ana", "url": "https://example.org/faro", "chunks": 3, "tokens": 412, "characters": 1780,
            "created_at": "2026-01-02T03:04:05Z",
        ]
        static let source: JSONObject = [
            "id": "c2a7f3de-41b9-8a70-a5f4-9e51d7a3b0c4", "document_id": .string(documentID), "title": "faro",
            "url": "https://example.org/faro", "text": "O farol foi aceso pela primeira vez em 1887.", "score": 0.71,
            "chunk": 0, "start": 0, "end": 44,
        ]
        static let answer: JSONObject = [
            "answer": "O farol foi aceso pela primeira vez em 1887 [1].", "sources": [.object(source)],
            "model": "llama3.2", "generator": "ollama",
            "usage": [
                "prompt_tokens": 212, "completion_tokens": 18, "estimated_prompt_tokens": 240, "context_length": 4096,
            ],
            "timings": [
                "embed_ms": 7.4, "search_ms": 1.2, "first_token_ms": 910.5, "chat_ms": 2480.3, "total_ms": 2489.1,
            ],
            "dropped": [], "warnings": [],
        ]
        static let events = """
            event: sources
            data: {"sources":[]}

            event: token
            data: {"token":"O farol"}

            event: done
            data: \(answer)


            """
    }
}
