// Documents in, out and found.

import Hummingbird
import VectorStore

struct VectorRoutes: Sendable {
    let ingestion: Ingestion
    let answering: Answering
    /// The largest upload, in bytes, form and all.
    let maxUpload: Int

    /// POST /vector/text-to-vector
    @Sendable func textToVector(_ call: inout Call) async throws -> Response {
        let form = try await call.form(upTo: maxUpload)
        let upload = try Self.upload(form)
        // An embedding that nobody waits for any more is stopped: nothing is stored then.
        let receipt = try await call.whileConnected { try await ingestion.ingest(upload) }
        return .json(receipt.json)
    }

    /// GET /vector/documents?title=&offset=&limit=
    @Sendable func documents(_ call: inout Call) async throws -> Response {
        var reader = FieldReader(call.query, location: "query", missingInput: nil)
        let title = reader.optionalString("title")
        let offset = reader.optionalString("offset")
        let limit = reader.optionalInteger("limit", in: 1...1000)
        try reader.finish()
        return .json(try await ingestion.documents(title: title, offset: offset, limit: limit ?? 100).json)
    }

    /// DELETE /vector/documents/{id}
    @Sendable func deleteDocument(_ call: inout Call) async throws -> Response {
        let chunks = try await ingestion.deleteDocument(call.parameter)
        guard chunks > 0 else { throw RequestError.notFound("No document has the id '\(call.parameter)'.") }
        return .json(["document_id": .string(call.parameter), "deleted_chunks": .integer(Int64(chunks))])
    }

    /// POST /vector/search
    @Sendable func search(_ call: inout Call) async throws -> Response {
        let body = try await call.jsonObject()
        var reader = FieldReader(body, location: "body", missingInput: .object(body))
        let query = reader.string("query", maxLength: AskRoutes.longestQuestion)
        let title = reader.optionalString("title")
        let limit = reader.optionalInteger("limit", in: 1...100)
        try reader.finish()
        let sources = try await answering.search(query, title: title, limit: limit ?? 5)
        return .json(["results": .array(sources.map { .object($0.json) })])
    }

    /// The upload a form describes. `title` and `file` must be there; the other fields may be left out or empty.
    static func upload(_ form: [String: FormPart]) throws(InvalidRequest) -> Upload {
        var problems: [JSONValue] = []
        func text(_ name: String) -> String? {
            guard let part = form[name] else { return nil }
            if part.fileName != nil {
                problems.append(
                    InvalidRequest.detail(
                        "string_type", ["body", .string(name)], "Input should be a valid string", input: nil)
                )
            }
            return String(utf8OrLatin1: part.content)
        }
        let title = text("title") ?? ""
        // FastAPI takes an empty required field for a missing one.
        if title.isEmpty, form["title"]?.fileName == nil {
            problems.append(InvalidRequest.missing(["body", "title"], input: nil))
        }
        var replace = false
        if let text = text("replace") {
            var reader = FieldReader(["replace": .string(text)], location: "body", missingInput: nil)
            replace = reader.optionalBool("replace") ?? false
            problems += reader.problems
        }
        let file = form["file"]
        if let file, file.fileName == nil {
            let message = "Value error, Expected UploadFile, received: <class 'str'>"
            problems.append(
                InvalidRequest.detail(
                    "value_error", ["body", "file"], message,
                    input: .string(String(utf8OrLatin1: file.content.prefix(1000))), context: ["error": [:]]
                )
            )
        } else if file == nil || file?.fileName?.isEmpty == true {
            problems.append(InvalidRequest.missing(["body", "file"], input: nil))
        }
        let upload = Upload(
            title: title, description: text("description") ?? "", userID: text("user_id") ?? "", url: text("url") ?? "",
            content: file?.content ?? [], replace: replace
        )
        if !problems.isEmpty { throw InvalidRequest(problems) }
        return upload
    }
}
