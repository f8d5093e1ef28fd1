// Graphs are built behind the writers' backs, by threads of low priority, a batch at a time.

import Foundation
import GRDB
import HNSW
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Brings the graphs of a store up with its points, and writes them to their files when it has caught up.
///
/// A batch is taken and finished on the writer's queue, in microseconds each; in between, searches of the graph and of the rows
/// that it does not have go on, and so do updates.
final class GraphBuilder: Sendable {
    /// Rows taken at once: under a second of one core's work, after which searches have so many fewer to compare.
    private static let batch = 4096
    /// Rows that wait from which on searches, which compare them all, matter more than uploads.
    private static let far = 65_536

    private struct Weak: Sendable { weak let store: EmbeddedStore? }

    private let store: Weak
    private let hasWork = DispatchSemaphore(value: 0)
    private let isAwake = Atomic(false)
    private let isStopped = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    /// Why the last build or snapshot of a collection's graphs failed, by its key.
    private let failures = Mutex<[Int64: String]>([:])
    /// Changes of each graph since it was written, by its file's path.
    private let unsaved = Mutex<[String: Int]>([:])

    init(_ store: EmbeddedStore) { self.store = Weak(store: store) }

    /// Why the last build or snapshot of a collection's graphs failed; nil when it did not.
    func lastError(of collection: Int64) -> String? { failures.withLock { $0[collection] } }

    func start() {
        let thread = Thread { [self] in
            Self.lowerPriority()
            wake()
            while true {
                hasWork.wait()
                isAwake.store(false, ordering: .sequentiallyConsistent)
                while !isStopped.load(ordering: .relaxed), step() {}
                if isStopped.load(ordering: .relaxed) { break }
            }
            hasEnded.signal()
        }
        thread.name = "graph builder"
        thread.start()
    }

    /// Something was committed.
    func wake() {
        if !isAwake.exchange(true, ordering: .sequentiallyConsistent) { hasWork.signal() }
    }

    /// Returns, unless told not to wait, when no thread of the builder's touches the store any longer.
    func stop(isWaiting: Bool = true) {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        hasWork.signal()
        if isWaiting { hasEnded.wait() }
    }

    /// Queries come first: on Linux a thread has a niceness of its own.
    private static func lowerPriority() {
        #if os(Linux)
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
        #endif
    }

    /// Makes the calling thread, for the rest of its life, one that runs only while a core has nothing else to do.
    ///
    /// A nice thread keeps its core for some milliseconds when another wakes up: an upload, which sleeps and wakes with each batch,
    /// was a third faster without. The way back is forbidden to processes without privileges, so that only threads do it that
    /// insert and end. What they hold meanwhile only other insertions wait for.
    private static func runWhenIdle() {
        #if os(Linux)
        // SCHED_IDLE of Linux, which the headers show only to those who ask for GNU's extensions. Where it is refused the thread
        // stays one of low priority.
        let idle: CInt = 5
        var parameters = sched_param()
        _ = unsafe pthread_setschedparam(pthread_self(), idle, &parameters)
        #endif
    }

    /// Writes a graph's file again although little changed.
    func resave(_ file: GraphFile) {
        unsaved.withLock { $0[file.path] = .max / 2 }
        wake()
    }

    // MARK: - Work

    private struct Job {
        var collection: String
        var key: Int64
        var vector: String
        var file: GraphFile
        var configuration: HNSWConfiguration
        /// Bytes of vectors from which there is a graph.
        var threshold: Int
    }

    /// Does one batch of work on one graph.
    ///
    /// - Returns: Whether there was any.
    private func step() -> Bool {
        guard let store = store.store else { return false }
        for (name, state) in store.states {
            for (vector, field) in state.dense {
                guard let configuration = state.configuration.graphConfiguration(vector, store.options) else {
                    continue
                }
                let job = Job(
                    collection: name, key: state.key, vector: vector,
                    file: GraphFile(state.key, vector, in: store.directory), configuration: configuration,
                    threshold: state.configuration.indexingThreshold.map { $0 == 0 ? .max : $0 }
                        ?? store.options.indexingThreshold)
                do {
                    if try work(job, field, store) {
                        failures.withLock { $0[job.key] = nil }
                        return true
                    }
                } catch {
                    failures.withLock { $0[job.key] = "\(error)" }
                    // Not again before something changes.
                    unsaved.withLock { $0[job.file.path] = 0 }
                }
            }
        }
        return false
    }

    private func work(_ job: Job, _ field: DenseField, _ store: EmbeddedStore) throws -> Bool {
        let waiting = field.waiting
        let retired = field.retired
        if field.graph == nil {
            guard field.present.count * field.parameters.size * 4 >= max(1, job.threshold) else {
                return false
            }
        }
        if waiting.count > 0 || retired.count > 0 {
            try advance(job, store)
            return true
        }
        guard let graph = field.graph else { return false }
        if !graph.isSettled {
            try graph.settle()
            return true
        }
        if graph.deletedNodeCount * 10 > graph.nodeCount {
            try graph.repair()
            return true
        }
        let changes = unsaved.withLock { $0[job.file.path] ?? 0 }
        if changes > graph.count / 8 {
            try save(job, graph, store)
            return true
        }
        return false
    }

    /// Gives the graph one batch of the rows it lacks and takes out those that are gone.
    private func advance(_ job: Job, _ store: EmbeddedStore) throws {
        var taken: (graph: HNSWIndex, rows: RowBits, retired: RowBits, matrix: VectorMatrix, waiting: Int)?
        try change(job, store) { field in
            let graph = try field.graph ?? HNSWIndex(job.configuration, capacity: field.present.count)
            let waiting = field.waiting
            let rows = RowBits(waiting.list.prefix(Self.batch), capacity: 0)
            taken = (graph, rows, field.retired, field.matrix, waiting.count)
            field.graph = graph
            field.hold(rows)
        }
        guard let taken else { return }
        let rows = taken.rows.list
        // Searches wait while a graph grows: better now than by a thread that has to wait for a core.
        if let last = rows.last { try taken.graph.reserve(Int(last) + 1) }
        try insert(rows, of: taken.matrix, into: taken.graph, isFarBehind: taken.waiting > Self.far) {
            store.isBeingWritten
        }
        taken.retired.forEach { taken.graph.remove(row: $0) }
        if isStopped.load(ordering: .relaxed) { return }
        try store.onWriter { store in
            guard var state = try? store.collectionState(job.collection), state.key == job.key else { return }
            // A vector that was deleted and made anew meanwhile has another graph, or none.
            guard state.dense[job.vector]?.graph === taken.graph else { return }
            state.updateField(job.vector) { $0.finish(taken.rows) }
            state.release(taken.retired, of: job.vector)
            store.publish(state)
        }
        unsaved.withLock { $0[job.file.path, default: 0] += taken.rows.count + taken.retired.count }
    }

    /// On all cores; while updates come in, on those that have nothing else to do.
    private func insert(
        _ rows: [UInt32], of matrix: VectorMatrix, into graph: HNSWIndex, isFarBehind: Bool,
        _ isBeingWritten: @escaping @Sendable () -> Bool
    ) throws {
        let next = Atomic(0)
        let failed = Mutex<(any Error)?>(nil)
        /// Inserts until all rows are taken, or until threads of the other kind should.
        @Sendable func work(whenIdle: Bool) {
            while !isStopped.load(ordering: .relaxed) {
                let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard place < rows.count else { return }
                do {
                    try graph.insert(matrix.vector(row: Int(rows[place])).span, row: rows[place])
                } catch {
                    failed.withLock { $0 = error }
                    return
                }
                if place % 16 == 15, (!isFarBehind && isBeingWritten()) != whenIdle { return }
            }
        }
        let count = max(1, min(ProcessInfo.processInfo.activeProcessorCount, rows.count / 64))
        while !isStopped.load(ordering: .relaxed), next.load(ordering: .relaxed) < rows.count {
            let whenIdle = !isFarBehind && isBeingWritten()
            let ended = DispatchSemaphore(value: 0)
            for _ in 0..<count {
                Thread {
                    Self.lowerPriority()
                    if whenIdle { Self.runWhenIdle() }
                    work(whenIdle: whenIdle)
                    ended.signal()
                }.start()
            }
            for _ in 0..<count { ended.wait() }
            if let error = failed.withLock({ $0 }) { throw error }
        }
    }

    private func save(_ job: Job, _ graph: HNSWIndex, _ store: EmbeddedStore) throws {
        guard let state = try? store.collectionState(job.collection), state.key == job.key,
            state.dense[job.vector]?.graph === graph
        else { return }
        // Whatever the graph has of this state or an older one is as the database has it; what is newer has a greater version
        // there and is not believed when the file is opened.
        let mapped = try job.file.save(graph, stamp: UInt64(bitPattern: state.operation))
        unsaved.withLock { $0[job.file.path] = 0 }
        try change(job, store) { field in if field.graph === graph { field.graph = mapped } }
    }

    /// Changes a field's state on the writer's queue, unless the collection is gone.
    private func change(_ job: Job, _ store: EmbeddedStore, _ body: (inout DenseField) throws -> Void) throws {
        try store.onWriter { store in
            guard var state = try? store.collectionState(job.collection), state.key == job.key else { return }
            var failure: (any Error)?
            state.updateField(job.vector) { field in
                do { try body(&field) } catch { failure = error }
            }
            if let failure { throw failure }
            store.publish(state)
        }
    }
}

extension EmbeddedStore {
    /// Runs `body` between transactions. Blocks.
    fileprivate func onWriter(_ body: (EmbeddedStore) throws -> Void) throws {
        try pool.writeWithoutTransaction { _ in try body(self) }
    }
}
