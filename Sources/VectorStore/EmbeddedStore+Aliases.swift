// Aliases: other names of collections, wherever a collection is named.

import GRDB

/// A change of aliases.
public enum AliasAction: Sendable, Equatable {
    /// An alias that is there changes over to the collection.
    case create(alias: String, collection: String)
    case rename(String, to: String)
    /// Nothing happens when there is none.
    case delete(String)
}

extension EmbeddedStore {
    /// Applies the actions in order, all or none: readers see a collection change its name in one step.
    ///
    /// - Throws: `.collectionNotFound`, `.badRequest` for names that are a collection's already and aliases that are not there.
    public func updateAliases(_ actions: [AliasAction]) async throws(StoreError) {
        for case .create(let alias, _) in actions { try Self.checkAlias(alias) }
        for case .rename(_, let alias) in actions { try Self.checkAlias(alias) }
        try await write { [self] db in
            let (collections, old) = published
            var aliases = old
            for action in actions {
                switch action {
                case .create(let alias, let collection):
                    guard let name = collections[collection]?.name ?? aliases[collection] else {
                        throw StoreError.collectionNotFound(collection)
                    }
                    try Self.checkIsFree(alias, collections)
                    aliases[alias] = name
                case .rename(let alias, let other):
                    guard let collection = aliases.removeValue(forKey: alias) else {
                        throw StoreError.aliasNotFound(alias)
                    }
                    try Self.checkIsFree(other, collections)
                    aliases[other] = collection
                case .delete(let alias): aliases[alias] = nil
                }
            }
            try db.execute(sql: "DELETE FROM aliases")
            for (alias, name) in aliases {
                try db.execute(
                    sql: "INSERT INTO aliases (alias, collection) VALUES (?, ?)",
                    arguments: [alias, collections[name]?.key])
            }
            let new = aliases
            return ((), { [self] in publish(aliases: new) })
        }
    }

    /// The collections' names by alias.
    public func aliases() -> [String: String] { published.aliases }

    private static func checkAlias(_ alias: String) throws(StoreError) {
        guard !alias.isEmpty, alias.utf8.count <= 255 else { throw .badRequest("an alias must have 1 to 255 bytes") }
        try checkText(alias, "an alias")
    }

    private static func checkIsFree(_ alias: String, _ collections: [String: CollectionState]) throws(StoreError) {
        if collections[alias] != nil { throw .collectionExists(alias) }
    }
}
