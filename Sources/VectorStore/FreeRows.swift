// The row numbers that points have left.

/// Rows that may be given to points, in the order in which they became free.
///
/// The one that was free for longest comes first: whatever still remembers a row has had the most time to forget it.
struct FreeRows: Sendable {
    private var ranges: [Range<UInt32>] = []
    /// The ranges before it are used up.
    private var first = 0

    mutating func append(_ rows: Range<UInt32>) {
        if let last = ranges.last, first < ranges.count, last.upperBound == rows.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<rows.upperBound
        } else {
            ranges.append(rows)
        }
    }

    mutating func take() -> UInt32? {
        guard first < ranges.count else { return nil }
        let range = ranges[first]
        if range.count > 1 {
            ranges[first] = range.dropFirst()
        } else {
            first += 1
            // What is used up is given back before it is more than what is left.
            if first * 2 > ranges.count {
                ranges.removeFirst(first)
                first = 0
            }
        }
        return range.lowerBound
    }
}
