// What the builder of graphs does: rows enter and leave, files are written and checked, graphs are replaced.

import Foundation
import GRDB
import HNSW
import Synchronization

extension GraphBuilder {
    /// Gives the graph one batch of the rows it lacks.
    ///
    /// - Parameter wanted: How it is built if it is the first.
    func advance(
        _ job: Job, _ wanted: HNSWConfiguration, _ survey: Survey, _ store: EmbeddedStore
    ) throws {
        var taken: (graph: HNSWIndex, rows: RowBits, matrix: VectorMatrix, waiting: Int)?
        let configuration = survey.graph == nil ? Self.suited(wanted, to: job, store) : wanted
        try change(job, survey.graph, store) { state, _ in
            guard let field = state.dense[job.vector] else { return }
            let graph = try field.graph ?? HNSWIndex(configuration, capacity: field.present.count)
            let waiting = field.waiting
            let rows = RowBits(waiting.list.prefix(Self.batch), capacity: 0)
            taken = (graph, rows, field.matrix, waiting.count)
            state.updateField(job.vector) { field in
                field.graph = graph
                field.hold(rows)
            }
        }
        guard let taken, taken.rows.count > 0 else { return }
        let (graph, matrix) = (taken.graph, taken.matrix)
        var failure: (any Error)?
        do {
            try insert(
                taken.rows.list, into: graph, isFarBehind: taken.waiting > Self.far, { store.isBeingWritten },
                { matrix.vector(row: Int($0)) })
        } catch {
            failure = error
        }
        if isStopped.load(ordering: .relaxed) { return }
        // After a failure those that did not get in wait again.
        let entered =
            failure == nil ? taken.rows : RowBits(taken.rows.list.filter { graph.contains(row: $0) }, capacity: 0)
        var refused = taken.rows
        refused.subtract(entered)
        try change(job, graph, store) { state, _ in
            state.updateField(job.vector) { $0.finish(entered) }
            state.release(refused, of: job.vector)
        }
        note(job.file.path) { $0.changes += entered.count }
        hooks.withLock { $0.batch }?(job.collection)
        if let failure { throw failure }
    }

    /// Takes rows out of the graph that are in no state any more, neither the newest nor one that a reader began with.
    ///
    /// A reader that takes its time keeps rows from leaving, and their numbers from being used again; nothing else waits for it.
    ///
    /// - Returns: Whether there were any.
    func retire(_ job: Job, _ survey: Survey, _ graph: HNSWIndex, _ store: EmbeddedStore) throws -> Bool {
        let path = job.file.path
        var leaving = progress.withLock { $0[path]?.leaving }
        if leaving == nil || leaving?.graph !== graph {
            leaving =
                survey.retired.count == 0
                ? nil : GraphProgress.Leaving(graph: graph, rows: survey.retired, age: survey.age)
            note(path) { $0.leaving = leaving }
        }
        guard let leaving, survey.ages.areGone(before: leaving.age) else { return false }
        let rows = leaving.rows.list
        graph.remove(rows: rows)
        progress.withLock({ $0[path]?.successor })?.graph.remove(rows: rows)
        try change(job, graph, store) { state, _ in state.release(leaving.rows, of: job.vector) }
        note(path) {
            $0.leaving = nil
            $0.successor?.rows.subtract(leaving.rows)
            $0.changes += leaving.rows.count
        }
        return true
    }

    /// Brings what has just been opened into memory.
    func settle(_ job: Job, _ graph: HNSWIndex) throws {
        // Not in the background: at its end searches wait for it.
        do {
            try graph.settle()
        } catch {
            guard case .outOfMemory = error else { throw error }
            // What else there is to do for the graph does not wait for memory.
            note(job.file.path) { $0.unsettled = graph }
        }
    }

    /// Goes on without a graph that is not wanted: its vectors are read from the database, beside the writer, which only puts them in place.
    ///
    /// - Returns: Whether there was anything to do; not where a commit is about to be published, which wakes the builder.
    func discard(_ job: Job, _ graph: HNSWIndex, _ store: EmbeddedStore) throws -> Bool {
        job.file.remove()
        var isDone = false
        repeat {
            guard let vectors = try Self.nextBatch(job, store, { $0.dense[job.vector]?.indexed.list ?? [] }) else {
                return false
            }
            isDone = true
            try change(job, graph, store) { state, _ in
                state.updateField(job.vector) { field in
                    for (row, vector) in vectors { field.takeBack(vector, row: row) }
                    isDone = field.indexed.count == 0
                    if isDone { field.graph = nil }
                }
                if isDone, let held = state.dense[job.vector]?.held { state.release(held, of: job.vector) }
            }
        } while !isDone && !isStopped.load(ordering: .relaxed)
        note(job.file.path) {
            $0.leaving = nil
            $0.successor = nil
        }
        return true
    }

    func save(_ job: Job, _ graph: HNSWIndex, _ store: EmbeddedStore) throws {
        guard let state = try? store.collectionState(job.collection), state.key == job.key,
            state.dense[job.vector]?.graph === graph
        else { return }
        // Whatever the graph has of this state or an older one is as the database has it; what is newer has a greater version
        // there and is not believed when the file is opened.
        let (operation, edits) = (state.operation, state.payloadEdits)
        graph.linkUnreachable()
        let mapped: HNSWIndex
        do {
            guard let session = try store.pool.read({ try Epochs.session(of: operation, in: job.key, $0) }) else {
                throw StoreError.damaged(path: store.path, reason: "operation \(operation) is of no session")
            }
            let stamp = SnapshotStamp(UInt64(bitPattern: operation), origin: UInt64(bitPattern: session))
            mapped = try Self.standingBack { try job.file.save(graph, stamp: stamp) }
        } catch {
            // Not again before as much has changed once more. The graph answers without a file.
            return note(job.file.path) { $0.wasNotSaved("\(error)", edits) }
        }
        note(job.file.path) { progress in
            progress.wasSaved(edits)
            // What is to leave, is to leave this one now.
            let leaving = progress.leaving.flatMap { $0.graph === graph ? $0 : nil }
            progress.leaving = leaving.map { .init(graph: mapped, rows: $0.rows, age: $0.age) }
            if progress.successor?.old === graph { progress.successor?.old = mapped }
        }
        try change(job, graph, store) { state, _ in state.updateField(job.vector) { $0.wasSaved(mapped) } }
        // Deleted meanwhile, and its files with it: not this one, which nobody would look for.
        if (try? store.collectionState(job.collection))?.key != job.key { job.file.remove() }
    }

    /// Gives the graph that is built otherwise, as the configuration says now, one batch of the rows that the old one has; in the end
    /// puts it in its place. The old one answers meanwhile, and takes what is new.
    ///
    /// - Returns: Whether there was anything to do; not where a commit is about to be published, which wakes the builder.
    func replace(
        _ job: Job, _ wanted: HNSWConfiguration, _ old: HNSWIndex, _ store: EmbeddedStore
    ) throws -> Bool {
        let path = job.file.path
        var successor = progress.withLock { $0[path]?.successor }
        var configuration = wanted
        configuration.codes = old.configuration.codes
        if successor?.old !== old || successor?.graph.configuration != configuration { successor = nil }
        var next = try successor ?? .init(old: old, graph: HNSWIndex(configuration, capacity: old.count))
        let graph = next.graph
        func missing(_ state: CollectionState) -> [UInt32] {
            var rows = state.dense[job.vector]?.indexed ?? RowBits(capacity: 0)
            rows.subtract(next.rows)
            return rows.list
        }
        guard let vectors = try Self.nextBatch(job, store, missing) else { return false }
        if vectors.isEmpty {
            try change(job, old, store) { state, _ in
                guard missing(state).isEmpty else { return }
                state.updateField(job.vector) { $0.graph = graph }
                note(path) { $0.wasReplaced() }
            }
            return true
        }
        try insert(
            vectors.keys.sorted(), into: graph, isFarBehind: false, { store.isBeingWritten }, { vectors[$0] })
        if isStopped.load(ordering: .relaxed) { return true }
        next.rows.formUnion(RowBits(vectors.keys, capacity: 0))
        note(path) { $0.successor = next }
        return true
    }

    /// Takes out of the graph what has left the collection. What searches wait for in the end is this thread's.
    func repair(_ graph: HNSWIndex) throws {
        try graph.repair(
            isCancelled: { [self] in isStopped.load(ordering: .relaxed) }, apart: { Self.runStandingBack($0) })
    }

    // MARK: - Help

    /// How a first graph is built, seen from a sample of its vectors: not on the writer's queue, for it takes some ten milliseconds.
    private static func suited(_ wanted: HNSWConfiguration, to job: Job, _ store: EmbeddedStore) -> HNSWConfiguration {
        let state = try? store.collectionState(job.collection)
        return state?.dense[job.vector]?.suited(wanted) ?? wanted
    }

    /// A batch of rows that a graph has, with their vectors, read from the database beside the writer.
    ///
    /// - Parameter wanted: The rows of the newest state.
    /// - Returns: None when none is wanted; nil where the database is of another commit than the state, so that rows may have gone and names of
    ///   vectors changed: what is committed is published at once, which wakes the builder.
    private static func nextBatch(
        _ job: Job, _ store: EmbeddedStore, _ wanted: (CollectionState) -> [UInt32]
    ) throws -> [UInt32: [Float]]? {
        try store.pool.read { db in
            guard let state = try? store.collectionState(job.collection), state.key == job.key else { return [:] }
            guard try state.isOfCommit(db) else { return nil }
            let rows = Array(wanted(state).prefix(batch))
            let vectors = try vectors(job, of: rows, store, state, db)
            guard vectors.count == rows.count else {
                throw StoreError.damaged(path: store.path, reason: "points have lost their vectors")
            }
            return vectors
        }
    }

    /// The vectors that the database has of these rows, as they are compared; rows that are gone are left out.
    private static func vectors(
        _ job: Job, of rows: [UInt32], _ store: EmbeddedStore, _ state: CollectionState, _ db: Database
    ) throws -> [UInt32: [Float]] {
        var vectors: [UInt32: [Float]] = [:]
        let statement = try db.cachedStatement(sql: "SELECT vectors FROM points WHERE point = ?")
        for row in rows {
            guard let stored = try Row.fetchOne(statement, arguments: [state.point(row)]) else { continue }
            let vector = try EmbeddedStore.vectors(stored, state.configuration, path: store.path)[job.vector]
            vectors[row] = vector.flatMap { state.configuration.compared($0, of: job.vector).dense }
        }
        return vectors
    }

    /// Changes the newest state between transactions, unless the field has another graph, or none, by now: a vector that was
    /// deleted and made anew meanwhile is another.
    private func change(
        _ job: Job, _ graph: HNSWIndex?, _ store: EmbeddedStore,
        _ body: (inout CollectionState, Database) throws -> Void
    ) throws {
        try store.pool.writeWithoutTransaction { db in
            guard var state = try? store.collectionState(job.collection), state.key == job.key,
                let field = state.dense[job.vector], field.graph === graph
            else { return }
            try body(&state, db)
            store.publish(state)
        }
    }
}
