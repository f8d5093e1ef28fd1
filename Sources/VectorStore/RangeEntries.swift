// Values in their order with the rows of whole stretches as bit sets: what wide ranges are read from.

import HNSW

/// Pairs of value and row, ascending, in 43 groups at most, each with the set of its rows.
///
/// A range takes the sets of the groups that lie within it, words of 64 rows at a time, and goes through the pairs of the two at its
/// ends. A set is kept in blocks of 32,768 rows, as lists where rows are sparse: four bytes a pair at most, and a change copies 4 KB of
/// them however many there are.
struct RangeEntries<Key: Comparable & Sendable>: Sendable {
    typealias Entry = SortedEntries<Key>.Entry

    /// Not empty.
    private struct Group: Sendable {
        private(set) var entries: SortedEntries<Key>
        /// The rows of the entries, each block's numbered from its first.
        private var blocks: [RowSet] = []
        /// Of rows with several entries here, how many more than one they have.
        private var repeated: [UInt32: Int] = [:]

        static var wordsOfBlock: Int { 512 }

        private static func block(_ row: UInt32) -> (number: Int, row: UInt32) {
            let rows = UInt32(wordsOfBlock * 64)
            return (Int(row / rows), row % rows)
        }

        init(_ entries: SortedEntries<Key>) {
            self.entries = entries
            // Ascending they come without looking for their place.
            var rows = RowBits(capacity: 0)
            entries.forEach { entry in
                if rows.contains(entry.row) { repeated[entry.row, default: 0] += 1 }
                rows.insert(entry.row)
            }
            rows.forEach { add($0) }
        }

        private mutating func add(_ row: UInt32) {
            let place = Self.block(row)
            while blocks.count <= place.number { blocks.append(RowSet()) }
            blocks[place.number].insert(place.row)
        }

        /// - Returns: Whether the pair was not there.
        mutating func insert(_ key: Key, _ row: UInt32) -> Bool {
            guard entries.insert(key, row) else { return false }
            let place = Self.block(row)
            if place.number < blocks.count, blocks[place.number].contains(place.row) {
                repeated[row, default: 0] += 1
            } else {
                add(row)
            }
            return true
        }

        /// - Returns: Whether the pair was there.
        mutating func remove(_ key: Key, _ row: UInt32) -> Bool {
            guard entries.remove(key, row) else { return false }
            if let more = repeated[row] {
                repeated[row] = more == 1 ? nil : more - 1
            } else {
                let place = Self.block(row)
                blocks[place.number].remove(place.row)
            }
            return true
        }

        /// The later half of the entries, which leave this group.
        mutating func splitUpperHalf() -> Group {
            var lower = entries
            let upper = lower.splitUpperHalf()
            self = Group(lower)
            return Group(upper)
        }

        /// The entries of the next group enter this one.
        mutating func append(_ next: Group) {
            var all = entries
            all.append(next.entries)
            self = Group(all)
        }

        var byteCount: Int {
            blocks.reduce(entries.byteCount + HeapBytes.of(blocks) + HeapBytes.of(repeated)) { $0 + $1.byteCount }
        }

        func contains(_ row: UInt32) -> Bool {
            let place = Self.block(row)
            return place.number < blocks.count && blocks[place.number].contains(place.row)
        }

        func addRows(to rows: inout RowBits) {
            for number in blocks.indices {
                blocks[number].add(to: &rows, shiftedByWords: number * Self.wordsOfBlock)
            }
        }
    }

    private var groups: [Group] = []
    private(set) var count = 0
    /// Pairs up to which there is one group.
    private let leastLimit: Int

    /// - Parameter leastLimit: Several chunks of pairs: for tests of many groups.
    init(leastLimit: Int = 16_384) { self.leastLimit = leastLimit }

    /// Pairs of a group: few enough that those at a range's ends cost little, and so many that the sets of all groups are no larger than the
    /// pairs.
    private var groupLimit: Int { max(leastLimit, count / 16) }

    /// Adds a pair unless it is there.
    mutating func insert(_ key: Key, _ row: UInt32) {
        if groups.isEmpty { groups.append(Group(SortedEntries())) }
        let number = group(for: Entry(key: key, row: row))
        guard groups[number].insert(key, row) else { return }
        count += 1
        if groups[number].entries.count > groupLimit {
            let upper = groups[number].splitUpperHalf()
            groups.insert(upper, at: number + 1)
            mergeNeighbours()
        }
    }

    mutating func remove(_ key: Key, _ row: UInt32) {
        guard !groups.isEmpty else { return }
        let number = group(for: Entry(key: key, row: row))
        guard groups[number].remove(key, row) else { return }
        count -= 1
        if groups[number].entries.count == 0 { groups.remove(at: number) }
        mergeNeighbours()
    }

    /// Makes one group of two that are three quarters of one together, which the halves of one are not: a quarter is removed before they
    /// are merged again.
    ///
    /// Groups are divided while the limit is low and many values later, when it is high, too small. As two neighbours are more than three
    /// quarters of a sixteenth of all, there are 43 at most.
    private mutating func mergeNeighbours() {
        var number = 0
        while number + 1 < groups.count {
            if groups[number].entries.count + groups[number + 1].entries.count <= groupLimit / 4 * 3 {
                let next = groups.remove(at: number + 1)
                groups[number].append(next)
            } else {
                number += 1
            }
        }
    }

    /// Bytes of the heap, estimated.
    var byteCount: Int { groups.reduce(HeapBytes.of(groups)) { $0 + $1.byteCount } }

    /// For tests of what the groups promise.
    var groupsCount: Int { groups.count }

    /// The last group that begins at or before the entry, or the first.
    private func group(for entry: Entry) -> Int {
        max(0, groups.partitioningIndex { $0.entries.first.map(entry.precedes) ?? false } - 1)
    }

    /// The entries from the first that is not `isBefore` up to the first that `isBehind`; both must be monotone in the key.
    func forEach(
        from isBefore: (Key) -> Bool = { _ in false }, to isBehind: (Key) -> Bool = { _ in false },
        _ body: (Entry) -> Void
    ) {
        for group in groups[firstGroup(from: isBefore)...] {
            if let first = group.entries.first, isBehind(first.key) { return }
            group.entries.forEach(from: isBefore, to: isBehind, body)
        }
    }

    /// The entries from the last that is not `isBehind` backwards, until `body` has enough and returns false.
    func forEachBackwards(from isBehind: (Key) -> Bool, _ body: (Entry) -> Bool) {
        for group in groups.reversed() {
            guard group.entries.forEachBackwards(from: isBehind, body) else { return }
        }
    }

    /// Adds the rows of the entries that `forEach` would go through to a set.
    func addRows(from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool, to rows: inout RowBits) {
        forEachGroup(from: isBefore, to: isBehind) { group, isWhole in
            if isWhole {
                group.addRows(to: &rows)
            } else {
                group.entries.addRows(from: isBefore, to: isBehind, to: &rows)
            }
        }
    }

    /// The same of those of a few rows alone: each is looked up in the sets, and entries are gone through only where one of them is.
    func addRows(
        from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool, among few: [UInt32], to rows: inout RowBits
    ) {
        forEachGroup(from: isBefore, to: isBehind) { group, isWhole in
            let inside = few.filter(group.contains)
            if inside.isEmpty { return }
            var found = RowBits(capacity: 0)
            if !isWhole { group.entries.addRows(from: isBefore, to: isBehind, to: &found) }
            for row in inside where isWhole || found.contains(row) { rows.insert(row) }
        }
    }

    /// How many entries `forEach` would go through.
    func count(from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool) -> Int {
        var count = 0
        forEachGroup(from: isBefore, to: isBehind) { group, isWhole in
            count += isWhole ? group.entries.count : group.entries.count(from: isBefore, to: isBehind)
        }
        return count
    }

    /// The groups with entries in a range, and whether it holds all that they have.
    private func forEachGroup(
        from isBefore: (Key) -> Bool, to isBehind: (Key) -> Bool, _ body: (Group, _ isWhole: Bool) -> Void
    ) {
        for group in groups[firstGroup(from: isBefore)...] {
            guard let first = group.entries.first, let last = group.entries.last, !isBehind(first.key) else { return }
            body(group, !isBefore(first.key) && !isBehind(last.key))
        }
    }

    /// The first group whose end is not before a range.
    private func firstGroup(from isBefore: (Key) -> Bool) -> Int {
        groups.partitioningIndex { group in group.entries.last.map { !isBefore($0.key) } ?? true }
    }
}
