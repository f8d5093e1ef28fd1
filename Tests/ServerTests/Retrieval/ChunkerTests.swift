// The chunker against its promise: every chunk fits the model by the model's own count, and no text is lost.

import MiniLM
import TestSupport
import Testing

@testable import Server

@Suite struct ChunkerTests {
    let tokenizer: WordPieceTokenizer

    init() throws { tokenizer = try WordPieceTokenizer(vocabulary: Weights.directory + "/vocab.txt") }

    /// The three promises, checked on any text: chunks fit, their text is the source's at their offsets, and what no chunk
    /// covers is blank.
    private func checkPromises(_ chunks: [Chunk], of text: String, maxTokens: Int) {
        let scalars = Array(text.unicodeScalars)
        var covered = 0
        for chunk in chunks {
            #expect(tokenizer.countTokens(chunk.embeddingText) <= maxTokens)
            #expect(tokenizer.countTokens(chunk.embeddingText) == chunk.tokens)
            #expect(Array(chunk.text.unicodeScalars) == Array(scalars[chunk.characters]))
            #expect(chunk.embeddingText.hasSuffix(chunk.text))
            if chunk.characters.lowerBound > covered {
                let skipped = scalars[covered..<chunk.characters.lowerBound]
                #expect(skipped.allSatisfy { $0.isBlank })
            }
            #expect(chunk.characters.upperBound > covered, "each chunk goes on where the last one ended")
            covered = max(covered, chunk.characters.upperBound)
        }
        #expect(scalars[covered...].allSatisfy { $0.isBlank || tokenizer.countTokens(String($0)) == 0 })
    }

    @Test func `a text that fits is one chunk`() {
        let chunks = Chunker(tokenizer: tokenizer, maxTokens: 254).chunks(of: "  Uma frase. Outra frase.\n")
        #expect(chunks.map(\.text) == ["Uma frase. Outra frase."])
        #expect(chunks[0].characters == 2..<25)
    }

    @Test(arguments: ["", " \n\t ", "\u{FEFF}\u{200B}\u{7F}"])
    func `a text without readable characters has no chunks`(text: String) {
        #expect(Chunker(tokenizer: tokenizer, maxTokens: 254).chunks(of: text).isEmpty)
    }

    @Test func `chunks end at a paragraph when there is one in their second half`() {
        let paragraph = String(repeating: "The harbour was quiet that morning. ", count: 6)
        let text = [paragraph, paragraph, paragraph, paragraph].joined(separator: "\n\n")
        let chunks = Chunker(tokenizer: tokenizer, maxTokens: 100, overlap: 0).chunks(of: text)
        #expect(chunks.count == 2)
        #expect(chunks.allSatisfy { $0.text.hasSuffix("morning.") && $0.text.contains("\n\n") })
        checkPromises(chunks, of: text, maxTokens: 100)
    }

    @Test func `without paragraphs chunks end at sentences, and repeat whole sentences`() {
        let text = (1...60).map { "This is sentence number \($0) of the long story." }.joined(separator: " ")
        let chunks = Chunker(tokenizer: tokenizer, maxTokens: 128).chunks(of: text)
        #expect(chunks.allSatisfy { $0.text.hasPrefix("This") && $0.text.hasSuffix("story.") })
        for (chunk, next) in zip(chunks, chunks.dropFirst()) {
            #expect(next.characters.lowerBound < chunk.characters.upperBound)
        }
        checkPromises(chunks, of: text, maxTokens: 128)
    }

    @Test func `without sentences chunks end at words and repeat about fifteen per cent`() {
        let text = (0..<2000).map { "word\($0 % 7)" }.joined(separator: " ")
        let chunks = Chunker(tokenizer: tokenizer, maxTokens: 254).chunks(of: text)
        checkPromises(chunks, of: text, maxTokens: 254)
        for (chunk, next) in zip(chunks, chunks.dropFirst()) {
            #expect(next.text.hasPrefix("word") && chunk.text.last?.isNumber == true)
            let repeated = text.unicodeScalars.prefix(chunk.characters.upperBound).dropFirst(next.characters.lowerBound)
            let tokens = tokenizer.countTokens(String(String.UnicodeScalarView(repeated)))
            #expect(30...38 ~= tokens)
        }
    }

    @Test func `what stands under headings is embedded with them, and never repeats text from before them`() {
        let body = String(repeating: "The ferry leaves at nine. ", count: 30)
        let text = "# Guide\n\nWelcome.\n\n## Ferries\n\n\(body)\n\n## Beaches\n\n\(body)"
        let chunks = Chunker(tokenizer: tokenizer, maxTokens: 100).chunks(of: text)
        checkPromises(chunks, of: text, maxTokens: 100)
        #expect(chunks.contains { $0.headings == ["Guide", "Ferries"] })
        #expect(chunks.last?.headings == ["Guide", "Beaches"])
        #expect(chunks.last?.embeddingText.hasPrefix("Guide\nBeaches\nThe ferry") == true)
        for chunk in chunks { #expect(!chunk.text.hasSuffix("## Ferries") && !chunk.text.hasSuffix("## Beaches")) }
    }

    @Test func `a comment in a fenced block is no heading`() {
        let text = "# Setup\n\n```sh\n# install\nmake run\n```\n\nDone."
        let lines = MarkdownLines(of: text).compactMap(\.heading?.title)
        #expect(lines == ["Setup"])
    }

    @Test(arguments: [
        "https://example.org/" + String(repeating: "a/b-c.d_e?f=g&", count: 200),
        String(repeating: "x", count: 50_000),
        String(repeating: "海は静かだった。", count: 300),
        String(repeating: "海", count: 3000),
        String(repeating: "❤️👩‍👩‍👧‍👦", count: 500),
        String(repeating: "supercalifragilisticexpialidocious ", count: 400),
        String(repeating: "# Heading\n", count: 400),
        "# " + String(repeating: "long heading ", count: 200) + "\nbody",
        String(repeating: "a.b.c. A. B. ", count: 500),
        "\r\n\r\nlinha um.\r\n\r\nlinha dois.\r\n",
    ])
    func `odd texts keep the promises too`(text: String) {
        for maxTokens in [32, 64, 254] {
            let chunks = Chunker(tokenizer: tokenizer, maxTokens: maxTokens).chunks(of: text)
            checkPromises(chunks, of: text, maxTokens: maxTokens)
        }
    }

    @Test func `random texts keep the promises`() {
        var generator = SplitMix64(seed: 7)
        let pieces = [
            "word", "Palavra", "é", ".", ". ", "! ", "\n", "\n\n", "# T\n", "- item\n", "海", "👍🏽", "\u{301}", " ", "  ",
            "[SEP]",
            "antidisestablishmentarianism", "\t", "1.", "\u{200B}", "```\n", "…", "\u{AD}", "x-y-z", "ﬁ", "각",
        ]
        for round in 0..<300 {
            let count = Int.random(in: 0..<400, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined(
                separator: round % 2 == 0 ? " " : ""
            )
            let chunks = Chunker(tokenizer: tokenizer, maxTokens: 40, overlap: round % 20).chunks(of: text)
            checkPromises(chunks, of: text, maxTokens: 40)
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isBlank: Bool { properties.isWhitespace || self == "\u{FEFF}" || self == "\u{200B}" }
}
