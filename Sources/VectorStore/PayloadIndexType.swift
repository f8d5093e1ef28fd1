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
            [
                "type": "text", "tokenizer": .string(parameters.tokenizer.rawValue),
                "lowercase": .bool(parameters.lowercase), "ascii_folding": .bool(parameters.asciiFolding),
                "min_token_len": parameters.minTokenLength.map { .integer(Int64($0)) } ?? .null,
                "max_token_len": parameters.maxTokenLength.map { .integer(Int64($0)) } ?? .null,
                "stopwords": .array(parameters.stopwords.sorted().map(JSONValue.string)),
                "phrase_matching": .bool(parameters.phraseMatching),
            ]
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
            parameters.stopwords = Set(json["stopwords"]?.array?.compactMap(\.string) ?? [])
            self = .text(parameters)
        default: return nil
        }
    }
}
