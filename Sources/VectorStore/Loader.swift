// What a store has in memory, from its database and the graphs beside it.

import Foundation
import GRDB
import HNSW

/// Reads the collections of a database that is being opened.
struct Loader {
    private let db: Database
    private let path: String
    private let directory: String
    private let options: EmbeddedStore.Options

    init(_ db: Database, path: String, directory: String, options: EmbeddedStore.Options) {
        self.db = db
        self.path = path
        self.directory = directory
        self.options = options
    }

    func published() throws -> EmbeddedStore.Published {
        let collections = try collections()
        let names = Dictionary(collections.values.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
        var aliases: [String: String] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT alias, collection FROM aliases") {
            guard let name = names[try row.decode(Int64.self, forColumn: "collection")] else {
                throw StoreError.damaged(path: path, reason: "an alias is of a collection that is not there")
            }
            aliases[try row.decode(String.self, forColumn: "alias")] = name
        }
        return (collections, aliases)
    }

    private func collections() throws -> [String: CollectionState] {
        var collections: [String: CollectionState] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT collection, name, configuration, operation FROM collections") {
            let name = try row.decode(String.self, forColumn: "name")
            let key = try row.decode(Int64.self, forColumn: "collection")
            guard let json = try? JSONValue(parsing: try row.decode(String.self, forColumn: "configuration").utf8),
                let configuration = CollectionConfiguration(json: json), (0...Int64(Int32.max)).contains(key)
            else { throw StoreError.damaged(path: path, reason: "the collection \(name) has no valid configuration") }
            var collection = CollectionState(key: key, name: name, configuration: configuration)
            collection.operation = try row.decode(forColumn: "operation")
            try load(&collection)
            collections[name] = collection
        }
        return collections
    }

    private func load(_ collection: inout CollectionState) throws {
        let versions = try self.versions(of: collection)
        for (row, head) in try heads(of: collection, versions) { collection.load(head, row: row) }
        for row in try Row.fetchAll(
            db, sql: "SELECT field, type FROM payload_indexes WHERE collection = ?", arguments: [collection.key]
        ) {
            let field = try row.decode(String.self, forColumn: "field")
            guard let json = try? JSONValue(parsing: try row.decode(String.self, forColumn: "type").utf8),
                let type = PayloadIndexType(json: json), let path = try? PayloadPath(field)
            else { throw StoreError.damaged(path: path, reason: "the payload index of '\(field)' is of no known type") }
            collection.setIndex(PayloadIndex(path, type), on: path)
        }
        for name in collection.dense.keys { try adopt(name, &collection, versions) }
        // Nothing is answered from floats that were not compared with their hashes: they are read while payloads are.
        let verification = GraphVerification(of: collection.dense.compactMapValues(\.graph))
        try fillPayloads(&collection)
        for (name, reason) in verification.refused() {
            GraphFile(collection.key, name, in: directory).remove()
            collection.updateField(name) { $0.refuseGraph(reason) }
        }
        try fillVectors(&collection)
    }

    /// The versions of the collection's points by row.
    private func versions(of collection: CollectionState) throws -> [UInt32: Int64] {
        var versions: [UInt32: Int64] = [:]
        let rows = try Row.fetchCursor(
            db, sql: "SELECT point, version FROM points INDEXED BY points_by_version WHERE collection = ?",
            arguments: [collection.key]
        )
        while let row = try rows.next() {
            let point = try row.decode(Int64.self, forColumn: "point")
            guard collection.points.contains(point), point - collection.points.lowerBound < CollectionState.rowLimit
            else { throw StoreError.damaged(path: path, reason: "the point in row \(point) is not valid") }
            versions[UInt32(truncatingIfNeeded: point)] = try row.decode(forColumn: "version")
        }
        return versions
    }

    /// The collection's points by row, ascending.
    private func heads(
        of collection: CollectionState, _ versions: [UInt32: Int64]
    ) throws -> [(row: UInt32, head: PointHeads.Head)] {
        var heads: [(row: UInt32, head: PointHeads.Head)] = []
        heads.reserveCapacity(versions.count)
        let rows = try Row.fetchCursor(
            db, sql: "SELECT point, id FROM points INDEXED BY points_by_id WHERE collection = ?",
            arguments: [collection.key]
        )
        while let row = try rows.next() {
            let number = UInt32(truncatingIfNeeded: try row.decode(Int64.self, forColumn: "point"))
            guard let version = versions[number] else { break }
            heads.append((number, .init(id: try EmbeddedStore.id(row, path: path), version: version)))
        }
        guard heads.count == versions.count else {
            throw StoreError.damaged(path: path, reason: "the indexes of points do not agree")
        }
        return heads.sorted { $0.row < $1.row }
    }

    /// Takes over the graph beside the database, when there is one that can be used: the rows in it that have not changed since.
    ///
    /// - Throws: `.unusable` for a file that may be all right and cannot be read now.
    private func adopt(_ name: String, _ collection: inout CollectionState, _ versions: [UInt32: Int64]) throws {
        let file = GraphFile(collection.key, name, in: directory)
        guard let wanted = collection.configuration.graphConfiguration(name, options) else { return file.remove() }
        let opened: (graph: HNSWIndex, stamp: SnapshotStamp)?
        do {
            opened = try file.open(wanted)
        } catch {
            if error.isOfTheMoment {
                throw StoreError.unusable(
                    path: file.path,
                    reason: "\(error). It was left as it is: make it readable, or delete it and it is built again")
            }
            return collection.updateField(name) { $0.refuseGraph("\(error)") }
        }
        guard let (graph, stamp) = opened else { return }
        // Another database's: of a later state, or one whose operations went another way before this. Its file must not wait until this
        // database has as many.
        guard let operation = Int64(exactly: stamp.number), operation <= collection.operation,
            let session = try Epochs.session(of: operation, in: collection.key, db),
            stamp.origin == UInt64(bitPattern: session)
        else {
            file.remove()
            return collection.updateField(name) { $0.refuseGraph("it is of another state of the database") }
        }
        var rows = RowBits(capacity: collection.capacity)
        var edited = 0
        var left = graph.count
        var row: UInt32 = 0
        while left > 0, row < CollectionState.rowLimit {
            defer { row += 1 }
            guard graph.contains(row: row) else { continue }
            left -= 1
            // What was written after the graph may have another vector under the same number, or the same and another payload.
            if let version = versions[row], version <= operation {
                rows.insert(row)
            } else if versions[row] != nil, try hasVector(graph, row, name, collection) {
                rows.insert(row)
                edited += 1
            } else {
                graph.remove(row: row)
            }
        }
        collection.updateField(name) { $0.adopt(graph, rows: rows) }
        collection.countEdits(edited)
    }

    /// Whether the graph has the vector under a row that the database has there.
    private func hasVector(_ graph: HNSWIndex, _ row: UInt32, _ name: String, _ collection: CollectionState) throws
        -> Bool
    {
        let statement = try db.cachedStatement(sql: "SELECT vectors FROM points WHERE point = ?")
        guard let stored = try Row.fetchOne(statement, arguments: [collection.point(row)]),
            let vector = try EmbeddedStore.vectors(stored, collection.configuration, path: path)[name],
            let values = collection.configuration.compared(vector, of: name).dense
        else { return false }
        return graph.contains(row: row, vector: values.span)
    }

    /// Reads all payloads when there are indexes.
    private func fillPayloads(_ collection: inout CollectionState) throws {
        if collection.indexes.isEmpty { return }
        try forEachPoint(of: collection, "payload") { number, row in
            let payload = JSONValue.object(try EmbeddedStore.payload(row, path: path))
            collection.insert([:], payload, row: number)
        }
    }

    /// Reads all vectors that no graph has.
    private func fillVectors(_ collection: inout CollectionState) throws {
        var without = collection.live
        for field in collection.dense.values { without.formIntersection(field.indexed) }
        var unindexed = collection.live
        if !collection.dense.isEmpty { unindexed.subtract(without) }
        if !collection.sparse.isEmpty || !collection.multi.isEmpty { unindexed = collection.live }
        guard unindexed.count > 0, collection.configuration.hasVectors else { return }
        let configuration = collection.configuration
        func insert(_ number: UInt32, _ row: Row) throws {
            for (name, vector) in try EmbeddedStore.vectors(row, configuration, path: path) {
                if collection.dense[name]?.indexed.contains(number) ?? false { continue }
                collection.insert(vector, named: name, row: number)
            }
        }
        if unindexed.count * 4 > collection.live.count {
            try forEachPoint(of: collection, "vectors") { number, row in
                if unindexed.contains(number) { try insert(number, row) }
            }
        } else {
            let statement = try db.cachedStatement(sql: "SELECT vectors FROM points WHERE point = ?")
            for number in unindexed.list {
                if let row = try Row.fetchOne(statement, arguments: [collection.point(number)]) {
                    try insert(number, row)
                }
            }
        }
    }

    private func forEachPoint(
        of collection: CollectionState, _ column: String, _ body: (UInt32, Row) throws -> Void
    ) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT point, \(column) FROM points WHERE point BETWEEN ? AND ?",
            arguments: [collection.points.lowerBound, collection.points.upperBound]
        )
        while let row = try rows.next() {
            let number = UInt32(truncatingIfNeeded: try row.decode(Int64.self, forColumn: "point"))
            guard collection.live.contains(number) else {
                throw StoreError.damaged(path: path, reason: "an index does not know the point in row \(number)")
            }
            do {
                try body(number, row)
            } catch {
                throw located(error, "the point in row \(number) of the collection \(collection.name)")
            }
        }
    }

    /// An error that says where, if what is damaged was found by us and not by SQLite.
    private func located(_ error: any Error, _ place: String) -> any Error {
        guard !(error is DatabaseError), case .damaged(_, let reason) = StoreError(error, path: path) else {
            return error
        }
        return StoreError.damaged(path: path, reason: "\(place): \(reason)")
    }
}
