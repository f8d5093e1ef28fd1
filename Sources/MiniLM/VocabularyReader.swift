// The vocabulary within tokenizer.json, where transformers 5 keeps it and writes no vocab.txt.
//
// Foundation's decoder is no help: it keeps an object in a dictionary of Strings, which takes é and e with an accent for the same
// key, and vocabularies of cased models have both. Here a token is its bytes.

/// Walks over the bytes of a tokenizer.json. Whether it is JSON in all its parts is for `JSONFile` to say, which reads the rest of it;
/// this finds its way and fails where it cannot.
struct VocabularyReader {
    struct Failure: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) { self.text = text }

    /// Calls `body` with each token of `model.vocab` and its id, in the file's order.
    mutating func readVocabulary(_ body: ([UInt8], Int) throws(Failure) -> Void) throws(Failure) {
        try enterMember("model")
        try enterMember("vocab")
        try readMembers { key, reader throws(Failure) in
            try body(key, try reader.integer())
            return true
        }
    }

    /// Goes to the value of an object's member.
    private mutating func enterMember(_ name: String) throws(Failure) {
        var isFound = false
        try readMembers { key, reader throws(Failure) in
            isFound = key.elementsEqual(name.utf8)
            if !isFound { try reader.skipValue() }
            return !isFound
        }
        guard isFound else { throw Failure("\(name) is missing") }
    }

    /// Calls `body` with each key of an object. It reads the value and says whether to go on.
    private mutating func readMembers(
        _ body: ([UInt8], inout VocabularyReader) throws(Failure) -> Bool
    ) throws(Failure) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            guard try body(key, &self) else { return }
        } while take(",")
        try expect("}")
    }

    /// Past a value of any kind, in a loop: how deep one may be nested is the file's choice.
    private mutating func skipValue() throws(Failure) {
        var depth = 0
        repeat {
            switch peek() {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                index += 1
            case nil: throw Failure("it is cut")
            case _:
                index += 1
                // A number or a word; within brackets it is passed like what separates values.
                while depth == 0, let byte = peek(), !",}]".utf8.contains(byte) { index += 1 }
            }
        } while depth > 0
    }

    private mutating func integer() throws(Failure) -> Int {
        let sign = take("-") ? -1 : 1
        _ = peek()
        let digits = text[index...].prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw Failure("an id is no integer") }
        index = digits.endIndex
        return sign * value
    }

    /// A string's bytes, without its quotation marks and escapes.
    private mutating func string() throws(Failure) -> [UInt8] {
        try expect("\"")
        var bytes: [UInt8] = []
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return bytes
            case UInt8(ascii: "\\"): bytes += try escape()
            case _: bytes.append(byte)
            }
        }
        throw Failure("it is cut")
    }

    /// What stands behind a backslash.
    private mutating func escape() throws(Failure) -> [UInt8] {
        guard index < text.count else { throw Failure("it is cut") }
        let byte = text[index]
        index += 1
        switch byte {
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return try unicodeEscape()
        case _: return [byte]
        }
    }

    /// The four digits of a scalar, or of both halves of one beyond U+FFFF.
    private mutating func unicodeEscape() throws(Failure) -> [UInt8] {
        let first = try fourDigits()
        guard 0xD800..<0xDC00 ~= first else { return try utf8(first) }
        guard text[index...].starts(with: #"\u"#.utf8) else { throw Failure("half a surrogate pair") }
        index += 2
        let second = try fourDigits()
        guard 0xDC00..<0xE000 ~= second else { throw Failure("half a surrogate pair") }
        return try utf8(0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }

    private func utf8(_ scalar: UInt32) throws(Failure) -> [UInt8] {
        guard let scalar = Unicode.Scalar(scalar) else { throw Failure("half a surrogate pair") }
        return Array(String(scalar).utf8)
    }

    private mutating func fourDigits() throws(Failure) -> UInt32 {
        let digits = text[index...].prefix(4)
        // `UInt32.init` would take a sign for one.
        guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else {
            throw Failure("an escape without four digits")
        }
        index += 4
        return value
    }

    // MARK: - Bytes

    /// The next byte that is no space; nil at the end.
    private mutating func peek() -> UInt8? {
        while index < text.count, text[index] <= 0x20 { index += 1 }
        return index < text.count ? text[index] : nil
    }

    /// Whether that is the next one; it is passed then.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
        guard take(character) else { throw Failure("there is no \(character) where one should be, at byte \(index)") }
    }
}
