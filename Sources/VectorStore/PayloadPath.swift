// Where in a payload: Qdrant's JSON paths.

/// A path into a payload: `a.b`, `a[0]`, `a[].c`, `"a key with dots.".b`.
///
/// Dots do not go into arrays: over `{"a": [{"c": 1}]}`, `a.c` leads nowhere and `a[].c` to 1. Keys outside quotes are letters,
/// digits, `_` and `-`.
public struct PayloadPath: Sendable, Hashable {
    enum Step: Sendable {
        case member(String)
        case index(Int)
        /// `[]`: every element.
        case each

        var isIndex: Bool { if case .index = self { true } else { false } }
    }

    let steps: [Step]

    init(steps: [Step]) { self.steps = steps }

    /// - Throws: `.badRequest` for text that is no path.
    public init(_ text: String) throws(StoreError) {
        guard let steps = Self.parse(text[...]) else { throw .badRequest("Invalid JSON path: '\(text)'") }
        self.steps = steps
    }

    /// path = key *(`[` [index] `]`) *(`.` key *(`[` [index] `]`)), key = 1*(letter / digit / `_` / `-`) / quoted
    private static func parse(_ text: Substring) -> [Step]? {
        var rest = text.unicodeScalars
        var steps: [Step] = []
        repeat {
            guard let key = takeKey(&rest) else { return nil }
            steps.append(.member(key))
            while rest.first == "[" {
                guard let end = rest.firstIndex(of: "]") else { return nil }
                let inside = rest[rest.index(after: rest.startIndex)..<end]
                if inside.isEmpty {
                    steps.append(.each)
                } else {
                    guard inside.allSatisfy({ ("0"..."9").contains($0) }), let index = UInt64(String(inside)) else {
                        return nil
                    }
                    // No array is that long.
                    steps.append(.index(Int(exactly: index) ?? .max))
                }
                rest = rest[rest.index(after: end)...]
            }
            if rest.isEmpty { return steps }
        } while rest.popFirst() == "."
        return nil
    }

    private static func takeKey(_ rest: inout Substring.UnicodeScalarView) -> String? {
        if rest.first == "\"" {
            let start = rest.index(after: rest.startIndex)
            guard let end = rest[start...].firstIndex(of: "\"") else { return nil }
            defer { rest = rest[rest.index(after: end)...] }
            return String(rest[start..<end])
        }
        let key = rest.prefix { $0.isAlphanumeric || $0 == "_" || $0 == "-" }
        rest = rest[key.endIndex...]
        return key.isEmpty ? nil : String(key)
    }

    /// The path without a final `[]`, which says nothing where arrays are taken apart anyway.
    var withoutFinalEach: PayloadPath { steps.last == .each ? PayloadPath(steps: steps.dropLast()) : self }

    /// Whether it may lead to several values.
    var hasEach: Bool { steps.contains(.each) }

    /// Of the names in it.
    var byteCount: Int {
        steps.reduce(0) { count, step in if case .member(let name) = step { count + name.utf8.count } else { count } }
    }

    /// The values at the path; several when it goes through `[]`, none when it leads nowhere.
    func values(in payload: JSONValue) -> [JSONValue] {
        var found: [JSONValue] = []
        visit(payload, steps[...]) { found.append($0) }
        return found
    }

    /// The values at the path in a payload, final arrays taken apart.
    public func elements(of payload: JSONObject) -> [JSONValue] { elements(in: .object(payload)) }

    /// The values at the path with final arrays taken apart, one level.
    func elements(in payload: JSONValue) -> [JSONValue] {
        var found: [JSONValue] = []
        visit(payload, steps[...]) { value in
            if case .array(let elements) = value { found += elements } else { found.append(value) }
        }
        return found
    }

    /// Whether there is nothing at the path but nulls and empty arrays.
    func isEmpty(in payload: JSONValue) -> Bool {
        values(in: payload).allSatisfy { $0 == .null || $0 == .array([]) }
    }

    /// Whether one of the elements at the path is as wanted.
    ///
    /// - Throws: what `isWanted` does.
    func contains<Failure>(
        in payload: JSONValue, where isWanted: (JSONValue) throws(Failure) -> Bool
    ) throws(Failure) -> Bool {
        var isFound = false
        try visit(payload, steps[...]) { value throws(Failure) in
            if isFound { return }
            if case .array(let elements) = value {
                for element in elements where !isFound { isFound = try isWanted(element) }
            } else {
                isFound = try isWanted(value)
            }
        }
        return isFound
    }

    private func visit<Failure>(
        _ value: JSONValue, _ steps: ArraySlice<Step>, _ body: (JSONValue) throws(Failure) -> Void
    ) throws(Failure) {
        guard let step = steps.first else { return try body(value) }
        switch (step, value) {
        case (.member(let name), .object(let members)):
            if let member = members[name] { try visit(member, steps.dropFirst(), body) }
        case (.index(let index), .array(let elements)) where index < elements.count:
            try visit(elements[index], steps.dropFirst(), body)
        case (.each, .array(let elements)):
            for element in elements { try visit(element, steps.dropFirst(), body) }
        default: break
        }
    }
}

extension PayloadPath.Step: Hashable {
    /// A member as payloads tell them apart: by its scalars.
    private enum Exact: Hashable {
        case member(JSONObject.Name)
        case index(Int)
        case each
    }

    private var exact: Exact {
        switch self {
        case .member(let name): .member(JSONObject.Name(text: name))
        case .index(let index): .index(index)
        case .each: .each
        }
    }

    static func == (lhs: Self, rhs: Self) -> Bool { lhs.exact == rhs.exact }
    func hash(into hasher: inout Hasher) { hasher.combine(exact) }
}

extension PayloadPath: ExpressibleByStringLiteral {
    /// The path of a literal. One that is no path names a single key, as if it were quoted.
    public init(stringLiteral text: String) { steps = Self.parse(text[...]) ?? [.member(text)] }
}

extension PayloadPath: CustomStringConvertible {
    public var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .member(let name):
                if !text.isEmpty { text += "." }
                let isPlain =
                    !name.isEmpty && name.unicodeScalars.allSatisfy { $0.isAlphanumeric || $0 == "_" || $0 == "-" }
                text += isPlain ? name : "\"\(name)\""
            case .index(let index): text += "[\(index)]"
            case .each: text += "[]"
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Rust's `char::is_alphanumeric`, by which Qdrant reads keys and words: Alphabetic, or a number of any kind.
    var isAlphanumeric: Bool {
        if isASCII { return ("0"..."9").contains(self) || ("a"..."z").contains(self) || ("A"..."Z").contains(self) }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return properties.isAlphabetic
        }
    }
}
