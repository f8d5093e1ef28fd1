// Points in time, as payloads spell them.

/// A point in time, to the microsecond.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z.
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (lhs: Timestamp, rhs: Timestamp) -> Bool { lhs.microseconds < rhs.microseconds }

    /// Reads what Qdrant reads: RFC 3339 with `T` or a space; the time zone as `Z`, `+01:00`, `+0100`, `+01` or ` UTC`, UTC
    /// when it is missing; 3 for 03; no seconds, or no time at all, when there is no zone either. A fraction's digits beyond the sixth are
    /// dropped.
    public init?(_ text: String) {
        var parser = TimestampParser(rest: Array(text.utf8)[...])
        guard let value = parser.parse() else { return nil }
        microseconds = value
    }
}

private struct TimestampParser {
    var rest: ArraySlice<UInt8>

    mutating func parse() -> Int64? {
        while rest.first == UInt8(ascii: " ") { rest.removeFirst() }
        guard let year = digits(4), year > 0, take("-"), let month = digits(2, atLeast: 1), take("-"),
            let day = digits(2, atLeast: 1),
            (1...12).contains(month), (1...Self.days(in: month, year)).contains(day)
        else { return nil }
        let midnight = Self.days(year, month, day) * 86_400_000_000
        if rest.isEmpty { return midnight }
        guard take("T") || take("t") || take(" "), let hour = digits(2, atLeast: 1), hour < 24, take(":"),
            let minute = digits(2, atLeast: 1),
            minute < 60
        else { return nil }
        let time = midnight + (hour * 3600 + minute * 60) * 1_000_000
        if rest.isEmpty { return time }
        guard take(":"), let second = digits(2, atLeast: 1), second < 60 else { return nil }
        var fraction: Int64 = 0
        if take(".") {
            var weight: Int64 = 100_000
            guard let first = rest.first, Self.digit(first) != nil else { return nil }
            while let byte = rest.first, let digit = Self.digit(byte) {
                fraction += digit * weight
                weight /= 10
                rest.removeFirst()
            }
        }
        guard let offset = zone() else { return nil }
        return time + second * 1_000_000 + fraction - offset * 60_000_000
    }

    /// Minutes east of Greenwich; nil for what is no zone.
    private mutating func zone() -> Int64? {
        if rest.isEmpty { return 0 }
        let isApart = take(" ")
        if isApart, rest.elementsEqual("UTC".utf8) { return 0 }
        if take("Z") || take("z") { return rest.isEmpty ? 0 : nil }
        let isWest = rest.first == UInt8(ascii: "-")
        guard take("+") || take("-"), let hours = digits(2), hours < 24 else { return nil }
        var minutes: Int64 = 0
        if !rest.isEmpty {
            _ = take(":")
            guard let more = digits(2), more < 60 else { return nil }
            minutes = more
        }
        guard rest.isEmpty else { return nil }
        return (isWest ? -1 : 1) * (hours * 60 + minutes)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// So many digits, or fewer of them down to `least`.
    private mutating func digits(_ most: Int, atLeast least: Int? = nil) -> Int64? {
        let digits = rest.prefix(most).prefix { Self.digit($0) != nil }
        guard digits.count >= least ?? most else { return nil }
        rest.removeFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + (Self.digit($1) ?? 0) }
    }

    private static func digit(_ byte: UInt8) -> Int64? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int64(byte - UInt8(ascii: "0")) : nil
    }

    private static func days(in month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day is their last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
