// Aliases of collections: several actions in one step, or none.

import Hummingbird
import VectorStore

extension QdrantAPI {
    @Sendable func changeAliases(_ call: inout Call) async throws -> Response {
        let actions = try await call.qdrantObject("the request").list("actions").map { json in
            let fields = try Fields(json, "an action")
            func text(_ action: String, _ key: String) throws -> String {
                guard let text = try Fields(fields.value(action), action).string(key) else {
                    throw QdrantError.format("missing field `\(key)` of \(action)")
                }
                return text
            }
            if fields["create_alias"] != nil {
                return AliasAction.create(
                    alias: try text("create_alias", "alias_name"),
                    collection: try text("create_alias", "collection_name"))
            }
            if fields["rename_alias"] != nil {
                return .rename(
                    try text("rename_alias", "old_alias_name"), to: try text("rename_alias", "new_alias_name"))
            }
            return .delete(try text("delete_alias", "alias_name"))
        }
        try await store.updateAliases(actions)
        return call.qdrant(true)
    }

    @Sendable func listAliases(_ call: inout Call) async throws -> Response {
        call.qdrant(Self.told(store.aliases()))
    }

    @Sendable func collectionAliases(_ call: inout Call) async throws -> Response {
        _ = try await store.collection(call.parameter)
        let name = store.aliases()[call.parameter] ?? call.parameter
        return call.qdrant(Self.told(store.aliases().filter { $0.value == name }))
    }

    private static func told(_ aliases: [String: String]) -> JSONValue {
        [
            "aliases": .array(
                aliases.sorted { $0.key < $1.key }.map { alias, collection in
                    ["alias_name": .string(alias), "collection_name": .string(collection)]
                })
        ]
    }
}
