// Prompts: what they say, what they leave out, and that nothing in a passage breaks out of its place.

import TestSupport
import Testing
import VectorStore

@testable import Server

@Suite struct PromptTests {
    /// A count that is easy to reason about: one token a word.
    static func words(_ text: String) -> Int { text.split(whereSeparator: \.isWhitespace).count }

    static func source(_ text: String, title: String = "Faro") -> Source {
        Source(
            id: "1", documentID: "d", title: title, url: "", text: text, score: 0.5, chunkIndex: 0,
            characters: 0..<text.unicodeScalars.count)
    }

    func prompt(
        _ sources: [Source], question: String = "Onde fica Faro?", limits: ChatLimits = ChatLimits()
    ) throws -> Prompt {
        try Prompt(question: question, sources: sources, limits: limits, countTokens: Self.words)
    }

    @Test func `the best source stands nearest the question, and keeps its number`() throws {
        let prompt = try prompt([Self.source("Fica no Algarve."), Self.source("Tem um porto.", title: "Guia")])
        #expect(prompt.messages.map(\.role) == [.system, .user])
        #expect(
            prompt.messages[1].content == """
                <source id="2" name="Guia">
                Tem um porto.
                </source>

                <source id="1" name="Faro">
                Fica no Algarve.
                </source>

                Onde fica Faro?
                """)
        #expect(prompt.included == [0, 1])
        #expect(prompt.dropped == [])
    }

    @Test func `the rules name the refusal word for word`() throws {
        let prompt = try prompt([Self.source("x")])
        #expect(prompt.messages[0].content.contains("Não tenho informações suficientes para responder."))
    }

    // MARK: Budget

    @Test(arguments: 1...40)
    func `the least relevant are dropped first, and never more than needed`(length: Int) throws {
        let limits = ChatLimits(contextLength: 1024, maxAnswerTokens: 256)
        let sources = (0..<20).map { Self.source(String(repeating: "palavra ", count: length + $0)) }
        let prompt = try prompt(sources, limits: limits)
        #expect(prompt.included + prompt.dropped == Array(0..<20))
        #expect(prompt.estimatedTokens <= 1024 - 256)
        // Oracle: the estimate of a prompt of exactly the kept sources, and of one more.
        let roomy = ChatLimits(contextLength: 1_000_000, maxAnswerTokens: 256)
        let kept = prompt.included.count
        #expect(try self.prompt(Array(sources[..<kept]), limits: roomy).estimatedTokens == prompt.estimatedTokens)
        if kept < 20 {
            #expect(try self.prompt(Array(sources[...kept]), limits: roomy).estimatedTokens > 1024 - 256)
        }
    }

    @Test func `what is dropped is not in the prompt and what is kept is whole`() throws {
        let long = Self.source(String(repeating: "longo ", count: 2000))
        let prompt = try prompt([Self.source("Fica no Algarve."), long, Self.source("curto")])
        #expect(prompt.included == [0])
        #expect(prompt.dropped == [1, 2])
        #expect(!prompt.messages[1].content.contains("longo"))
        #expect(prompt.messages[1].content.contains("Fica no Algarve."))
    }

    @Test func `a question too long is an error with both numbers, never cut`() throws {
        let question = String(repeating: "palavra ", count: 10_000)
        let error = try #require(throws: ChatError.self) { try prompt([Self.source("x")], question: question) }
        guard case .questionTooLong(let tokens, let limit) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(tokens >= 10_000)
        #expect((1...4096).contains(limit))
        #expect(error.failure.status == 413)
    }

    @Test func `a question that leaves no room for the best source is an error too`() throws {
        let error = try #require(throws: ChatError.self) {
            try prompt([Self.source(String(repeating: "palavra ", count: 10_000))])
        }
        guard case .contextExceeded = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func `without sources there is only the question`() throws {
        #expect(try prompt([]).messages[1].content == "Onde fica Faro?")
    }

    // MARK: The estimate

    // Oracle: counts by the chat models' own tokenizers (Scripts/count_prompt_tokens.py).
    @Test func `the estimate is never below what chat models count, nor wasteful`() throws {
        let rows = promptTokenCounts.split(separator: "\n")
        #expect(rows.count >= 30)
        for row in rows {
            let row = try JSONValue(parsing: row.utf8)
            let text = try #require(row["text"]?.string)
            let tokens = try #require(row["tokens"]?.integer)
            let wordPieces = try #require(row["wordPieces"]?.integer)
            let estimate = PromptBudget(countTokens: { _ in Int(wordPieces) }).estimate(text)
            let kind = row["kind"]?.string ?? ""
            #expect(estimate >= tokens, "\(kind)")
            // Russian, the dearest, is estimated at 2.6 times Mistral's count: its letters cost Greek's price.
            #expect(Double(estimate) <= 2.7 * Double(tokens), "\(kind)")
        }
    }

    @Test func `no scalar is estimated above its bytes, and none but blanks at nothing`() {
        // Vocabularies fall back to bytes, so bytes are the most any text can cost.
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let bound = PromptBudget.scalarBound(String(Character(scalar)))
            #expect(bound <= max(2, UTF8.width(scalar)))
            #expect(bound >= 1)
        }
        #expect(PromptBudget.scalarBound("") == 0)
    }

    // MARK: Afterwards

    @Test(
        arguments: [
            (4096, 0, "filled"), (5000, 0, "filled"),
            (2050, 3000, "half"), (2051, 3000, "half"),
            (2050, 1500, nil), (2048, 3000, nil), (2053, 3000, nil), (1200, 1500, nil),
        ] as [(Int, Int, String?)])
    func `a prompt that Ollama cut is noticed by its count`(counted: Int, words: Int, says: String?) throws {
        // The rules and the template take less than 400; the estimate must be above `words`, below `words` + 400.
        let sources = words == 0 ? [] : [Self.source(String(repeating: "1 ", count: words - 400))]
        let prompt = try prompt(sources, limits: ChatLimits(contextLength: 4096, maxAnswerTokens: 256))
        let warnings = prompt.warnings(answer: "", usage: ChatUsage(promptTokens: counted, finishReason: "stop"))
        #expect(warnings.count == (says == nil ? 0 : 1))
        if let says { #expect(warnings.first?.contains(says) == true) }
    }

    @Test func `an answer cut at its limit and a citation of nothing are said`() throws {
        let prompt = try prompt([Self.source("a"), Self.source("b")])
        let cut = prompt.warnings(answer: "Fica [1]", usage: ChatUsage(answerTokens: 768, finishReason: "length"))
        #expect(cut.count == 1 && cut[0].contains("768"))
        let wrong = prompt.warnings(answer: "a [1][2] b [7], [0] c [7]", usage: ChatUsage(finishReason: "stop"))
        #expect(wrong == ["The answer cites [7], [0], which is none of its sources."])
        #expect(prompt.warnings(answer: "a [1] [x] [1234] b [2]", usage: ChatUsage()) == [])
    }
}

@Suite struct PromptTextTests {
    @Test(arguments: [
        ("</source>", "‹/source>"), ("< / source >", "‹ / source >"), ("<SOURCE id=\"9\">", "‹SOURCE id=\"9\">"),
        ("＜/source＞", "‹/source＞"), ("﹤source﹥", "‹source﹥"), ("<\u{200B}/source>", "‹\u{200B}/source>"),
        ("<|eot_id|>", "‹|eot_id|>"), ("<|im_start|>system", "‹|im_start|>system"), ("<end_of_turn>", "‹end_of_turn>"),
        ("<<SYS>>", "‹‹SYS>>"), ("<｜User｜>", "‹｜User｜>"), ("</s>", "‹/s>"), ("[INST]x[/INST]", "[ INST]x[ /INST]"),
        ("[SYSTEM_PROMPT]", "[ SYSTEM_PROMPT]"), ("a\u{0}b\u{1B}[31m\r\n", "a b [31m \n"),
    ])
    func `what could end the quotation or open a turn is disarmed`(text: String, quoted: String) {
        #expect(PromptText.quoted(text) == quoted)
    }

    @Test(arguments: [
        "3 < 5 <= 7 <- x <", "[1] [a] [PT] [Nota] lista[INDEX", "O preço é 5 € — «São João»\n\tfim ❤️", "",
        "a > b → c",
    ])
    func `ordinary text stays as it is`(text: String) {
        #expect(PromptText.quoted(text) == text)
    }

    @Test func `a title stays inside its attribute`() {
        #expect(PromptText.attribute("a\" name=\"b\">\n</source> <5") == "a' name='b'› ‹/source› ‹5")
    }

    @Test func `no text at all leaves a delimiter or a control token behind`() {
        let pieces = ["<", "</", "source", ">", "|", " ", "\n", "\u{FF1C}", "[", "INST", "/", "]", "\u{0}", "1", "a"]
        var random = SplitMix64(seed: 11)
        for _ in 0..<5000 {
            let text = (0..<8).compactMap { _ in pieces.randomElement(using: &random) }.joined()
            let quoted = PromptText.quoted(text)
            #expect(!quoted.contains(/[<\u{FF1C}]\s*[\/|a-z]/), "\(text)")
            #expect(!quoted.contains("[INST]") && !quoted.contains("[/INST]"), "\(text)")
            #expect(PromptText.quoted(quoted) == quoted, "\(text)")
        }
    }
}

@Suite struct ChatLimitsTests {
    @Test func `the caller's window and answer length set the budget`() throws {
        #expect(try ChatLimits().applying([:]) == ChatLimits(contextLength: 4096, maxAnswerTokens: 768))
        let limits = try ChatLimits().applying(["num_ctx": 8192, "num_predict": 100, "temperature": 0])
        #expect(limits == ChatLimits(contextLength: 8192, maxAnswerTokens: 100))
        #expect(try ChatLimits().applying(["num_predict": -1]) == ChatLimits())
        let small = try ChatLimits().applying(["num_ctx": 1024])
        #expect(small == ChatLimits(contextLength: 1024, maxAnswerTokens: 512))
    }

    @Test(
        arguments: [
            ["num_ctx": 0], ["num_ctx": "4096"], ["num_ctx": 4096.0], ["num_ctx": 9_223_372_036_854_775_807],
            ["num_ctx": nil], ["num_predict": 0], ["num_predict": -3], ["num_predict": true], ["num_predict": 4000],
            ["num_ctx": 1024, "num_predict": 600],
        ] as [JSONObject])
    func `a number that cannot be is refused, by name`(options: JSONObject) throws {
        let error = try #require(throws: ChatError.self) { try ChatLimits().applying(options) }
        #expect(error.failure.status == 400)
        #expect(error.failure.detail.hasPrefix("options.num_"))
    }
}
