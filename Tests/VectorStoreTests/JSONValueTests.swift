// JSON values: identity of numbers, order of keys, and a parser that no text can crash.

import TestSupport
import Testing
import VectorStore

@Suite struct JSONValueTests {
    @Test(arguments: [
        "10", "10.0", "-0.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "18446744073709551615", "1e-07", "null", "true", "[]", "{}",
        #"{"b":1,"a":[1,2.5,{"c":null}]}"#, #""tab\tquote\"back\\é❤️""#, #"" \u0001""#,
    ])
    func `what is parsed is written back as it was`(text: String) throws {
        #expect(try JSONValue(parsing: text.utf8).description == text)
    }

    @Test func `an integer is not the floating-point number of the same value`() throws {
        #expect(try JSONValue(parsing: "10".utf8) == 10)
        #expect(try JSONValue(parsing: "10.0".utf8) == 10.0)
        #expect(try JSONValue(parsing: "10".utf8) != JSONValue(parsing: "10.0".utf8))
        #expect(try JSONValue(parsing: "9223372036854775808".utf8) == .unsigned(9_223_372_036_854_775_808))
        #expect(try JSONValue(parsing: "18446744073709551616".utf8) == .double(18_446_744_073_709_551_616))
        #expect(try PointID(json: JSONValue(parsing: "18446744073709551615".utf8)) == .number(.max))
    }

    @Test func `objects keep their order and compare without it`() throws {
        let one = try JSONValue(parsing: #"{"b":1,"a":2}"#.utf8)
        let other = try JSONValue(parsing: #"{"a":2,"b":1}"#.utf8)
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one.object?.keys == ["b", "a"])
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#.utf8).description == #"{"a":3,"b":2}"#)
    }

    @Test func `escapes and surrogate pairs are decoded, lone surrogates replaced`() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00 \u00e9 \/ \b""#.utf8) == "😀 é / \u{8}")
        #expect(try JSONValue(parsing: #""\ud83d x \ude00 \ud83d\u0041""#.utf8) == "\u{FFFD} x \u{FFFD} \u{FFFD}A")
    }

    @Test func `a 32-bit float is written in its own shortest form`() {
        #expect(JSONValue(Float(0.05)).description == "0.05")
        #expect(JSONValue(Float(1)).description == "1.0")
        #expect(JSONValue(Float.nan).description == "null")
    }

    // Oracle: the messages and positions of Python 3.11's json.loads for the same texts.
    @Test(arguments: [
        ("", "Expecting value", 0),
        ("{", "Expecting property name enclosed in double quotes", 1),
        (#"{"question": }"#, "Expecting value", 13),
        (#"{"é": "é" "b"}"#, "Expecting ',' delimiter", 10),
        (#"{"a" 1}"#, "Expecting ':' delimiter", 5),
        ("[1, 2", "Expecting ',' delimiter", 5),
        ("1 2", "Extra data", 2),
        ("01", "Extra data", 1),
        ("1.", "Extra data", 1),
        ("nul", "Expecting value", 0),
        (#""abc"#, "Unterminated string starting at", 0),
        (#""a\qb""#, "Invalid \\escape", 2),
        ("\"a\nb\"", "Invalid control character at", 2),
        (#""\u12G4""#, "Invalid \\uXXXX escape", 2),
    ])
    func `a text that is not JSON is refused with Python's words and position`(
        text: String, message: String, position: Int
    ) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
        do {
            _ = try JSONValue(parsing: text.utf8)
        } catch {
            #expect(error.message == message)
            #expect(error.position == position)
        }
    }

    /// The oracle is the C library's strtod, under Swift's `Double(_: String)`.
    @Test func `numbers are read as the nearest double, halfway ones as the even one`() throws {
        var texts = [
            "9007199254740993.0", "9007199254740995.0", "4503599627370497.5", "4503599627370498.5", "0.1", "1e22",
            "1e23",
            "123456789012345678.9", "1e-27", "1e-28", "9999999999999999999e-27", "-0.0", "0.000", "0e5", "5e-324",
            "2.2250738585072011e-308", "1.7976931348623157e308", "18014398509481985.0", "18014398509481987.0",
            "0.04964389279484749", "9.310000226832926e-05", "1e00000000000000000001", "12345678901234567890.5",
        ]
        var generator = SplitMix64(seed: 12)
        for _ in 0..<20_000 {
            let float = Float.random(in: -1...1, using: &generator)
            texts.append("\(Double(float))")
            texts.append("\(float)")
            let digits =
                UInt64.random(in: 0...UInt64.max, using: &generator) >> UInt64.random(in: 0...63, using: &generator)
            texts.append("\(digits).0")
            texts.append("\(digits % 1000).\(digits)")
            texts.append("\(digits)e-\(Int.random(in: 0...330, using: &generator))")
            // Half of a 53-bit integer's last place, to the digit.
            texts.append("\(digits >> 12).5")
        }
        for text in texts {
            let value = try JSONValue(parsing: text.utf8)
            let wanted = try #require(Double(text))
            #expect(value.number?.bitPattern == wanted.bitPattern, "\(text)")
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "00.1".utf8) }
    }

    @Test func `nesting is bounded, invalid UTF-8 and infinite numbers are refused`() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000).utf8) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "1e999".utf8) }
    }

    @Test(arguments: ["[[[[[[[[1]]]]]]]]", "[1,[1,[1,[1,[1,[1,[1,[1]]]]]]]]", "[],[1],[],[1],[],[1],[],[1]"])
    func `room made for an array as long as the last is not made for each of many short ones`(short: String) throws {
        func room(_ value: JSONValue) -> Int {
            guard case .array(let elements) = value else { return 0 }
            return elements.capacity + elements.reduce(0) { $0 + room($1) }
        }
        let long = "[" + Array(repeating: "1", count: 1000).joined(separator: ",") + "]"
        let text = "[" + Array(repeating: "\(long),\(short)", count: 10).joined(separator: ",") + "]"
        // Twice what there is, as for any array that grows; a thousand for each of the short ones would be 80,000 and more.
        #expect(room(try JSONValue(parsing: text.utf8)) < 45_000)
    }

    @Test func `bytes at random never crash the parser, and what it accepts survives a round trip`() throws {
        var generator = SplitMix64(seed: 2026)
        let alphabet = Array(#"{}[]",:0123456789.eE+-truefalsn\u d8"#.utf8) + [0xC3, 0xA9, 0xFF, 0x0A]
        for _ in 0..<50_000 {
            let length = Int.random(in: 0..<24, using: &generator)
            let bytes = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: value.encoded()) == value)
        }
    }
}
