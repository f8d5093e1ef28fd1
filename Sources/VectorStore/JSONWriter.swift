// JSON values to text: compact, raw UTF-8, numbers in the shortest form that reads back as the same number.

extension JSONValue: CustomStringConvertible {
    /// The value as compact JSON.
    public var description: String { String(decoding: encoded(), as: UTF8.self) }

    /// The value as compact JSON in UTF-8. Numbers that JSON cannot spell (NaN, infinities) become `null`.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    /// Appends what `encoded()` gives.
    public func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += String(value).utf8
        case .unsigned(let value): bytes += String(value).utf8
        case .double(let value): bytes += value.isFinite ? "\(value)".utf8 : "null".utf8
        case .string(let value): value.writeJSON(to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            object.write(to: &bytes)
        }
    }
}

extension JSONObject: CustomStringConvertible {
    public var description: String { String(decoding: encoded(), as: UTF8.self) }

    /// The object as compact JSON in UTF-8, members in their order.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    func write(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, member) in self.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            member.key.writeJSON(to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.value.write(to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

extension JSONValue {
    /// A 32-bit float in its own shortest form: 0.05, not the 0.05000000074505806 of its widening to 64 bits, so that
    /// whoever reads it back as 32 bits gets the same value and whoever compares the text sees what was written.
    public init(_ value: Float) {
        self = .double(Double("\(value)") ?? Double(value))
    }
}

extension String {
    /// Appends the string as a JSON string literal: only what RFC 8259 §7 demands is escaped.
    fileprivate func writeJSON(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += #"\""#.utf8
            case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
            case 0x0A: bytes += #"\n"#.utf8
            case 0x0D: bytes += #"\r"#.utf8
            case 0x09: bytes += #"\t"#.utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += #"\u00"#.utf8
                if digits.utf8.count == 1 { bytes.append(UInt8(ascii: "0")) }
                bytes += digits.utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
