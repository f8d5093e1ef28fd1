// Values in their order, with the rows that have them: what ranges are read from.

import HNSW

/// Pairs of value and row, ascending, in chunks: a change moves and copies one chunk or two of at most `chunkLimit` pairs, however
/// many there are, and copies of the whole share the chunks that did not change.
struct SortedEntries<Key: Comparable & Sendable>: Sendable {
    struct Entry: Sendable {
        var key: Key
        var row: UInt32

        func precedes(_ other: Entry) -> Bool { key < other.key || (key == other.key && row < other.row) }
    }

    /// Keys and rows of the same places, apart: rows alone are what most questions take, a thousand at a time.
    private struct Chunk: Sendable {
        var keys: [Key]
        var rows: [UInt32]

        var count: Int { keys.count }
        subscript(place: Int) -> Entry { Entry(key: keys[place], row: rows[place]) }

        /// The first place whose entry does not precede this one.
        func place(of entry: Entry) -> Int {
            var (low, high) = (0, count)
            while low < high {
                let middle = (low + high) / 2
                if self[middle].precedes(entry) { low = middle + 1 } else { high = middle }
            }
            return low
        }

        mutating func append(_ next: Chunk) {
            keys += next.keys
            rows += next.rows
        }

        mutating func remove(at place: Int) {
            keys.remove(at: place)
            rows.remove(at: place)
            keys.giveBack()
            rows.giveBack()
        }

        mutating func splitUpperHalf() -> Chunk {
            let half = count / 2
            let upper = Chunk(keys: Array(keys[half...]), rows: Array(rows[half...]))
            keys.removeSubrange(half...)
            rows.removeSubrange(half...)
            return upper
        }
    }

    /// Halves of a chunk that became too long; 1,024 pairs of 12 bytes are 12 KB.
    private static var chunkLimit: Int { 1024 }
    /// None is empty.
    private var chunks: [Chunk] = []
    private(set) var count = 0

    init() {}

    var first: Entry? { chunks.first?[0] }
    var last: Entry? { chunks.last.map { $0[$0.count - 1] } }

    /// Adds a pair unless it is there.
    ///
    /// - Returns: Whether it was not.
    @discardableResult
    mutating func insert(_ key: Key, _ row: UInt32) -> Bool {
        let entry = Entry(key: key, row: row)
        guard !chunks.isEmpty else {
            count = 1
            chunks.append(Chunk(keys: [key], rows: [row]))
            return true
        }
        let number = chunk(for: entry)
        let place = chunks[number].place(of: entry)
        if place < chunks[number].count, !entry.precedes(chunks[number][place]) { return false }
        chunks[number].keys.insert(key, at: place)
        chunks[number].rows.insert(row, at: place)
        count += 1
        if chunks[number].count > Self.chunkLimit {
            let upper = chunks[number].splitUpperHalf()
            chunks.insert(upper, at: number + 1)
        }
        return true
    }

    /// - Returns: Whether the pair was there.
    @discardableResult
    mutating func remove(_ key: Key, _ row: UInt32) -> Bool {
        guard !chunks.isEmpty else { return false }
        let entry = Entry(key: key, row: row)
        let number = chunk(for: entry)
        let place = chunks[number].place(of: entry)
        guard place < chunks[number].count, !entry.precedes(chunks[number][place]) else { return false }
        chunks[number].remove(at: place)
        count -= 1
        if chunks[number].count == 0 { chunks.remove(at: number) }
        mergeNeighbours(around: number)
        return true
    }

    /// Makes one chunk of two that are half a chunk together: neighbours are more than that, however much was removed.
    private mutating func mergeNeighbours(around number: Int) {
        for lower in [number, number - 1] where lower >= 0 && lower + 1 < chunks.count {
            guard chunks[lower].count + chunks[lower + 1].count <= Self.chunkLimit / 2 else { continue }
            let upper = chunks.remove(at: lower + 1)
            chunks[lower].append(upper)
        }
    }

    /// Adds entries that all come after these.
    mutating func append(_ later: SortedEntries) {
        let end = chunks.count
        chunks += later.chunks
        count += later.count
        mergeNeighbours(around: end)
    }

    /// Bytes of the heap, estimated.
    var byteCount: Int {
        chunks.reduce(HeapBytes.of(chunks)) { $0 + HeapBytes.of($1.keys) + HeapBytes.of($1.rows) }
    }

    /// Half of the chunks, the later ones, which leave these entries.
    mutating func splitUpperHalf() -> SortedEntries {
        var upper = SortedEntries()
        upper.chunks = Array(chunks[(chunks.count / 2)...])
        upper.count = upper.chunks.reduce(0) { $0 + $1.count }
        chunks.removeSubrange((chunks.count / 2)...)
        count -= upper.count
        return upper
    }

    /// The last chunk that begins at or before the entry, or the first.
    private func chunk(for entry: Entry) -> Int {
        max(0, chunks.partitioningIndex { entry.precedes($0[0]) } - 1)
    }

    /// The entries from the first that is not `isBefore` up to the first that `isBehind`; both must be monotone in the key.
    ///
    /// - Throws: what `body` does.
    func forEach<Failure>(
        from isBefore: (Key) -> Bool = { _ in false }, to isBehind: (Key) -> Bool = { _ in false },
        _ body: (Entry) throws(Failure) -> Void
    ) throws(Failure) {
        var number = firstChunk(from: isBefore)
        while number < chunks.count {
            let chunk = chunks[number]
            for place in start(in: chunk, from: isBefore)..<chunk.count {
                let entry = chunk[place]
                if isBehind(entry.key) { return }
                try body(entry)
            }
            number += 1
        }
    }

    /// The entries from the last that is not `isBehind` backwards, until `body` has enough and returns false.
    ///
    /// - Returns: What `body` returned last.
    func forEachBackwards(from isBehind: (Key) -> Bool, _ body: (Entry) -> Bool) -> Bool {
        var number = chunks.partitioningIndex { isBehind($0.keys[0]) }
        while number > 0 {
            number -= 1
            let chunk = chunks[number]
            var place =
                isBehind(chunk.keys[chunk.count - 1]) ? chunk.keys.partitioningIndex(where: isBehind) : chunk.count
            while place > 0 {
                place -= 1
                if !body(chunk[place]) { return false }
            }
        }
        return true
    }

    /// Adds the rows of the same entries to a set: a nanosecond a row, where `forEach` takes fifty.
    func addRows(from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool, to rows: inout RowBits) {
        var number = firstChunk(from: isBefore)
        while number < chunks.count {
            let chunk = chunks[number]
            if isBehind(chunk.keys[0]) { return }
            let start = start(in: chunk, from: isBefore)
            let end =
                isBehind(chunk.keys[chunk.count - 1]) ? chunk.keys.partitioningIndex(where: isBehind) : chunk.count
            if start < end { rows.insert(contentsOf: chunk.rows.span.extracting(start..<end)) }
            number += 1
        }
    }

    /// How many entries `forEach` would go through.
    func count(from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool) -> Int {
        var count = 0
        for chunk in chunks[firstChunk(from: isBefore)...] {
            if isBehind(chunk.keys[0]) { break }
            let isWhole = !isBefore(chunk.keys[0]) && !isBehind(chunk.keys[chunk.count - 1])
            if isWhole {
                count += chunk.count
            } else {
                // An empty range has its end before its start.
                count += max(0, chunk.keys.partitioningIndex(where: isBehind) - start(in: chunk, from: isBefore))
            }
        }
        return count
    }

    /// The first chunk whose end is not before a range.
    private func firstChunk(from isBefore: (Key) -> Bool) -> Int {
        chunks.partitioningIndex { !isBefore($0.keys[$0.count - 1]) }
    }

    private func start(in chunk: Chunk, from isBefore: (Key) -> Bool) -> Int {
        isBefore(chunk.keys[0]) ? chunk.keys.partitioningIndex { !isBefore($0) } : 0
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
