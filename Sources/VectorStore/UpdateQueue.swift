// Updates that wait while another is being synced are committed together: one sync for all of them.

import Dispatch
import GRDB
import Synchronization

/// The updates of a store, in the order in which they came.
///
/// Each keeps its own fate: one that fails is rolled back alone, and none is answered before the commit that it is in has been synced.
final class UpdateQueue: Sendable {
    struct Request: Sendable {
        let collection: String
        let operations: [PointOperation]
        /// Whether the caller has gone; asked before the first change, and now and then while filters look at points.
        let isCancelled: @Sendable () -> Bool
        let answer: @Sendable (Result<UpdateResult, StoreError>) -> Void
    }

    private struct Waiting {
        var requests: [Request] = []
        /// Whether the writer is at it and will look again.
        var isServed = false
    }

    /// Updates committed together: the first of them waits for the last.
    private static let most = 256

    private let waiting = Mutex(Waiting())
    /// How many transactions there have been.
    let commits = Atomic(0)
    /// When the last one was, in nanoseconds of the machine's clock.
    fileprivate let lastCommit = Atomic<UInt64>(0)

    /// Requests that nobody has taken yet.
    var waitingCount: Int { waiting.withLock { $0.requests.count } }

    /// Adds a request; whoever finds nobody serving calls `serve`.
    ///
    /// - Returns: Whether the caller must see to it that `take` is called.
    func add(_ request: Request) -> Bool {
        waiting.withLock { waiting in
            waiting.requests.append(request)
            defer { waiting.isServed = true }
            return !waiting.isServed
        }
    }

    /// What waits now, or the first of it; nil, and nobody serves any longer, when nothing does.
    func take() -> [Request]? {
        waiting.withLock { waiting in
            guard !waiting.requests.isEmpty else {
                waiting.isServed = false
                return nil
            }
            defer { waiting.requests.removeFirst(min(Self.most, waiting.requests.count)) }
            return Array(waiting.requests.prefix(Self.most))
        }
    }
}

extension EmbeddedStore {
    /// Whether updates are coming in one after the other.
    var isBeingWritten: Bool {
        DispatchTime.now().uptimeNanoseconds &- queue.lastCommit.load(ordering: .relaxed) < 100_000_000
    }

    public func update(_ operations: [PointOperation], in name: String) async throws(StoreError) -> UpdateResult {
        // What can be refused without the database is refused before the writer is kept busy with it.
        let configuration = try collectionState(name).configuration
        for operation in operations { try operation.check(configuration) }

        let isCancelled = Atomic(false)
        let result: Result<UpdateResult, StoreError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let request = UpdateQueue.Request(
                    collection: name, operations: operations,
                    isCancelled: { isCancelled.load(ordering: .relaxed) },
                    answer: { continuation.resume(returning: $0) }
                )
                if queue.add(request) { pool.asyncWriteWithoutTransaction { [self] db in serve(db) } }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        return try result.get()
    }

    /// On the writer's queue: one commit, and then once more behind whoever else waits for the writer.
    private func serve(_ db: Database) {
        guard let requests = queue.take() else { return }
        commit(requests, db)
        pool.asyncWriteWithoutTransaction { [self] db in serve(db) }
    }

    private func commit(_ requests: [UpdateQueue.Request], _ db: Database) {
        var drafts: [String: CollectionState] = [:]
        var results: [Result<UpdateResult, StoreError>] = []
        do {
            try db.inTransaction(.immediate) {
                for request in requests {
                    let result = apply(request, &drafts, db)
                    // Some errors, a full disk among them, end the transaction and all that was in it.
                    if case .failure(let error) = result, !db.isInsideTransaction { throw error }
                    results.append(result)
                }
                return .commit
            }
            queue.commits.add(1, ordering: .relaxed)
            queue.lastCommit.store(DispatchTime.now().uptimeNanoseconds, ordering: .relaxed)
            for draft in drafts.values { publish(draft) }
            for (request, result) in zip(requests, results) { request.answer(result) }
        } catch {
            // Whose fault it was shows when each is alone.
            if requests.count > 1 {
                for request in requests { commit([request], db) }
            } else {
                for request in requests { request.answer(.failure(StoreError(error, path: path))) }
            }
        }
    }

    private func apply(
        _ request: UpdateQueue.Request, _ drafts: inout [String: CollectionState], _ db: Database
    ) -> Result<UpdateResult, StoreError> {
        do {
            let work = WorkMeter { () throws(StoreError) in if request.isCancelled() { throw .cancelled } }
            try work.checkpoint()
            // By its own name: under an alias and its name it is one collection.
            let current = try collectionState(request.collection)
            let name = current.name
            var changed: UpdateTransaction?
            try db.inSavepoint {
                var transaction = UpdateTransaction(drafts[name] ?? current, db, path: path, session: session, work)
                // The collection may have been made anew since the caller looked.
                for operation in request.operations {
                    try operation.check(transaction.state.configuration)
                    try transaction.apply(operation)
                }
                changed = transaction
                return .commit
            }
            guard let changed else { throw StoreError.database("the savepoint had no outcome") }
            drafts[name] = changed.state
            return .success(
                UpdateResult(
                    operationID: UInt64(bitPattern: changed.state.operation), notFound: changed.notFound))
        } catch {
            return .failure(StoreError(error, path: path))
        }
    }
}

extension PointOperation {
    /// Refuses, whole, an operation with a point that cannot be stored.
    func check(_ configuration: CollectionConfiguration) throws(StoreError) {
        switch self {
        case .upsert(let points, _, _):
            for point in points {
                try configuration.check(point.vectors, of: point.id)
                try Self.checkDepth(of: point.payload)
            }
        case .setPayload(let members, _, let key): try Self.checkDepth(of: members, at: key)
        case .overwritePayload(let payload, _): try Self.checkDepth(of: payload)
        case .updateVectors(let points, _): for point in points { try configuration.check(point.vectors, of: point.id) }
        case .deleteVectors(let names, _):
            for name in names where configuration.vectors[name] == nil && configuration.sparseVectors[name] == nil {
                throw .unknownVector(name)
            }
        default: break
        }
    }

    /// Refuses what could be written and not be read again.
    private static func checkDepth(of members: JSONObject, at key: PayloadPath? = nil) throws(StoreError) {
        let most = JSONValue.maximumDepth
        let left = most - (key?.steps.count ?? 0)
        guard left >= 0, !JSONValue.object(members).isDeeper(than: left) else {
            throw .badRequest("a payload must not be nested deeper than \(most) levels")
        }
    }
}
