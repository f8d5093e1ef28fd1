// The lines of a text with what their Markdown says about its structure: headings, list items, blank lines between
// paragraphs. Plain text is Markdown without headings.

/// One line that is not blank.
struct MarkdownLine: Equatable {
    /// UTF-8 offset of its first byte.
    var start: Int
    /// UTF-8 offset just after its last byte, the line break left out.
    var end: Int
    /// Whether a blank line, or the beginning of the text, stands before it.
    var startsParagraph: Bool
    /// 1…6 and the title for an ATX heading (`## Title ##`, CommonMark §4.2), nil for every other line.
    var heading: Heading?
    /// Whether the line begins a list item (`-`, `*`, `+`, `•`, `1.`, `1)`).
    var isListItem: Bool

    struct Heading: Equatable {
        var level: Int
        var title: String
    }
}

/// Reads a text line by line; lines inside a fenced code block (CommonMark §4.5) are never headings or list items.
struct MarkdownLines: Sequence, IteratorProtocol {
    private let utf8: Substring.UTF8View
    private var index: Substring.UTF8View.Index
    private var offset = 0
    private var afterBlank = true
    private var inFence = false

    init(of text: String) {
        utf8 = text[...].utf8
        index = utf8.startIndex
    }

    mutating func next() -> MarkdownLine? {
        while index < utf8.endIndex {
            let end = utf8[index...].firstIndex(of: UInt8(ascii: "\n")) ?? utf8.endIndex
            let line = Substring(utf8[index..<end])
            let start = offset
            let length = utf8.distance(from: index, to: end)
            offset += length + 1
            index = end < utf8.endIndex ? utf8.index(after: end) : end

            let content = line.trimmed
            if content.isEmpty {
                afterBlank = true
                continue
            }
            let isFence = content.hasPrefix("```") || content.hasPrefix("~~~")
            if isFence { inFence.toggle() }
            let isProse = !inFence && !isFence
            defer { afterBlank = false }
            return MarkdownLine(
                start: start, end: start + length, startsParagraph: afterBlank,
                heading: isProse ? heading(content) : nil, isListItem: isProse && isListItem(content)
            )
        }
        return nil
    }

    private func heading(_ line: Substring) -> MarkdownLine.Heading? {
        let marks = line.prefix { $0 == "#" }
        guard 1...6 ~= marks.count, let next = line.dropFirst(marks.count).first, next == " " || next == "\t" else {
            return nil
        }
        var title = line.dropFirst(marks.count).trimmed
        while title.last == "#" { title = title.dropLast() }
        title = title.trimmed
        return title.isEmpty ? nil : MarkdownLine.Heading(level: marks.count, title: String(title))
    }

    private func isListItem(_ line: Substring) -> Bool {
        let rest: Substring
        if let first = line.first, "-*+•".contains(first) {
            rest = line.dropFirst()
        } else {
            let digits = line.prefix(while: \.isNumber)
            guard 1...9 ~= digits.count, let mark = line.dropFirst(digits.count).first, mark == "." || mark == ")"
            else {
                return false
            }
            rest = line.dropFirst(digits.count + 1)
        }
        return rest.first.map { $0 == " " || $0 == "\t" } ?? false
    }
}
