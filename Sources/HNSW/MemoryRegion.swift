// Flat memory outside Swift's heap, page-aligned, reserved generously and paid for when touched.

import CIntrinsics

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A range of address space that begins as zeros, or as a private copy of part of a file.
///
/// Pages cost nothing until they are touched, so a region is reserved larger than what it holds, and growing it is rare.
@safe final class MemoryRegion {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var byteCount: Int
    /// Bytes at the start that are a file's: a mapping of their own.
    private var fileByteCount = 0
    /// Growing beyond so many bytes fails, as it does where the system has no more: for tests.
    var limit = Int.max
    /// So many moves of pages succeed, and the next fails as it does where the kernel has no more mappings: for tests.
    var movesLeft = Int.max

    /// A multiple of the page size of every processor we build for.
    static let pageSize = 16_384

    static func roundedUp(_ byteCount: Int) -> Int { (byteCount + pageSize - 1) & ~(pageSize - 1) }

    init(byteCount: Int) throws(HNSWError) {
        let rounded = max(Self.pageSize, Self.roundedUp(byteCount))
        unsafe base = try Self.reserve(rounded)
        self.byteCount = rounded
    }

    deinit { unsafe munmap(base, byteCount) }

    /// Puts `length` bytes of the open file `descriptor` at the start, read when touched, and zeros behind them. Writes stay private to
    /// this process.
    ///
    /// - Parameters:
    ///   - offset: A multiple of the page size.
    ///   - length: The file goes on to the end of its last page.
    func overlay(descriptor: Int32, offset: Int, length: Int) throws(HNSWError) {
        guard length > 0 else { return }
        let rounded = Self.roundedUp(length)
        precondition(rounded <= byteCount && offset % Self.pageSize == 0)
        let mapped = unsafe mmap(
            base, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, descriptor, off_t(offset))
        guard unsafe mapped != MAP_FAILED else { throw .file("mapping the snapshot", errno: errno) }
        fileByteCount = rounded
        // What the file has there no hash vouches for.
        unsafe memset(base + length, 0, rounded - length)
    }

    /// Makes room for `newByteCount` bytes, keeping the first `used`. Addresses change: nobody may be reading. When it fails, nothing
    /// has changed.
    ///
    /// On Linux the pages are moved, a gigabyte in less than a millisecond, and what is a file's stays a file's. Elsewhere the bytes are
    /// copied.
    ///
    /// - Parameter isMoving: False copies everywhere: for tests.
    func grow(to newByteCount: Int, keeping used: Int, isMoving: Bool = true) throws(HNSWError) {
        let rounded = Self.roundedUp(newByteCount)
        guard rounded > byteCount else { return }
        guard rounded <= limit else { throw .outOfMemory(bytes: rounded) }
        #if os(Linux)
        if isMoving, try hasMoved(to: rounded, keeping: used) { return }
        #endif
        let copy = unsafe try Self.reserve(rounded)
        unsafe copy.copyMemory(from: base, byteCount: used)
        unsafe munmap(base, byteCount)
        unsafe settle(at: copy, rounded, file: 0)
    }

    #if os(Linux)
    /// Whether the region has grown to `newByteCount`; if not, its pages are where they were. Only what is one mapping moves at once: a
    /// file's part by itself, and then there is no way back. Where the rest is copied to if it cannot follow, the kernel being out of
    /// mappings, is reserved before, while failing changes nothing.
    private func hasMoved(to newByteCount: Int, keeping used: Int) throws(HNSWError) -> Bool {
        let (file, own) = (fileByteCount, byteCount - fileByteCount)
        var refuge: UnsafeMutableRawPointer?
        if file > 0 && own > 0 { unsafe refuge = try Self.reserve(newByteCount) }
        defer { if let refuge = unsafe refuge { unsafe munmap(refuge, newByteCount) } }
        let target = unsafe try Self.reserve(newByteCount)
        // A move that fails may have unmapped what it was to be moved to, and another thread have got that address: it is left alone.
        if file > 0, unsafe !move(base, file, to: target, file) { return false }
        if unsafe own == 0 || move(base + file, own, to: target + file, newByteCount - file) {
            unsafe settle(at: target, newByteCount, file: file)
            return true
        }
        guard let copy = unsafe refuge else { return false }
        unsafe refuge = nil
        unsafe copy.copyMemory(from: target, byteCount: min(file, used))
        if used > file { unsafe (copy + file).copyMemory(from: base + file, byteCount: used - file) }
        unsafe munmap(target, file)
        unsafe munmap(base + file, own)
        unsafe settle(at: copy, newByteCount, file: 0)
        return true
    }
    #endif

    private func settle(at address: UnsafeMutableRawPointer, _ newByteCount: Int, file: Int) {
        unsafe base = address
        byteCount = newByteCount
        fileByteCount = file
    }

    /// Whether the pages were moved; if not, they are where they were.
    private func move(
        _ from: UnsafeMutableRawPointer, _ count: Int, to target: UnsafeMutableRawPointer, _ newCount: Int
    ) -> Bool {
        guard movesLeft > 0 else { return false }
        movesLeft -= 1
        return unsafe cintrinsics_move_pages(from, count, newCount, target)
    }

    private static func reserve(_ byteCount: Int) throws(HNSWError) -> UnsafeMutableRawPointer {
        #if os(Linux)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        // A query touches nodes all over the graph: with 2 MB pages the translations fit the processor's tables. A region that begins
        // with such a page is made of them, and moves by them.
        let hugePage = 1 << 21
        let spare = byteCount >= 2 * hugePage ? hugePage : 0
        #else
        let flags = MAP_PRIVATE | MAP_ANON
        let spare = 0
        #endif
        let address = unsafe mmap(nil, byteCount + spare, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw .outOfMemory(bytes: byteCount) }
        guard spare > 0 else { return unsafe address }
        let lead = -Int(bitPattern: address) & (spare - 1)
        let start = unsafe address + lead
        if lead > 0 { unsafe munmap(address, lead) }
        unsafe munmap(start + byteCount, spare - lead)
        #if os(Linux)
        unsafe _ = madvise(start, byteCount, MADV_HUGEPAGE)
        #endif
        return unsafe start
    }
}

/// Lets another thread have the core.
func yieldThread() { sched_yield() }

/// Waits a millisecond.
func pauseThread() { usleep(1000) }

/// A file descriptor, negative when that fails. New files are readable by all and writable by their owner.
func openFile(_ path: String, _ flags: Int32) -> Int32 { unsafe open(path, flags, 0o644) }

/// Has what was written to a file put where it stays when the power fails. Returns 0, or -1 with `errno`.
package func synchronise(_ descriptor: Int32) -> Int32 {
    #if canImport(Darwin)
    // There fsync hands over to the drive, which may keep it in its memory. Not every file system knows more than that.
    if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    return fsync(descriptor)
}

/// What the system calls an error number.
package func systemMessage(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
