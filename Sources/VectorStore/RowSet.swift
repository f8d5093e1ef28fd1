// The rows a payload index has under one value: few as a list, many as bits.

import HNSW

/// A set of rows that costs four bytes a member while it is sparse, and a bit a row of the collection when it is not.
struct RowSet: Sendable {
    private enum Storage: Sendable {
        /// Ascending.
        case few([UInt32])
        case many(RowBits)
    }

    private var storage = Storage.few([])

    var count: Int {
        switch storage {
        case .few(let rows): rows.count
        case .many(let bits): bits.count
        }
    }

    var isEmpty: Bool { count == 0 }

    func contains(_ row: UInt32) -> Bool {
        switch storage {
        case .few(let rows):
            let place = rows.firstIndex(notBelow: row)
            return place < rows.count && rows[place] == row
        case .many(let bits): return bits.contains(row)
        }
    }

    mutating func insert(_ row: UInt32) {
        switch storage {
        case .few(var rows):
            storage = .few([])
            let place = rows.firstIndex(notBelow: row)
            if place == rows.count || rows[place] != row { rows.insert(row, at: place) }
            // Beyond a bit for each row up to the last, a list is the larger of the two.
            if rows.count >= 64, let last = rows.last, rows.count * 32 > Int(last) {
                storage = .many(RowBits(rows, capacity: Int(last) + 1))
            } else {
                storage = .few(rows)
            }
        case .many(var bits):
            storage = .few([])
            bits.insert(row)
            storage = .many(bits)
        }
    }

    mutating func remove(_ row: UInt32) {
        switch storage {
        case .few(var rows):
            storage = .few([])
            let place = rows.firstIndex(notBelow: row)
            if place < rows.count, rows[place] == row { rows.remove(at: place) }
            rows.giveBack()
            storage = .few(rows)
        case .many(var bits):
            storage = .few([])
            bits.remove(row)
            // Where a list is half as large, so that it takes as many insertions as there are members to come back.
            storage = bits.count * 8 < bits.byteCount ? .few(bits.list) : .many(bits)
        }
    }

    func forEach(_ body: (UInt32) -> Void) {
        switch storage {
        case .few(let rows): rows.forEach(body)
        case .many(let bits): bits.forEach(body)
        }
    }

    /// - Parameter shift: How many words of 64 rows further on each row is meant.
    func add(to rows: inout RowBits, shiftedByWords shift: Int = 0) {
        switch storage {
        case .few(let list): rows.insert(contentsOf: list.span, shiftedBy: UInt32(shift * 64))
        case .many(let bits): rows.formUnion(bits, shiftedByWords: shift)
        }
    }

    /// Bytes of the heap, estimated.
    var byteCount: Int {
        switch storage {
        case .few(let rows): HeapBytes.of(rows)
        case .many(let bits): HeapBytes.of(bits)
        }
    }

    /// The set as bits for rows below `capacity`.
    func bits(capacity: Int) -> RowBits {
        if case .many(let bits) = storage { return bits }
        var bits = RowBits(capacity: capacity)
        add(to: &bits)
        return bits
    }
}

extension [UInt32] {
    /// The place of the first element that is not below `value`, in ascending elements.
    fileprivate func firstIndex(notBelow value: UInt32) -> Int {
        // Rows mostly come in their order.
        if let last, last < value { return count }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
