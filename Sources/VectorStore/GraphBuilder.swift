// Graphs are built behind the writers' backs, a batch at a time: who does it, and what comes first.

import Foundation
import HNSW
import Synchronization

/// Brings the graphs of a store up with its points, and writes them to their files when it has caught up.
///
/// A batch is taken and finished on the writer's queue, in microseconds each; in between, searches of the graph and of the rows
/// that it does not have go on, and so do updates. The builder's own thread is one like any other, because searches wait while it
/// makes room in a graph or takes rows out; what takes long is done by others, of low priority (`GraphBuilder+Threads.swift`).
final class GraphBuilder: Sendable {
    /// Rows taken at once: under a second of one core's work, after which searches have so many fewer to compare.
    static let batch = 4096
    /// Rows that wait from which on searches, which compare them all, matter more than uploads.
    static let far = 65_536

    private struct Weak: Sendable { weak let store: EmbeddedStore? }

    /// What tests do in the middle of the builder's work.
    struct Hooks {
        /// Before a row is inserted; what it throws is taken for the insertion's error.
        var insertion: (@Sendable (UInt32) throws -> Void)?
        /// After a batch of a collection, by its name, and before anything else is looked at.
        var batch: (@Sendable (String) -> Void)?
    }

    private let store: Weak
    private let hasWork = DispatchSemaphore(value: 0)
    private let isAwake = Atomic(false)
    let isStopped = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    /// By the graph's file's path. What others change of it are `changes`.
    let progress = Mutex<[String: GraphProgress]>([:])
    let hooks = Mutex(Hooks())

    init(_ store: EmbeddedStore) { self.store = Weak(store: store) }

    /// What was wrong with a collection's graphs or their files last; nil when nothing is.
    func lastError(of collection: Int64) -> String? {
        progress.withLock { $0.values.lazy.filter { $0.collection == collection }.compactMap(\.complaint).first }
    }

    func start() {
        let thread = Thread { [self] in
            var last = ""
            wake()
            while true {
                _ = hasWork.wait(timeout: nextLook)
                isAwake.store(false, ordering: .sequentiallyConsistent)
                while !isStopped.load(ordering: .relaxed), step(after: &last) {}
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

    /// When to look again though nothing is committed: readers do not say that they have ended, nor memory that it is there again.
    private var nextLook: DispatchTime {
        progress.withLock { progress in
            progress.values.reduce(.distantFuture) { first, graph in
                min(first, graph.retryTime ?? .distantFuture, graph.leaving == nil ? .distantFuture : .now() + 0.05)
            }
        }
    }

    /// Returns, unless told not to wait, when no thread of the builder's touches the store any longer.
    func stop(isWaiting: Bool = true) {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        hasWork.signal()
        if isWaiting { hasEnded.wait() }
    }

    /// Writes a graph's file again although little changed.
    func resave(_ file: GraphFile) {
        note(file.path) { $0.changes = .max / 2 }
        wake()
    }

    /// Changes what is known of a graph.
    func note(_ path: String, _ body: (inout GraphProgress) -> Void) {
        progress.withLock { body(&$0[path, default: GraphProgress()]) }
    }

    // MARK: - Work

    /// One graph, and how its collection wants it.
    struct Job {
        var collection: String
        var key: Int64
        var vector: String
        var file: GraphFile
        /// nil where there is to be none.
        var configuration: HNSWConfiguration?
        /// Bytes of vectors from which there is a graph.
        var threshold: Int
    }

    /// What a graph lacks in the newest state. The state itself is not kept: it would keep rows from leaving.
    struct Survey {
        var graph: HNSWIndex?
        /// Rows that are to enter.
        var waiting: Int
        /// Rows that are to leave.
        var retired: RowBits
        /// Bytes of all vectors.
        var bytes: Int
        /// Payloads edited since the store was opened.
        var edits: Int
        var age: UInt64
        var ages: StateAges
    }

    private static func jobs(_ store: EmbeddedStore) -> [Job] {
        store.states.flatMap { name, state in
            state.dense.compactMap { vector, field -> Job? in
                let configuration = state.configuration.graphConfiguration(vector, store.options)
                if configuration == nil && field.graph == nil { return nil }
                return Job(
                    collection: name, key: state.key, vector: vector,
                    file: GraphFile(state.key, vector, in: store.directory), configuration: configuration,
                    threshold: state.configuration.indexingThreshold.map { $0 == 0 ? .max : $0 }
                        ?? store.options.indexingThreshold)
            }
        }.sorted { $0.file.path < $1.file.path }
    }

    private static func survey(_ job: Job, _ store: EmbeddedStore) -> Survey? {
        guard let state = try? store.collectionState(job.collection), state.key == job.key,
            let field = state.dense[job.vector]
        else { return nil }
        return Survey(
            graph: field.graph, waiting: field.waiting.count, retired: field.retired,
            bytes: field.present.count * field.parameters.size * 4, edits: state.payloadEdits, age: state.mark.age,
            ages: state.ages)
    }

    /// Does one batch of work on one graph.
    ///
    /// - Parameter last: The graph that had the last turn. The others come first, so that one that is always behind leaves them
    ///   their turns.
    /// - Returns: Whether there was any.
    private func step(after last: inout String) -> Bool {
        guard let store = store.store else { return false }
        let jobs = Self.jobs(store)
        let paths = Set(jobs.map(\.file.path))
        progress.withLock { progress in progress = progress.filter { paths.contains($0.key) } }
        let first = jobs.firstIndex { $0.file.path > last } ?? 0
        for job in jobs[first...] + jobs[..<first] {
            let path = job.file.path
            if let time = progress.withLock({ $0[path]?.retryTime }), time > .now() { continue }
            do {
                note(path) { $0.collection = job.key }
                let hasWorked = try work(job, store)
                // Also where there was nothing to do: what failed may have gone.
                note(path) { $0.succeed() }
                if hasWorked {
                    last = path
                    return true
                }
            } catch {
                note(path) { $0.fail("\(error)") }
            }
        }
        return false
    }

    private func work(_ job: Job, _ store: EmbeddedStore) throws -> Bool {
        guard let survey = Self.survey(job, store) else { return false }
        guard let configuration = job.configuration else {
            guard let graph = survey.graph else { return false }
            return try discard(job, graph, store)
        }
        guard let graph = survey.graph else {
            guard survey.waiting > 0, survey.bytes >= max(1, job.threshold) else { return false }
            try advance(job, configuration, survey, store)
            return true
        }
        if !graph.isSettled, progress.withLock({ $0[job.file.path]?.unsettled !== graph }) {
            try settle(job, graph)
            return true
        }
        // What bounds memory, and what a start has to do over, does not wait for clients to pause: some never do.
        if graph.deletedNodeCount * 4 > graph.nodeCount {
            try repair(graph)
            return true
        }
        let changes = changes(job, survey)
        if changes > graph.count / 2, survey.waiting < graph.count / 2 {
            try save(job, graph, store)
            return true
        }
        var hasWorked = try retire(job, survey, graph, store)
        if survey.waiting > 0 {
            try advance(job, configuration, survey, store)
            hasWorked = true
        }
        if !graph.configuration.isBuilt(as: configuration) {
            if try replace(job, configuration, graph, store) { hasWorked = true }
        } else {
            // One for a configuration that was set back.
            note(job.file.path) { $0.successor = nil }
        }
        if hasWorked { return true }
        if graph.deletedNodeCount * 10 > graph.nodeCount {
            try repair(graph)
            return true
        }
        if changes > graph.count / 8 {
            try save(job, graph, store)
            return true
        }
        return false
    }

    /// What a start would have to do over, in insertions.
    private func changes(_ job: Job, _ survey: Survey) -> Int {
        // A point that only its payload was edited of costs a start the reading of its vector: far less than an insertion, and less than
        // its share of a file written again.
        progress.withLock { progress in
            guard let graph = progress[job.file.path] else { return 0 }
            return graph.changes + max(0, survey.edits - graph.savedEdits) / 8
        }
    }
}
