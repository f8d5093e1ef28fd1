// JSON text to values: RFC 8259, strictly, from bytes nobody vouches for. Errors are worded and positioned as Python's
// `json` module does, because the HTTP API answers malformed bodies as FastAPI would.

/// Why a text is not JSON.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the parser missed, in the words of Python's `json.JSONDecodeError`.
    public let message: String
    /// Where, in Unicode scalars from the start of the text (Python counts these).
    public let position: Int

    public var description: String { "\(message): character \(position)" }
}

extension JSONValue {
    /// Arrays and objects may nest this deep (Qdrant's serde_json stops at 128 too). The limit keeps a body of a million
    /// `[` from exhausting the stack.
    static let maximumDepth = 128

    /// Parses one JSON text.
    ///
    /// Integers beyond 64 bits become `double`, and so may numbers whose magnitude underflows to zero; a magnitude
    /// no `Double` holds is an error. A repeated key keeps its last value. Unpaired surrogate escapes become U+FFFD.
    ///
    /// - Parameter bytes: UTF-8. A byte order mark is not accepted (RFC 8259 §8.1).
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var index = 0
    /// How many elements the array had that ended last, and how deep it was.
    private var last = (count: 0, depth: 0)

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let value = try value(depth: 0)
        skipWhitespace()
        guard index == bytes.count else { throw error("Extra data") }
        return value
    }

    /// The byte at `index`, nil at the end.
    var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    func error(_ message: String, at offset: Int? = nil) -> JSONError {
        // Every scalar has one byte that is no continuation byte (10xxxxxx).
        let position = bytes[..<min(offset ?? index, bytes.count)].count { $0 & 0xC0 != 0x80 }
        return JSONError(message: message, position: position)
    }

    mutating func skipWhitespace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= JSONValue.maximumDepth else {
            throw error("Nested deeper than \(JSONValue.maximumDepth) levels")
        }
        switch current {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
        default: throw error("Expecting value")
        }
    }

    mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard bytes.count - index >= length, bytes[index..<index + length].elementsEqual("\(word)".utf8) else {
            throw error("Expecting value")
        }
        index += length
        return value
    }

    mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        index += 1
        var elements: [JSONValue] = []
        defer { last = (elements.count, depth) }
        skipWhitespace()
        if current == UInt8(ascii: "]") {
            index += 1
            return elements
        }
        while true {
            skipWhitespace()
            elements.append(try value(depth: depth + 1))
            // Vectors come by the hundred, all of one length. Room is made for what follows a number where the last array was as
            // deep: of arrays in arrays each would have it, and memory would be hundreds of times what was sent. An element has at
            // least two bytes with its comma.
            if elements.count == 1, depth == last.depth, Self.isNumber(elements[0]) {
                elements.reserveCapacity(min(last.count, (bytes.count - index) / 2 + 1))
            }
            skipWhitespace()
            switch current {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                return elements
            default: throw error("Expecting ',' delimiter")
            }
        }
    }

    private static func isNumber(_ value: JSONValue) -> Bool {
        switch value {
        case .integer, .double: true
        default: false
        }
    }

    mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        index += 1
        var object = JSONObject()
        skipWhitespace()
        if current == UInt8(ascii: "}") {
            index += 1
            return object
        }
        while true {
            skipWhitespace()
            guard current == UInt8(ascii: "\"") else {
                throw error("Expecting property name enclosed in double quotes")
            }
            let key = try string()
            skipWhitespace()
            guard current == UInt8(ascii: ":") else { throw error("Expecting ':' delimiter") }
            index += 1
            skipWhitespace()
            object[key] = try value(depth: depth + 1)
            skipWhitespace()
            switch current {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                return object
            default: throw error("Expecting ',' delimiter")
            }
        }
    }

    /// number = [ minus ] int [ frac ] [ exp ]  (RFC 8259 §6)
    mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        var decimal = DecimalNumber()
        let isNegative = current == UInt8(ascii: "-")
        if isNegative { index += 1 }
        if current == UInt8(ascii: "0") {
            index += 1
        } else if digits(into: &decimal) == 0 {
            throw error("Expecting value", at: start)
        }
        var isInteger = true
        if current == UInt8(ascii: "."), index + 1 < bytes.count, isDigit(bytes[index + 1]) {
            isInteger = false
            index += 1
            decimal.exponent = -digits(into: &decimal)
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            let mark = index
            index += 1
            let isBelow = current == UInt8(ascii: "-")
            if isBelow || current == UInt8(ascii: "+") { index += 1 }
            var power = DecimalNumber()
            if digits(into: &power) == 0 {
                index = mark
            } else {
                isInteger = false
                // What does not fit is left to the slow way.
                let size = power.significantCount < 4 ? Int(power.digits) : 9999
                decimal.exponent += isBelow ? -size : size
            }
        }
        if isInteger, decimal.significantCount <= 18 {
            return .integer(isNegative ? -Int64(decimal.digits) : Int64(decimal.digits))
        }
        if !isInteger, let double = decimal.double { return .double(isNegative ? -double : double) }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger {
            if let integer = Int64(text) { return .integer(integer) }
            if let unsigned = UInt64(text) { return .unsigned(unsigned) }
        }
        guard let double = Double(text), double.isFinite else { throw error("Number out of range", at: start) }
        return .double(double)
    }

    func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// Takes digits; returns how many.
    mutating func digits(into number: inout DecimalNumber) -> Int {
        let count = number.takeDigits(bytes.span, at: index)
        index += count
        return count
    }

    mutating func string() throws(JSONError) -> String {
        let open = index
        index += 1
        var text: [UInt8] = []
        // Up to here `text` has the string; most have no escape and are taken at once.
        var taken = index
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                let rest = bytes[taken..<index]
                index += 1
                let string =
                    text.isEmpty
                    ? String(validating: rest, as: UTF8.self) : String(validating: text + rest, as: UTF8.self)
                guard let string else { throw error("Invalid UTF-8 in string", at: open) }
                return string
            case UInt8(ascii: "\\"):
                text += bytes[taken..<index]
                try escape(into: &text, open: open)
                taken = index
            case 0..<0x20:
                throw error("Invalid control character at")
            default:
                index += 1
            }
        }
        throw error("Unterminated string starting at", at: open)
    }

    mutating func escape(into text: inout [UInt8], open: Int) throws(JSONError) {
        let start = index
        index += 1
        guard let byte = current else { throw error("Unterminated string starting at", at: open) }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += Array(String(Character(try unicodeEscape(start: start))).utf8)
        default: throw error("Invalid \\escape", at: start)
        }
    }

    /// The scalar of `\uXXXX`, or of a surrogate pair `\uD8XX\uDCXX`, with `index` just after the first `u`.
    mutating func unicodeEscape(start: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try fourHexDigits(start: start + 1)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let mark = index
        index += 2
        let second = try fourHexDigits(start: mark + 1)
        guard 0xDC00...0xDFFF ~= second else {
            index = mark
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    mutating func fourHexDigits(start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("Invalid \\uXXXX escape", at: start)
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}
