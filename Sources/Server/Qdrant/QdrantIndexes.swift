// Payload indexes of the Qdrant API.

import Hummingbird
import VectorStore

extension QdrantAPI {
    @Sendable func createIndex(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the index")
        // One spelling of a path: `"a"` in quotes is `a`.
        let field = try PayloadPath(fields.needed("field_name", fields.string)).description
        let schema = fields["field_schema"] ?? fields["field_type"] ?? "keyword"
        // First what says which of the parameters is wrong: the type is read with them, and all or nothing.
        try QdrantCollection.checkIndex(schema)
        guard let type = PayloadIndexType(json: schema) else {
            throw QdrantError.format("unknown field_schema \(Fields.short(schema))")
        }
        try await checkIndex(field, in: call.parameter, becoming: type)
        try await strictMode(call)?.checkIndexing(isNew: true)
        try await store.createPayloadIndex(
            field, type, in: call.parameter, configuring: Self.keeping(schema.object == nil ? nil : schema, of: field))
        return call.qdrantUpdate(operation: try await store.collection(call.parameter).operation)
    }

    @Sendable func deleteIndex(_ call: inout Call) async throws -> Response {
        let collection = call.parameters[0]
        let field = try PayloadPath(call.parameters[1]).description
        try await checkIndex(field, in: collection, becoming: nil)
        try await strictMode(call)?.checkIndexing(isNew: false)
        _ = try await store.deletePayloadIndex(field, in: collection, configuring: Self.keeping(nil, of: field))
        return call.qdrantUpdate(operation: try await store.collection(collection).operation)
    }

    /// Refuses to take away an index that this server's documents need.
    private func checkIndex(_ field: String, in name: String, becoming type: PayloadIndexType?) async throws {
        guard (store.aliases()[name] ?? name) == Library.collection else { return }
        let needed = [Library.Field.title: PayloadIndexType.keyword, Library.Field.documentID: .keyword]
            .merging([Library.Field.chunkIndex: .integer]) { $1 }
        guard let own = needed[field], own != type else { return }
        throw QdrantError(status: 403, message: "Forbidden: this server's documents need the index on `\(field)`.")
    }

    /// Keeps the parameters of the index on a field, as they were given.
    private static func keeping(_ parameters: JSONValue?, of field: String) -> EmbeddedStore.ConfigurationChange {
        changingSettings { settings in
            var indexes = settings[QdrantCollection.indexes]?.object ?? [:]
            indexes[field] = parameters
            settings[QdrantCollection.indexes] = .object(indexes)
        }
    }
}
