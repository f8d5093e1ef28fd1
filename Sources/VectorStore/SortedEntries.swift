// Values in their order, with the rows that have them: what ranges are read from.

/// Pairs of value and row, ascending, in chunks: a change moves and copies one chunk of at most `chunkLimit` pairs, however
/// many there are, and copies of the whole share the chunks that did not change.
struct SortedEntries<Key: Comparable & Sendable>: Sendable {
    struct Entry: Sendable {
        var key: Key
        var row: UInt32

        func precedes(_ other: Entry) -> Bool { key < other.key || (key == other.key && row < other.row) }
    }

    /// Halves of a chunk that became too long; 1,024 pairs of 16 bytes are 16 KB.
    private static var chunkLimit: Int { 1024 }
    /// None is empty.
    private var chunks: [[Entry]] = []
    private(set) var count = 0

    init() {}

    /// Adds a pair unless it is there.
    mutating func insert(_ key: Key, _ row: UInt32) {
        let entry = Entry(key: key, row: row)
        guard !chunks.isEmpty else {
            count = 1
            return chunks.append([entry])
        }
        let number = chunk(for: entry)
        let place = chunks[number].partitioningIndex { !$0.precedes(entry) }
        if place < chunks[number].count, !entry.precedes(chunks[number][place]) { return }
        chunks[number].insert(entry, at: place)
        count += 1
        if chunks[number].count > Self.chunkLimit {
            let half = chunks[number].count / 2
            let upper = Array(chunks[number][half...])
            chunks[number].removeSubrange(half...)
            chunks.insert(upper, at: number + 1)
        }
    }

    mutating func remove(_ key: Key, _ row: UInt32) {
        guard !chunks.isEmpty else { return }
        let entry = Entry(key: key, row: row)
        let number = chunk(for: entry)
        let place = chunks[number].partitioningIndex { !$0.precedes(entry) }
        guard place < chunks[number].count, !entry.precedes(chunks[number][place]) else { return }
        chunks[number].remove(at: place)
        count -= 1
        if chunks[number].isEmpty { chunks.remove(at: number) }
    }

    /// The last chunk that begins at or before the entry, or the first.
    private func chunk(for entry: Entry) -> Int {
        max(0, chunks.partitioningIndex { entry.precedes($0[0]) } - 1)
    }

    /// The entries from the first that is not `isBefore` up to the first that `isBehind`; both must be monotone in the key.
    func forEach(
        from isBefore: (Key) -> Bool = { _ in false }, to isBehind: (Key) -> Bool = { _ in false },
        _ body: (Entry) -> Void
    ) {
        // The first chunk whose end is not before the range.
        var number = chunks.partitioningIndex { !isBefore($0[$0.count - 1].key) }
        while number < chunks.count {
            let chunk = chunks[number]
            let start = isBefore(chunk[0].key) ? chunk.partitioningIndex { !isBefore($0.key) } : 0
            for entry in chunk[start...] {
                if isBehind(entry.key) { return }
                body(entry)
            }
            number += 1
        }
    }
}

extension Array {
    /// The first index whose element is in the second part, of an array where the second part comes after the first.
    func partitioningIndex(where isInSecondPart: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isInSecondPart(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
