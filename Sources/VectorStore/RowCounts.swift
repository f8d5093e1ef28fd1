// In how many of several sets each row is.

import HNSW

/// Counts the sets that each row is in, in binary: a bit set for every digit of the counts.
///
/// A count that goes up by one changes two digits on average, so one more set costs a few passes over the words of a bit set however many
/// sets there are, and n of them are kept in log₂ n bits a row.
struct RowCounts {
    /// Of the counts the ones, the twos, the fours, …
    private var digits: [RowBits] = []

    /// Counts one more set.
    mutating func add(_ rows: RowBits) {
        var carry = rows
        for place in digits.indices {
            if carry.count == 0 { return }
            var both = carry
            both.formIntersection(digits[place])
            digits[place].formUnion(carry)
            digits[place].subtract(both)
            carry = both
        }
        if carry.count > 0 { digits.append(carry) }
    }

    /// The rows that are in at least so many of the sets, 1 or more.
    func rows(inAtLeast count: Int) -> RowBits {
        precondition(count > 0)
        guard count >> digits.count == 0 else { return RowBits(capacity: 0) }
        // From the highest digit on: the rows that are ahead already, and those that have had the digits of `count` so far.
        var ahead = RowBits(capacity: 0)
        var even = RowBits(capacity: 0)
        for digit in digits { even.formUnion(digit) }
        for place in digits.indices.reversed() {
            if count >> place & 1 == 1 {
                even.formIntersection(digits[place])
            } else {
                var more = even
                more.formIntersection(digits[place])
                ahead.formUnion(more)
                even.subtract(more)
            }
        }
        ahead.formUnion(even)
        return ahead
    }
}
