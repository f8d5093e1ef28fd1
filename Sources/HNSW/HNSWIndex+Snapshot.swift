// The index as a file: written whole, opened by mapping it and checking what every search needs.

import CIntrinsics

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension HNSWIndex {
    /// Writes the index to a file: beside it first, synced, then renamed over it, so that the file is whole at any moment.
    ///
    /// Searches go on meanwhile; changes wait.
    ///
    /// - Parameter stamp: Given back by `restore`.
    public func save(to path: String, stamp: SnapshotStamp = 0) throws(HNSWError) {
        state.lockRepairs()
        defer { state.unlockRepairs() }
        state.lockWritersExclusively()
        defer { state.unlockWriters() }
        try shared { state throws(HNSWError) in
            let partial = path + ".partial"
            let descriptor = openFile(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
            guard descriptor >= 0 else { throw .file("creating \(partial)", errno: errno) }
            do throws(HNSWError) {
                defer { close(descriptor) }
                try Self.write(state, stamp: stamp, to: descriptor)
                guard synchronise(descriptor) == 0 else { throw .file("syncing \(partial)", errno: errno) }
            } catch {
                unsafe unlink(partial)
                throw error
            }
            guard unsafe rename(partial, path) == 0 else {
                let reason = errno
                unsafe unlink(partial)
                throw .file("renaming \(partial)", errno: reason)
            }
            try Self.syncDirectory(of: path)
        }
    }

    private static func syncDirectory(of path: String) throws(HNSWError) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? "."
        let descriptor = openFile(directory, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("opening \(directory)", errno: errno) }
        defer { close(descriptor) }
        guard synchronise(descriptor) == 0 else { throw .file("syncing \(directory)", errno: errno) }
    }

    private static func write(_ state: IndexState, stamp: SnapshotStamp, to descriptor: Int32) throws(HNSWError) {
        let graph = state.graph
        var header = SnapshotHeader(configuration: state.configuration)
        header.nodes = Int(state.counters.load(IndexState.counterNodes))
        header.lists = Int(state.counters.load(IndexState.counterLists))
        header.rows = Int(state.counters.load(IndexState.counterRows))
        header.rowLimit = ((0..<state.rowCapacity).last { graph.nodeOfRow[$0] != 0 } ?? -1) + 1
        header.free = state.freeNodes.count
        header.entry = state.packedEntryPoint
        header.stamp = stamp
        let lengths = header.lengths
        let offsets = SnapshotHeader.offsets(lengths)
        let free = FlatBuffer<UInt32>.allocate(header.free, repeating: 0)
        defer { free.deallocate() }
        for (i, node) in state.freeNodes.enumerated() { free[i] = node }
        let sections: [UnsafeRawPointer] = unsafe [
            UnsafeRawPointer(graph.records.base), UnsafeRawPointer(graph.codeInfo.base),
            UnsafeRawPointer(graph.halfScale.base), UnsafeRawPointer(graph.firstRow.base),
            UnsafeRawPointer(graph.upperStart.base),
            UnsafeRawPointer(graph.upper.base), UnsafeRawPointer(graph.nextRow.base),
            UnsafeRawPointer(graph.nodeOfRow.base), UnsafeRawPointer(free.base), UnsafeRawPointer(state.hash.base),
            UnsafeRawPointer(graph.floats.base),
        ]
        for i in 0..<SnapshotHeader.sectionCount {
            header.hashes[i] = unsafe Checksum.hashPieces(sections[i], count: lengths[i], threads: 1)
            unsafe try write(sections[i], count: lengths[i], at: offsets[i], to: descriptor)
        }
        guard ftruncate(descriptor, off_t(SnapshotHeader.fileLength(lengths))) == 0 else {
            throw .file("writing the snapshot", errno: errno)
        }
        let words = header.words
        var failure: HNSWError?
        unsafe words.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            do throws(HNSWError) {
                unsafe try write(base, count: bytes.count, at: 0, to: descriptor)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private static func write(
        _ bytes: UnsafeRawPointer, count: Int, at offset: Int, to descriptor: Int32
    ) throws(HNSWError) {
        var done = 0
        while done < count {
            let written = unsafe pwrite(descriptor, bytes + done, min(count - done, 1 << 26), off_t(offset + done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw .file("writing the snapshot", errno: errno) }
            done += written
        }
    }

    /// The index of a snapshot, mapped, so that what it holds is read when it is touched. Changes stay in memory. It answers at once;
    /// `settle()` makes it faster.
    ///
    /// Everything a search follows is checked before it is believed: lengths, hashes, every link and row. The floats, which
    /// can neither lead anywhere nor crash anything, are checked by `verify()`: reading them all would take longer than everything
    /// else together. The file must not be changed while the index lives; `save` replaces it and does not.
    ///
    /// - Returns: The index and the stamp it was saved with.
    public static func restore(from path: String, threads: Int = 2) throws(HNSWError) -> (
        index: HNSWIndex, stamp: SnapshotStamp
    ) {
        let descriptor = openFile(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("opening \(path)", errno: errno) }
        defer { close(descriptor) }
        let header = try readHeader(descriptor)
        let lengths = header.lengths
        // Before anything is made in these sizes: the file, which is on the disk, bounds what the numbers in it may ask for.
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .file("asking about \(path)", errno: errno) }
        guard Int(status.st_size) == SnapshotHeader.fileLength(lengths) else {
            throw .invalidSnapshot("\(status.st_size) bytes where \(SnapshotHeader.fileLength(lengths)) belong")
        }
        let state = try IndexState(
            header.configuration, nodeCapacity: header.nodes + max(header.nodes, 1 << 12),
            rowCapacity: header.rowLimit + max(header.rowLimit, 1 << 12))
        try state.load(header, lengths: lengths, descriptor: descriptor, threads: threads)
        try SnapshotValidation.check(state, header, threads: threads)
        return (HNSWIndex(state: state), header.stamp)
    }

    private static func readHeader(_ descriptor: Int32) throws(HNSWError) -> SnapshotHeader {
        var words = Array<UInt64>(repeating: 0, count: SnapshotHeader.byteCount / 8)
        let count = unsafe words.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw .file("reading the snapshot", errno: errno) }
        guard count == SnapshotHeader.byteCount else { throw .invalidSnapshot("it ends within the header") }
        return try SnapshotHeader(words: words)
    }

    /// Whether `settle()` has nothing to do.
    public var isSettled: Bool { shared { !$0.isMapped } }

    /// Copies an opened snapshot's records into memory of huge pages: a search touches records all over, and their translations then
    /// fit the processor's tables, which is worth a tenth of the time of a search where there are many. Searches go on meanwhile,
    /// changes wait. Without effect on an index that was not opened, or has been settled.
    public func settle() throws(HNSWError) {
        state.lockWritersExclusively()
        defer { state.unlockWriters() }
        guard state.isMapped else { return }
        let used = Int(state.counters.load(IndexState.counterNodes)) * state.graph.stride
        let mapped = state.records
        let copy = try MemoryRegion(byteCount: mapped.byteCount)
        unsafe copy.base.copyMemory(from: mapped.base, byteCount: used)
        exclusive { state in
            state.records = copy
            state.isMapped = false
            state.refreshAddresses()
        }
        // Unmapping a gigabyte takes a while: nobody waits for it.
        withExtendedLifetime(mapped) {}
    }

    /// Checks the floats of the snapshot this index was opened from, which `restore` leaves out. Takes as long as reading them;
    /// changes wait. After a deleted node's place has been used again there is nothing left to compare with.
    ///
    /// - Throws: `.invalidSnapshot`
    public func verify(threads: Int = 1) throws(HNSWError) {
        state.lockWritersExclusively()
        defer { state.unlockWriters() }
        try shared { state throws(HNSWError) in
            guard let (hash, length) = state.floatsHash else { return }
            let floats = unsafe UnsafeRawPointer(state.graph.floats.base)
            let found = unsafe Checksum.hashPieces(floats, count: length, threads: threads)
            guard found == hash else { throw .invalidSnapshot("the vectors are damaged") }
        }
    }
}

extension IndexState {
    /// Maps the sections and compares their hashes. The free list is copied.
    func load(
        _ header: SnapshotHeader, lengths: [Int], descriptor: Int32, threads: Int
    ) throws(HNSWError) {
        let offsets = SnapshotHeader.offsets(lengths)
        let tail = try MemoryRegion(byteCount: max(lengths[8], 8))
        let regions = [
            records, codeInfo, halfScale, firstRow, upperStart, upper, nextRow, nodeOfRow, tail, hashes, floats,
        ]
        let names = [
            "records", "scales", "scales of halves", "rows of nodes", "starts of lists", "lists", "rows",
            "nodes of rows", "free nodes", "hashes", "vectors",
        ]
        for i in regions.indices {
            guard lengths[i] <= regions[i].byteCount else {
                throw .invalidSnapshot("the section of \(names[i]) is too long")
            }
            try regions[i].overlay(descriptor: descriptor, offset: offsets[i], length: lengths[i])
            if i == SnapshotHeader.floatsSection { continue }
            let hash = unsafe Checksum.hashPieces(
                UnsafeRawPointer(regions[i].base), count: lengths[i], threads: threads)
            guard hash == header.hashes[i] else { throw .invalidSnapshot("the section of \(names[i]) is damaged") }
        }
        let free = FlatBuffer<UInt32>(tail)
        freeNodes = (0..<header.free).map { free[$0] }
        counters[Self.counterNodes] = UInt32(header.nodes)
        counters[Self.counterLists] = UInt32(header.lists)
        counters[Self.counterRows] = UInt32(header.rows)
        unsafe entry.pointee = header.entry
        isMapped = true
        floatsHash = (header.hashes[SnapshotHeader.floatsSection], lengths[SnapshotHeader.floatsSection])
    }
}
