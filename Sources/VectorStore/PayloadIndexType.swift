// Which payload indexes there are.

/// What values of a field an index holds; values of other types are stored but not indexed.
public enum PayloadIndexType: Sendable, Hashable {
    case keyword
    case integer
    case float
    case bool
    case datetime
    case uuid
    case geo
    case text(TextIndexParameters)
}

extension PayloadIndexType {
    /// `"keyword"`, or an object with `type` and the parameters.
    public var json: JSONValue {
        switch self {
        case .keyword: "keyword"
        case .integer: "integer"
        case .float: "float"
        case .bool: "bool"
        case .datetime: "datetime"
        case .uuid: "uuid"
        case .geo: "geo"
        case .text(let parameters):
            parameters.json
        }
    }

    /// nil for JSON that is no type.
    public init?(json: JSONValue) {
        switch json["type"] ?? json {
        case "keyword": self = .keyword
        case "integer": self = .integer
        case "float": self = .float
        case "bool": self = .bool
        case "datetime": self = .datetime
        case "uuid": self = .uuid
        case "geo": self = .geo
        case "text":
            var parameters = TextIndexParameters()
            if let name = json["tokenizer"]?.string {
                guard let tokenizer = TextIndexParameters.Tokenizer(rawValue: name) else { return nil }
                parameters.tokenizer = tokenizer
            }
            if let flag = json["lowercase"]?.bool { parameters.lowercase = flag }
            if let flag = json["ascii_folding"]?.bool { parameters.asciiFolding = flag }
            if let flag = json["phrase_matching"]?.bool { parameters.phraseMatching = flag }
            parameters.minTokenLength = json["min_token_len"]?.integer.flatMap { Int(exactly: $0) }
            parameters.maxTokenLength = json["max_token_len"]?.integer.flatMap { Int(exactly: $0) }
            switch json["stopwords"] {
            case .string(let name):
                guard let language = StopwordLanguage(named: name) else { return nil }
                parameters.stopwordLanguages = [language]
            case let stopwords?:
                for name in stopwords["languages"]?.array ?? [] {
                    guard let language = name.string.flatMap(StopwordLanguage.init(named:)) else { return nil }
                    parameters.stopwordLanguages.insert(language)
                }
                let words = stopwords["custom"] ?? stopwords
                parameters.stopwords = Set(words.array?.compactMap(\.string) ?? [])
            case nil: break
            }
            // `{"type": "none"}` is no stemmer.
            if let stemmer = json["stemmer"], stemmer["type"] == "snowball" {
                guard let language = stemmer["language"]?.string.flatMap(StemmerLanguage.init(named:)) else {
                    return nil
                }
                parameters.stemmer = language
            }
            parameters.isScored = json["scoring"].map { $0 != false } ?? false
            self = .text(parameters)
        default: return nil
        }
    }
}

extension TextIndexParameters {
    /// Qdrant's `TextIndexParams`; what is not set is not told.
    fileprivate var json: JSONValue {
        var json: JSONObject = [
            "type": "text", "tokenizer": .string(tokenizer.rawValue), "lowercase": .bool(lowercase),
            "ascii_folding": .bool(asciiFolding), "phrase_matching": .bool(phraseMatching),
        ]
        if let minTokenLength { json["min_token_len"] = .integer(Int64(minTokenLength)) }
        if let maxTokenLength { json["max_token_len"] = .integer(Int64(maxTokenLength)) }
        if !stopwords.isEmpty || !stopwordLanguages.isEmpty {
            json["stopwords"] = [
                "languages": .array(stopwordLanguages.map(\.rawValue).sorted().map(JSONValue.string)),
                "custom": .array(stopwords.sorted().map(JSONValue.string)),
            ]
        }
        if let stemmer { json["stemmer"] = ["type": "snowball", "language": .string(stemmer.rawValue)] }
        if isScored { json["scoring"] = true }
        return .object(json)
    }
}
