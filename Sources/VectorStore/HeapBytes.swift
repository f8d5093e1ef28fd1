// What collections take of the heap, and how those give back that have become small: Swift's do not by themselves.

import HNSW

/// Bytes of the heap behind values, estimated: by how the standard library lays them out and as glibc hands memory out, which is within a
/// few per cent of what it counts itself.
enum HeapBytes {
    /// One piece of memory: with a word of the allocator's, in steps of 16 bytes.
    private static func piece(_ bytes: Int) -> Int { max(32, (bytes + 8 + 15) & ~15) }

    /// An array's elements, with the room there is for more, behind a header of 32 bytes.
    static func of<Element>(_ array: [Element]) -> Int {
        array.capacity == 0 ? 0 : piece(32 + array.capacity * MemoryLayout<Element>.stride)
    }

    static func of(_ bits: RowBits) -> Int { bits.byteCount == 0 ? 0 : piece(32 + bits.byteCount) }

    /// Up to 15 bytes are in the string itself.
    static func of(_ text: String) -> Int { text.utf8.count <= 15 ? 0 : piece(32 + text.utf8.count + 1) }

    /// A dictionary's keys and values: a power of two of places, three quarters of which may be taken, and a bit for each.
    static func of<Key, Value>(_ dictionary: [Key: Value]) -> Int {
        guard dictionary.capacity > 0 else { return 0 }
        var places = 2
        while places * 3 / 4 < dictionary.capacity { places *= 2 }
        let bits = (places + 63) / 64 * 8
        return piece(64 + bits + places * (MemoryLayout<Key>.stride + MemoryLayout<Value>.stride))
    }
}

extension Array {
    /// Moves to a smaller place when three quarters of this one are free.
    mutating func giveBack() {
        guard capacity >= 32, count < capacity / 4 else { return }
        var copy: [Element] = []
        copy.reserveCapacity(count)
        copy.append(contentsOf: self)
        self = copy
    }
}

extension Dictionary {
    /// The same, of a table that would do with a quarter of its places or none.
    mutating func giveBack() {
        guard isEmpty ? capacity > 0 : capacity >= 12 && count <= capacity / 4 else { return }
        var copy = Dictionary(minimumCapacity: count)
        for (key, value) in self { copy[key] = value }
        self = copy
    }
}
