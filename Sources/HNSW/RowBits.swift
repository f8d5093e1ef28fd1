// The rows a filtered search may return.

/// A set of rows as a bitset, with the number of its members.
public struct RowBits: Sendable {
    private(set) var words: [UInt64]
    /// How many rows are in the set: what the strategy of a filtered search is chosen by.
    public private(set) var count = 0

    /// Bytes of memory that there are for members.
    public var byteCount: Int { words.capacity * 8 }

    /// The empty set of rows 0..<capacity.
    public init(capacity: Int) { words = Array(repeating: 0, count: (max(0, capacity) + 63) / 64) }

    public init(_ rows: some Sequence<UInt32>, capacity: Int) {
        self.init(capacity: capacity)
        for row in rows { insert(row) }
    }

    /// Rows beyond the capacity make room for themselves.
    public mutating func insert(_ row: UInt32) {
        let word = Int(row >> 6)
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        let bit: UInt64 = 1 << UInt64(row & 63)
        if words[word] & bit == 0 {
            words[word] |= bit
            count += 1
        }
    }

    /// The same for many rows, in any order, each so many rows further on.
    public mutating func insert(contentsOf rows: Span<UInt32>, shiftedBy shift: UInt32 = 0) {
        var last: UInt32 = 0
        for index in rows.indices { last = max(last, rows[index]) }
        if rows.isEmpty { return }
        grow(toWords: Int((last + shift) >> 6) + 1)
        var added = 0
        var words = words.mutableSpan
        // Below the greatest row, which there is room for: unchecked.
        for index in rows.indices {
            let row = unsafe rows[unchecked: index] &+ shift
            let word = unsafe words[unchecked: Int(row >> 6)]
            added &+= Int(truncatingIfNeeded: ~word >> UInt64(row & 63) & 1)
            unsafe words[unchecked: Int(row >> 6)] = word | 1 << UInt64(row & 63)
        }
        count += added
    }

    public mutating func remove(_ row: UInt32) {
        let word = Int(row >> 6)
        guard word < words.count, words[word] & (1 << UInt64(row & 63)) != 0 else { return }
        words[word] &= ~(1 << UInt64(row & 63))
        count -= 1
    }

    @inline(__always)
    public func contains(_ row: UInt32) -> Bool {
        let word = Int(row >> 6)
        return word < words.count && words[word] & (1 << UInt64(row & 63)) != 0
    }

    /// Each member, ascending.
    @inline(__always)
    public func forEach(_ body: (UInt32) -> Void) {
        for word in words.indices {
            var bits = words[word]
            while bits != 0 {
                body(UInt32(truncatingIfNeeded: word << 6 | bits.trailingZeroBitCount))
                bits &= bits - 1
            }
        }
    }

    private mutating func grow(toWords needed: Int) {
        if needed > words.count { words.append(contentsOf: repeatElement(0, count: needed - words.count)) }
    }

    public mutating func formUnion(_ other: RowBits) {
        grow(toWords: other.words.count)
        combine(other) { $0 | $1 }
    }

    /// Adds the rows of another set, each so many words of 64 rows further on: a pass over the words of that set alone.
    public mutating func formUnion(_ other: RowBits, shiftedByWords shift: Int) {
        precondition(shift >= 0)
        grow(toWords: shift + other.words.count)
        let more = other.words.span
        var words = words.mutableSpan
        // Counted before and apart, which leaves two loops that become vector instructions. There is room for all: unchecked.
        var added = 0
        for index in more.indices {
            added &+= unsafe (more[unchecked: index] & ~words[unchecked: shift &+ index]).nonzeroBitCount
        }
        for index in more.indices { unsafe words[unchecked: shift &+ index] |= more[unchecked: index] }
        count += added
    }

    public mutating func formIntersection(_ other: RowBits) { combine(other) { $0 & $1 } }

    public mutating func subtract(_ other: RowBits) { combine(other) { $0 & ~$1 } }

    /// Each word with that of `other`, 0 where it has none. Rows of `other` beyond the last word here are left out.
    @inline(__always)
    private mutating func combine(_ other: RowBits, _ operation: (UInt64, UInt64) -> UInt64) {
        var count = 0
        for index in words.indices {
            let word = operation(words[index], index < other.words.count ? other.words[index] : 0)
            words[index] = word
            count += word.nonzeroBitCount
        }
        self.count = count
    }

    /// Whether one of these rows is in the set.
    public func intersects(_ rows: Range<Int>) -> Bool {
        let first = rows.lowerBound >> 6
        let last = min((rows.upperBound + 63) >> 6, words.count)
        guard first < last else { return false }
        return (first..<last).contains { index in
            var word = words[index]
            if index == first { word &= ~0 << UInt64(rows.lowerBound & 63) }
            if index == rows.upperBound >> 6 { word &= ~(~0 << UInt64(rows.upperBound & 63)) }
            return word != 0
        }
    }

    /// How many rows are in both.
    public func intersectionCount(_ other: RowBits) -> Int {
        zip(words, other.words).reduce(0) { $0 + ($1.0 & $1.1).nonzeroBitCount }
    }

    /// Whether a row of the node is in the set.
    @inline(__always)
    func matches(_ graph: Graph, _ node: Int) -> Bool {
        first(from: graph.firstRow.load(node), of: node, graph) != none
    }

    /// The first of a node's rows, from one of them on, that is in the set; `none` where none is.
    @inline(__always)
    func first(from row: UInt32, of node: Int, _ graph: Graph) -> UInt32 {
        if row == none || contains(row) { return row }
        let next = graph.nextRow.load(Int(row))
        if next == none || contains(next) { return next }
        var steps = 0
        return first(behind: next, of: node, graph, &steps)
    }

    /// Steps along the node's list, and as many along the set, before the other has its turn.
    private static let turn = 64

    /// The first of a node's rows behind one of them that is in the set.
    ///
    /// Hundreds of thousands of rows may share a node, of which the set has none, or the set may have as many, none of them the node's:
    /// list and set are gone along by turns, and the shorter of the two ends it.
    ///
    /// - Parameter steps: Rows and words looked at, counted on: for tests.
    @inline(never)
    func first(behind row: UInt32, of node: Int, _ graph: Graph, _ steps: inout Int) -> UInt32 {
        var row = row
        // Below it no member is a row of the node behind the first.
        var member = Int(row) + 1
        while true {
            for _ in 0..<Self.turn {
                row = graph.nextRow.load(Int(row))
                steps += 1
                if row == none || contains(row) { return row }
            }
            member = max(member, Int(row) + 1)
            var left = Self.turn
            while left > 0 {
                let word = member >> 6
                // Rows entered meanwhile may have numbers that there was no room for when this was asked.
                guard word < words.count, member < graph.nodeOfRow.capacity else { return none }
                let bits = words[word] & ~0 << UInt64(member & 63)
                left -= 1
                steps += 1
                if bits == 0 {
                    member = (word + 1) << 6
                    continue
                }
                member = word << 6 | bits.trailingZeroBitCount
                guard member < graph.nodeOfRow.capacity else { return none }
                if graph.nodeOfRow.load(member) == UInt32(node + 1) { return UInt32(member) }
                member += 1
            }
        }
    }
}

extension RowBits: Equatable {
    /// Whether the same rows are in both, whatever their capacities.
    public static func == (lhs: RowBits, rhs: RowBits) -> Bool {
        lhs.count == rhs.count && lhs.intersectionCount(rhs) == lhs.count
    }
}
