// Words of a language that say nothing of what a text is about. Stopwords+Lists.swift has them.

/// The languages that have a list of such words, by Qdrant's names.
public enum StopwordLanguage: String, Sendable, CaseIterable {
    case arabic, azerbaijani, basque, bengali, catalan, chinese, danish, dutch, english, finnish
    case french, german, greek, hebrew, hinglish, hungarian, indonesian, italian, kazakh, nepali
    case norwegian, portuguese, romanian, russian, slovene, spanish, swedish, tajik, turkish

    /// By its name or its code of ISO 639-1 (`hi-en` is Hinglish); nil for any other.
    public init?(named name: String) {
        let codes: [String: StopwordLanguage] = [
            "ar": .arabic, "az": .azerbaijani, "eu": .basque, "bn": .bengali, "ca": .catalan, "zh": .chinese,
            "da": .danish, "nl": .dutch, "en": .english, "fi": .finnish, "fr": .french, "de": .german, "el": .greek,
            "he": .hebrew, "hi-en": .hinglish, "hu": .hungarian, "id": .indonesian, "it": .italian, "kk": .kazakh,
            "ne": .nepali, "no": .norwegian, "pt": .portuguese, "ro": .romanian, "ru": .russian, "sl": .slovene,
            "es": .spanish, "sv": .swedish, "tg": .tajik, "tr": .turkish,
        ]
        guard let language = StopwordLanguage(rawValue: name) ?? codes[name] else { return nil }
        self = language
    }

    /// In lower case.
    public var words: Set<String> { Stopwords.byLanguage[rawValue] ?? [] }
}

enum Stopwords {
    fileprivate static let byLanguage: [String: Set<String>] = {
        var lists: [String: Set<String>] = [:]
        var language = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("[") {
                language = String(line.dropFirst().dropLast())
            } else {
                lists[language, default: []].formUnion(line.split(separator: " ").map(String.init))
            }
        }
        return lists
    }()
}
