// Where sentences end, by examples.

import Testing

@testable import Server

@Suite struct SentenceBreaksTests {
    @Test(arguments: [
        ("Olá. Tudo bem? Sim!", ["Olá.", "Tudo bem?", "Sim!"]),
        ("O Sr. Silva chegou. A Dra. Ana também.", ["O Sr. Silva chegou.", "A Dra. Ana também."]),
        ("J. R. Silva wrote it. It sold well.", ["J. R. Silva wrote it.", "It sold well."]),
        ("See e.g. Faro. It costs 3.50 euros.", ["See e.g. Faro.", "It costs 3.50 euros."]),
        ("\"Vamos!\" disse ela. (Foi ontem.) Fim", ["\"Vamos!\" disse ela.", "(Foi ontem.)", "Fim"]),
        ("Wait... what? no", ["Wait... what? no"]),
        ("海は静かだった。船は来ない。", ["海は静かだった。", "船は来ない。"]),
        ("## Title\n\nFirst one. Second one.", ["Title", "First one.", "Second one."]),
        ("- um\n- dois. Três\n- quatro", ["- um", "- dois.", "Três", "- quatro"]),
        ("  \n\n ", []),
        ("", []),
    ])
    func `sentences of a text`(text: String, expected: [String]) {
        #expect(SentenceBreaks.sentences(of: text) == expected)
    }

    @Test func `the last end is the end of the text`() {
        for text in ["a", "a.", "a. B", "a. "] {
            #expect(SentenceBreaks.ends(in: text[...]).last == text.utf8.count)
        }
    }
}
