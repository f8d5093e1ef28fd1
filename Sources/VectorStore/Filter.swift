// Which points: Qdrant's filters, the part that retrieval needs. Evaluation is in FilterEvaluation.swift.

/// Conditions on a point. All three clauses must hold.
public struct Filter: Sendable, Equatable {
    /// All of these hold.
    public var must: [Condition]
    /// At least one of these holds; an empty list is no constraint.
    public var should: [Condition]
    /// None of these holds.
    public var mustNot: [Condition]

    public init(must: [Condition] = [], should: [Condition] = [], mustNot: [Condition] = []) {
        self.must = must
        self.should = should
        self.mustNot = mustNot
    }
}

/// One condition. A key is a path into the payload: `a.b`, `a[0]`, `a[].c`. Dots do not go into arrays, and a final array
/// matches when one of its elements does.
public indirect enum Condition: Sendable, Equatable {
    case match(key: String, MatchValue)
    /// A number within bounds, each of them optional.
    case range(key: String, gt: Double? = nil, gte: Double? = nil, lt: Double? = nil, lte: Double? = nil)
    /// Missing, null or an empty array.
    case isEmpty(key: String)
    /// Null; a missing key is not null.
    case isNull(key: String)
    case hasID([PointID])
    case filter(Filter)
}

/// What a value is matched with, by type: `10` does not match `10.0`, and no floating-point number matches anything.
public enum MatchValue: Sendable, Equatable {
    /// A string, integer or boolean.
    case value(JSONValue)
    /// One of these strings or integers; none for an empty list.
    case any([JSONValue])
    /// A value that is none of these.
    case except([JSONValue])
}
