// Whether a point passes a filter, by looking at its payload.

extension Filter {
    /// Whether the point passes.
    func matches(_ id: PointID, _ payload: JSONValue) -> Bool {
        must.allSatisfy { $0.matches(id, payload) }
            && (should.isEmpty || should.contains { $0.matches(id, payload) })
            && !mustNot.contains { $0.matches(id, payload) }
    }
}

extension Condition {
    func matches(_ id: PointID, _ payload: JSONValue) -> Bool {
        switch self {
        case .match(let key, let value):
            return PayloadPath(key).elements(in: payload).contains(where: value.matches)
        case .range(let key, let gt, let gte, let lt, let lte):
            return PayloadPath(key).elements(in: payload).contains { element in
                guard let number = element.number else { return false }
                return gt.map { number > $0 } ?? true && gte.map { number >= $0 } ?? true
                    && lt.map { number < $0 } ?? true && lte.map { number <= $0 } ?? true
            }
        case .isEmpty(let key):
            return PayloadPath(key).values(in: payload).allSatisfy { $0 == .null || $0 == .array([]) }
        case .isNull(let key):
            return PayloadPath(key).elements(in: payload).contains(.null)
        case .hasID(let ids):
            return ids.contains(id)
        case .filter(let filter):
            return filter.matches(id, payload)
        }
    }
}

extension MatchValue {
    func matches(_ element: JSONValue) -> Bool {
        switch self {
        case .value(let value): element.isMatchable && element.isIdentical(to: value)
        case .any(let values): element.isMatchable && values.contains(where: element.isIdentical)
        case .except(let values): element != .null && !values.contains(where: element.isIdentical)
        }
    }
}

extension JSONValue {
    /// Equality with strings compared byte for byte, as Qdrant and the payload indexes do: for Swift "é" equals "e" and a
    /// combining accent.
    fileprivate func isIdentical(to other: JSONValue) -> Bool {
        if case (.string(let a), .string(let b)) = (self, other) { return a.utf8.elementsEqual(b.utf8) }
        return self == other
    }

    /// Strings, integers and booleans are matched by value; floating-point numbers only by range.
    fileprivate var isMatchable: Bool {
        switch self {
        case .string, .integer, .bool: true
        default: false
        }
    }
}

/// A path into a payload.
struct PayloadPath: Sendable {
    private enum Step: Equatable {
        case member(String)
        case index(Int)
        /// `[]`: every element.
        case each
    }

    private let steps: [Step]

    /// Reads `a.b`, `a[0]`, `a[].c` and `"quoted.key"`.
    init(_ text: String) {
        var steps: [Step] = []
        var name = ""
        var isQuoted = false
        var rest = text[...]
        func flush() {
            if !name.isEmpty || isQuoted { steps.append(.member(name)) }
            name = ""
            isQuoted = false
        }
        while let character = rest.popFirst() {
            switch character {
            case "\"" where name.isEmpty:
                if let end = rest.firstIndex(of: "\"") {
                    name = String(rest[..<end])
                    isQuoted = true
                    rest = rest[rest.index(after: end)...]
                } else {
                    name.append(character)
                }
            case ".": flush()
            case "[":
                if let end = rest.firstIndex(of: "]"), rest[..<end].isEmpty || Int(rest[..<end]) != nil {
                    flush()
                    steps.append(Int(rest[..<end]).map(Step.index) ?? .each)
                    rest = rest[rest.index(after: end)...]
                } else {
                    name.append(character)
                }
            default: name.append(character)
            }
        }
        flush()
        self.steps = steps
    }

    /// The values at the path; several when it goes through `[]`, none when it leads nowhere.
    func values(in payload: JSONValue) -> [JSONValue] {
        steps.reduce([payload]) { values, step in
            values.flatMap { value -> [JSONValue] in
                switch step {
                case .member(let name): value[name].map { [$0] } ?? []
                case .index(let index): value.array.map { $0.indices.contains(index) ? [$0[index]] : [] } ?? []
                case .each: value.array ?? []
                }
            }
        }
    }

    /// The values at the path with final arrays taken apart, one level.
    func elements(in payload: JSONValue) -> [JSONValue] {
        values(in: payload).flatMap { $0.array ?? [$0] }
    }
}
