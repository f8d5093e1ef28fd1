// The point store in this process: opening, closing, what is published, transactions.

import Foundation
import GRDB
import HNSW
import Synchronization

/// A `PointStore` in a directory of this machine.
///
/// An update that returned is on disk: WAL, `synchronous=FULL`; updates that wait for the same sync share it. Queries run beside
/// them and see each update whole or not at all. Below `Options.indexingThreshold` vectors are searched exactly on all cores;
/// above it threads of low priority build a graph (`GraphBuilder.swift`), and what the graph does not have yet is searched exactly.
///
/// Only one store at a time has a directory open; a second one throws `StoreError.locked`.
public final class EmbeddedStore: PointStore {
    public struct Options: Sendable {
        public enum Durability: String, Sendable, CaseIterable {
            /// An update returns when it is synced to the disk: it survives a power cut.
            case full
            /// An update returns when it is written: it survives the end of the process, not a power cut.
            case relaxed
        }

        public var durability = Durability.full
        /// Bytes of vectors of one name from which a graph is built: 10 MB, as Qdrant's.
        public var indexingThreshold = 10_000_000
        /// Links of a graph's node, and candidates they are chosen from, as in the HNSW paper.
        public var M = 16
        public var efConstruction = 100
        /// Nodes a search keeps in view when the query does not say.
        public var ef = 128

        public init() {}
    }

    let path: String
    let directory: String
    let options: Options
    /// Whose operations those of this store are (`Epochs`).
    let session = Int64.random(in: .min ... .max)
    let pool: DatabasePool
    let queue = UpdateQueue()
    let payloads = PayloadCache()
    private let lock: DirectoryLock
    private let state: Mutex<Published>

    /// What readers see.
    typealias Published = (collections: [String: CollectionState], aliases: [String: String])
    private let builder = Mutex<GraphBuilder?>(nil)

    /// Opens the store of a directory, which is made when it is not there, readable by its owner only.
    ///
    /// - Throws: `.locked`, `.unusable`, `.diskFull`, `.damaged`, `.newerSchema`. A database of this version that is refused is left as
    ///   it is, byte for byte; one of an older version, whose tables are to be changed, keeps its contents. A graph's file that is damaged is
    ///   built again, one that cannot be read for want of memory, descriptors or permission is `.unusable` and kept.
    public init(directory: String, options: Options = Options()) throws(StoreError) {
        let path = directory + "/points.sqlite"
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw .unusable(path: directory, reason: error.localizedDescription)
        }
        lock = try DirectoryLock(directory: directory)
        self.path = path
        self.directory = directory
        self.options = options
        let published: Published
        (pool, published) = try StoreError.translating(path) {
            let published = try DatabaseFile(path: path, directory: directory, options: options).load()
            let pool = try DatabasePool(path: path)
            // Acknowledged means synced, not merely written. GRDB sets NORMAL when it turns WAL on, after any
            // `prepareDatabase`: only from here on does FULL last. Readers write nothing and need none.
            let level = options.durability == .full ? "FULL" : "NORMAL"
            // On Apple platforms a plain fsync leaves what was written in the drive's memory; elsewhere the second changes nothing.
            try pool.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA synchronous = \(level); PRAGMA fullfsync = ON")
            }
            GraphFile.sweep(directory, keeping: published.collections.values)
            return (pool, published)
        }
        state = Mutex(published)
        let builder = GraphBuilder(self)
        self.builder.withLock { $0 = builder }
        builder.start()
    }

    /// Closes the database and lets the next store open the directory. Nothing is lost when a store is not closed.
    public func close() throws(StoreError) {
        builder.withLock { $0.take() }?.stop()
        try StoreError.translating(path) { try pool.close() }
        lock.release()
    }

    // Without waiting: the last to let go of the store may be the builder itself.
    deinit { builder.withLock { $0 }?.stop(isWaiting: false) }

    /// The state of a collection by its name or an alias, for a reader or the writer.
    func collectionState(_ name: String) throws(StoreError) -> CollectionState {
        let collection = state.withLock { state in
            state.collections[name] ?? state.aliases[name].flatMap { state.collections[$0] }
        }
        guard let collection else { throw .collectionNotFound(name) }
        return collection
    }

    /// Makes a committed state visible. Called on the writer's queue only, so that states follow each other as commits do.
    func publish(_ collection: CollectionState) {
        var collection = collection
        collection.renewMark()
        // The old state goes, if nobody else has it, when the lock has been given back.
        _ = state.withLock { $0.collections.updateValue(collection, forKey: collection.name) }
        builder.withLock { $0 }?.wake()
    }

    /// The same of aliases.
    func publish(aliases: [String: String]) { state.withLock { $0.aliases = aliases } }

    /// The same of a collection that is gone, and its aliases with it.
    func forget(_ name: String) {
        state.withLock { state in
            state.collections[name] = nil
            state.aliases = state.aliases.filter { $0.value != name }
        }
        builder.withLock { $0 }?.wake()
    }

    /// Has the graphs of a collection written again, soon.
    func resaveGraphs(of collection: CollectionState) {
        for name in collection.dense.keys {
            builder.withLock { $0 }?.resave(GraphFile(collection.key, name, in: directory))
        }
    }

    var published: Published { state.withLock { $0 } }
    /// Who builds the graphs; nil when the store is closed.
    var graphBuilder: GraphBuilder? { builder.withLock { $0 } }
    /// All collections by name.
    var states: [String: CollectionState] { published.collections }

    // MARK: - Transactions

    /// Runs `body` in a transaction on the writer's queue; after the commit, what it returned second makes the new state
    /// visible. When `body` throws, nothing of it is kept.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> (Value, @Sendable () -> Void)
    ) async throws(StoreError) -> Value {
        try await StoreError.translating(path) {
            try await pool.writeWithoutTransaction { db in
                var outcome: (Value, @Sendable () -> Void)?
                try db.inTransaction(.immediate) {
                    outcome = try body(db)
                    return .commit
                }
                guard let (value, publish) = outcome else {
                    throw StoreError.database("the transaction had no outcome")
                }
                publish()
                return value
            }
        }
    }

    /// Counts one more operation in the collection, as the session's, and returns its number.
    static func nextOperation(
        of collection: CollectionState, _ db: Database, _ path: String, session: Int64
    ) throws -> Int64 {
        let number = try Int64.fetchOne(
            db.cachedStatement(
                sql: "UPDATE collections SET operation = operation + 1 WHERE collection = ? RETURNING operation"
            ),
            arguments: [collection.key]
        )
        guard let number else { throw StoreError.damaged(path: path, reason: "the collection's row is gone") }
        try Epochs.note(number, of: collection.key, session: session, db)
        return number
    }
}
