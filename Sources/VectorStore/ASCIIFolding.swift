// Latin letters, digits and signs as ASCII writes them.

import Foundation

extension String {
    /// With accents taken off letters of the Latin script, ligatures and ornate forms written out, typographers' quotes and dashes made
    /// plain. Other scripts stay as they are, accents included.
    func foldedToASCII() -> String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var folded = ""
        for scalar in unicodeScalars {
            if scalar.isASCII {
                folded.unicodeScalars.append(scalar)
            } else if let plain = Self.letters[scalar] {
                folded += plain
            } else {
                // What Unicode itself takes apart: é is e with an accent, ① is 1, ﬁ is fi.
                let parts = String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars.filter {
                    $0.properties.generalCategory != .nonspacingMark
                }
                if !parts.isEmpty, parts.allSatisfy({ $0.isASCII || Self.letters[$0] != nil }) {
                    for part in parts { folded += Self.letters[part] ?? String(part) }
                } else {
                    folded.unicodeScalars.append(scalar)
                }
            }
        }
        return folded
    }

    /// What Unicode takes for one letter, or for another sign.
    private static let letters: [Unicode.Scalar: String] = [
        "Æ": "AE", "æ": "ae", "Ð": "D", "ð": "d", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "ĸ": "q",
        "Ł": "L", "ł": "l", "Ŋ": "N", "ŋ": "n", "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "ß": "ss",
        "ẞ": "SS", "Þ": "TH", "þ": "th", "Ŧ": "T", "ŧ": "t", "ƀ": "b", "Ɓ": "B", "Ƃ": "B", "ƃ": "b", "Ɔ": "O",
        "Ƈ": "C", "ƈ": "c", "Ɖ": "D", "Ɗ": "D", "Ƌ": "D", "ƌ": "d", "Ǝ": "E", "ǝ": "e", "Ə": "A", "ə": "a",
        "Ɛ": "E", "ɛ": "e", "Ƒ": "F", "ƒ": "f", "Ɠ": "G", "ƕ": "hv", "Ɨ": "I", "Ƙ": "K", "ƙ": "k", "ƚ": "l",
        "Ɲ": "N", "ƞ": "n", "Ɵ": "O", "Ƥ": "P", "ƥ": "p", "ƫ": "t", "Ƭ": "T", "ƭ": "t", "Ʈ": "T", "Ʋ": "V",
        "Ƴ": "Y", "ƴ": "y", "Ƶ": "Z", "ƶ": "z", "Ǥ": "G", "ǥ": "g", "ȡ": "d", "ȴ": "l", "ȵ": "n", "ȶ": "t",
        "ȷ": "j", "Ⱥ": "A", "Ȼ": "C", "ȼ": "c", "Ƚ": "L", "Ⱦ": "T", "Ƀ": "B", "Ʉ": "U", "Ɇ": "E", "ɇ": "e",
        "Ɉ": "J", "ɉ": "j", "Ɋ": "Q", "ɋ": "q", "Ɍ": "R", "ɍ": "r", "Ɏ": "Y", "ɏ": "y", "ɓ": "b", "ɖ": "d",
        "ɗ": "d", "ɠ": "g", "ɦ": "h", "ɨ": "i", "ɪ": "I", "ɫ": "l", "ɲ": "n", "ɵ": "o", "ʂ": "s", "ʈ": "t",
        "ʉ": "u", "ʋ": "v", "ʐ": "z",
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "‹": "'", "›": "'", "“": "\"", "”": "\"", "„": "\"",
        "‟": "\"", "″": "\"", "«": "\"", "»": "\"", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-",
        "⁻": "-", "₋": "-", "⁄": "/",
    ]
}
