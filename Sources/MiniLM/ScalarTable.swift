// One look-up a scalar: what BERT's normaliser and pre-tokeniser together make of it.

/// A two-stage table over all Unicode scalars: `pages[stage[scalar / 256]][scalar % 256]`.
///
/// Made from `UnicodeTables` for one configuration, in well under a millisecond; some 150 KB.
struct ScalarTable: Sendable {
    /// What becomes of a scalar.
    enum Entry: Equatable {
        /// It is part of a word, as it is.
        case kept
        /// It vanishes, and the word goes on.
        case removed
        /// It separates words.
        case space
        /// It is a word of its own: punctuation, CJK.
        case isolated
        /// It is a Hangul syllable, to be decomposed.
        case hangul
        /// It becomes `outputs[range]`.
        case mapped(Range<Int>)
    }

    /// One of the scalars that a mapped scalar becomes.
    struct Output: Sendable {
        var scalar: UInt32
        /// Whether it is a word of its own.
        var isIsolated: Bool
    }

    private static let kept: UInt16 = 0
    private static let removed: UInt16 = 1
    private static let space: UInt16 = 2
    private static let isolated: UInt16 = 3
    private static let hangul: UInt16 = 4
    private static let firstMapping: UInt16 = 5

    /// The page of each 256 scalars. The first pages are uniform: page `removed` holds nothing but `removed`, and so on.
    private var stage = [UInt16](repeating: kept, count: 0x1100)
    private var pages = (kept...hangul).flatMap { [UInt16](repeating: $0, count: 256) }
    /// The results of mapped scalars one behind the other; mapping `m` is `outputs[starts[m]..<starts[m + 1]]`.
    private(set) var outputs: [Output] = []
    private var starts = [0]

    init(_ configuration: WordPieceConfiguration) {
        set(UnicodeTables.controls, Self.removed)
        set(UnicodeTables.spaces, Self.space)
        set(UnicodeTables.punctuation, Self.isolated)
        if configuration.tokenizeChineseChars { set(UnicodeTables.ideographs, Self.isolated) }
        if configuration.stripAccents {
            set(UnicodeTables.marks, Self.removed)
            set("AC00-D7A3", Self.hangul)
        }
        // Lower-casing comes after stripping, so decompositions are made of scalars in lower case.
        if configuration.lowercase { map(UnicodeTables.lowercased) }
        if configuration.stripAccents { map(UnicodeTables.decomposed) }
    }

    subscript(scalar: UInt32) -> Entry {
        let value = value(of: scalar)
        switch value {
        case Self.kept: return .kept
        case Self.removed: return .removed
        case Self.space: return .space
        case Self.isolated: return .isolated
        case Self.hangul: return .hangul
        default:
            let mapping = Int(value - Self.firstMapping)
            return .mapped(starts[mapping]..<starts[mapping + 1])
        }
    }

    private func value(of scalar: UInt32) -> UInt16 {
        pages[Int(stage[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }

    private mutating func set(_ table: StaticString, _ value: UInt16) {
        var parser = TableParser(table)
        while let item = parser.next() {
            var scalar = item.source.lowerBound
            while scalar <= item.source.upperBound {
                if scalar & 0xFF == 0, item.source.upperBound - scalar >= 0xFF {
                    stage[Int(scalar >> 8)] = value
                    scalar += 0x100
                } else {
                    set(scalar, value)
                    scalar += 1
                }
            }
        }
    }

    private mutating func set(_ scalar: UInt32, _ value: UInt16) {
        let page = Int(scalar >> 8)
        if stage[page] <= Self.hangul {
            pages.append(contentsOf: repeatElement(stage[page], count: 256))
            stage[page] = UInt16(pages.count / 256 - 1)
        }
        pages[Int(stage[page]) << 8 | Int(scalar & 0xFF)] = value
    }

    private mutating func map(_ table: StaticString) {
        var parser = TableParser(table)
        while let item = parser.next() {
            for (index, source) in item.source.enumerated() {
                // A compatibility ideograph is a word of its own because of what it is, a Greek question mark because of
                // the semicolon it becomes.
                let isIsolated = value(of: source) == Self.isolated
                for target in item.targets { append(target + UInt32(index), isIsolated) }
                set(source, Self.firstMapping + UInt16(starts.count - 1))
                starts.append(outputs.count)
            }
        }
    }

    private mutating func append(_ target: UInt32, _ isIsolated: Bool) {
        switch self[target] {
        case .mapped(let range):
            for output in outputs[range] {
                outputs.append(Output(scalar: output.scalar, isIsolated: isIsolated || output.isIsolated))
            }
        case let entry:
            outputs.append(Output(scalar: target, isIsolated: isIsolated || entry == .isolated))
        }
    }
}

/// Reads `UnicodeTables`' notation: items `A`, `A-B`, `A=C`, `A-B=C` or `A=C+D` with spaces and line breaks between them.
private struct TableParser {
    private let text: StaticString
    private var index = 0

    init(_ text: StaticString) { self.text = text }

    mutating func next() -> (source: ClosedRange<UInt32>, targets: [UInt32])? {
        while byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") { index += 1 }
        guard byte != nil else { return nil }
        let first = number()
        let last = skip("-") ? number() : first
        var targets: [UInt32] = []
        if skip("=") {
            repeat { targets.append(number()) } while skip("+")
        }
        return (first...last, targets)
    }

    private var byte: UInt8? {
        index < text.utf8CodeUnitCount ? unsafe text.utf8Start[index] : nil
    }

    /// The hexadecimal digit at `index`.
    private var digit: UInt8? {
        switch byte {
        case let byte? where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: byte - UInt8(ascii: "0")
        case let byte? where UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte: byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func number() -> UInt32 {
        var value: UInt32?
        while let digit {
            value = (value ?? 0) << 4 | UInt32(digit)
            index += 1
        }
        // The tables are part of the program: what does not parse is a mistake in the script that wrote them.
        guard let value else { preconditionFailure("UnicodeTables: no number at \(index)") }
        return value
    }
}
