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
        let words = words(text).filter { !isStopword($0) }.map(stem)
        guard parameters.tokenizer == .prefix else { return words.filter(isWanted) }
        return words.flatMap { word -> [String] in
            let most = min(longestPrefix, word.unicodeScalars.count)
            let least = max(1, parameters.minTokenLength ?? 1)
            guard least <= most else { return [] }
            return (least...most).map { String(word.unicodeScalars.prefix($0)) }
        }
    }

    /// The tokens of a text that is looked for.
    func tokens(ofQuery text: String) -> [String] {
        guard parameters.tokenizer == .prefix else { return tokens(ofDocument: text) }
        // A beginning may look like a stop word and be none: "the" finds "theory".
        return words(text).map(stem).compactMap { word in
            let prefix = String(word.unicodeScalars.prefix(longestPrefix))
            return prefix.unicodeScalars.count >= parameters.minTokenLength ?? 1 ? prefix : nil
        }
    }

    private var longestPrefix: Int { min(parameters.maxTokenLength ?? .max, Self.longestPrefix) }

    private func isStopword(_ word: String) -> Bool { stopwords.contains { $0.contains(word) } }

    private func isWanted(_ token: String) -> Bool {
        let count = token.unicodeScalars.count
        return count >= parameters.minTokenLength ?? 1 && count <= parameters.maxTokenLength ?? .max
    }

    private func stem(_ word: String) -> String { stemmer?.stem(word) ?? word }

    private func words(_ text: String) -> [String] {
        let scalars = text.unicodeScalars
        switch parameters.tokenizer {
        case .whitespace: return scalars.split(whereSeparator: \.properties.isWhitespace).map(written)
        case .word, .prefix: return scalars.split(whereSeparator: { !$0.isAlphanumeric }).map(written)
        case .multilingual:
            return scalars.split(whereSeparator: { !$0.isAlphanumeric && !$0.isMark }).flatMap(Self.pieces)
                .map { written(Self.withoutAccents(String($0)).lowercased().unicodeScalars[...]) }
        }
    }

    /// A word as it is compared.
    private func written(_ piece: Substring.UnicodeScalarView) -> String {
        var word = String(piece)
        if parameters.asciiFolding { word = word.foldedToASCII() }
        return parameters.lowercase ? word.lowercased() : word
    }

    // MARK: - Many scripts

    /// A run of letters, with ideographs and kana one by one, and without what has no letter.
    private static func pieces(_ run: Substring.UnicodeScalarView) -> [Substring.UnicodeScalarView] {
        var pieces: [Substring.UnicodeScalarView] = []
        var rest = run
        while let first = rest.first {
            let count = first.isWrittenWithoutSpaces ? 1 : rest.prefix { !$0.isWrittenWithoutSpaces }.count
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces.filter { $0.contains(where: \.properties.isAlphabetic) }
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
