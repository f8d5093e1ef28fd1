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
        case .malformed(let path, let reason): "\(path) is not valid: \(reason)"
        case .unsupported(let what): what
        }
    }

    /// What is wrong with one of the tokenizer's files.
    init(_ error: ModelError) {
        switch error {
        case .unreadable(let path, let reason): self = .unreadable(path: path, reason: reason)
        case .malformed(let path, let reason): self = .malformed(path: path, reason: reason)
        default: self = .unsupported("\(error)")
        }
    }
}

/// Turns text into the ids a BERT reads, exactly as Hugging Face's tokenizer does.
///
/// ```swift
/// let tokenizer = try WordPieceTokenizer(modelDirectory: "weights/all-MiniLM-L6-v2")
/// tokenizer.tokenize("Olá, mundo!").ids   // [101, 19330, 2050, 1010, 25989, 999, 102]
/// ```
///
/// Linear in the length of the text, whatever it holds: a word's pieces are found in one pass over a trie, and a word too
/// long for the model is not kept.
public struct WordPieceTokenizer: Sendable {
    private let vocabulary: WordPieceVocabulary
    private let table: ScalarTable
    /// What ASCII becomes, apart from `table` because most text is ASCII: [128].
    private let ascii: [ASCIIEntry]
    /// Special tokens that count as such when they are typed in a text, with their ids; the longest first.
    private let specials: [(text: [UInt8], id: Int32)]
    private let unknown: Int32
    private let classifier: Int32
    private let separator: Int32
    private let longestWord: Int

    /// Reads the tokenizer of a model directory: vocab.txt, or where there is none the vocabulary within tokenizer.json, and what
    /// tokenizer_config.json and tokenizer.json say of it. Up to version 4 transformers writes both, version 5 tokenizer.json only.
    public init(modelDirectory path: String) throws(TokenizerError) {
        let configuration = try WordPieceConfiguration(modelDirectory: path)
        let (list, json) = ("\(path)/vocab.txt", "\(path)/tokenizer.json")
        let files = FileManager.default
        if !files.fileExists(atPath: list), files.fileExists(atPath: json) {
            try self.init(WordPieceVocabulary(tokenizerJSON: json), of: json, configuration)
        } else {
            try self.init(vocabulary: list, configuration: configuration)
        }
    }

    /// Reads a vocabulary.
    ///
    /// - Parameter path: vocab.txt, a token a line; the configuration's special tokens must be among them.
    public init(
        vocabulary path: String, configuration: WordPieceConfiguration = .init()
    ) throws(TokenizerError) {
        try self.init(WordPieceVocabulary(contentsOf: path), of: path, configuration)
    }

    private init(
        _ vocabulary: WordPieceVocabulary, of path: String, _ configuration: WordPieceConfiguration
    ) throws(TokenizerError) {
        func required(_ token: String) throws(TokenizerError) -> Int32 {
            guard let id = vocabulary.id(of: token) else { throw .malformed(path: path, reason: "\(token) is missing") }
            return id
        }
        unknown = try required(configuration.unkToken)
        classifier = try required(configuration.clsToken)
        separator = try required(configuration.sepToken)
        longestWord = configuration.maxInputCharsPerWord

        let standard = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].filter { vocabulary.id(of: $0) != nil }
        var specials: [(text: [UInt8], id: Int32)] = []
        for token in configuration.addedTokens ?? standard {
            specials.append((Array(token.utf8), try required(token)))
        }
        self.specials = specials.sorted { $0.text.count > $1.text.count }

        let table = ScalarTable(configuration)
        let ascii = (0..<128).map { ASCIIEntry($0, table) }
        for (text, _) in specials {
            guard let first = text.first, first < 0x80, ascii[Int(first)] == .isolated else {
                let token = String(decoding: text, as: UTF8.self)
                throw .unsupported("the added token '\(token)' does not begin with ASCII punctuation")
            }
        }
        self.table = table
        self.ascii = ascii
        self.vocabulary = vocabulary
    }

    /// Tokens in the vocabulary.
    public var vocabularySize: Int { vocabulary.count }

    /// The token of an id, as the vocabulary writes it; nil for an id that is none.
    public func token(_ id: Int32) -> String? { vocabulary.token(id) }

    /// The ids of a text, `[CLS]` and `[SEP]` included.
    ///
    /// - Parameter maxTokens: Longest result, at least 2; what is beyond is cut before `[SEP]`. nil cuts nothing; a model reads
    ///   `SentenceEncoder.maxTokens` of them.
    /// - Complexity: linear in the text's length, also when most of it is cut: `untruncatedCount` is exact.
    public func tokenize(_ text: String, maxTokens: Int? = nil) -> Tokenization {
        var pieces = PieceList(first: classifier, limit: maxTokens.map { max($0, 2) - 1 })
        _ = scan(text, into: &pieces)
        return tokenization(of: pieces)
    }

    /// The same for texts that may take long; nil once `isCancelled`, asked at every megabyte but the first, has given true.
    func tokenize(_ text: String, maxTokens: Int, isCancelled: () -> Bool) -> Tokenization? {
        var pieces = PieceList(first: classifier, limit: max(maxTokens, 2) - 1)
        return scan(text, into: &pieces, isCancelled: isCancelled) ? tokenization(of: pieces) : nil
    }

    private func tokenization(of pieces: PieceList) -> Tokenization {
        let end = pieces.offsets.last?.upperBound ?? 0
        return Tokenization(
            ids: pieces.ids + [separator],
            offsets: pieces.offsets + [end..<end],
            untruncatedCount: pieces.count + 1)
    }

    /// How many tokens a text has, `[CLS]` and `[SEP]` left out.
    public func countTokens(_ text: String) -> Int {
        var pieces = PieceList(first: classifier, limit: 1)
        _ = scan(text, into: &pieces)
        return pieces.count - 1
    }

    // MARK: - Words

    /// Bytes between two questions whether to go on: 20 ms or so.
    private static let patience = 1 << 20

    /// Whether it came to the text's end.
    private func scan(
        _ text: String, into pieces: inout PieceList, isCancelled: () -> Bool = { false }
    ) -> Bool {
        var text = text
        return text.withUTF8 { buffer in
            unsafe scan(Span(_unsafeElements: buffer), into: &pieces, isCancelled: isCancelled)
        }
    }

    /// Walks over the text once, gathers words and hands each to `split`; whether it came to the end.
    ///
    /// One function: with the word and the index those of a caller that asks, they are in memory, and a text takes a tenth more.
    private func scan(_ utf8: Span<UInt8>, into pieces: inout PieceList, isCancelled: () -> Bool) -> Bool {
        var word = Word(longest: longestWord)
        var index = 0
        var question = Self.patience
        while index < utf8.count {
            if index >= question {
                if isCancelled() { return false }
                question = index + Self.patience
            }
            let byte = utf8[index]
            guard byte < 0x80 else {
                let (scalar, length) = Self.decode(utf8, at: index)
                take(scalar, index..<index + length, &word, &pieces)
                index += length
                continue
            }
            switch ascii[Int(byte)] {
            case .removed: break
            case .space: split(&word, into: &pieces)
            case .isolated:
                split(&word, into: &pieces)
                if let special = special(in: utf8, at: index) {
                    pieces.append(special.id, index..<index + special.length)
                    index += special.length
                    continue
                }
                word.append(byte, at: index)
                split(&word, into: &pieces)
            case let letter: word.append(letter.rawValue, at: index)
            }
            index += 1
        }
        split(&word, into: &pieces)
        return true
    }

    /// One scalar that is not ASCII.
    private func take(_ scalar: UInt32, _ source: Range<Int>, _ word: inout Word, _ pieces: inout PieceList) {
        func isolate(_ scalar: UInt32) {
            split(&word, into: &pieces)
            word.append(scalar, from: source)
            split(&word, into: &pieces)
        }
        switch table[scalar] {
        case .kept: word.append(scalar, from: source)
        case .removed: break
        case .space: split(&word, into: &pieces)
        case .isolated: isolate(scalar)
        case .hangul:
            for jamo in Self.jamo(of: scalar) { word.append(jamo, from: source) }
        case .mapped(let range):
            for output in table.outputs[range] {
                if output.isIsolated {
                    isolate(output.scalar)
                } else {
                    word.append(output.scalar, from: source)
                }
            }
        }
    }

    /// The special token written at `index`.
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
    private func split(_ word: inout Word, into pieces: inout PieceList) {
        guard !word.isEmpty else { return }
        defer { word.removeAll() }
        guard !word.isTooLong else { return pieces.append(unknown, word.source) }
        let mark = pieces.count
        var start = 0
        while start < word.count {
            var node = start == 0 ? vocabulary.wordRoot : vocabulary.continuationRoot
            var end = start
            var longest: (id: Int32, end: Int)?
            while end < word.count, let next = vocabulary.child(of: node, word.utf8[end]) {
                node = next
                end += 1
                if let id = vocabulary.id(at: node) { longest = (id, end) }
            }
            guard let (id, end) = longest else {
                pieces.removeAll(from: mark)
                return pieces.append(unknown, word.source)
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

/// What becomes of an ASCII byte: one of the cases, or the byte of a word that `rawValue` is.
private struct ASCIIEntry: Equatable, Sendable {
    static let removed = ASCIIEntry(rawValue: 0x80)
    static let space = ASCIIEntry(rawValue: 0x81)
    static let isolated = ASCIIEntry(rawValue: 0x82)

    let rawValue: UInt8

    private init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ byte: UInt8, _ table: ScalarTable) {
        switch table[UInt32(byte)] {
        case .removed: self = .removed
        case .space: self = .space
        case .isolated: self = .isolated
        case .kept, .hangul: rawValue = byte
        // Only capitals are mapped, each to its small letter.
        case .mapped(let range): rawValue = UInt8(table.outputs[range.lowerBound].scalar)
        }
    }
}

/// `[CLS]` and the pieces so far: those within the limit, and the count of all.
private struct PieceList {
    private let limit: Int
    private(set) var ids: [Int32]
    private(set) var offsets: [Range<Int>]
    private(set) var count = 1

    init(first: Int32, limit: Int?) {
        self.limit = limit ?? .max
        ids = [first]
        offsets = [0..<0]
    }

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
