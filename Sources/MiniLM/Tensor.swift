// Floats with a shape: where they lie, in a mapped file or in memory of their own, is nobody else's business.

/// An immutable row-major float32 array.
struct Tensor: Sendable {
    let shape: [Int]
    private let storage: Storage

    /// Elements in all.
    var count: Int { unsafe storage.elements.count }

    /// All elements, row-major; valid while the tensor lives.
    var elements: UnsafeBufferPointer<Float> { unsafe storage.elements }

    /// Whether no element is NaN or infinite. Reads them all.
    var isFinite: Bool {
        // Without their signs floats are in the order of their bits, and these two kinds come last: a maximum of integers,
        // which the compiler takes many at a time.
        var largest: UInt32 = 0
        let elements = unsafe elements
        for i in elements.indices {
            let bits = unsafe elements[i].bitPattern
            largest = max(largest, bits & 0x7FFF_FFFF)
        }
        return largest < Float.infinity.bitPattern
    }

    /// A tensor that holds its own copy. `elements` has as many floats as the shape says.
    init(_ elements: some Collection<Float>, shape: [Int]) {
        precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements do not fill \(shape)")
        let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: elements.count)
        _ = unsafe copy.initialize(fromContentsOf: elements)
        self.shape = shape
        unsafe storage = Storage(UnsafeBufferPointer(copy), owner: nil)
    }

    /// A tensor that holds what `element` gives for each index: row-major, and no second copy of it anywhere.
    init(shape: [Int], _ element: (Int) -> Float) {
        let elements = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
        for index in elements.indices { unsafe elements.initializeElement(at: index, to: element(index)) }
        self.shape = shape
        unsafe storage = Storage(UnsafeBufferPointer(elements), owner: nil)
    }

    /// A tensor that lies in `file` at `elements`, which must be aligned to 4 bytes and within the file.
    init(mapped elements: UnsafeBufferPointer<Float>, of file: MappedFile, shape: [Int]) {
        self.shape = shape
        unsafe storage = Storage(elements, owner: file)
    }

    /// Keeps the memory alive: the file for mapped elements, the allocation for the others.
    @safe private final class Storage: Sendable {
        // Written once in init; nobody writes through it.
        nonisolated(unsafe) let elements: UnsafeBufferPointer<Float>
        private let owner: MappedFile?

        init(_ elements: UnsafeBufferPointer<Float>, owner: MappedFile?) {
            unsafe self.elements = elements
            self.owner = owner
        }

        deinit {
            if owner == nil { unsafe elements.deallocate() }
        }
    }
}
