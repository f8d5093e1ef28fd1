// What is known of the rows for which a condition holds, and how conditions are put together.

import HNSW

/// The rows for which a condition holds, as far as indexes tell.
struct FilterAnswer {
    /// It holds for these.
    private(set) var certain: RowBits
    /// It holds for some of these, or all or none: they must be looked at. None of them is certain.
    private(set) var doubtful: RowBits

    /// - Parameter doubtful: Those among them that are certain are not in doubt.
    init(_ certain: RowBits, doubtful: RowBits = RowBits(capacity: 0)) {
        self.certain = certain
        self.doubtful = doubtful
        if doubtful.count > 0 { self.doubtful.subtract(certain) }
    }

    /// Nothing is known but that there are no others.
    static func unknown(among rows: RowBits) -> FilterAnswer { FilterAnswer(RowBits(capacity: 0), doubtful: rows) }

    /// Whether no row must be looked at.
    var isExact: Bool { doubtful.count == 0 }

    /// Whether no row need be looked at because there is none.
    var isEmpty: Bool { certain.count == 0 && doubtful.count == 0 }

    /// The rows for which it may hold.
    var possible: RowBits {
        if isExact { return certain }
        var rows = certain
        rows.formUnion(doubtful)
        return rows
    }

    /// The rows for which both hold.
    mutating func formIntersection(_ other: FilterAnswer) {
        var both = certain
        both.formIntersection(other.certain)
        if !isExact || !other.isExact {
            var maybe = possible
            maybe.formIntersection(other.possible)
            self = FilterAnswer(both, doubtful: maybe)
        } else {
            certain = both
        }
    }

    /// The rows for which one of them holds.
    mutating func formUnion(_ other: FilterAnswer) {
        var rows = certain
        rows.formUnion(other.certain)
        var maybe = doubtful
        maybe.formUnion(other.doubtful)
        self = FilterAnswer(rows, doubtful: maybe)
    }

    /// The rows for which this holds and the other does not.
    mutating func subtract(_ other: FilterAnswer) {
        var maybe = isExact && other.isExact ? RowBits(capacity: 0) : possible
        maybe.subtract(other.certain)
        var rows = certain
        rows.subtract(other.possible)
        self = FilterAnswer(rows, doubtful: maybe)
    }
}
