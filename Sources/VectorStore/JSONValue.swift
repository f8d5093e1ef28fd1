// JSON as payloads need it: integers and floating-point numbers keep their identity (10 is not 10.0, RFC 8259 leaves
// that to the implementation and Qdrant's filters tell them apart), and objects keep the order of their keys.

import OrderedCollections

/// One JSON value (RFC 8259).
///
/// Numbers without fraction or exponent that fit 64 signed bits are `integer`, those above that fit 64 unsigned bits `unsigned`;
/// every other number is `double`.
/// Two values are equal when they have the same case and content: `.integer(10) != .double(10)`.
///
/// ```swift
/// let payload = try JSONValue(parsing: #"{"title": "Faro", "pages": 10, "price": 10.0}"#.utf8)
/// payload["pages"] == 10        // true
/// payload.description           // {"title":"Faro","pages":10,"price":10.0}
/// ```
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Above `Int64.max`, and never below: point ids may be.
    case unsigned(UInt64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// The member `key` of an object; nil for a missing member or any other kind of value.
    public subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The value of an `integer`; nil for every other kind, `double` and `unsigned` included.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// The value of any kind of number.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}

extension JSONValue {
    /// Equality with strings compared byte for byte, as Qdrant and the payload indexes do: for Swift "é" equals "e" and a
    /// combining accent.
    func isIdentical(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.string(let mine), .string(let others)): mine.utf8.elementsEqual(others.utf8)
        case (.array(let mine), .array(let others)):
            mine.count == others.count && zip(mine, others).allSatisfy { $0.isIdentical(to: $1) }
        case (.object(let mine), .object(let others)):
            mine.count == others.count
                && mine.allSatisfy { name, value in others[name].map { value.isIdentical(to: $0) } ?? false }
        default: self == other
        }
    }

    /// Whether a part of it lies more than so many levels below it.
    func isDeeper(than levels: Int) -> Bool {
        switch self {
        case .array(let elements):
            levels == 0 ? !elements.isEmpty : elements.contains { $0.isDeeper(than: levels - 1) }
        case .object(let members):
            levels == 0 ? !members.isEmpty : members.contains { $0.value.isDeeper(than: levels - 1) }
        default: false
        }
    }
}

/// The members of a JSON object, in the order they were written.
///
/// Equality ignores the order, as JSON does. A repeated key keeps its first place and its last value; keys are the same when their
/// scalars are, so that é is not e with an accent behind it.
public struct JSONObject: Sendable {
    private var members: OrderedDictionary<Name, JSONValue>

    /// Swift's strings are equal when they look equal; JSON's when they are.
    struct Name: Hashable {
        let text: String

        static func == (lhs: Name, rhs: Name) -> Bool { lhs.text.utf8.elementsEqual(rhs.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    public init() { members = [:] }

    public subscript(key: String) -> JSONValue? {
        get { members[Name(text: key)] }
        set { members[Name(text: key)] = newValue }
    }

    /// Takes a member out; the others keep their order.
    public mutating func remove(_ key: String) { members[Name(text: key)] = nil }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.keys.map(\.text) }
}

extension JSONObject: Hashable {
    public static func == (lhs: JSONObject, rhs: JSONObject) -> Bool {
        lhs.count == rhs.count && lhs.members.allSatisfy { rhs.members[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        // Order must not matter, so members are hashed apart and summed.
        var sum = 0
        for (key, value) in members {
            var member = Hasher()
            member.combine(key)
            member.combine(value)
            sum &+= member.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> some IteratorProtocol<(key: String, value: JSONValue)> {
        members.lazy.map { (key: $0.key.text, value: $0.value) }.makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements)
    }

    public init(_ elements: some Sequence<(String, JSONValue)>) {
        members = OrderedDictionary(elements.lazy.map { (Name(text: $0.0), $0.1) }, uniquingKeysWith: { $1 })
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

extension JSONValue {
    /// Its beginning, for messages about it.
    package var shortDescription: String {
        let text = description
        return text.count > 100 ? text.prefix(100) + "…" : text
    }
}
