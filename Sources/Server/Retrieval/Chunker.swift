// A text into passages the model can read whole: at most so many of its own tokens, cut where a reader would cut.

import MiniLM

/// A passage of a text.
struct Chunk: Sendable, Equatable {
    /// The passage, exactly as it stands in the source.
    var text: Substring
    /// What the model reads: the passage, under the headings it stands under.
    var embeddingText: String
    /// The headings the passage stands under, outermost first; empty in a text without headings.
    var headings: [String]
    /// Tokens of `embeddingText`, specials left out.
    var tokens: Int
    /// The passage's place in the source, in Unicode scalars.
    var characters: Range<Int>
}

/// Splits texts into chunks of at most `maxTokens` tokens as the model's own tokenizer counts them, so that nothing is cut
/// off when they are embedded.
///
/// A chunk ends at the last paragraph in its second half, else at the last sentence there, else at the last word, and
/// only in a word longer than a whole chunk between two of its tokens. The next one repeats the last sentences (else the
/// last words) within `overlap` tokens, except across a heading: what stands under another heading is another matter.
/// A Markdown heading is never left behind at the end of a chunk, and what stands under it is embedded with it.
///
/// Every character that can be seen is in some chunk.
struct Chunker: Sendable {
    let tokenizer: WordPieceTokenizer
    /// The largest chunk, specials left out: MiniLM reads 256 tokens, two of which are [CLS] and [SEP].
    let maxTokens: Int
    /// How many tokens of a chunk the next one may repeat.
    let overlap: Int

    /// - Parameters:
    ///   - maxTokens: At least `smallestMaxTokens`: no single piece of WordPiece's vocabulary has more characters than
    ///     that, so a piece on its own always fits.
    ///   - overlap: Less than `maxTokens`; 15 % of it when nil.
    init(tokenizer: WordPieceTokenizer, maxTokens: Int, overlap: Int? = nil) {
        precondition(maxTokens >= Self.smallestMaxTokens)
        self.tokenizer = tokenizer
        self.maxTokens = maxTokens
        self.overlap = overlap ?? maxTokens * 15 / 100
        precondition(self.overlap < maxTokens)
    }

    static let smallestMaxTokens = 32

    /// Splits `text`.
    ///
    /// - Complexity: linear in the length of the text, which is tokenised about three times.
    func chunks(of text: String) -> [Chunk] {
        var chunks: [Chunk] = []
        let outline = Outline(of: text, tokenizer: tokenizer)
        var scalars = ScalarCounter(text)
        var start = 0  // index of the first token of the chunk being built
        var done = 0  // index of the first token that is in no chunk yet
        while done < outline.tokenCount {
            let (chunk, end) = chunk(of: text, outline: outline, from: start, beyond: done)
            let lower = scalars.count(to: chunk.text.startIndex)
            let upper = lower + chunk.text.unicodeScalars.count
            chunks.append(
                Chunk(
                    text: chunk.text, embeddingText: chunk.embeddingText, headings: chunk.headings,
                    tokens: chunk.tokens, characters: lower..<upper
                )
            )
            done = end
            start = outline.overlapStart(before: end, after: start, overlap: overlap)
        }
        return chunks
    }

    /// A passage before its place in the source is counted.
    private typealias Candidate = (text: Substring, embeddingText: String, headings: [String], tokens: Int)

    /// The best chunk that begins at token `start` and reaches beyond token `done`.
    private func chunk(
        of text: String, outline: Outline, from start: Int, beyond done: Int
    ) -> (chunk: Candidate, end: Int) {
        var headings = outline.headings(at: start)
        var start = start
        var budget = maxTokens - headings.reduce(0) { $0 + tokenizer.countTokens($1) }
        if budget < maxTokens / 2 {
            // Headings longer than half a chunk would leave too little room for what stands under them.
            headings = []
            budget = maxTokens
        }
        while true {
            let end = outline.end(from: start, beyond: done, budget: budget)
            let passage = text[outline.range(from: start, to: end, in: text)].trimmed
            let embeddingText = (headings + [String(passage)]).joined(separator: "\n")
            let tokens = tokenizer.countTokens(embeddingText)
            if tokens <= maxTokens || (end - start <= 1 && headings.isEmpty) {
                return ((passage, embeddingText, headings, tokens), end)
            }
            // A passage cut inside a word can have more tokens than it had as part of the whole: "##ing" begins a word of
            // its own now. Give way: first the budget, then the repeated tokens, then the headings.
            if budget > 1, end > done + 1 {
                budget -= max(1, tokens - maxTokens)
                budget = max(budget, done + 1 - start)
            } else if start < done {
                start = done
                budget = maxTokens
            } else {
                headings = []
                budget = maxTokens
            }
        }
    }
}

/// Counts Unicode scalars up to ascending positions of a text without starting over each time. Overlapping chunks step
/// back a little; that is counted backwards.
private struct ScalarCounter {
    private let scalars: String.UnicodeScalarView
    private var index: String.Index
    private var count = 0

    init(_ text: String) {
        scalars = text.unicodeScalars
        index = scalars.startIndex
    }

    mutating func count(to target: String.Index) -> Int {
        count += scalars.distance(from: index, to: target)
        index = target
        return count
    }
}
