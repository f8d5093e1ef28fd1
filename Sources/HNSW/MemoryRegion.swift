// Flat memory outside Swift's heap, page-aligned, reserved generously and paid for when touched.

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
        // What the file has there no hash vouches for.
        unsafe memset(base + length, 0, rounded - length)
    }

    /// Makes room for `newByteCount` bytes, keeping the first `used`. Addresses change: nobody may be reading.
    func grow(to newByteCount: Int, keeping used: Int) throws(HNSWError) {
        let rounded = Self.roundedUp(newByteCount)
        guard rounded > byteCount else { return }
        let wider = unsafe try Self.reserve(rounded)
        unsafe wider.copyMemory(from: base, byteCount: used)
        unsafe munmap(base, byteCount)
        unsafe base = wider
        byteCount = rounded
    }

    private static func reserve(_ byteCount: Int) throws(HNSWError) -> UnsafeMutableRawPointer {
        #if os(Linux)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        #else
        let flags = MAP_PRIVATE | MAP_ANON
        #endif
        let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else { throw .outOfMemory(bytes: byteCount) }
        #if os(Linux)
        // A query touches nodes all over the graph: with 2 MB pages the translations fit the processor's tables.
        if byteCount >= 1 << 22 { unsafe _ = madvise(address, byteCount, MADV_HUGEPAGE) }
        #endif
        return unsafe address
    }
}

/// Lets another thread have the core.
func yieldThread() { sched_yield() }

/// A file descriptor, negative when that fails. New files are readable by all and writable by their owner.
func openFile(_ path: String, _ flags: Int32) -> Int32 { unsafe open(path, flags, 0o644) }
