// Which points: Qdrant's filters. FilterEvaluation.swift says what each condition means, FilterParser.swift reads them from JSON.

/// Conditions on a point. All clauses must hold.
///
///     Filter(must: [.match(key: "title", .value("Faro")), .range(key: "pages", NumberRange(gte: 10))])
public struct Filter: Sendable, Hashable {
    /// All of these hold.
    public var must: [Condition]
    /// At least one of these holds; an empty list is no constraint.
    public var should: [Condition]
    /// None of these holds.
    public var mustNot: [Condition]
    /// So many of these hold.
    public var minShould: MinShould?

    public init(
        must: [Condition] = [], should: [Condition] = [], mustNot: [Condition] = [], minShould: MinShould? = nil
    ) {
        self.must = must
        self.should = should
        self.mustNot = mustNot
        self.minShould = minShould
    }

    /// What a prefetch filters by inside queries that filter: clause by clause all conditions of all, as Qdrant merges them. So the
    /// `should`s of several filters are alternatives of each other. nil for none.
    static func merged(_ filters: [Filter]) -> Filter? {
        guard var merged = filters.first else { return nil }
        for filter in filters.dropFirst() {
            merged.must += filter.must
            merged.should += filter.should
            merged.mustNot += filter.mustNot
            if let other = filter.minShould {
                let own = merged.minShould ?? MinShould([], minCount: 0)
                merged.minShould = MinShould(
                    own.conditions + other.conditions, minCount: max(own.minCount, other.minCount))
            }
        }
        return merged
    }

    /// At least `minCount` of `conditions`.
    public struct MinShould: Sendable, Hashable {
        public var conditions: [Condition]
        /// 1 or larger.
        public var minCount: Int

        public init(_ conditions: [Condition], minCount: Int) {
            self.conditions = conditions
            self.minCount = minCount
        }
    }
}

/// One condition. Where a key leads to an array, it holds when it holds for one of the elements.
public indirect enum Condition: Sendable, Hashable {
    case match(key: PayloadPath, MatchValue)
    /// A number within bounds.
    case range(key: PayloadPath, NumberRange)
    /// A string that spells a point in time within bounds.
    case datetimeRange(key: PayloadPath, DatetimeRange)
    /// An object with `lon` and `lat` strictly inside.
    case geo(key: PayloadPath, GeoArea)
    /// The number of values: of an array its elements, 1 for a scalar, 0 for null and for what is missing.
    case valuesCount(key: PayloadPath, CountRange)
    /// Missing, null or an empty array.
    case isEmpty(key: PayloadPath)
    /// Null, or an array with a null in it; a missing key is not null.
    case isNull(key: PayloadPath)
    case hasID(Set<PointID>)
    /// The point has a vector of this name; "" is the unnamed one.
    case hasVector(String)
    /// One of `total` disjoint parts of all ids, by hash: the part `index`, 0..<total.
    case slice(total: UInt64, index: UInt64)
    /// The key leads to an array of objects, and one of them passes the filter, all of it.
    case nested(key: PayloadPath, Filter)
    case filter(Filter)
}

/// What a value is matched with, by type: `10` does not match `10.0`, and no floating-point number matches anything.
public enum MatchValue: Sendable, Hashable {
    /// A string, integer or boolean.
    case value(JSONValue)
    /// One of these strings or integers; none for an empty list.
    case any(Set<JSONKey>)
    /// A value other than null that is none of these.
    case except(Set<JSONKey>)
    /// A string with every word of this text, in any order.
    case text(String)
    /// A string with a word of this text.
    case textAny(String)
    /// A string with the words of this text one after the other.
    case phrase(String)
    /// A string that begins like this, byte for byte.
    case prefix(String)
    /// A string with this in it, byte for byte.
    case substring(String)
}

/// A string or integer as a key: strings are compared byte for byte, as Qdrant does. Swift's own comparison takes "é" for equal
/// to "e" and a combining accent.
public enum JSONKey: Sendable, Hashable {
    case string([UInt8])
    case integer(Int64)

    /// nil for values that are neither string nor integer.
    public init?(_ value: JSONValue) {
        switch value {
        case .string(let text): self = .string(Array(text.utf8))
        case .integer(let number): self = .integer(number)
        default: return nil
        }
    }

    public var value: JSONValue {
        switch self {
        case .string(let bytes): .string(String(decoding: bytes, as: UTF8.self))
        case .integer(let number): .integer(number)
        }
    }
}

extension JSONKey: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    public init(stringLiteral text: String) { self = .string(Array(text.utf8)) }
    public init(integerLiteral number: Int64) { self = .integer(number) }
}

/// Bounds, each optional: x > gt, x >= gte, x < lt, x <= lte.
public struct Bounds<Value: Comparable & Hashable & Sendable>: Sendable, Hashable {
    public var gt: Value?
    public var gte: Value?
    public var lt: Value?
    public var lte: Value?

    public init(gt: Value? = nil, gte: Value? = nil, lt: Value? = nil, lte: Value? = nil) {
        self.gt = gt
        self.gte = gte
        self.lt = lt
        self.lte = lte
    }

    public func contains(_ value: Value) -> Bool {
        if let gt, !(value > gt) { return false }
        if let gte, !(value >= gte) { return false }
        if let lt, !(value < lt) { return false }
        if let lte, !(value <= lte) { return false }
        return true
    }
}

public typealias NumberRange = Bounds<Double>
public typealias DatetimeRange = Bounds<Timestamp>
public typealias CountRange = Bounds<Int>
