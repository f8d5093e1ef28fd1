// BERT's tokenizer: special tokens, normalisation, words, pieces. The reference is Hugging Face's `BertTokenizerFast`
// (the tokenizers library); ids are equal to its for every text.

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Why a tokenizer could not be made.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file is not there or cannot be read.
    case unreadable(path: String, reason: String)
    /// A file is not what it should be.
    case malformed(path: String, reason: String)
    /// The model needs something this tokenizer does not do.
    case unsupported(String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .malformed(let path, let reason): "\(path) is not a WordPiece vocabulary: \(reason)"
        case .unsupported(let what): what
        }
    }
}

/// Turns text into the ids an uncased BERT reads, exactly as Hugging Face's tokenizer does.
///
/// ```swift
/// let tokenizer = try WordPieceTokenizer(vocabulary: "weights/all-MiniLM-L6-v2/vocab.txt")
/// tokenizer.tokenize("Olá, mundo!").ids   // [101, 19330, 2050, 1010, 25989, 999, 102]
/// ```
///
/// Linear in the length of the text, whatever it holds: a word's pieces are found in one pass over a trie.
public struct WordPieceTokenizer: Sendable {
    private let vocabulary: WordPieceVocabulary
    private let table = ScalarTable()
    /// Special tokens that count as such when they are typed in a text, with their ids.
    private let specials: [(text: [UInt8], id: Int32)]
    private let unknown: Int32
    private let classify: Int32
    private let separate: Int32

    /// A word of more scalars than this is `[UNK]` (`max_input_chars_per_word`).
    private static let longestWord = 100

    /// Reads the vocabulary of an uncased BERT.
    ///
    /// - Parameter path: `vocab.txt`, a token a line; `[UNK]`, `[CLS]` and `[SEP]` must be among them.
    public init(vocabulary path: String) throws(TokenizerError) {
        let vocabulary = try WordPieceVocabulary(contentsOf: path)
        func required(_ token: String) throws(TokenizerError) -> Int32 {
            guard let id = vocabulary.id(of: token) else { throw .malformed(path: path, reason: "\(token) is missing") }
            return id
        }
        unknown = try required("[UNK]")
        classify = try required("[CLS]")
        separate = try required("[SEP]")
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].compactMap { token in
            vocabulary.id(of: token).map { (Array(token.utf8), $0) }
        }
        self.vocabulary = vocabulary
    }

    /// Tokens in the vocabulary.
    public var vocabularySize: Int { vocabulary.tokens.count }

    /// The token of an id, as the vocabulary writes it; nil for an id that is none.
    public func token(_ id: Int32) -> String? {
        vocabulary.tokens.indices.contains(Int(id)) ? vocabulary.tokens[Int(id)] : nil
    }

    /// The ids of a text, `[CLS]` and `[SEP]` included.
    ///
    /// - Parameter maxTokens: Longest result, at least 2; what is beyond is cut before `[SEP]`. nil cuts nothing.
    /// - Complexity: linear in the text's length, also when most of it is cut: `untruncatedCount` is exact.
    public func tokenize(_ text: String, maxTokens: Int? = 256) -> Tokenization {
        let limit = maxTokens.map { max($0, 2) - 2 }
        var pieces = PieceList(limit: limit)
        scan(text, into: &pieces)
        var tokenization = Tokenization(ids: [], offsets: [], untruncatedCount: pieces.count + 2)
        tokenization.ids = [classify] + pieces.ids + [separate]
        let end = pieces.offsets.last?.upperBound ?? 0
        tokenization.offsets = [0..<0] + pieces.offsets + [end..<end]
        return tokenization
    }

    /// How many tokens a text has, `[CLS]` and `[SEP]` left out.
    public func countTokens(_ text: String) -> Int {
        var pieces = PieceList(limit: 0)
        scan(text, into: &pieces)
        return pieces.count
    }

    // MARK: - Words

    private func scan(_ text: String, into pieces: inout PieceList) {
        var text = text
        text.withUTF8 { buffer in
            unsafe scan(Span(_unsafeElements: buffer), into: &pieces)
        }
    }

    /// Walks over the text once, gathers words and hands each to `split`.
    private func scan(_ utf8: Span<UInt8>, into pieces: inout PieceList) {
        var word = Word()
        var index = 0
        while index < utf8.count {
            let byte = utf8[index]
            if byte < 0x80 {
                if byte == UInt8(ascii: "["), let special = special(in: utf8, at: index) {
                    flush(&word, into: &pieces)
                    pieces.append(special.id, index..<index + special.length)
                    index += special.length
                    continue
                }
                switch table[UInt32(byte)] {
                case .kept: word.append(byte, from: index..<index + 1)
                case .removed: break
                case .space: flush(&word, into: &pieces)
                case .isolated: isolate(CollectionOfOne(byte), index..<index + 1, &word, &pieces)
                case .mapped(let output): word.append(table.outputs[output][0].utf8[0], from: index..<index + 1)
                }
                index += 1
            } else {
                let (scalar, length) = Self.decode(utf8, at: index)
                take(scalar, index..<index + length, utf8, &word, &pieces)
                index += length
            }
        }
        flush(&word, into: &pieces)
    }

    /// One scalar that is not ASCII.
    private func take(
        _ scalar: UInt32, _ source: Range<Int>, _ utf8: Span<UInt8>, _ word: inout Word, _ pieces: inout PieceList
    ) {
        if 0xAC00...0xD7A3 ~= scalar {
            for jamo in Self.jamo(of: scalar) { word.append(scalar: ScalarTable.utf8(jamo), from: source) }
            return
        }
        switch table[scalar] {
        case .kept: word.append(scalar: source.map { utf8[$0] }, from: source)
        case .removed: break
        case .space: flush(&word, into: &pieces)
        case .isolated: isolate(source.map { utf8[$0] }, source, &word, &pieces)
        case .mapped(let index):
            for output in table.outputs[index] {
                if output.isIsolated {
                    isolate(output.utf8, source, &word, &pieces)
                } else {
                    word.append(scalar: output.utf8, from: source)
                }
            }
        }
    }

    private func isolate(
        _ scalar: some Collection<UInt8>, _ source: Range<Int>, _ word: inout Word, _ pieces: inout PieceList
    ) {
        flush(&word, into: &pieces)
        word.append(scalar: scalar, from: source)
        flush(&word, into: &pieces)
    }

    /// The special token written at `index`, which is a `[`.
    private func special(in utf8: Span<UInt8>, at index: Int) -> (id: Int32, length: Int)? {
        for special in specials where special.text.count <= utf8.count - index {
            if special.text.indices.allSatisfy({ utf8[index + $0] == special.text[$0] }) {
                return (special.id, special.text.count)
            }
        }
        return nil
    }

    /// Splits the gathered word into pieces, longest first from the left (Wu et al. 2016, §4.1), and empties it.
    ///
    /// A word with a part that no piece begins is `[UNK]` as a whole.
    private func flush(_ word: inout Word, into pieces: inout PieceList) {
        guard !word.isEmpty else { return }
        defer { word.removeAll() }
        guard word.scalarCount <= Self.longestWord else {
            return pieces.append(unknown, word.source(of: 0..<word.count))
        }
        let mark = pieces.count
        var start = 0
        while start < word.count {
            var node = start == 0 ? WordPieceVocabulary.wordRoot : WordPieceVocabulary.continuationRoot
            var end = start
            var longest: (id: Int32, end: Int)?
            while end < word.count, let next = vocabulary.child(of: node, word.utf8[end]) {
                node = next
                end += 1
                if let id = vocabulary.id(at: node) { longest = (id, end) }
            }
            guard let (id, end) = longest else {
                pieces.removeAll(from: mark)
                return pieces.append(unknown, word.source(of: 0..<word.count))
            }
            pieces.append(id, word.source(of: start..<end))
            start = end
        }
    }

    // MARK: - Scalars

    /// The scalar that begins at `index` and its length in bytes. The bytes are a String's, so they are valid UTF-8.
    private static func decode(_ utf8: Span<UInt8>, at index: Int) -> (scalar: UInt32, length: Int) {
        let first = UInt32(utf8[index])
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var scalar = first & (0xFF >> UInt32(length + 1))
        for offset in 1..<length { scalar = scalar << 6 | UInt32(utf8[index + offset] & 0x3F) }
        return (scalar, length)
    }

    /// Canonical decomposition of a Hangul syllable (Unicode §3.12).
    private static func jamo(of syllable: UInt32) -> [UInt32] {
        let index = syllable - 0xAC00
        let leading = 0x1100 + index / 588
        let vowel = 0x1161 + index % 588 / 28
        let trailing = index % 28
        return trailing == 0 ? [leading, vowel] : [leading, vowel, 0x11A7 + trailing]
    }
}

/// A word being gathered: its normalised bytes and where each comes from.
private struct Word {
    private(set) var utf8: [UInt8] = []
    /// The source range of the scalar that each byte belongs to: [utf8.count].
    private var sources: [Range<Int>] = []
    private(set) var scalarCount = 0

    var isEmpty: Bool { utf8.isEmpty }
    var count: Int { utf8.count }

    /// An ASCII scalar.
    mutating func append(_ byte: UInt8, from source: Range<Int>) {
        scalarCount += 1
        utf8.append(byte)
        sources.append(source)
    }

    mutating func append(scalar: some Collection<UInt8>, from source: Range<Int>) {
        scalarCount += 1
        for byte in scalar {
            utf8.append(byte)
            sources.append(source)
        }
    }

    /// The source range of a range of bytes.
    func source(of range: Range<Int>) -> Range<Int> {
        sources[range.lowerBound].lowerBound..<sources[range.upperBound - 1].upperBound
    }

    mutating func removeAll() {
        utf8.removeAll(keepingCapacity: true)
        sources.removeAll(keepingCapacity: true)
        scalarCount = 0
    }
}

/// Pieces so far: those within the limit, and the count of all.
private struct PieceList {
    private let limit: Int
    private(set) var ids: [Int32] = []
    private(set) var offsets: [Range<Int>] = []
    private(set) var count = 0

    init(limit: Int?) { self.limit = limit ?? .max }

    mutating func append(_ id: Int32, _ source: Range<Int>) {
        count += 1
        guard count <= limit else { return }
        ids.append(id)
        offsets.append(source)
    }

    /// Takes back all pieces but the first `mark`.
    mutating func removeAll(from mark: Int) {
        count = mark
        ids.removeSubrange(min(mark, ids.count)...)
        offsets.removeSubrange(min(mark, offsets.count)...)
    }
}
