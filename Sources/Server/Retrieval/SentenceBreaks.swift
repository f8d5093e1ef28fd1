// Where sentences end in running text. The chunker breaks there and the extractive answerer quotes whole sentences.

/// Finds the ends of sentences in Portuguese, English and text punctuated like them, and in CJK.
///
/// A sentence ends after `.`, `!`, `?` or `…` (with any closing quotes and brackets) where white space and something that
/// can begin a sentence follow, and after `。`, `！`, `？` anywhere. A dot after a single capital ("J. Silva"), after a
/// known abbreviation ("Sr.", "e.g.") or before a lower-case letter ends nothing. Working from a short list, the rule
/// errs towards longer sentences: a chunk that breaks late is still whole, one that breaks inside "Dr. Ana" is not.
enum SentenceBreaks {
    /// Abbreviations a capital letter or a number may follow inside a sentence, in lower case and without their last dot.
    private static let abbreviations: Set<String> = [
        // Portuguese
        "sr", "sra", "srs", "sras", "dr", "dra", "drs", "prof", "profa", "eng", "exmo", "exma", "av", "pág", "pag",
        "págs",
        "art", "arts", "cap", "núm", "num", "tel", "obs", "séc", "ed", "vol", "fig", "p.ex", "cf", "aprox",
        // English
        "mr", "mrs", "ms", "st", "no", "vs", "e.g", "i.e", "figs", "pp", "p", "approx", "dept", "jr", "al", "inc",
        "ltd",
    ]

    /// The ends of the sentences of `text`, as UTF-8 offsets just after each sentence's last character, ascending. The end
    /// of the text is always the last one.
    static func ends(in text: Substring) -> [Int] {
        let scalars = text.unicodeScalars
        var ends: [Int] = []
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            let next = scalars.index(after: index)
            if isFullStop(scalar) {
                var end = next
                while end < scalars.endIndex, isTerminator(scalars[end]) || isClosing(scalars[end]) {
                    end = scalars.index(after: end)
                }
                if isWideStop(scalar) || endsSentence(at: index, closedBy: end, in: scalars) {
                    ends.append(text.utf8.distance(from: text.startIndex, to: end))
                }
                index = end
            } else {
                index = next
            }
        }
        let length = text.utf8.count
        if ends.last != length { ends.append(length) }
        return ends
    }

    /// The sentences of `text`, white space at their ends trimmed, empty ones left out, headings without their marks.
    static func sentences(of text: String) -> [String] {
        var sentences: [String] = []
        // A blank line ends a sentence whatever precedes it: headings and list items carry no full stop.
        for paragraph in text.split(separator: /\n\s*\n|\n(?=\s*(?:[-*•]|#+|\d+[.)])\s)/) {
            var start = paragraph.startIndex
            for offset in ends(in: paragraph) {
                let end = paragraph.utf8.index(paragraph.startIndex, offsetBy: offset)
                let sentence = paragraph[start..<end].trimmed.drop { $0 == "#" }.trimmed
                if !sentence.isEmpty { sentences.append(String(sentence)) }
                start = end
            }
        }
        return sentences
    }

    private static func endsSentence(
        at stop: String.Index, closedBy end: String.Index, in scalars: Substring.UnicodeScalarView
    ) -> Bool {
        guard end < scalars.endIndex else { return false }  // the end of the text is added by the caller
        guard scalars[end].properties.isWhitespace else { return false }
        guard let follower = scalars[end...].first(where: { !$0.properties.isWhitespace }) else { return false }
        if follower.properties.isLowercase { return false }
        if scalars[stop] != "." { return true }
        // The word before the dot: "J" and "Sr" end no sentence. No abbreviation above is longer than eight scalars.
        let word = scalars[..<stop].suffix(9).reversed().prefix { $0.properties.isAlphabetic || $0 == "." }.reversed()
        if word.count == 1, let only = word.first, only.properties.isUppercase { return false }
        return !abbreviations.contains(String(String.UnicodeScalarView(word)).lowercased())
    }

    private static func isFullStop(_ scalar: Unicode.Scalar) -> Bool { isTerminator(scalar) || isWideStop(scalar) }

    private static func isTerminator(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "." || scalar == "!" || scalar == "?" || scalar == "…"
    }

    private static func isWideStop(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "。" || scalar == "！" || scalar == "？"
    }

    private static func isClosing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .closePunctuation, .finalPunctuation: true
        default: scalar == "\"" || scalar == "'" || scalar == "*" || scalar == "_"
        }
    }
}

extension Substring {
    /// The text without white space, byte order marks and other invisible formatting characters at its ends.
    var trimmed: Substring {
        let scalars = unicodeScalars
        func isBlank(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.isWhitespace || scalar == "\u{FEFF}" || scalar == "\u{200B}"
        }
        guard let first = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else { return self[startIndex..<startIndex] }
        return self[first..<scalars.index(after: last)]
    }
}
