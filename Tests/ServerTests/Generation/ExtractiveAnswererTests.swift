import Testing

@testable import Server

@Suite struct ExtractiveAnswererTests {
    let answerer = ExtractiveAnswerer(sentences: { $0.split(separator: ".").map { $0 + "." } })

    /// Scores by a table; what is not in it resembles nothing.
    func answer(_ texts: [String], _ scores: [String: Float]) async throws -> ExtractiveAnswerer.Extract {
        try await answerer.answer(sources: texts.map { PromptTests.source($0) }) { sentences in
            sentences.map { scores[$0] ?? 0 }
        }
    }

    @Test func `the best sentences are quoted with the numbers of their sources`() async throws {
        let extract = try await answer(
            [
                "O mercado abre às sete. Chove muito no inverno.",
                "O mercado fecha às duas. Os gatos dormem todo o dia.",
            ],
            ["O mercado abre às sete.": 0.8, "O mercado fecha às duas.": 0.9, "Chove muito no inverno.": 0.1])
        #expect(extract.text == "“O mercado fecha às duas.” [2]\n“O mercado abre às sete.” [1]")
        #expect(extract.cited == [1, 0])
    }

    @Test func `nothing near enough is the refusal, and cites nothing`() async throws {
        let refusal = ExtractiveAnswerer.Extract(text: "Não tenho informações suficientes para responder.", cited: [])
        #expect(try await answer(["O mercado abre às sete."], ["O mercado abre às sete.": 0.29]) == refusal)
        #expect(try await answer([], [:]) == refusal)
        #expect(try await answer(["  "], [:]) == refusal)
    }

    @Test func `at most three, equal scores in the order of the sources`() async throws {
        let texts = ["Um a b c. Dois a b c.", "Três a b c. Quatro a b c."]
        let scores: [String: Float] = ["Um a b c.": 0.5, "Dois a b c.": 0.5, "Três a b c.": 0.5, "Quatro a b c.": 0.5]
        #expect(try await answer(texts, scores).text == "“Um a b c.” [1]\n“Dois a b c.” [1]\n“Três a b c.” [2]")
    }

    @Test func `a sentence in two overlapping passages is quoted once, from the better`() async throws {
        let extract = try await answer(
            ["O mercado abre às sete.", "O mercado\nabre  às sete. Os gatos dormem todo o dia."],
            ["O mercado abre às sete.": 0.9])
        #expect(extract.text == "“O mercado abre às sete.” [1]")
    }

    @Test func `a heading that echoes the question does not answer it`() async throws {
        let scores: [String: Float] = ["Horário.": 0.95, "O mercado abre às sete.": 0.6]
        #expect(try await answer(["Horário. O mercado abre às sete."], scores).text == "“O mercado abre às sete.” [1]")
        #expect(try await answer(["Horário."], scores).text == "“Horário.” [1]")
    }
}
