// A word on its way from the text to the vocabulary.

/// A word being gathered: its normalised bytes and where each comes from.
struct Word {
    /// Scalars that a word may have; of a longer one only the source is kept.
    private let longest: Int
    private(set) var utf8: [UInt8] = []
    /// The source range of the scalar that each byte belongs to: [utf8.count].
    ///
    /// Left empty while byte `i` of the word is byte `source.lowerBound + i` of the text, as in most words there are.
    private var sources: [Range<Int>] = []
    /// The word's range in the text.
    private(set) var source = 0..<0
    private var scalarCount = 0

    init(longest: Int) { self.longest = longest }

    var isEmpty: Bool { scalarCount == 0 }
    var isTooLong: Bool { scalarCount > longest }
    /// Bytes.
    var count: Int { utf8.count }

    /// Appends an ASCII scalar that the text has at `index`, perhaps in the other case.
    mutating func append(_ byte: UInt8, at index: Int) {
        if isEmpty {
            source = index..<index
        } else if sources.isEmpty, index != source.upperBound {
            writeSources()
        }
        extend(to: index + 1)
        guard !isTooLong else { return }
        utf8.append(byte)
        if !sources.isEmpty { sources.append(index..<index + 1) }
    }

    /// Appends a scalar that a scalar of the text became.
    mutating func append(_ scalar: UInt32, from range: Range<Int>) {
        if isEmpty {
            source = range
        } else if sources.isEmpty {
            writeSources()
        }
        extend(to: range.upperBound)
        guard !isTooLong else { return }
        appendUTF8(scalar)
        while sources.count < utf8.count { sources.append(range) }
    }

    /// The source range of a range of bytes.
    func source(of range: Range<Int>) -> Range<Int> {
        if sources.isEmpty {
            return source.lowerBound + range.lowerBound..<source.lowerBound + range.upperBound
        }
        return sources[range.lowerBound].lowerBound..<sources[range.upperBound - 1].upperBound
    }

    mutating func removeAll() {
        utf8.removeAll(keepingCapacity: true)
        sources.removeAll(keepingCapacity: true)
        scalarCount = 0
    }

    private mutating func extend(to end: Int) {
        scalarCount += 1
        source = source.lowerBound..<end
    }

    private mutating func writeSources() {
        for index in utf8.indices { sources.append(source.lowerBound + index..<source.lowerBound + index + 1) }
    }

    private mutating func appendUTF8(_ scalar: UInt32) {
        func continuation(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3F) }
        switch scalar {
        case ..<0x80:
            utf8.append(UInt8(scalar))
        case ..<0x800:
            utf8.append(UInt8(0xC0 | scalar >> 6))
            utf8.append(continuation(0))
        case ..<0x1_0000:
            utf8.append(UInt8(0xE0 | scalar >> 12))
            utf8.append(continuation(6))
            utf8.append(continuation(0))
        default:
            utf8.append(UInt8(0xF0 | scalar >> 18))
            utf8.append(continuation(12))
            utf8.append(continuation(6))
            utf8.append(continuation(0))
        }
    }
}
