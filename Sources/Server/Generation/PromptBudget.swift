// How many tokens a prompt will take, without the chat model's tokenizer: an estimate that errs on the high side.
//
// Ollama counts a prompt only by running it, so the budget is kept beforehand with two rules, and the larger result
// counts:
//
// 1. The embedding model's WordPiece count, and a fifth. Its vocabulary (30,522 pieces, mostly English) is smaller than
//    any chat model's (32,000 to 262,144), so it rarely needs fewer pieces. But a word it does not know is one [UNK],
//    however long: for Thai, Georgian, emoji or hexadecimal digits it counts a tenth of the truth.
// 2. A price for each Unicode scalar. Chat models' vocabularies fall back to bytes, one token each, so no scalar
//    costs more than its UTF-8 bytes; what is common in their training costs less.
//
// Tests/ServerTests/Generation/PromptTokenCounts.swift holds the evidence: counts over four vocabularies for 35 kinds
// of text. English prose comes out at twice its true count, Portuguese at 1.3 times, tables and Hebrew just above.

/// Estimates the tokens that a chat model makes of a text.
struct PromptBudget {
    /// Tokens of the chat template that Ollama wraps around a system and a user message: role markers, begin and end
    /// of text, and the lines some templates add (Llama 3's two dates take 25).
    static let templateTokens = 64

    /// The embedding model's own count, without special tokens.
    let countTokens: (String) -> Int

    /// The tokens of `text`, at least as many as the chat model will count on any ordinary text.
    func estimate(_ text: String) -> Int {
        max((countTokens(text) * 6 + 4) / 5, Self.scalarBound(text))
    }

    /// Rule 2: the sum of each scalar's price, rounded up.
    static func scalarBound(_ text: String) -> Int {
        var hundredths = 0
        var previous: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            hundredths += price(scalar, after: previous)
            previous = scalar
        }
        return (hundredths + 99) / 100
    }

    /// In hundredths of a token. The prices were fitted to the counts of PromptTokenCounts.swift.
    private static func price(_ scalar: Unicode.Scalar, after previous: Unicode.Scalar) -> Int {
        switch scalar {
        // A word's first letter stands for a piece of its own; every third letter more begins another.
        case "a"..."z": previous.properties.isAlphabetic ? 35 : 100
        // Capitals are in few pieces; one after a small letter begins a new piece (camelCase, Base64).
        case "A"..."Z": "A"..."Z" ~= previous ? 75 : 100
        // One blank belongs to the word that follows it; runs are pieces of their own.
        case " ": previous == " " || previous == "\n" ? 50 : 0
        // Digits and punctuation: some vocabularies (Gemma, Mistral) take digits one by one.
        case "\u{0}"..."\u{7F}": 100
        // Accented Latin, Greek, Cyrillic, Hebrew, Arabic: mostly one, at times two bytes.
        case "\u{80}"..."\u{7FF}": 125
        // Scripts and punctuation of three bytes that vocabularies know at least in part: India to Thailand, Vietnamese
        // and typographic signs, China and Japan, Korea.
        case "\u{900}"..."\u{E7F}", "\u{1E00}"..."\u{206F}", "\u{3000}"..."\u{9FFF}", "\u{AC00}"..."\u{D7A3}": 200
        // Everything else by its bytes.
        case "\u{800}"..."\u{FFFF}": 300
        default: 400
        }
    }
}
