// Building from a whole matrix, on all cores.

import CIntrinsics
import Dispatch

extension HNSWIndex {
    /// Inserts the rows of a matrix, numbered from `firstRow`.
    ///
    /// On one thread the graph depends on the vectors, their order and the seed alone. On several, nodes inserted in the same
    /// moment may not see each other; recall is the same, the graph is not.
    ///
    /// - Parameters:
    ///   - matrix: [rows, dimension], row-major, finite, which is checked before anything is inserted. For cosine the length of each row
    ///     is 1, which is not: see `Distance.cosine`.
    ///   - threads: How many; the calling one is among them.
    ///   - progress: Told how many rows are done, now and then, by any of the threads; false stops the build there.
    public func insert(
        matrix: Span<Float>, firstRow: UInt32 = 0, threads: Int,
        progress: @Sendable (Int) -> Bool = { _ in true }
    ) throws(HNSWError) {
        let dimension = configuration.dimension
        guard matrix.count % dimension == 0 else {
            throw .invalidVector("\(matrix.count) elements are no whole number of vectors of \(dimension)")
        }
        let rows = matrix.count / dimension
        guard rows < Int(treeBit) - Int(firstRow) else { throw .tooManyVectors }
        var start = 0
        while start < rows {
            try validate(matrix.extracting(start * dimension..<(start + 1) * dimension))
            start += 1
        }
        try writing { () throws(HNSWError) in
            try exclusive { state throws(HNSWError) in
                let nodes = Int(state.counters[IndexState.counterNodes])
                try state.grow(nodes: nodes + rows, rows: Int(firstRow) + rows)
            }
        }
        let next = FlatBuffer<UInt32>.allocate(1, repeating: 0)
        let lock = FlatBuffer<UInt8>.allocate(1, repeating: 0)
        let failures = FlatBuffer<UInt32>.allocate(1, repeating: 0)
        defer {
            next.deallocate()
            lock.deallocate()
            failures.deallocate()
        }
        unsafe matrix.withUnsafeBufferPointer { matrix in
            // Read-only, and alive until every thread is done: concurrentPerform returns then.
            nonisolated(unsafe) let base = matrix.baseAddress
            nonisolated(unsafe) let (next, lock, failures) = (next, lock, failures)
            DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in
                guard let base = unsafe base else { return }
                while true {
                    unsafe SpinLock.lock(lock.base)
                    let row = unsafe Int(next[0])
                    unsafe next[0] = UInt32(min(rows, row + 1))
                    unsafe cintrinsics_unlock(lock.base)
                    guard row < rows else { return }
                    let vector = unsafe UnsafeBufferPointer(start: base + row * dimension, count: dimension)
                    do {
                        unsafe try insert(vector.span, row: firstRow + UInt32(row))
                    } catch {
                        unsafe failures.store(1, at: 0)
                        return
                    }
                    if row % 1024 == 1023 && !progress(row + 1) {
                        unsafe SpinLock.lock(lock.base)
                        unsafe next[0] = UInt32(rows)
                        unsafe cintrinsics_unlock(lock.base)
                        return
                    }
                }
            }
        }
        // Two nodes inserted in the same moment may have taken each other for the one that came first.
        if threads > 1 { linkUnreachable() }
        // Vectors were checked and room was made: what is left is memory for another thread's insertions.
        if failures.load(0) != 0 { throw .outOfMemory(bytes: rows * dimension * 4) }
    }
}
