// A text as the chunker sees it: its tokens, and how good a place to cut the gap before each of them is.

import MiniLM

/// The tokens of a text, the strength of the break before each of them, and the headings they stand under.
struct Outline {
    /// How good a place to cut is, worst first.
    enum Break: UInt8, Comparable {
        case token, word, sentence, paragraph, heading

        static func < (lhs: Break, rhs: Break) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    private struct Section {
        /// Index of the first token of its heading.
        var headingToken: Int
        /// Index of the first token after its heading.
        var bodyToken: Int
        /// The heading's level and title, after those it stands under.
        var path: [MarkdownLine.Heading]
    }

    /// UTF-8 ranges of the tokens in the text, specials left out: [tokenCount].
    private let offsets: [Range<Int>]
    /// The break before each token: [tokenCount].
    private let breaks: [Break]
    /// In the order of the text.
    private let sections: [Section]

    var tokenCount: Int { offsets.count }

    init(of text: String, tokenizer: WordPieceTokenizer) {
        let offsets = Array(tokenizer.tokenize(text).offsets.dropFirst().dropLast())
        var breaks = Self.words(of: text, offsets: offsets)
        var sections: [Section] = []

        /// The first token at or after the UTF-8 offset, tokenCount behind the last one.
        func token(from offset: Int) -> Int { offsets.partitioningIndex { $0.lowerBound >= offset } }
        func mark(_ offset: Int, _ strength: Break) {
            let token = token(from: offset)
            if token < offsets.count { breaks[token] = max(breaks[token], strength) }
        }

        for line in MarkdownLines(of: text) {
            if let heading = line.heading {
                mark(line.start, .heading)
                let parents = (sections.last?.path ?? []).filter { $0.level < heading.level }
                sections.append(
                    Section(
                        headingToken: token(from: line.start), bodyToken: token(from: line.end),
                        path: parents + [heading]
                    )
                )
            } else if line.startsParagraph {
                mark(line.start, .paragraph)
            } else if line.isListItem {
                mark(line.start, .sentence)
            }
        }
        for end in SentenceBreaks.ends(in: text[...]) { mark(end, .sentence) }

        self.offsets = offsets
        self.breaks = breaks
        self.sections = sections
    }

    /// `.word` where white space or nothing stands before a token, else `.token`.
    private static func words(of text: String, offsets: [Range<Int>]) -> [Break] {
        offsets.map { range in
            let index = text.utf8.index(text.startIndex, offsetBy: range.lowerBound)
            guard index > text.startIndex else { return .word }
            let before = text.unicodeScalars[text.unicodeScalars.index(before: index)]
            return before.properties.isWhitespace ? .word : .token
        }
    }

    /// Where a chunk that begins at token `start` best ends: beyond token `done`, at most `budget` tokens on, at the best
    /// break in the second half of what is possible, and not between a heading and what stands under it.
    func end(from start: Int, beyond done: Int, budget: Int) -> Int {
        let limit = max(start + budget, done + 1)
        guard limit < tokenCount else { return tokenCount }
        let lowest = max(start + budget / 2, done + 1)
        // `max` keeps the first of equals: from the longest chunk downwards.
        return (lowest...limit).reversed().filter { !followsHeading($0) }.max { breaks[$0] < breaks[$1] } ?? limit
    }

    /// Where the chunk after one that ended at token `end` begins: at most `overlap` tokens before, at the earliest
    /// sentence there, else the earliest word. At `end` itself when that starts under another heading.
    func overlapStart(before end: Int, after start: Int, overlap: Int) -> Int {
        guard end < tokenCount, breaks[end] != .heading else { return end }
        let lowest = max(start + 1, end - overlap)
        guard lowest < end else { return end }
        // Not across a heading inside the overlap either.
        let first = (lowest..<end).last { breaks[$0] == .heading } ?? lowest
        let repeated = first..<end
        return repeated.first { breaks[$0] >= .sentence } ?? repeated.first { breaks[$0] >= .word } ?? end
    }

    /// The titles that token `index` stands under, outermost first; a heading does not stand under itself.
    func headings(at index: Int) -> [String] {
        guard let section = section(at: index) else { return [] }
        return (index < section.bodyToken ? section.path.dropLast() : section.path[...]).map(\.title)
    }

    /// The text of tokens `start..<end` with what belongs to no token around them: up to the token behind them, and from
    /// the very beginning for the first.
    func range(from start: Int, to end: Int, in text: String) -> Range<String.Index> {
        let lower = start == 0 ? 0 : offsets[start].lowerBound
        let upper = end == tokenCount ? text.utf8.count : offsets[end].lowerBound
        let utf8 = text.utf8
        return utf8.index(text.startIndex, offsetBy: lower)..<utf8.index(text.startIndex, offsetBy: max(lower, upper))
    }

    /// Whether token `index` is inside a heading or the first one under it: a cut there would leave the heading behind.
    private func followsHeading(_ index: Int) -> Bool {
        guard let section = section(at: index - 1) else { return false }
        return index <= section.bodyToken
    }

    /// The section that token `index` is in, its heading included.
    private func section(at index: Int) -> Section? {
        let next = sections.partitioningIndex { $0.headingToken > index }
        return next > 0 ? sections[next - 1] : nil
    }
}

extension RandomAccessCollection {
    /// The first index whose element satisfies the predicate, in a collection sorted so that all before it do not.
    fileprivate func partitioningIndex(where belongsInSecondPartition: (Element) -> Bool) -> Index {
        var low = startIndex
        var count = count
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if belongsInSecondPartition(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
