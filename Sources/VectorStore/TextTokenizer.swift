// Words of a text, for full-text conditions and indexes.

import Foundation

/// How a text index takes texts apart, by Qdrant's names.
public struct TextIndexParameters: Sendable, Hashable {
    public enum Tokenizer: String, Sendable, Hashable {
        /// Letters and digits that stand together.
        case word
        /// What stands between white space.
        case whitespace
        /// Words, and every beginning of them.
        case prefix
        /// Words of any script in lower case, without accents of Latin letters and without numbers; ideographs and kana one by one,
        /// because nothing says where their words end.
        case multilingual
    }

    public var tokenizer: Tokenizer = .word
    public var lowercase = true
    /// Letters without their accents.
    public var asciiFolding = false
    /// In characters; shorter tokens are left out.
    public var minTokenLength: Int?
    /// In characters; longer tokens are left out.
    public var maxTokenLength: Int?
    /// Left out, like the words of `stopwordLanguages`: whatever their case where words are lower-cased, as they are written elsewhere.
    public var stopwords: Set<String> = []
    public var stopwordLanguages: Set<StopwordLanguage> = []
    /// Whose words are taken to their stems; nil leaves them whole.
    public var stemmer: StemmerLanguage?
    /// Whether phrases may be asked for.
    public var phraseMatching = false
    /// Whether points may be ranked by how well their texts answer another.
    public var isScored = false

    public init() {}
}

/// Takes texts apart as an index was told to; without an index, as Qdrant's default does: words in lower case.
struct TextTokenizer: Sendable {
    let parameters: TextIndexParameters
    /// One's own words, then those of each language: shared with all who leave them out, because each query makes a tokenizer.
    private let stopwords: [Set<String>]
    private let stemmer: Stemmer?
    /// In characters. Longer beginnings of words are not told apart: those of one word of 100,000 letters would take gigabytes.
    private static let longestPrefix = 255
    /// Beginnings of the words of one text, after which the rest of it is not taken apart: some 170,000 words. A text of as many letters
    /// as a request may have would make 30 million strings, gigabytes.
    static let mostPrefixes = 1_000_000

    static let `default` = TextTokenizer(parameters: TextIndexParameters())

    init(parameters: TextIndexParameters, stemmers: (StemmerLanguage) -> Stemmer? = Stemmer.of) {
        self.parameters = parameters
        let own = parameters.stopwords
        stopwords =
            [parameters.lowercase ? Set(own.map { $0.lowercased() }) : own]
            + parameters.stopwordLanguages.map(\.words)
        stemmer = parameters.stemmer.flatMap(stemmers)
    }

    /// Whether words stay whole that should be taken to their stems, because this system has no library for it.
    var lacksStemmer: Bool { parameters.stemmer != nil && stemmer == nil }

    /// The tokens of a stored text, in their order.
    func tokens(ofDocument text: String) -> [String] {
        var tokens: [String] = []
        forEachToken(ofDocument: text) { token in
            tokens.append(token)
            return true
        }
        return tokens
    }

    /// Hands over the tokens of a stored text, in their order, as long as more are wanted: a text of 32 MB may have 16 million.
    ///
    /// - Parameter body: Returns whether more are wanted.
    func forEachToken(ofDocument text: String, _ body: (String) -> Bool) {
        var prefixesLeft = Self.mostPrefixes
        forEachWord(of: text) { word in
            if isStopword(word) { return true }
            let token = stem(word)
            guard parameters.tokenizer == .prefix else { return isWanted(token) ? body(token) : true }
            let scalars = token.unicodeScalars
            let least = max(1, parameters.minTokenLength ?? 1)
            guard var end = scalars.index(scalars.startIndex, offsetBy: least, limitedBy: scalars.endIndex) else {
                return true
            }
            var length = least
            while length <= longestPrefix {
                guard prefixesLeft > 0, body(String(scalars[..<end])) else { return false }
                prefixesLeft -= 1
                if end == scalars.endIndex { break }
                scalars.formIndex(after: &end)
                length += 1
            }
            return true
        }
    }

    /// The tokens of a text that is looked for.
    func tokens(ofQuery text: String) -> [String] {
        guard parameters.tokenizer == .prefix else { return tokens(ofDocument: text) }
        var tokens: [String] = []
        // A beginning may look like a stop word and be none: "the" finds "theory".
        forEachWord(of: text) { word in
            let prefix = String(stem(word).unicodeScalars.prefix(longestPrefix))
            if prefix.unicodeScalars.count >= parameters.minTokenLength ?? 1 { tokens.append(prefix) }
            return true
        }
        return tokens
    }

    /// The same, as part of work that ends with its caller.
    ///
    /// - Throws: what the meter does.
    func tokens(ofQuery text: String, _ work: WorkMeter?) throws(StoreError) -> [String] {
        try work?.spend(text.utf8.count)
        return tokens(ofQuery: text)
    }

    private var longestPrefix: Int { min(parameters.maxTokenLength ?? .max, Self.longestPrefix) }

    private func isStopword(_ word: String) -> Bool { stopwords.contains { $0.contains(word) } }

    private func isWanted(_ token: String) -> Bool {
        let count = token.unicodeScalars.count
        return count >= parameters.minTokenLength ?? 1 && count <= parameters.maxTokenLength ?? .max
    }

    private func stem(_ word: String) -> String { stemmer?.stem(word) ?? word }

    private func forEachWord(of text: String, _ body: (String) -> Bool) {
        switch parameters.tokenizer {
        case .whitespace:
            Self.split(text, where: \.properties.isWhitespace) { body(written($0)) }
        case .word, .prefix:
            Self.split(text, where: { !$0.isAlphanumeric }) { body(written($0)) }
        case .multilingual:
            Self.split(text, where: { !$0.isAlphanumeric && !$0.isMark }) { run in
                Self.forEachPiece(of: run) { piece in
                    body(written(Self.withoutAccents(String(piece)).lowercased().unicodeScalars[...]))
                }
            }
        }
    }

    private typealias Scalars = Substring.UnicodeScalarView

    /// Hands over what stands between separators as long as more is wanted.
    private static func split(_ text: String, where isSeparator: (Unicode.Scalar) -> Bool, _ body: (Scalars) -> Bool) {
        var rest = text.unicodeScalars[...]
        while let start = rest.firstIndex(where: { !isSeparator($0) }) {
            let end = rest[start...].firstIndex(where: isSeparator) ?? rest.endIndex
            guard body(rest[start..<end]) else { return }
            rest = rest[end...]
        }
    }

    /// A word as it is compared.
    private func written(_ piece: Scalars) -> String {
        var word = String(piece)
        if parameters.asciiFolding { word = word.foldedToASCII() }
        return parameters.lowercase ? word.lowercased() : word
    }

    // MARK: - Many scripts

    /// A run of letters, with ideographs and kana one by one, and without what has no letter.
    ///
    /// - Returns: Whether more is wanted.
    private static func forEachPiece(of run: Scalars, _ body: (Scalars) -> Bool) -> Bool {
        var rest = run
        while let first = rest.first {
            let count = first.isWrittenWithoutSpaces ? 1 : rest.prefix { !$0.isWrittenWithoutSpaces }.count
            let piece = rest.prefix(count)
            if piece.contains(where: \.properties.isAlphabetic), !body(piece) { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Without marks on letters that are Latin, Greek, Hebrew or Arabic: elsewhere they make other letters.
    private static func withoutAccents(_ word: String) -> String {
        let scalars = word.decomposedStringWithCompatibilityMapping.unicodeScalars
        guard let first = scalars.first, (0...0x3FF).contains(first.value) || (0x590...0x6FF).contains(first.value)
        else {
            return word
        }
        return String(String.UnicodeScalarView(scalars.filter { !$0.isMark }))
    }
}

extension Unicode.Scalar {
    fileprivate var isMark: Bool { properties.generalCategory == .nonspacingMark }

    /// Han, Hiragana and Katakana.
    fileprivate var isWrittenWithoutSpaces: Bool {
        properties.isIdeographic || (0x3041...0x30FF).contains(value) || (0x31F0...0x31FF).contains(value)
            || (0xFF66...0xFF9D).contains(value)
    }
}
