// An answer without a language model: the sentences of the sources nearest to the question, quoted word for word.

import VectorStore

/// Quotes the best sentences. The same question and sources give the same answer, always.
struct ExtractiveAnswerer: Sendable {
    /// What a sentence's cosine similarity to the question must reach to be quoted.
    var minimumScore: Float = 0.3
    /// How many sentences are quoted at most.
    var maximumSentences = 3
    /// Splits a text into sentences.
    let sentences: @Sendable (String) -> [String]

    struct Extract: Sendable, Equatable {
        /// A line a sentence, in quotation marks, each with the number of its source; or the refusal.
        var text: String
        /// Places of the quoted sources, in the order of quotation; empty for a refusal.
        var cited: [Int]
    }

    /// - Parameters:
    ///   - sources: best first; the one at place `n` is cited as `[n + 1]`.
    ///   - similarity: cosine similarity of each sentence to the question, -1…1, in the order given.
    func answer(
        sources: [Source], similarity: ([String]) async throws -> [Float]
    ) async throws -> Extract {
        let candidates = candidates(sources)
        guard !candidates.isEmpty else { return Extract(text: Prompt.refusal, cited: []) }
        let scores = try await similarity(candidates.map(\.sentence))
        precondition(scores.count == candidates.count, "One score for each sentence.")
        let best = zip(candidates, scores).enumerated()
            .filter { $0.element.1 >= minimumScore }
            // Equal scores keep the order of the sources.
            .sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }
            .prefix(maximumSentences)
            .map(\.element.0)
        guard !best.isEmpty else { return Extract(text: Prompt.refusal, cited: []) }
        var cited: [Int] = []
        for candidate in best where !cited.contains(candidate.place) { cited.append(candidate.place) }
        return Extract(
            text: best.map { "“\($0.sentence)” [\($0.place + 1)]" }.joined(separator: "\n"), cited: cited)
    }

    /// Every sentence once, with the place of the best source that has it: passages overlap. Headings and fragments of
    /// fewer than four words answer nothing, though they often resemble the question most; they count only when there
    /// is nothing else.
    private func candidates(_ sources: [Source]) -> [(place: Int, sentence: String)] {
        var seen: Set<String> = []
        var all: [(place: Int, sentence: String)] = []
        for (place, source) in sources.enumerated() {
            for sentence in sentences(source.text) {
                let words = sentence.split(whereSeparator: \.isWhitespace)
                let line = words.joined(separator: " ")
                if !words.isEmpty, seen.insert(line).inserted { all.append((place, line)) }
            }
        }
        let whole = all.filter { $0.sentence.split(separator: " ").count >= 4 }
        return whole.isEmpty ? all : whole
    }
}
