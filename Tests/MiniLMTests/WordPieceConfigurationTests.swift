// What model directories may say about their tokenizer, and what becomes of files that are damaged.

import Foundation
import TestSupport
import Testing

@testable import MiniLM

@Suite struct WordPieceConfigurationTests {
    static let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "ab", "É", "e", "<s>", "<s>a", "b"]
        .joined(separator: "\n")

    /// The configuration of a directory that holds these files.
    private func configuration(
        config: String? = nil, tokenizer: String? = nil, sentences: String? = nil, model: String? = nil
    ) throws -> WordPieceConfiguration {
        var files: [String: String] = [:]
        files["config.json"] = model
        files["sentence_bert_config.json"] = sentences
        files["tokenizer_config.json"] = config
        files["tokenizer.json"] = tokenizer
        return try TokenizerFixture.withFolder(files) { try WordPieceConfiguration(modelDirectory: $0) }
    }

    /// [CLS] and [SEP] around a text, as `BertWordPieceTokenizer` of the tokenizers library writes it.
    static let surrounding = #"{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}"#

    /// tokenizer.json with these members in its normaliser, model and list of added tokens.
    private func tokenizerJSON(
        normalizer: String = "", model: String = "", added: String = "", vocab: String = "{}",
        postProcessor: String = surrounding
    ) -> String {
        """
        {"added_tokens": [\(added)], "normalizer": {"type": "BertNormalizer"\(normalizer)},
         "post_processor": \(postProcessor), "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "vocab": \(vocab)\(model)}}
        """
    }

    /// The ids of a text, read with a vocabulary of its own.
    private func ids(
        _ text: String, vocabulary: String = vocabulary, _ configuration: WordPieceConfiguration = .init()
    ) throws -> [Int32] {
        try TokenizerFixture.withFolder(["vocab.txt": vocabulary]) { folder in
            try WordPieceTokenizer(vocabulary: "\(folder)/vocab.txt", configuration: configuration).tokenize(text).ids
        }
    }

    // MARK: - Settings

    @Test func theRealModelIsUncased() throws {
        let real = try WordPieceConfiguration(modelDirectory: Weights.directory)
        var expected = WordPieceConfiguration()
        expected.addedTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        #expect(real == expected)
    }

    @Test func withoutFilesTheDefaultsHold() throws {
        #expect(try configuration() == WordPieceConfiguration())
    }

    @Test func accentsFollowTheCaseUnlessSaidOtherwise() throws {
        let cased = try configuration(config: #"{"do_lower_case": false, "strip_accents": null}"#)
        #expect(!cased.lowercase && !cased.stripAccents)
        let stripped = try configuration(config: #"{"do_lower_case": false, "strip_accents": true}"#)
        #expect(!stripped.lowercase && stripped.stripAccents)
    }

    /// Oracle: the normaliser of `AutoTokenizer.from_pretrained` in transformers 4.57.1 and 5.24.0, asked for all these directories.
    @Test(
        arguments: [nil, "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizerFast"],
        [nil, true, false])
    func tokenizerConfigDecidesAloneOfABertTokenizer(name: String?, lowercases: Bool?) throws {
        for json in [true, false] {
            let both = try configuration(
                config: tokenizerConfig(class: name, lowercases: lowercases), tokenizer: cjkAsWords(lowercases: json))
            #expect(both.lowercase == (lowercases ?? true))
            #expect(both.stripAccents == both.lowercase)
            #expect(both.tokenizeChineseChars)
        }
    }

    /// The same oracle; 4.57 has only the first class, 5.24 both.
    @Test(arguments: ["PreTrainedTokenizerFast", "TokenizersBackend"], [nil, true, false])
    func tokenizerJSONDecidesAloneOfAGeneralTokenizer(name: String, lowercases: Bool?) throws {
        let config = tokenizerConfig(class: name, lowercases: lowercases)
        for json in [true, false] {
            let both = try configuration(config: config, tokenizer: cjkAsWords(lowercases: json))
            #expect(both.lowercase == json && both.stripAccents == json && !both.tokenizeChineseChars)
        }
        #expect(try configuration(config: config).lowercase == (lowercases ?? true))
    }

    /// As above, and the same oracle.
    @Test func withoutTokenizerConfigTextIsPutInLowerCase() throws {
        let configuration = try configuration(tokenizer: cjkAsWords(lowercases: false))
        #expect(configuration.lowercase && configuration.stripAccents && configuration.tokenizeChineseChars)
    }

    private func tokenizerConfig(class name: String?, lowercases: Bool?) -> String {
        let members = [
            name.map { #""tokenizer_class": "\#($0)""# }, lowercases.map { #""do_lower_case": \#($0)"# },
            #""model_max_length": 512"#,
        ]
        return "{\(members.compactMap(\.self).joined(separator: ", "))}"
    }

    /// A tokenizer.json that leaves CJK ideographs in their words.
    private func cjkAsWords(lowercases: Bool) -> String {
        tokenizerJSON(normalizer: #", "lowercase": \#(lowercases), "handle_chinese_chars": false"#)
    }

    /// Oracle: for each scalar between two letters the tokenizers library's `Lowercase`, which sentence-transformers puts before the
    /// normaliser, and BertNormalizer give what a BertNormalizer with these two settings gives.
    @Test(arguments: [true, false], [nil, true, false])
    func sentenceTransformersLowerCaseComesFirstAndLeavesAccents(lowercases: Bool, strips: Bool?) throws {
        let config = #"{"do_lower_case": \#(lowercases), "strip_accents": \#(strips.map { "\($0)" } ?? "null")}"#
        let alone = try configuration(config: config)
        var expected = alone
        expected.lowercase = true
        for (sentences, expected) in [
            (#"{"max_seq_length": 256, "do_lower_case": true}"#, expected), (#"{"do_lower_case": false}"#, alone),
            (#"{"do_lower_case": null}"#, alone), (#"{"transformer_task": "feature-extraction"}"#, alone),
        ] {
            #expect(try configuration(config: config, sentences: sentences) == expected)
        }
        #expect(alone.stripAccents == (strips ?? lowercases))
    }

    @Test func tokensAreNamedByStringOrObject() throws {
        let named = try configuration(
            config: #"{"unk_token": "<unk>", "cls_token": {"content": "<s>", "lstrip": false}, "sep_token": "</s>"}"#)
        #expect([named.unkToken, named.clsToken, named.sepToken] == ["<unk>", "<s>", "</s>"])
    }

    @Test func aCasedModelKeepsCaseAndAccents() throws {
        var cased = WordPieceConfiguration()
        cased.lowercase = false
        cased.stripAccents = false
        #expect(try ids("É E", cased) == [2, 7, 1, 3])
        #expect(try ids("É E") == [2, 8, 8, 3])
    }

    @Test func theLongestAddedTokenIsTaken() throws {
        var configuration = WordPieceConfiguration()
        configuration.addedTokens = ["<s>", "<s>a"]
        #expect(try ids("b<s>ab<s>b", configuration) == [2, 11, 10, 11, 9, 11, 3])
    }

    @Test func wordsLongerThanTheModelsLimitAreUnknown() throws {
        let limited = try configuration(tokenizer: tokenizerJSON(model: #", "max_input_chars_per_word": 2"#))
        #expect(limited.maxInputCharsPerWord == 2)
        #expect(try ids("abb ab", limited) == [2, 1, 6, 3])
    }

    // MARK: - Vocabularies

    @Test func lineEndsMayBeWindows() throws {
        let windows = Self.vocabulary.split(separator: "\n").joined(separator: "\r\n")
        #expect(try ids("abb", vocabulary: windows) == ids("abb"))
        #expect(try ids("abb", vocabulary: Self.vocabulary + "\n") == [2, 6, 5, 3])
    }

    /// As in a Python dictionary filled line by line.
    @Test func ofEqualTokensTheLastCounts() throws {
        #expect(try ids("a", vocabulary: Self.vocabulary + "\na") == [2, 12, 3])
    }

    @Test func aBlankLineIsATokenNoTextHas() throws {
        #expect(try ids("a", vocabulary: "\n\n" + Self.vocabulary) == [4, 6, 5])
    }

    // MARK: - Vocabularies within tokenizer.json

    /// The tokenizer of a directory without vocab.txt, as transformers 5 leaves it.
    private func tokenizer(vocab: String) throws -> WordPieceTokenizer {
        try TokenizerFixture.withFolder(["tokenizer.json": tokenizerJSON(vocab: vocab)]) {
            try WordPieceTokenizer(modelDirectory: $0)
        }
    }

    /// An object of the four specials, with the ids they have in `vocabulary`, and of these members.
    private func vocab(_ members: String) -> String {
        #"{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, \#(members)}"#
    }

    @Test func withoutAListTheVocabularyIsTokenizerJSONs() throws {
        let members = Self.vocabulary.split(separator: "\n").enumerated().map { "\"\($1)\":\($0)" }
        for members in [members, members.reversed()] {
            let tokenizer = try tokenizer(vocab: "{\(members.joined(separator: " ,\n\t"))}")
            #expect(tokenizer.vocabularySize == 12)
            for text in ["abb", "a b e", "é", "ü"] { #expect(try tokenizer.tokenize(text).ids == ids(text)) }
        }
    }

    /// Oracle: the same model's vocab.txt.
    @Test func theRealTokenizerJSONHasTheRealVocabulary() throws {
        let real = try TokenizerFixture.tokenizer()
        let json = try String(contentsOfFile: "\(Weights.directory)/tokenizer.json", encoding: .utf8)
        let tokenizer = try TokenizerFixture.withFolder(["tokenizer.json": json]) {
            try WordPieceTokenizer(modelDirectory: $0)
        }
        #expect(tokenizer.vocabularySize == real.vocabularySize)
        for id in 0..<Int32(real.vocabularySize) { #expect(tokenizer.token(id) == real.token(id)) }
        for text in try TokenizerGoldens.load().groups.flatMap(\.cases).map(\.text) {
            #expect(tokenizer.tokenize(text) == real.tokenize(text))
        }
    }

    @Test func aListWinsOverTokenizerJSON() throws {
        let files = ["vocab.txt": Self.vocabulary, "tokenizer.json": tokenizerJSON(vocab: vocab(#""a": 4, "b": 5"#))]
        let ids = try TokenizerFixture.withFolder(files) {
            try WordPieceTokenizer(modelDirectory: $0).tokenize("b").ids
        }
        #expect(ids == [2, 11, 3])
    }

    /// A Swift String takes the first two for equal, and so would a dictionary of them.
    @Test func tokensAreToldApartByTheirBytes() throws {
        let tokens = ["é", "e\u{301}", "Å", "\u{212B}", "a\nb"]
        let members = tokens.enumerated().map { "\"\($1.replacing("\n", with: #"\n"#))\": \($0 + 4)" }
        let tokenizer = try tokenizer(vocab: vocab(members.joined(separator: ", ")))
        for (index, token) in tokens.enumerated() {
            #expect(tokenizer.token(Int32(index + 4)).map { Array($0.utf8) } == Array(token.utf8))
        }
    }

    @Test(arguments: [
        (#"\u0061"#, "a"), (#"\u00e9\u00C9"#, "éÉ"), (#"\uD83D\uDE00"#, "😀"),
        (#"\\\"\/\b\f\n\r\t"#, "\\\"/\u{8}\u{C}\n\r\t"),
    ])
    func escapesAreRead(escaped: String, token: String) throws {
        #expect(try tokenizer(vocab: vocab(#""\#(escaped)": 4"#)).token(4) == token)
    }

    /// The reader itself: in a file, what decodes the rest of it may refuse them first.
    @Test(arguments: [#"\u+041"#, #"\u-041"#, #"\u 041"#, #"\u00g1"#, #"\u004"#])
    func escapesWithoutFourDigitsAreRefused(escaped: String) {
        let json = #"{"model": {"vocab": {"\#(escaped)": 0}}}"#
        #expect(throws: VocabularyReader.Failure.self) {
            var reader = VocabularyReader(Array(json.utf8))
            try reader.readVocabulary { _, _ throws(VocabularyReader.Failure) in }
        }
    }

    @Test func anIdThatNoTokenHasIsATokenNoTextHas() throws {
        let tokenizer = try tokenizer(vocab: vocab(#""a": 7"#))
        #expect(tokenizer.vocabularySize == 8)
        #expect(tokenizer.token(5)?.isEmpty == true)
        #expect(tokenizer.tokenize("a").ids == [2, 7, 3])
    }

    @Test func onlyTheModelsVocabularyIsMeant() throws {
        let decoys = #"{"vocab": {"a": 1}, "n": [-1.5e3, {"model": {"vocab": 7}}, "}\"]", true], "e": {}, "f": [], "#
        let json = decoys + tokenizerJSON(model: #", "x": 0"#, vocab: vocab(#""a": 4"#)).dropFirst()
        let ids = try TokenizerFixture.withFolder(["tokenizer.json": json]) {
            try WordPieceTokenizer(modelDirectory: $0).tokenize("a").ids
        }
        #expect(ids == [2, 4, 3])
    }

    @Test(arguments: [
        (#"{"[UNK]": 1, "[CLS]": 2, "[SEP]": 2}"#, "two tokens have the id 2"),
        (#"{"[UNK]": -1}"#, "the id -1 is not between"), (#"{"[UNK]": 1048576}"#, "the id 1048576 is not between"),
        (#"{"[UNK]": 99999999999999999999}"#, "an id is no integer"), (#"{"[UNK]": "1"}"#, "an id is no integer"),
        (#"{"[UNK]": 1.5}"#, "there is no }"), (#"["[UNK]"]"#, "there is no {"), ("null", "there is no {"),
        (#"{"\ud83d": 1}"#, ""), (#"{"[UNK]": 0, "[CLS]": 1}"#, "[SEP] is missing"), ("{}", "[UNK] is missing"),
    ])
    func aVocabularyThatIsNoneIsRefused(vocab: String, reason: String) throws {
        let error = #expect(throws: TokenizerError.self) { try tokenizer(vocab: vocab) }
        #expect(error?.description.contains("tokenizer.json") == true)
        #expect(reason.isEmpty || error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    // MARK: - Refusals

    @Test(arguments: [
        (#", "lstrip": true"#, "lstrip"), (#", "normalized": true"#, "normalized"),
        (#", "single_word": true"#, "single_word"),
    ])
    func addedTokensThatMatchOtherwiseAreRefused(flag: String, word: String) throws {
        let flags = [#""single_word""#, #""lstrip""#, #""rstrip""#, #""normalized""#]
            .filter { !flag.contains($0) }.map { "\($0): false" }.joined(separator: ", ")
        let added = #"{"id": 1, "content": "<x>", \#(flags)\#(flag)}"#
        let error = #expect(throws: TokenizerError.self) { try configuration(tokenizer: tokenizerJSON(added: added)) }
        #expect(error?.description.contains("<x>") == true)
        #expect(error?.description.contains(word) == true)
    }

    @Test(arguments: [
        #"{"model": {"type": "BPE"}}"#,
        #"{"model": {"type": "WordPiece"}, "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "BertPreTokenizer"}}"#,
        #"{"model": {"type": "WordPiece"}, "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "Digits"}}"#,
        #"{"model": {"type": "WordPiece", "continuing_subword_prefix": "@@"}}"#,
    ])
    func otherTokenizersAreRefused(json: String) throws {
        let error = #expect(throws: TokenizerError.self) { try configuration(tokenizer: json) }
        guard case .unsupported(let reason) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(reason.contains("tokenizer.json"))
    }

    /// A template of these pieces and special tokens.
    private func template(_ single: String, _ specials: String) -> String {
        #"{"type": "TemplateProcessing", "single": [\#(single)], "pair": [], "special_tokens": {\#(specials)}}"#
    }

    private static let clsPiece = #"{"SpecialToken": {"id": "[CLS]", "type_id": 0}}"#
    private static let sepPiece = #"{"SpecialToken": {"id": "[SEP]", "type_id": 0}}"#
    private static let textPiece = #"{"Sequence": {"id": "A", "type_id": 0}}"#
    private static let specials = """
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}
        """

    /// A BERT's own class puts its tokens around texts whatever the file says, in transformers 5.
    @Test(arguments: ["PreTrainedTokenizerFast", "TokenizersBackend"])
    func aGeneralTokenizerPutsTheTwoTokensAroundTextsOrIsRefused(name: String) throws {
        let (cls, text, sep) = (Self.clsPiece, Self.textPiece, Self.sepPiece)
        let config = #"{"tokenizer_class": "\#(name)"}"#
        for accepted in [Self.surrounding, template("\(cls), \(text), \(sep)", Self.specials)] {
            _ = try configuration(config: config, tokenizer: tokenizerJSON(postProcessor: accepted))
        }
        let second = text.replacingOccurrences(of: "0", with: "1")
        let twice = Self.specials.replacingOccurrences(of: #"["[SEP]"]"#, with: #"["[SEP]", "[SEP]"]"#)
        for refused in [
            "null", Self.surrounding.replacingOccurrences(of: "BertProcessing", with: "RobertaProcessing"),
            Self.surrounding.replacingOccurrences(of: "[CLS]", with: "<s>"), #"{"type": "BertProcessing"}"#,
            #"{"type": "Sequence", "processors": [\#(Self.surrounding)]}"#, #"{"type": "TemplateProcessing"}"#,
            template(text, Self.specials), template("\(cls), \(text)", Self.specials),
            template("\(sep), \(text), \(cls)", Self.specials), template("\(cls), \(second), \(sep)", Self.specials),
            template("\(cls), \(text), \(sep)", twice), template("\(cls), \(text), \(sep)", ""),
            template("\(cls), \(text), \(text), \(sep)", Self.specials),
        ] {
            let json = tokenizerJSON(postProcessor: refused)
            let error = #expect(throws: TokenizerError.self, "\(refused)") {
                try configuration(config: config, tokenizer: json)
            }
            #expect(error?.description.contains("post_processor is not [CLS] $A [SEP]") == true, "\(refused)")
            _ = try configuration(config: #"{"tokenizer_class": "BertTokenizer"}"#, tokenizer: json)
        }
    }

    /// As it is, and as `save_pretrained` of the general class leaves it.
    @Test(arguments: ["BertTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"])
    func theRealTokenizerJSONIsReadWhateverItsClass(name: String) throws {
        let json = try String(contentsOfFile: "\(Weights.directory)/tokenizer.json", encoding: .utf8)
        let read = try configuration(config: #"{"tokenizer_class": "\#(name)"}"#, tokenizer: json)
        #expect(try read == WordPieceConfiguration(modelDirectory: Weights.directory))
    }

    /// BertJapaneseTokenizer's directory has a vocab.txt and no tokenizer.json, as an old BERT's has.
    @Test(arguments: ["BertJapaneseTokenizer", "MPNetTokenizer", "bertTokenizer", ""])
    func tokenizersOfOtherClassesAreRefused(name: String) throws {
        let named = #"{"tokenizer_class": "\#(name)"}"#
        for (config, model, file) in [
            (named, nil, "tokenizer_config.json"),
            (named, #"{"tokenizer_class": "BertTokenizer"}"#, "tokenizer_config.json"),
            ("{}", named, "/config.json"), (nil, named, "/config.json"),
        ] {
            let error = #expect(throws: TokenizerError.self) { try configuration(config: config, model: model) }
            guard case .unsupported(let reason) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(reason.contains(file) && reason.contains("tokenizer_class is \(name), not a BERT's"))
        }
    }

    @Test func theModelsConfigurationNamesTheClassWhereTheTokenizersDoesNot() throws {
        let json = cjkAsWords(lowercases: false)
        let general = #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#
        #expect(try !configuration(tokenizer: json, model: general).lowercase)
        let bert = #"{"tokenizer_class": "BertTokenizer"}"#
        #expect(try configuration(config: bert, tokenizer: json, model: general).lowercase)
        #expect(try configuration(config: bert, model: #"{"tokenizer_class": "MPNetTokenizer"}"#).lowercase)
    }

    @Test(arguments: [#"{"unk_token": 7}"#, #"{"unk_token": {}}"#, #"{"do_lower_case": "yes"}"#, "", "[]", "{"])
    func aConfigurationThatIsNotOneIsNamed(json: String) {
        let error = #expect(throws: TokenizerError.self) { try configuration(config: json) }
        #expect(error?.description.contains("tokenizer_config.json") == true)
    }

    @Test func anAddedTokenMustBePunctuatedAndInTheVocabulary() throws {
        var configuration = WordPieceConfiguration()
        for tokens in [["<y>"], ["b"], [""], ["É"]] {
            configuration.addedTokens = tokens
            #expect(throws: TokenizerError.self) { try ids("a", configuration) }
        }
    }

    @Test(arguments: ["\n", "a\nb", "[UNK]\n[CLS]"])
    func aVocabularyWithoutItsSpecialsIsRefused(vocabulary: String) throws {
        let error = #expect(throws: TokenizerError.self) { try ids("a", vocabulary: vocabulary) }
        #expect(error?.description.contains("is missing") == true)
    }

    @Test func anEmptyVocabularyIsRefused() throws {
        let error = #expect(throws: TokenizerError.self) { try ids("a", vocabulary: "") }
        #expect(error?.description.contains("vocab.txt: it is empty") == true)
    }

    @Test func aVocabularyThatIsNotThereIsNamed() {
        let error = #expect(throws: TokenizerError.self) { try WordPieceTokenizer(vocabulary: "/nowhere/vocab.txt") }
        #expect(error?.description.contains("/nowhere/vocab.txt") == true)
    }

    /// Files are cut and their bytes flipped: each is read or refused with a TokenizerError, and never crashes.
    @Test(arguments: [true, false])
    func damagedFilesAreReadOrRefused(hasList: Bool) throws {
        let members = ###""[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "##b": 5, "\u00c9": 6"###
        let config = Array(#"{"do_lower_case": true, "cls_token": {"content": "[CLS]"}, "unk_token": "[UNK]"}"#.utf8)
        let tokenizer = Array(tokenizerJSON(normalizer: #", "lowercase": true"#, vocab: "{\(members)}").utf8)
        var files = ["tokenizer_config.json": config, "tokenizer.json": tokenizer]
        if hasList { files["vocab.txt"] = Array(Self.vocabulary.utf8) }
        var random = RandomTexts(seed: 3)
        var refused = 0
        for _ in 0..<500 {
            var damaged = files
            for (name, bytes) in files where !bytes.isEmpty && random.next() % 2 == 0 {
                var bytes = bytes
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
                if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
                damaged[name] = bytes
            }
            try TokenizerFixture.withFolder(damaged) { folder in
                do throws(TokenizerError) {
                    let ids = try WordPieceTokenizer(modelDirectory: folder).tokenize("ab É [SEP] <s>").ids
                    #expect(ids.count >= 2)
                } catch {
                    refused += 1
                    #expect(error.description.contains(folder) || error.description.contains("added token"))
                }
            }
        }
        #expect((1..<500).contains(refused))
    }
}
