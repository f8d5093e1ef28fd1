// Memory without an owner the optimiser must count: what a search touches costs no retain, no release and no check.

import CIntrinsics

/// `capacity` elements at a fixed address. Copies share them. Whoever allocates deallocates.
///
/// Safe because every index that reaches it is below `capacity`: node and row numbers are checked when they enter the
/// index (insertion, opening of a snapshot), positions are counters compared with capacities. Builds without
/// optimisation check each access.
@safe struct FlatBuffer<Element: BitwiseCopyable> {
    let base: UnsafeMutablePointer<Element>
    let capacity: Int

    init(base: UnsafeMutablePointer<Element>, capacity: Int) {
        unsafe self.base = unsafe base
        self.capacity = capacity
    }

    /// A view of a region's whole length.
    init(_ region: MemoryRegion) {
        unsafe base = region.base.assumingMemoryBound(to: Element.self)
        capacity = region.byteCount / MemoryLayout<Element>.stride
    }

    /// 64-byte aligned and all `value`.
    static func allocate(_ capacity: Int, repeating value: Element) -> FlatBuffer {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, capacity) * MemoryLayout<Element>.stride, alignment: 64)
        let base = unsafe raw.bindMemory(to: Element.self, capacity: max(1, capacity))
        unsafe base.initialize(repeating: value, count: max(1, capacity))
        return unsafe FlatBuffer(base: base, capacity: capacity)
    }

    var byteCount: Int { capacity * MemoryLayout<Element>.stride }

    func deallocate() { unsafe UnsafeMutableRawPointer(base).deallocate() }

    @inline(__always)
    subscript(_ index: Int) -> Element {
        get {
            assert(index >= 0 && index < capacity)
            return unsafe base[index]
        }
        nonmutating set {
            assert(index >= 0 && index < capacity)
            unsafe base[index] = newValue
        }
    }

}

extension FlatBuffer where Element == Candidate {
    /// Moves `count` candidates one place up, from `index` on.
    @inline(__always)
    func shiftUp(from index: Int, count: Int) {
        assert(index + count < capacity)
        let start = unsafe UnsafeMutableRawPointer(base + index).assumingMemoryBound(to: UInt64.self)
        unsafe cintrinsics_shift_up(start, count)
    }

    /// How many of the first `count`, which ascend, come before a candidate.
    @inline(__always)
    func place(of candidate: Candidate, count: Int) -> Int {
        assert(count <= capacity)
        let start = unsafe UnsafeRawPointer(base).assumingMemoryBound(to: UInt64.self)
        return unsafe cintrinsics_lower_bound(start, count, candidate.bits)
    }
}

extension FlatBuffer where Element == UInt32 {
    /// Reads what another thread may be writing.
    @inline(__always)
    func load(_ index: Int) -> UInt32 {
        assert(index >= 0 && index < capacity)
        return unsafe cintrinsics_load_u32(base + index)
    }

    /// Writes what another thread may be reading.
    @inline(__always)
    func store(_ value: UInt32, at index: Int) {
        assert(index >= 0 && index < capacity)
        unsafe cintrinsics_store_u32(base + index, value)
    }
}
