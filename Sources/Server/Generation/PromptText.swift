// Text that nobody vouches for, made harmless to stand in a prompt.
//
// Passages come from uploaded files. Two things in them could break out of their place: look-alikes of our own
// delimiters (`</source>`), which a model would take for the end of the quotation, and the control tokens of chat
// templates (`<|eot_id|>`, `<end_of_turn>`, `[INST]`), which Ollama's tokenizers do read as such wherever they stand.

enum PromptText {
    /// `text` with every opening that could be a tag or a control token disarmed; everything else stays as it is.
    ///
    /// `<` becomes `‹` unless a digit, `=`, `-` or the end follows its blanks: "3 < 5" and "<=" stay, `<b>`, `< /source>`
    /// and `<|im_end|>` do not. The full-width and small forms of `<` count as `<`. In `[INST]` and its kin, capitals in
    /// brackets, a blank parts the bracket from the word. Control characters other than tab and line feed become blanks.
    static func quoted(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            switch scalar {
            case "<", "\u{FF1C}", "\u{FE64}":
                result.append(isComparison(scalars[(index + 1)...]) ? scalar : "‹")
            case "[" where isControlWord(scalars[(index + 1)...]):
                result.append(contentsOf: "[ ".unicodeScalars)
            case "\n", "\t":
                result.append(scalar)
            case _ where scalar.properties.generalCategory == .control:
                result.append(" ")
            default:
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// `text` as the value of an attribute: on one line, without quotation marks or angle brackets.
    static func attribute(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in quoted(text).unicodeScalars {
            switch scalar {
            case "\"": result.append("'")
            case "<": result.append("‹")
            case ">": result.append("›")
            case "\n", "\t", "\u{2028}", "\u{2029}": result.append(" ")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func isComparison(_ rest: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let next = rest.first(where: { !$0.properties.isWhitespace }) else { return true }
        switch next {
        case "=", "-", "0"..."9": return true
        default: return false
        }
    }

    /// Whether `rest` begins like `INST]`, `/INST]`, `SYSTEM_PROMPT]`: three capitals or more.
    private static func isControlWord(_ rest: ArraySlice<Unicode.Scalar>) -> Bool {
        let word = rest.first == "/" ? rest.dropFirst() : rest
        let capitals = word.prefix { "A"..."Z" ~= $0 || $0 == "_" }
        return capitals.count >= 3 && word.dropFirst(capitals.count).first == "]"
    }
}
