// Texts where vectors are expected: Qdrant's one model that needs no weights.

import VectorStore

enum QdrantInference {
    /// The vector of `{"text", "model": "qdrant/bm25", "options"}`.
    ///
    /// - Throws: 400 for every other model, as a Qdrant without a service for inference.
    static func vector(_ fields: Fields, isQuery: Bool) throws -> SparseVector {
        guard try fields.string("model")?.lowercased() == "qdrant/bm25" else {
            throw QdrantError(
                message:
                    "Bad request: InferenceService is not initialized: the only model here is `qdrant/bm25`. Send vectors instead, e.g. of `/v1/embeddings`."
            )
        }
        let text = try fields.needed("text", fields.string)
        let model = try model(Fields(fields["options"] ?? [:], "options"))
        return try isQuery ? model.query(text) : model.document(text)
    }

    /// Qdrant's `Bm25Config`: stop words and stems are English ones unless another language, or something else, is asked for.
    private static func model(_ options: Fields) throws -> BM25 {
        let language = try options.string("language") ?? "english"
        var schema = options.object
        schema["type"] = "text"
        if options["stopwords"] == nil, StopwordLanguage(named: language) != nil {
            schema["stopwords"] = .string(language)
        }
        if options["stemmer"] == nil, StemmerLanguage(named: language) != nil {
            schema["stemmer"] = ["type": "snowball", "language": .string(language)]
        }
        guard language == "none" || schema["stopwords"] != nil || schema["stemmer"] != nil else {
            throw QdrantError(message: "Bad request: unsupported language \(Fields.short(.string(language)))")
        }
        try QdrantCollection.checkIndex(.object(schema))
        guard case .text(let parameters)? = PayloadIndexType(json: .object(schema)) else {
            throw QdrantError.format("unknown tokenizer \(Fields.short(schema["tokenizer"] ?? .null))")
        }
        var model = BM25(parameters)
        model.k = try number("k", options) ?? model.k
        model.b = try number("b", options) ?? model.b
        model.averageLength = try number("avg_len", options) ?? model.averageLength
        guard model.k >= 0, 0...1 ~= model.b, model.averageLength > 0 else {
            throw QdrantError.validation("options: k must be 0 or larger, b from 0 to 1, avg_len larger than 0")
        }
        return model
    }

    private static func number(_ key: String, _ options: Fields) throws -> Double? {
        try options.optional(key, "a number", \.number)
    }
}

extension Fields {
    /// Whether a vector is to be made of a text somewhere in a query.
    var haveDocuments: Bool {
        object.contains { key, value in key != "filter" && value.mayHoldDocument }
    }
}

extension JSONValue {
    fileprivate var mayHoldDocument: Bool {
        switch self {
        case .object(let object):
            return object["model"] != nil || object.contains { $0.value.mayHoldDocument }
        case .array(let elements):
            // A vector, most of what queries are made of: no example is a number with a fraction.
            if case .double? = elements.first { return false }
            return elements.contains(where: \.mayHoldDocument)
        default: return false
        }
    }
}
