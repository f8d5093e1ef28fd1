// What a model directory says about its tokenizer.

/// How a BERT's text becomes words, and which tokens are special. The defaults are the uncased models'.
public struct WordPieceConfiguration: Sendable, Equatable {
    /// Whether words are put in lower case (`do_lower_case`).
    public var lowercase = true
    /// Whether text is decomposed (NFD) and its non-spacing marks are dropped (`strip_accents`). Hugging Face's null means:
    /// as `lowercase`.
    public var stripAccents = true
    /// Whether each CJK ideograph is a word of its own (`tokenize_chinese_chars`).
    public var tokenizeChineseChars = true

    /// The token of words the vocabulary cannot spell.
    public var unkToken = "[UNK]"
    /// The token before every text.
    public var clsToken = "[CLS]"
    /// The token behind every text.
    public var sepToken = "[SEP]"
    /// The tokens that count as such when they are typed in a text; each begins with ASCII punctuation and is in the
    /// vocabulary. nil for those of `[PAD] [UNK] [CLS] [SEP] [MASK]` that are.
    public var addedTokens: [String]?

    /// A word of more scalars than this is `unkToken` (`max_input_chars_per_word`).
    public var maxInputCharsPerWord = 100

    public init() {}

    /// Reads tokenizer_config.json, tokenizer.json and sentence_bert_config.json, each where present, as transformers 4.57 and 5
    /// do for a BERT.
    ///
    /// Case, accents and CJK ideographs are tokenizer_config.json's, and what it does not write is as without the file: lower case,
    /// even where tokenizer.json has `"lowercase": false`. Of a tokenizer whose `tokenizer_class` is `PreTrainedTokenizerFast`, which
    /// version 5 calls `TokenizersBackend`, they are tokenizer.json's, and so is what stands around a text, which is refused where it is
    /// not `clsToken` and `sepToken`. Its truncation and padding are left alone: they are defaults of calls, not of the model.
    ///
    /// Another `tokenizer_class`, or one that config.json has where tokenizer_config.json has none, is refused, unless it is a BERT's by
    /// another name: a tokenizer of another kind may have a vocab.txt, too.
    ///
    /// `do_lower_case` of sentence_bert_config.json, where sentence-transformers has it, puts words in lower case whatever the
    /// tokenizer's own files say, and leaves accents to them. So does sentence-transformers from 5.4 on; before, it called Python's
    /// `lower` on the whole text, which differs in a sigma at the end of a word and in special tokens typed in a text.
    public init(modelDirectory path: String) throws(TokenizerError) {
        let configFile = try optionalJSON(TokenizerConfigJSON.self, path: "\(path)/tokenizer_config.json")
        let config = configFile?.value
        let kind = try TokenizerClass(modelDirectory: path, configFile)
        let json = try optionalJSON(TokenizerJSON.self, path: "\(path)/tokenizer.json")
        if let json { try read(json.value, path: json.path) }
        unkToken = config?.unknown?.content ?? unkToken
        clsToken = config?.classifier?.content ?? clsToken
        sepToken = config?.separator?.content ?? sepToken
        if let json, kind == .general {
            guard json.value.postProcessor?.surrounds(with: clsToken, sepToken) == true else {
                throw unsupported("its post_processor is not \(clsToken) $A \(sepToken)", path: json.path)
            }
        } else {
            lowercase = config?.lowercases ?? true
            stripAccents = config?.stripsAccents ?? lowercase
            tokenizeChineseChars = config?.tokenizesChineseChars ?? true
        }
        let sentences = try optionalJSON(TransformerJSON.self, path: "\(path)/sentence_bert_config.json")?.value
        lowercase = lowercase || sentences?.lowercases == true
    }

    private mutating func read(_ file: TokenizerJSON, path: String) throws(TokenizerError) {
        func require(_ condition: Bool, _ what: String) throws(TokenizerError) {
            guard condition else { throw unsupported(what, path: path) }
        }
        try require(file.model.type ?? "WordPiece" == "WordPiece", "a \(file.model.type ?? "") model, not WordPiece")
        try require(
            file.model.prefix ?? "##" == "##", "continuing_subword_prefix is \(file.model.prefix ?? ""), not ##")
        try require(file.normalizer?.type == "BertNormalizer", "its normalizer is not BertNormalizer")
        try require(file.normalizer?.cleansText ?? true, "clean_text is false")
        try require(file.preTokenizer?.type == "BertPreTokenizer", "its pre_tokenizer is not BertPreTokenizer")
        for token in file.addedTokens ?? [] {
            try require(
                !token.matchesNormalizedText && !token.stripsLeft && !token.stripsRight && !token.matchesWholeWords,
                "the added token \(token.content) is normalized, lstrip, rstrip or single_word")
        }
        lowercase = file.normalizer?.lowercases ?? true
        stripAccents = file.normalizer?.stripsAccents ?? lowercase
        tokenizeChineseChars = file.normalizer?.handlesChineseChars ?? true
        unkToken = file.model.unknown ?? unkToken
        addedTokens = file.addedTokens?.map(\.content)
        if let limit = file.model.maxInputCharsPerWord {
            guard limit >= 1 else { throw .malformed(path: path, reason: "max_input_chars_per_word is \(limit)") }
            maxInputCharsPerWord = limit
        }
    }
}

// MARK: - The files

/// The file at `path`, nil when there is none.
private func optionalJSON<Value>(_: Value.Type, path: String) throws(TokenizerError) -> JSONFile<Value>? {
    do {
        return try .ifPresent(path: path)
    } catch {
        throw TokenizerError(error)
    }
}

private func unsupported(_ what: String, path: String) -> TokenizerError {
    .unsupported("\(path) asks for what this tokenizer does not do: \(what)")
}

/// Who decides how text becomes words, in transformers.
private enum TokenizerClass {
    /// BERT's own class, which sets tokenizer.json's normaliser anew.
    case bert
    /// The general class, which is whatever tokenizer.json says.
    case general

    /// The one that tokenizer_config.json names, or else config.json, as `AutoTokenizer` looks for it; BERT's where neither does.
    init(modelDirectory: String, _ config: JSONFile<TokenizerConfigJSON>?) throws(TokenizerError) {
        if let config, let name = config.value.className {
            self = try Self.named(name, path: config.path)
        } else if let model = try optionalJSON(ModelJSON.self, path: "\(modelDirectory)/config.json"),
            let name = model.value.className
        {
            self = try Self.named(name, path: model.path)
        } else {
            self = .bert
        }
    }

    private static func named(_ name: String, path: String) throws(TokenizerError) -> TokenizerClass {
        switch name {
        // DistilBERT's and ELECTRA's are copies of BERT's in transformers 4.57, and in 5 subclasses or BERT's own.
        case "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer",
            "ElectraTokenizerFast":
            .bert
        case "PreTrainedTokenizerFast", "TokenizersBackend": .general
        case _: throw unsupported("tokenizer_class is \(name), not a BERT's", path: path)
        }
    }
}

/// config.json, of which the encoder reads the rest.
private struct ModelJSON: Decodable {
    let className: String?

    private enum CodingKeys: String, CodingKey {
        case className = "tokenizer_class"
    }
}

/// tokenizer_config.json.
private struct TokenizerConfigJSON: Decodable {
    /// A token is written as a string or, by some versions, as an object.
    struct Token: Decodable {
        let content: String

        private enum CodingKeys: CodingKey { case content }

        init(from decoder: any Decoder) throws {
            do {
                content = try decoder.singleValueContainer().decode(String.self)
            } catch DecodingError.typeMismatch {
                content = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .content)
            }
        }
    }

    let className: String?
    let lowercases, stripsAccents, tokenizesChineseChars: Bool?
    let unknown, classifier, separator: Token?

    private enum CodingKeys: String, CodingKey {
        case className = "tokenizer_class"
        case lowercases = "do_lower_case"
        case stripsAccents = "strip_accents"
        case tokenizesChineseChars = "tokenize_chinese_chars"
        case unknown = "unk_token"
        case classifier = "cls_token"
        case separator = "sep_token"
    }
}

/// sentence_bert_config.json, of which the encoder reads the rest.
private struct TransformerJSON: Decodable {
    let lowercases: Bool?

    private enum CodingKeys: String, CodingKey {
        case lowercases = "do_lower_case"
    }
}

/// tokenizer.json, without its vocabulary.
private struct TokenizerJSON: Decodable {
    struct Model: Decodable {
        let type: String?
        let unknown: String?
        let prefix: String?
        let maxInputCharsPerWord: Int?

        private enum CodingKeys: String, CodingKey {
            case type
            case unknown = "unk_token"
            case prefix = "continuing_subword_prefix"
            case maxInputCharsPerWord = "max_input_chars_per_word"
        }
    }

    struct Normalizer: Decodable {
        let type: String
        let cleansText, handlesChineseChars, stripsAccents, lowercases: Bool?

        private enum CodingKeys: String, CodingKey {
            case type
            case cleansText = "clean_text"
            case handlesChineseChars = "handle_chinese_chars"
            case stripsAccents = "strip_accents"
            case lowercases = "lowercase"
        }
    }

    struct PreTokenizer: Decodable {
        let type: String
    }

    /// What puts special tokens around a text.
    struct PostProcessor: Decodable {
        /// A piece of a template: a special token, or the text.
        struct Piece: Decodable {
            struct Part: Decodable {
                let id: String
                let segment: Int

                private enum CodingKeys: String, CodingKey {
                    case id
                    case segment = "type_id"
                }
            }

            let special, sequence: Part?

            private enum CodingKeys: String, CodingKey {
                case special = "SpecialToken"
                case sequence = "Sequence"
            }
        }

        /// What a template's special token stands for: it may be several.
        struct Special: Decodable {
            let tokens: [String]
        }

        /// A token, written as a list of it and its id.
        struct Pair: Decodable {
            let token: String

            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                token = try list.decode(String.self)
            }
        }

        let type: String
        let single: [Piece]?
        let specials: [String: Special]?
        let classifier, separator: Pair?

        private enum CodingKeys: String, CodingKey {
            case type, single
            case specials = "special_tokens"
            case classifier = "cls"
            case separator = "sep"
        }

        /// Whether it puts these two tokens around a text and nothing else, in the first segment.
        func surrounds(with cls: String, _ sep: String) -> Bool {
            switch type {
            case "BertProcessing": classifier?.token == cls && separator?.token == sep
            case "TemplateProcessing":
                single?.map(\.special?.id) == [cls, nil, sep] && single?.map(\.sequence?.id) == [nil, "A", nil]
                    && single?.allSatisfy { ($0.special ?? $0.sequence)?.segment == 0 } == true
                    && [cls, sep].allSatisfy { specials?[$0]?.tokens == [$0] }
            case _: false
            }
        }
    }

    struct AddedToken: Decodable {
        let content: String
        let matchesWholeWords, stripsLeft, stripsRight, matchesNormalizedText: Bool

        private enum CodingKeys: String, CodingKey {
            case content
            case matchesWholeWords = "single_word"
            case stripsLeft = "lstrip"
            case stripsRight = "rstrip"
            case matchesNormalizedText = "normalized"
        }
    }

    let model: Model
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let postProcessor: PostProcessor?
    let addedTokens: [AddedToken]?

    private enum CodingKeys: String, CodingKey {
        case model, normalizer
        case preTokenizer = "pre_tokenizer"
        case postProcessor = "post_processor"
        case addedTokens = "added_tokens"
    }
}
