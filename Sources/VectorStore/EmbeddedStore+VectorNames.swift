// Named vectors of a collection that come and go after it was made.

import Foundation
import GRDB

extension EmbeddedStore {
    /// Lets points have a vector of one more name. None has it yet.
    ///
    /// - Parameter change: Of what is kept beside the collection, in the same transaction.
    /// - Throws: `.badRequest` for a name that is taken and for sizes out of bounds.
    public func createVector(
        _ name: String, _ parameters: CollectionConfiguration.VectorParameters, in collection: String,
        configuring change: ConfigurationChange? = nil
    ) async throws(StoreError) {
        try await self.change(collection, adding: name, configuring: change) { $0.add(name, parameters) }
    }

    /// The same of a sparse vector.
    public func createVector(
        _ name: String, _ parameters: CollectionConfiguration.SparseVectorParameters, in collection: String,
        configuring change: ConfigurationChange? = nil
    ) async throws(StoreError) {
        try await self.change(collection, adding: name, configuring: change) { $0.add(name, parameters) }
    }

    private func change(
        _ collection: String, adding name: String, configuring change: ConfigurationChange?,
        _ add: @escaping @Sendable (inout CollectionState) -> Void
    ) async throws(StoreError) {
        try Self.checkText(name, "a vector's name")
        try await write { [self] db in
            var state = try collectionState(collection)
            guard !state.configuration.hasVector(name) else {
                throw StoreError.wrongInput("Vector `\(name)` already exists in the collection")
            }
            add(&state)
            try state.configuration.validate()
            state.operation = try Self.nextOperation(of: state, db, path, session: session)
            try Self.store(state.configuration, of: state, db)
            try Self.configure(&state, change, db)
            let changed = state
            return ((), { [self] in publish(changed) })
        }
    }

    /// Takes a name, and every point's vector of it, out of a collection.
    ///
    /// - Parameter change: Of what is kept beside the collection, in the same transaction.
    /// - Complexity: every point is written anew.
    /// - Throws: `.unknownVector`.
    public func deleteVector(
        _ name: String, in collection: String, configuring change: ConfigurationChange? = nil
    ) async throws(StoreError) {
        let key: Int64 = try await write { [self] db in
            var state = try collectionState(collection)
            guard state.configuration.hasVector(name) else { throw StoreError.unknownVector(name) }
            state.operation = try Self.nextOperation(of: state, db, path, session: session)
            let update = try db.makeStatement(sql: "UPDATE points SET vectors = ?, version = ? WHERE point = ?")
            for row in state.rows(withVector: name).list {
                guard let stored = try fetch(state.point(row), .none, .all, db) else {
                    throw StoreError.damaged(path: path, reason: "the point in row \(row) is gone")
                }
                var vectors = try Self.vectors(stored, state.configuration, path: path)
                vectors[name] = nil
                // The version is what keeps a graph that is left behind from being believed.
                try update.execute(arguments: [VectorsCoding.encode(vectors), state.operation, state.point(row)])
            }
            state.removeVector(name)
            try Self.store(state.configuration, of: state, db)
            try Self.configure(&state, change, db)
            let changed = state
            return (
                changed.key,
                { [self] in
                    publish(changed)
                    // The files of the others are older than every point now.
                    resaveGraphs(of: changed)
                }
            )
        }
        GraphFile(key, name, in: directory).remove()
    }

    /// Writes what a collection is to its row.
    static func store(_ configuration: CollectionConfiguration, of state: CollectionState, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE collections SET configuration = ? WHERE collection = ?",
            arguments: [try text(of: configuration), state.key])
    }

    /// A configuration as it is kept.
    ///
    /// - Throws: `.badRequest` for one with more levels in its metadata than could be read again.
    static func text(of configuration: CollectionConfiguration) throws(StoreError) -> String {
        let json = configuration.json
        guard !json.isDeeper(than: JSONValue.maximumDepth) else {
            throw .badRequest("a collection's settings are nested too deep")
        }
        return json.description
    }
}
