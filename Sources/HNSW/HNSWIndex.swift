// The index: vectors in, neighbours out.

import CIntrinsics

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An approximate nearest-neighbour index (Malkov & Yashunin 2018) over vectors that callers know by row number.
///
/// Rows that share a vector share a node. Any number of threads may call any method at the same time: searches and
/// insertions run beside each other, removal and growth wait for them.
///
///     let index = try HNSWIndex(HNSWConfiguration(dimension: 384))
///     try index.insert(vector.span, row: 0)
///     let hits = try index.search(query.span, count: 10, ef: 64)
///
/// `@unchecked Sendable` is sound because all mutable memory is behind `IndexState`'s gate: what changes while it is held shared
/// is atomic or under a lock of its own, everything else changes only while it is held exclusively.
public final class HNSWIndex: @unchecked Sendable {
    let state: IndexState

    public var configuration: HNSWConfiguration { state.configuration }

    /// - Parameter capacity: Rows to make room for at once. The index grows beyond it when needed.
    public convenience init(_ configuration: HNSWConfiguration, capacity: Int = 1024) throws(HNSWError) {
        try self.init(state: IndexState(configuration, nodeCapacity: capacity, rowCapacity: capacity))
    }

    init(state: IndexState) { self.state = state }

    /// Rows present.
    public var count: Int { Int(state.counters.load(IndexState.counterRows)) }

    /// Nodes of the graph: distinct vectors, those without rows included until `repair()`. Waits for nobody.
    public var nodeCount: Int { state.nodeCounts.all }

    /// Nodes among which `ef` have rows, if those without are spread evenly: what a search for `ef` keeps in view. Waits for nobody.
    ///
    /// - Parameter ef: Any number.
    public func view(holding ef: Int) -> Int { state.view(holding: ef) }

    /// Bytes of codes, links and tables in use, and of what searches write, which is kept for the next: what a serving index keeps in
    /// memory. Floats kept beside codes, read for the last few candidates only, are left out; with a snapshot they are mapped.
    public var residentBytes: Int {
        shared { state in
            let nodes = Int(state.counters.load(IndexState.counterNodes))
            let perNode =
                state.graph.stride + (state.graph.isCoded ? 8 : 0) + (state.graph.walksByHalves ? 2 : 0) + 4 + 4 + 4 + 1
            let lists = Int(state.counters.load(IndexState.counterLists)) * configuration.M * 4
            return nodes * perNode + lists + state.table.capacity * 4 + count * 8 + state.contextBytes
        }
    }

    /// Whether a row is present.
    public func contains(row: UInt32) -> Bool {
        shared { state in Int(row) < state.rowCapacity && state.graph.nodeOfRow.load(Int(row)) != 0 }
    }

    /// Whether a row is present and has this vector, bit for bit. For cosine vectors are normalised, as `insert` has them.
    public func contains(row: UInt32, vector: Span<Float>) -> Bool {
        guard vector.count == configuration.dimension else { return false }
        return shared { state in
            guard Int(row) < state.rowCapacity else { return false }
            let node = state.graph.nodeOfRow.load(Int(row))
            if node == 0 { return false }
            return unsafe vector.withUnsafeBufferPointer { vector in
                guard let base = vector.baseAddress else { return false }
                return unsafe memcmp(state.graph.floatVector(Int(node) - 1), base, vector.count * 4) == 0
            }
        }
    }

    @inline(__always)
    func shared<T, E: Error>(_ body: (IndexState) throws(E) -> T) throws(E) -> T {
        state.lockShared()
        defer { state.unlockGate() }
        return try body(state)
    }

    /// The same when nobody has to be waited for; nil otherwise.
    @inline(__always)
    func sharedIfFree<T, E: Error>(_ body: (IndexState) throws(E) -> T) throws(E) -> T? {
        guard state.lockSharedIfFree() else { return nil }
        defer { state.unlockGate() }
        return try body(state)
    }

    @inline(__always)
    func exclusive<T, E: Error>(_ body: (IndexState) throws(E) -> T) throws(E) -> T {
        state.lockExclusively()
        defer { state.unlockGate() }
        return try body(state)
    }

    /// For changes: a snapshot is written while there are none.
    @inline(__always)
    func writing<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        state.lockWritersShared()
        defer { state.unlockWriters() }
        return try body()
    }

    /// For what changes all of the index beside searches.
    @inline(__always)
    func alone<T>(_ body: () -> T) -> T {
        state.lockWritersExclusively()
        defer { state.unlockWriters() }
        return body()
    }

    /// Makes room for rows below `capacity` and as many distinct vectors, so that insertions up to there never wait for growth.
    public func reserve(_ capacity: Int) throws(HNSWError) { try reserve(nodes: capacity, rows: capacity) }

    /// The same for callers with fewer vectors than rows: what a search writes is as large as there is room for nodes (4 MB a million),
    /// the table of vectors too; a row costs eight bytes.
    ///
    /// Searches wait only where something grows. When it fails, the index is as before.
    ///
    /// - Parameters:
    ///   - nodes: Distinct vectors, those present included: `nodeCount` and what comes.
    ///   - rows: One more than the greatest row.
    public func reserve(nodes: Int, rows: Int) throws(HNSWError) {
        try writing { () throws(HNSWError) in
            try exclusive { state throws(HNSWError) in try state.grow(nodes: nodes, rows: rows) }
        }
    }

    func validate(_ vector: Span<Float>) throws(HNSWError) {
        guard vector.count == configuration.dimension else {
            throw .invalidVector("it has \(vector.count) elements, the index \(configuration.dimension)")
        }
        let isFinite = unsafe vector.withUnsafeBufferPointer { vector in
            guard let base = vector.baseAddress else { return true }
            return unsafe cintrinsics_all_finite(base, vector.count)
        }
        guard isFinite else { throw .invalidVector("an element is not a finite number") }
    }
}
