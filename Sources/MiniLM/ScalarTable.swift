// One look-up a scalar: what BERT's normaliser and pre-tokeniser together make of it.

/// A two-stage table over all Unicode scalars: `pages[stage[scalar / 256]][scalar % 256]`.
///
/// Built from `UnicodeTables` in about a millisecond. Most pages are uniform and shared, so it takes some 150 KB.
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
        /// It becomes `outputs[index]`.
        case mapped(index: Int)
    }

    /// A mapped scalar's result: one or more scalars, each with whether it is a word of its own.
    struct Output: Sendable {
        var utf8: [UInt8]
        var isIsolated: Bool
    }

    private static let removed: UInt16 = 1
    private static let space: UInt16 = 2
    private static let isolated: UInt16 = 3
    private static let firstMapping: UInt16 = 4

    private var stage: [UInt16]
    private var pages: [UInt16]
    /// Pages that several places of `stage` may share: these are copied before they are written to.
    private var shared: Set<UInt16> = [0]
    /// The results of `mapped` scalars, in the order their entries name them.
    private(set) var outputs: [[Output]] = []

    init() {
        stage = [UInt16](repeating: 0, count: 0x1100)
        pages = [UInt16](repeating: 0, count: 256)
        for range in Self.ranges(UnicodeTables.removed) { set(range, Self.removed) }
        for range in Self.ranges(UnicodeTables.spaces) { set(range, Self.space) }
        for range in Self.ranges(UnicodeTables.punctuation) { set(range, Self.isolated) }
        for range in Self.ranges(UnicodeTables.padded) { set(range, Self.isolated) }
        for mapping in UnicodeTables.mapped.split(whereSeparator: \.isWhitespace) {
            let sides = mapping.split(separator: "=")
            let results = sides[1].split(separator: "+").map(Self.scalar)
            let source = Self.scalar(sides[0])
            // A compatibility ideograph is padded as what it is and as what it becomes; a Greek question mark is
            // punctuation as the semicolon it becomes.
            let isPadded = self[source] == .isolated
            let outputs = results.map { value in
                Output(utf8: Self.utf8(value), isIsolated: isPadded || self[value] == .isolated)
            }
            set(source...source, Self.firstMapping + UInt16(self.outputs.count))
            self.outputs.append(outputs)
        }
    }

    subscript(scalar: UInt32) -> Entry {
        let value = pages[Int(stage[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
        switch value {
        case 0: return .kept
        case Self.removed: return .removed
        case Self.space: return .space
        case Self.isolated: return .isolated
        default: return .mapped(index: Int(value - Self.firstMapping))
        }
    }

    /// Sets a range's entries; the whole pages in it share one.
    private mutating func set(_ range: ClosedRange<UInt32>, _ value: UInt16) {
        var scalar = range.lowerBound
        var uniform: UInt16? = nil
        while scalar <= range.upperBound {
            let page = Int(scalar >> 8)
            if scalar & 0xFF == 0, range.upperBound - scalar >= 0xFF {
                let filled = uniform ?? appendPage(repeatElement(value, count: 256))
                uniform = filled
                shared.insert(filled)
                stage[page] = filled
                scalar += 0x100
                continue
            }
            if shared.contains(stage[page]) {
                let start = Int(stage[page]) << 8
                stage[page] = appendPage(Array(pages[start..<start + 256]))
            }
            pages[Int(stage[page]) << 8 | Int(scalar & 0xFF)] = value
            scalar += 1
        }
    }

    private mutating func appendPage(_ values: some Collection<UInt16>) -> UInt16 {
        pages.append(contentsOf: values)
        return UInt16(pages.count / 256 - 1)
    }

    private static func ranges(_ text: String) -> [ClosedRange<UInt32>] {
        text.split(whereSeparator: \.isWhitespace).map { item in
            let bounds = item.split(separator: "-").map(scalar)
            return bounds[0]...bounds[bounds.count - 1]
        }
    }

    /// The tables are part of the program: a number that does not parse is a mistake in the script that wrote them.
    private static func scalar(_ hexadecimal: Substring) -> UInt32 {
        guard let value = UInt32(hexadecimal, radix: 16) else { preconditionFailure("UnicodeTables: \(hexadecimal)") }
        return value
    }

    static func utf8(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).map { Array(UTF8.encode($0) ?? UTF8.encodedReplacementCharacter) } ?? []
    }
}
