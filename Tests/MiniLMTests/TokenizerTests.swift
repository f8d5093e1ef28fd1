// The tokenizer against Hugging Face's: goldens first, then what must hold for every text.

import MiniLM
import TestSupport
import Testing

@Suite struct TokenizerTests {
    let tokenizer: WordPieceTokenizer
    let goldens: [TokenizerGoldens.Case]

    static let cls: Int32 = 101
    static let sep: Int32 = 102
    static let unk: Int32 = 100
    static let mask: Int32 = 103

    init() throws {
        tokenizer = try TokenizerFixture.tokenizer()
        goldens = try TokenizerGoldens.load().groups[0].cases
    }

    // MARK: - Goldens

    @Test func idsAndOffsetsEqualTheReference() {
        #expect(goldens.count > 300)
        for golden in goldens {
            let result = tokenizer.tokenize(golden.text)
            #expect(result.ids == golden.ids, "\(golden.text.debugDescription)")
            #expect(
                result.offsets.map { [$0.lowerBound, $0.upperBound] } == golden.offsets,
                "\(golden.text.debugDescription)")
        }
    }

    /// The same vocabulary read as a cased model's, with accents kept, with ideographs left in words.
    @Test func everySettingOfTheNormaliserEqualsTheReference() throws {
        for group in try TokenizerGoldens.load().groups {
            var configuration = WordPieceConfiguration()
            configuration.lowercase = group.settings.do_lower_case
            configuration.stripAccents = group.settings.strip_accents ?? group.settings.do_lower_case
            configuration.tokenizeChineseChars = group.settings.tokenize_chinese_chars
            let tokenizer = try WordPieceTokenizer(
                vocabulary: "\(Weights.directory)/vocab.txt", configuration: configuration)
            for golden in group.cases {
                let result = tokenizer.tokenize(golden.text)
                #expect(result.ids == golden.ids, "\(group.settings) \(golden.text.debugDescription)")
                #expect(
                    result.offsets.map { [$0.lowerBound, $0.upperBound] } == golden.offsets,
                    "\(group.settings) \(golden.text.debugDescription)")
            }
        }
    }

    // MARK: - Nothing to read

    @Test(arguments: ["", " ", "\n\n\t", "\u{3000}\u{2003}", "\u{200B}\u{FEFF}", "\u{0}", "\u{301}", "\u{FFFD}"])
    func blankTextIsTheTwoSpecials(text: String) {
        let result = tokenizer.tokenize(text)
        #expect(result.ids == [Self.cls, Self.sep])
        #expect(result.offsets == [0..<0, 0..<0])
        #expect(result.untruncatedCount == 2)
        #expect(tokenizer.countTokens(text) == 0)
    }

    // MARK: - Long texts

    /// Words, characters and special tokens that begin in one of the parts that a text is read in and end in the next.
    @Test func longTextsAreReadInPartsThatChangeNothing() {
        let end = "[SEP]漢wörld👩🏽‍🚀 unbelievably[MASK]"
        let alone = tokenizer.tokenize(end)
        for before in 0...end.utf8.count {
            let start = (1 << 20) - before
            let long = tokenizer.tokenize(String(repeating: " ", count: start) + end)
            #expect(long.ids == alone.ids)
            let offsets = alone.offsets.dropFirst().map { $0.lowerBound + start..<$0.upperBound + start }
            #expect(long.offsets.dropFirst().elementsEqual(offsets))
        }
    }

    // MARK: - Truncation

    @Test func truncationKeepsThePrefixAndTheSeparator() {
        for golden in goldens {
            let whole = tokenizer.tokenize(golden.text)
            #expect(!whole.isTruncated)
            for limit in [2, 3, 5, 16, 256] {
                let cut = tokenizer.tokenize(golden.text, maxTokens: limit)
                let kept = min(whole.ids.count, limit) - 1
                #expect(cut.ids == whole.ids.prefix(kept) + [Self.sep])
                #expect(cut.offsets.prefix(kept) == whole.offsets.prefix(kept))
                #expect(cut.offsets.last?.isEmpty == true)
                #expect(cut.offsets.last?.lowerBound == whole.offsets[kept - 1].upperBound)
                #expect(cut.untruncatedCount == whole.ids.count)
                #expect(cut.isTruncated == (whole.ids.count > limit))
            }
            #expect(tokenizer.countTokens(golden.text) == whole.ids.count - 2)
        }
    }

    @Test(arguments: [Int.min, -1, 0, 1, 2])
    func noLimitCutsTheSpecials(limit: Int) {
        #expect(tokenizer.tokenize("a b c", maxTokens: limit).ids == [Self.cls, Self.sep])
    }

    /// A word that fits by half is cut between its pieces, and one that turns out to be unknown behind the cut is one token.
    @Test func theCutMayFallInsideAWord() {
        let whole = tokenizer.tokenize("tokenization")
        #expect(whole.ids.count == 4)
        #expect(tokenizer.tokenize("tokenization", maxTokens: 3).ids == [Self.cls, whole.ids[1], Self.sep])
        let unknown = tokenizer.tokenize("tokenization☃", maxTokens: 3)
        #expect(unknown.ids == [Self.cls, Self.unk, Self.sep])
        #expect(!unknown.isTruncated)
    }

    // MARK: - Special tokens

    @Test func specialTokensTypedInATextAreSpecial() {
        #expect(tokenizer.tokenize("[SEP]").ids == [Self.cls, Self.sep, Self.sep])
        #expect(tokenizer.tokenize("a[MASK]b").ids == [Self.cls, 1037, Self.mask, 1038, Self.sep])
        #expect(tokenizer.tokenize("a[MASK]b").offsets == [0..<0, 0..<1, 1..<7, 7..<8, 8..<8])
    }

    @Test func specialTokensInAnotherCaseAreText() {
        #expect(!tokenizer.tokenize("[mask]").ids.contains(Self.mask))
    }

    // MARK: - Large texts

    @Test func aWordOfAMegabyteIsOneUnknownToken() {
        for letter in ["x", "é", "각"] {
            let word = String(repeating: letter, count: 1 << 20)
            let result = tokenizer.tokenize("a \(word) b")
            #expect(result.ids == [Self.cls, 1037, Self.unk, 1038, Self.sep])
            #expect(result.offsets[2] == 2..<2 + word.utf8.count)
        }
    }

    /// How much a model reads is the model's to say, not the tokenizer's.
    @Test func nothingIsCutUnlessAsked() {
        let whole = tokenizer.tokenize(String(repeating: "lamp ", count: 600))
        #expect(whole.ids.count == 602 && !whole.isTruncated)
    }

    @Test func aMegabyteOfWordsIsCountedExactly() {
        let result = tokenizer.tokenize(String(repeating: "lamp, ", count: 170_000), maxTokens: 256)
        #expect(result.ids.count == 256)
        #expect(result.untruncatedCount == 340_002)
        #expect(result.isTruncated)
    }

    /// Half a million marks on one letter: the letter is left.
    @Test func aMegabyteOfAccentsVanishes() {
        let text = "e" + String(repeating: "\u{301}", count: 1 << 19)
        #expect(tokenizer.tokenize(text) == tokenizer.tokenize("e"))
    }

    // MARK: - Every text

    @Test func offsetsAscendWithinTheTextOnScalarBoundaries() {
        var random = RandomTexts(seed: 1)
        for _ in 0..<20_000 {
            let text = random.text(upTo: 12)
            let utf8 = Array(text.utf8)
            let result = tokenizer.tokenize(text)
            #expect(result.ids.count == result.offsets.count)
            #expect(result.ids.count == result.untruncatedCount)
            #expect(result.ids.allSatisfy { tokenizer.token($0) != nil })
            var last = 0..<0
            for range in result.offsets.dropFirst().dropLast() {
                #expect(!range.isEmpty && range.upperBound <= utf8.count)
                #expect(range.lowerBound >= last.lowerBound && range.upperBound >= last.upperBound)
                for end in [range.lowerBound, range.upperBound] where end < utf8.count {
                    #expect(utf8[end] & 0xC0 != 0x80, "\(text.debugDescription) \(range)")
                }
                last = range
            }
        }
    }

    /// A space ends a word, so that two texts with one between them are the tokens of both.
    @Test func aSpaceSeparatesTokens() {
        var random = RandomTexts(seed: 2)
        for _ in 0..<10_000 {
            let (left, right) = (random.text(upTo: 6), random.text(upTo: 6))
            let ids = tokenizer.tokenize("\(left) \(right)").ids
            let expected =
                tokenizer.tokenize(left).ids.dropLast()
                + tokenizer.tokenize(right).ids.dropFirst()
            #expect(ids == Array(expected), "\(left.debugDescription) \(right.debugDescription)")
        }
    }

    // MARK: - Vocabulary

    @Test func idsHaveTheTokensOfTheFile() {
        #expect(tokenizer.vocabularySize == 30_522)
        #expect(tokenizer.token(101) == "[CLS]")
        #expect(tokenizer.token(2075) == "##ing")
        #expect(tokenizer.token(-1) == nil)
        #expect(tokenizer.token(30_522) == nil)
    }
}
