// /openapi.json: the API as OpenAPI 3.1 describes it, with FastAPI's names for what the original API has. The tests hold it
// against the route table and against openapi.json at the top of the repository. OpenAPISchemas.swift has the types.

import VectorStore

enum OpenAPI {
    /// The document as it is served.
    static let bytes = document.encoded()

    static let document: JSONObject = [
        "openapi": "3.1.0",
        "info": [
            "title": "minilm",
            "summary": "Ask your documents, on your own machine",
            "description": """
            Upload texts, ask questions about them. Embeddings and storage are in this process; answers come from \
            Ollama. The same routes are on both ports. Errors are `{"detail": …}`, worded as FastAPI does.
            """,
            "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            "version": "1",
        ],
        "servers": [["url": "/"]],
        "tags": [
            ["name": "vector", "description": "Documents in, out and found"],
            ["name": "llm", "description": "Questions and answers"],
            ["name": "health", "description": "Probes"],
            ["name": "pages", "description": "Documentation"],
        ],
        "paths": .object(paths),
        "components": [
            "schemas": .object(schemas), "responses": .object(sharedResponses),
            "securitySchemes": [
                "bearer": ["type": "http", "scheme": "bearer", "description": "Where the server has an API key."],
                "apiKey": [
                    "type": "apiKey", "in": "header", "name": "api-key",
                    "description": "The same key, as Qdrant's clients send it.",
                ],
            ],
        ],
        "security": [[:], ["bearer": []], ["apiKey": []]],
    ]

    // MARK: - Paths

    private static let paths: JSONObject = [
        "/vector/text-to-vector": ["post": .object(textToVector)],
        "/vector/documents": ["get": .object(documents)],
        "/vector/documents/{id}": ["delete": .object(deleteDocument)],
        "/vector/search": ["post": .object(search)],
        "/llm/ask": ["post": .object(ask("ask_llm_ask_post", summary: "Ask", description: askDescription))],
        "/llm/generate-response": [
            "post": .object(
                ask(
                    "generate_response_route_llm_generate_response_post", summary: "Generate Response Route",
                    description: "The older name of `/llm/ask`."))
        ],
        "/healthz": ["get": .object(probe("healthz", "The process serves."))],
        "/livez": ["get": .object(probe("livez", "The process lives."))],
        "/readyz": [
            "get": .object(
                probe(
                    "readyz",
                    "Documents can be read. The chat model is no part of it: uploads and searches work without.",
                    errors: [403, 503]))
        ],
        "/openapi.json": [
            "get": .object(page("openapi_openapi_json_get", "Openapi", "This document", "application/json"))
        ],
        "/docs": [
            "get": .object(page("docs_docs_get", "Docs", "A page that shows and tries these routes", "text/html"))
        ],
        "/": [
            "get": [
                "tags": ["pages"], "summary": "Root", "operationId": "root__get", "security": [],
                "responses": [
                    "307": [
                        "description": "To `/docs`",
                        "headers": ["Location": ["schema": ["type": "string"], "example": "/docs"]],
                    ],
                    "403": reference("responses", sharedResponseNames[403] ?? ""),
                ],
            ]
        ],
    ]

    private static let textToVector = operation(
        "text_to_vector_vector_text_to_vector_post", tag: "vector", summary: "Text To Vector",
        description: """
            Splits a text file into passages the embedding model reads whole, embeds them and stores them with the four \
            fields: all of it or nothing. The same content under the same title changes nothing; new content is added to \
            the title, or takes its place with `replace`.
            """,
        body: content("multipart/form-data", "Body_text_to_vector_vector_text_to_vector_post"),
        answer: response("Stored", "UploadResponse", example: .object(Examples.receipt)),
        errors: [400, 401, 403, 413, 422, 429, 500, 507]
    )

    private static let documents = operation(
        "documents_vector_documents_get", tag: "vector", summary: "Documents",
        description: "The stored documents, page by page.",
        parameters: [
            parameter("title", "query", nullable(["type": "string"]), "Only documents of exactly this title."),
            parameter("offset", "query", nullable(["type": "string"]), "The `next_offset` of the page before."),
            parameter(
                "limit", "query", ["type": "integer", "minimum": 1, "maximum": 1000, "default": 100],
                "Documents a page."),
        ],
        answer: response(
            "A page", "DocumentsResponse",
            example: ["documents": [.object(Examples.document)], "next_offset": nil]),
        errors: [400, 401, 403, 422, 500]
    )

    private static let deleteDocument = operation(
        "delete_document_vector_documents__id__delete", tag: "vector", summary: "Delete Document",
        description: "Removes a document and all its passages.",
        parameters: [parameter("id", "path", ["type": "string"], "The document's `document_id`.")],
        answer: response(
            "Removed", "DeleteResponse",
            example: ["document_id": .string(Examples.documentID), "deleted_chunks": 3]),
        errors: [401, 403, 404, 500, 507]
    )

    private static let search = operation(
        "search_vector_search_post", tag: "vector", summary: "Search",
        description: "The passages most similar to a query, best first, without asking a language model.",
        body: content(
            "application/json", "SearchRequest",
            example: ["query": "When was the lighthouse lit?", "title": "faro", "limit": 3]),
        answer: response("Passages", "SearchResponse", example: ["results": [.object(Examples.source)]]),
        errors: [401, 403, 404, 413, 422, 429, 500]
    )

    private static let askDescription = """
        Finds the passages nearest to the question, among the documents whose title equals `title_rag` or among all, and \
        has the chat model answer from them. Hanging up stops the generation.
        """

    private static func ask(_ id: String, summary: String, description: String) -> JSONObject {
        var answer = response(
            """
            The answer. With `stream`, server-sent events: `sources` once, a `token` for each piece of text, `done` with \
            the whole record; `error` (status and detail) if something fails on the way.
            """, "AskResponse", example: .object(Examples.answer))
        var kinds = answer["content"]?.object ?? [:]
        kinds["text/event-stream"] = ["schema": ["type": "string"], "example": .string(Examples.events)]
        answer["content"] = .object(kinds)
        return operation(
            id, tag: "llm", summary: summary, description: description,
            body: content(
                "application/json", "AskRequest",
                example: ["question": "Quando foi aceso o farol pela primeira vez?", "title_rag": "faro"]),
            answer: answer, errors: [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504]
        )
    }

    private static func probe(_ name: String, _ description: String, errors: [Int] = [403]) -> JSONObject {
        var probe = page("\(name)_\(name)_get", name, description, "text/plain", errors: errors)
        probe["tags"] = ["health"]
        return probe
    }

    /// Something to look at, for everybody who may call at all.
    private static func page(
        _ id: String, _ summary: String, _ description: String, _ type: String, errors: [Int] = [403]
    ) -> JSONObject {
        let schema: JSONValue = ["type": type == "application/json" ? "object" : "string"]
        var page = operation(
            id, tag: "pages", summary: summary, description: description,
            answer: ["description": .string(description), "content": .object([type: ["schema": schema]])],
            errors: errors
        )
        page["security"] = []
        return page
    }

    // MARK: - Pieces

    private static func operation(
        _ id: String, tag: String, summary: String, description: String, parameters: [JSONValue] = [],
        body: JSONObject? = nil, answer: JSONObject, errors: [Int]
    ) -> JSONObject {
        var operation: JSONObject = [
            "tags": [.string(tag)], "summary": .string(summary), "description": .string(description),
            "operationId": .string(id),
        ]
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body { operation["requestBody"] = ["required": true, "content": .object(body)] }
        var responses: JSONObject = ["200": .object(answer)]
        for status in errors { responses["\(status)"] = reference("responses", sharedResponseNames[status] ?? "") }
        operation["responses"] = .object(responses)
        return operation
    }

    private static func parameter(
        _ name: String, _ place: String, _ schema: JSONValue, _ description: String
    ) -> JSONValue {
        [
            "name": .string(name), "in": .string(place), "required": .bool(place == "path"), "schema": schema,
            "description": .string(description),
        ]
    }

    static func reference(_ kind: String, _ name: String) -> JSONValue {
        ["$ref": .string("#/components/\(kind)/\(name)")]
    }

    /// A body of one type: a schema by name, and an example.
    static func content(_ type: String, _ schema: String, example: JSONValue? = nil) -> JSONObject {
        var content: JSONObject = ["schema": reference("schemas", schema)]
        if let example { content["example"] = example }
        return [type: .object(content)]
    }

    static func response(_ description: String, _ schema: String, example: JSONValue) -> JSONObject {
        [
            "description": .string(description),
            "content": .object(content("application/json", schema, example: example)),
        ]
    }

    static func nullable(_ schema: JSONValue) -> JSONValue { ["anyOf": [schema, ["type": "null"]]] }
}
