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

    init(count: Int, zero: Element) {
        self.count = count
        let bytes = max(count, 1) * MemoryLayout<Element>.stride
        // Large ones on boundaries of 2 MB, so that the system can use huge pages: a panel then costs one address translation.
        let isLarge = bytes >= Self.hugePage
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
        #if os(Linux)
        if isLarge { _ = unsafe madvise(raw, bytes, MADV_HUGEPAGE) }
        #endif
        unsafe start = raw.bindMemory(to: Element.self, capacity: max(count, 1))
        unsafe start.initialize(repeating: zero, count: count)
    }

    deinit { unsafe start.deallocate() }

    /// The elements from `offset` on.
    subscript(from offset: Int) -> UnsafeMutablePointer<Element> {
        precondition(offset >= 0 && offset <= count)
        return unsafe start + offset
    }

    /// A copy of the first `length` elements.
    func prefix(_ length: Int) -> [Element] {
        precondition(length <= count)
        return unsafe Array(UnsafeBufferPointer(start: start, count: length))
    }

    private static var hugePage: Int { 2 << 20 }
}
