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
        /// Read as `word`: scripts without spaces are not segmented.
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
    /// Left out, compared after lower-casing.
    public var stopwords: Set<String> = []
    /// Whether phrases may be asked for.
    public var phraseMatching = false

    public init() {}
}

/// Takes texts apart as an index was told to; without an index, as Qdrant's default does: words in lower case.
struct TextTokenizer: Sendable, Hashable {
    let parameters: TextIndexParameters

    static let `default` = TextTokenizer(parameters: TextIndexParameters())

    /// The tokens of a stored text, in their order.
    func tokens(ofDocument text: String) -> [String] {
        guard parameters.tokenizer == .prefix else { return words(text).filter(isWanted) }
        return words(text).flatMap { word -> [String] in
            let most = min(parameters.maxTokenLength ?? .max, word.unicodeScalars.count)
            let least = max(1, parameters.minTokenLength ?? 1)
            guard least <= most else { return [] }
            return (least...most).map { String(word.unicodeScalars.prefix($0)) }
        }
    }

    /// The tokens of a text that is looked for.
    func tokens(ofQuery text: String) -> [String] {
        guard parameters.tokenizer == .prefix else { return words(text).filter(isWanted) }
        return words(text).compactMap { word in
            let prefix = String(word.unicodeScalars.prefix(parameters.maxTokenLength ?? .max))
            return prefix.unicodeScalars.count >= parameters.minTokenLength ?? 1 ? prefix : nil
        }
    }

    private func isWanted(_ token: String) -> Bool {
        let count = token.unicodeScalars.count
        return count >= parameters.minTokenLength ?? 1 && count <= parameters.maxTokenLength ?? .max
    }

    private func words(_ text: String) -> [String] {
        let scalars = text.unicodeScalars
        let pieces =
            parameters.tokenizer == .whitespace
            ? scalars.split(whereSeparator: \.properties.isWhitespace)
            : scalars.split(whereSeparator: { !$0.isAlphanumeric })
        return pieces.compactMap { piece in
            var word = String(piece)
            if parameters.asciiFolding { word = word.folding(options: .diacriticInsensitive, locale: nil) }
            if parameters.lowercase { word = word.lowercased() }
            return parameters.stopwords.contains(parameters.lowercase ? word : word.lowercased()) ? nil : word
        }
    }
}
