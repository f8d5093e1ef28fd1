// Memory that kernels read and write: aligned, of a fixed size, shared between threads.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `count` elements, zero at first, at the beginning of a cache line.
///
/// `@unchecked Sendable`: the address and the count never change, and whoever shares a buffer between threads has them write
/// disjoint parts of it between two synchronisations (`Share`), or nobody write at all (weights after their construction).
@safe final class AlignedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    let count: Int
    /// The first element; valid while this object lives.
    let start: UnsafeMutablePointer<Element>

    private let chunk: MemoryChunk

    /// - Parameter arena: Where the memory is taken from; nil for memory of its own.
    init(count: Int, zero: Element, in arena: MemoryArena? = nil) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Element>.stride
        let raw: UnsafeMutableRawPointer
        if let arena {
            unsafe (chunk, raw) = arena.take(bytes)
        } else {
            chunk = MemoryChunk(byteCount: bytes)
            unsafe raw = chunk.start
        }
        unsafe start = raw.bindMemory(to: Element.self, capacity: max(count, 1))
        unsafe start.initialize(repeating: zero, count: count)
    }

    /// The elements from `offset` on.
    subscript(from offset: Int) -> UnsafeMutablePointer<Element> {
        precondition(offset >= 0 && offset <= count)
        return unsafe start + offset
    }

    /// All of it.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(UnsafeBufferPointer(start: start, count: count)) }

    /// A copy of the first `length` elements.
    func prefix(_ length: Int) -> [Element] {
        precondition(length <= count)
        return unsafe Array(UnsafeBufferPointer(start: start, count: length))
    }
}

/// Memory for buffers that live about as long as each other, in chunks of huge pages: streaming a model's weights costs an address
/// translation every 2 MB instead of every 4 KB, also where a layer's are smaller than that.
final class MemoryArena: Sendable {
    private struct Rest {
        var chunk: MemoryChunk
        var used: Int
    }

    private let rest = Locked<Rest?>(nil)
    /// Bytes of a chunk: several layers' weights; what is not touched is no memory.
    private static let chunkBytes = 16 << 20

    /// Memory that nobody else gets, at the beginning of a cache line, and what keeps it alive.
    func take(_ bytes: Int) -> (MemoryChunk, UnsafeMutableRawPointer) {
        unsafe rest.withLock { rest in
            var current = rest ?? Rest(chunk: MemoryChunk(byteCount: Self.chunkBytes), used: 0)
            if current.chunk.byteCount - current.used < bytes {
                current = Rest(chunk: MemoryChunk(byteCount: max(Self.chunkBytes, bytes)), used: 0)
            }
            let address = unsafe current.chunk.start + current.used
            current.used += (bytes + 63) / 64 * 64
            rest = current
            return unsafe (current.chunk, address)
        }
    }
}

/// Memory as the system gives it, at the beginning of a cache line, of a huge page if it is as large.
///
/// `@unchecked Sendable`: the address never changes; what is written where is the matter of those who took a part of it.
@safe final class MemoryChunk: @unchecked Sendable {
    let byteCount: Int
    /// Valid while this object lives.
    let start: UnsafeMutableRawPointer

    init(byteCount: Int) {
        self.byteCount = byteCount
        let isLarge = byteCount >= Self.hugePage
        unsafe start = .allocate(byteCount: byteCount, alignment: isLarge ? Self.hugePage : 64)
        #if os(Linux)
        if isLarge { _ = unsafe madvise(start, byteCount, MADV_HUGEPAGE) }
        #endif
    }

    deinit { unsafe start.deallocate() }

    private static var hugePage: Int { 2 << 20 }
}
