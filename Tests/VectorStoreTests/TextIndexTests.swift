// What text indexes do to words: leave some out, take others to their stems, fold accents; and ranking by them. Stems are compared with
// those of snowballstemmer 3.0 from PyPI, hashes with mmh3 5, scores with BM25's definition.

import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct TextIndexTests {
    private static func tokens(_ text: String, _ change: (inout TextIndexParameters) -> Void) -> [String] {
        var parameters = TextIndexParameters()
        change(&parameters)
        return TextTokenizer(parameters: parameters).tokens(ofDocument: text)
    }

    @Test func `words of a language and words of one's own are left out, whatever their case`() {
        let left = Self.tokens("The robot of THE star, and Foo") { parameters in
            parameters.stopwordLanguages = [.english]
            parameters.stopwords = ["FOO"]
        }
        #expect(left == ["robot", "star"])
        // Where case is kept it counts.
        let kept = Self.tokens("The the Foo foo") { parameters in
            parameters.lowercase = false
            parameters.stopwordLanguages = [.english]
            parameters.stopwords = ["foo"]
        }
        #expect(kept == ["The", "Foo"])
    }

    /// One word of each that nobody would look for, and no name.
    @Test(
        arguments: [
            (.arabic, "في"), (.azerbaijani, "və"), (.basque, "eta"), (.bengali, "এবং"), (.catalan, "i"), (.chinese, "的"),
            (.danish, "og"), (.dutch, "en"), (.english, "and"), (.finnish, "ja"), (.french, "et"), (.german, "und"),
            (.greek, "και"), (.hebrew, "את"), (.hinglish, "aur"), (.hungarian, "és"), (.indonesian, "dan"),
            (.italian, "e"), (.kazakh, "жоқ"), (.nepali, "र"), (.norwegian, "og"), (.portuguese, "e"),
            (.romanian, "ar"),
            (.russian, "и"), (.slovene, "in"), (.spanish, "y"), (.swedish, "och"), (.tajik, "ва"), (.turkish, "ve"),
        ] as [(StopwordLanguage, String)])
    func `every language has its words`(language: StopwordLanguage, word: String) {
        #expect(language.words.contains(word))
        #expect(!language.words.contains("qdrant"))
        #expect(language.words.count > 40)
    }

    @Test(.enabled(if: StemmerLanguage.isAvailable, "libstemmer is not installed: make deps"))
    func `words are found by their stems`() {
        let words: [(StemmerLanguage, String, String)] = [
            (.english, "running flies generously", "run fli generous"), (.german, "häuser laufende", "haus laufend"),
            (.portuguese, "cidades correndo", "cidad corr"), (.russian, "книгами", "книг"),
            (.french, "continuellement", "continuel"), (.spanish, "corriendo", "corr"),
        ]
        for (language, text, stems) in words {
            let found = Self.tokens(text) { $0.stemmer = language }
            #expect(found == stems.split(separator: " ").map(String.init))
        }
        // Every language of Qdrant's has an algorithm here, and what is no word stays what it is.
        let long = String(repeating: "running", count: 100)
        for language in StemmerLanguage.allCases {
            #expect(Stemmer.of(language) != nil)
            #expect(Self.tokens("x \(long)") { $0.stemmer = language } == ["x", long])
        }
    }

    @Test func `where the library for stems is missing, conditions on words are refused and others are not`() throws {
        var parameters = TextIndexParameters()
        parameters.stemmer = .english
        var state = CollectionState(key: 1, name: "c", configuration: CollectionConfiguration(vectors: [:]))
        state.setIndex(PayloadIndex("t", .text(parameters), stemmers: { _ in nil }), on: "t")
        let text = Condition.match(key: "t", .text("running"))
        for filter in [
            Filter(must: [text]), Filter(mustNot: [.match(key: "t", .textAny("running"))]),
            Filter(should: [.isNull(key: "t"), .filter(Filter(must: [.match(key: "t", .phrase("running"))]))]),
            Filter(minShould: .init([text], minCount: 1)),
        ] {
            let error = #expect(throws: StoreError.self) { try state.checkStemmers(of: filter) }
            #expect(error?.description.contains("install libstemmer0d") == true)
        }
        try state.checkStemmers(of: Filter(must: [.match(key: "t", .value("x")), .match(key: "other", .text("x"))]))
        #expect(Formula.sum([.constant(1), .product([.condition(text)])]).conditions == [text])

        // Without a stemmer nothing is missing.
        state.setIndex(PayloadIndex("t", .text(TextIndexParameters()), stemmers: { _ in nil }), on: "t")
        try state.checkStemmers(of: Filter(must: [text]))
    }

    @Test func `where the library for stems is missing, an index with a stemmer is refused and others are not`()
        async throws
    {
        var parameters = TextIndexParameters()
        try PayloadIndexType.text(parameters).checkStemmer(isAvailable: false)
        try PayloadIndexType.keyword.checkStemmer(isAvailable: false)
        parameters.stemmer = .english
        let type = PayloadIndexType.text(parameters)
        try type.checkStemmer(isAvailable: true)
        #expect(throws: StoreError.badRequest(StemmerLanguage.requirement)) {
            try type.checkStemmer(isAvailable: false)
        }
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            var refusal: StoreError?
            do throws(StoreError) { try await store.createPayloadIndex("t", type, in: "c") } catch { refusal = error }
            let isAvailable = StemmerLanguage.isAvailable
            #expect(refusal == (isAvailable ? nil : .badRequest(StemmerLanguage.requirement)))
            #expect(try await store.collection("c").payloadIndexes.isEmpty != isAvailable)
            try store.close()
        }
    }

    @Test func `stop words are what contractions leave at the apostrophe, and no other pieces`() {
        let left = Self.tokens("They’d say it isn't what we've known, shan't we? Ain't ma o'clock") { parameters in
            parameters.stopwordLanguages = [.english]
        }
        #expect(left == ["say", "known", "ain", "ma", "o", "clock"])
    }

    @Test func `folding writes Latin letters in ASCII and leaves other scripts alone`() {
        #expect(
            "Æsir Łódź straße naïve ﬁne ① Ångström Đà".foldedToASCII() == "AEsir Lodz strasse naive fine 1 Angstrom Da")
        #expect("don’t “quote” a–b".foldedToASCII() == "don't \"quote\" a-b")
        #expect("йод ή 日本".foldedToASCII() == "йод ή 日本")
        #expect(Self.tokens("Ação Pâté") { $0.asciiFolding = true } == ["acao", "pate"])
    }

    @Test func `a prefix is looked for even if it looks like a stop word`() {
        var parameters = TextIndexParameters()
        parameters.tokenizer = .prefix
        parameters.stopwords = ["the"]
        let tokenizer = TextTokenizer(parameters: parameters)
        #expect(tokenizer.tokens(ofDocument: "the theory") == ["t", "th", "the", "theo", "theor", "theory"])
        #expect(tokenizer.tokens(ofQuery: "the") == ["the"])
        // A blob in a text does not fill the memory with its beginnings.
        let blob = String(repeating: "x", count: 1_000_000)
        #expect(tokenizer.tokens(ofDocument: blob).count == 255)
        #expect(tokenizer.tokens(ofDocument: blob).last == tokenizer.tokens(ofQuery: blob).first)
    }

    @Test func `beginnings of a text's words are told apart up to a million`() {
        var parameters = TextIndexParameters()
        parameters.tokenizer = .prefix
        let tokenizer = TextTokenizer(parameters: parameters)
        // 200,000 different words of seven letters, of which 142,857 are taken in whole and the next to its first letter.
        let words = (0..<200_000).map { "w\(100_000 + $0)" }
        let tokens = tokenizer.tokens(ofDocument: words.joined(separator: " "))
        #expect(tokens.count == 1_000_000)
        #expect(tokens[999_998] == words[142_856] && tokens[999_999] == "w")
        // Of whole words there are as many as there are.
        #expect(TextTokenizer.default.tokens(ofDocument: words.joined(separator: " ")) == words)
    }

    /// The oracle compares at every place.
    @Test func `a phrase is found wherever its words stand one after the other, however they repeat`() throws {
        var generator = SplitMix64(seed: 31)
        func words(_ count: Int) -> [String] {
            (0..<count).map { _ in Bool.random(using: &generator) ? "a" : "b" }
        }
        var found = 0
        for _ in 0..<3000 {
            let text = words(Int.random(in: 0..<24, using: &generator))
            let phrase = words(Int.random(in: 1..<8, using: &generator))
            let isExpected = text.indices.contains { text[$0...].starts(with: phrase) }
            let condition = Condition.match(key: "t", .phrase(phrase.joined(separator: " ")))
            let payload: JSONValue = ["t": .string(text.joined(separator: " "))]
            #expect(try condition.matches(FilterSubject(payload: payload)) == isExpected, "\(phrase) in \(text)")
            if isExpected { found += 1 }
        }
        #expect((1000..<2500).contains(found))
    }

    /// Compared at every place this is 10¹¹ comparisons.
    @Test func `half a million repeated words are looked for in a million`() throws {
        let payload: JSONValue = ["t": .string(String(repeating: "a ", count: 1_000_000))]
        let half = String(repeating: "a ", count: 500_000)
        let subject = FilterSubject(payload: payload)
        #expect(try Condition.match(key: "t", .phrase(half + "a")).matches(subject))
        #expect(try !Condition.match(key: "t", .phrase(half + "b")).matches(subject))
    }

    @Test func `many scripts: ideographs one by one, accents off, numbers left out`() {
        let text = "What's 3 Pâté, 今天是 Qdrantの йод"
        #expect(
            Self.tokens(text) { $0.tokenizer = .multilingual }
                == ["what", "s", "pate", "今", "天", "是", "qdrant", "の", "йод"])
    }

    @Test func `parameters are read as they are written`() throws {
        let json: JSONValue = [
            "type": "text", "tokenizer": "word", "lowercase": true, "ascii_folding": true, "phrase_matching": true,
            "stopwords": ["languages": ["english", "spanish"], "custom": ["x"]],
            "stemmer": ["type": "snowball", "language": "portuguese"], "scoring": true,
        ]
        let type = try #require(PayloadIndexType(json: json))
        #expect(PayloadIndexType(json: type.json) == type)
        #expect(type.json == json)
        #expect(PayloadIndexType(json: ["type": "text", "stopwords": "en"]) != nil)
        for bad: JSONValue in ["klingon", ["languages": ["klingon"]]] {
            #expect(PayloadIndexType(json: ["type": "text", "stopwords": bad]) == nil)
        }
    }

    // MARK: - BM25

    @Test func `a word's index is the magnitude of its hash`() {
        let hashes: [(String, UInt32)] = [
            ("hello", 613_153_351), ("good", 115_441_729), ("text", 970_674_652), ("привет", 993_413_998),
            ("a", 1_009_084_850), ("abcd", 1_139_631_978), ("abcdefgh", 1_239_272_644), ("qdrant", 802_574_768),
        ]
        for (word, hash) in hashes { #expect(BM25.index(of: word) == hash) }
        #expect(BM25.index(of: "") == 0)
    }

    @Test func `documents weigh their words, queries name them`() throws {
        var model = BM25(TextIndexParameters())
        model.averageLength = 3
        let document = try model.document("good good text")
        // Of average length the norm is k.
        let good = Float(2 * 2.2 / (2 + 1.2))
        #expect(document.indices == [115_441_729, 970_674_652])
        #expect(zip(document.values, [good, 1]).allSatisfy { abs($0 - $1) <= 1e-6 })
        let query = try model.query("Text good, text")
        #expect(query == (try SparseVector(indices: document.indices, values: [1, 1])))
        #expect(try model.document("").indices.isEmpty)
    }

    @Test func `a text query ranks by BM25's definition, statistics taken over all points`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(vectors: [:]))
            var parameters = TextIndexParameters()
            parameters.isScored = true
            try await store.createPayloadIndex("body", .text(parameters), in: "c")
            try await store.createPayloadIndex("plain", .text(TextIndexParameters()), in: "c")
            // As many `alpha`s and `gamma`s in every combination.
            let documents = (0..<35).map { number in
                Array(repeating: "alpha", count: number % 5 + 1) + Array(repeating: "gamma", count: number / 5)
            }
            let points = documents.enumerated().map { number, words in
                Point(
                    id: .number(UInt64(number)), vectors: [:],
                    payload: ["body": .string(words.joined(separator: " ")), "plain": "alpha"])
            }
            // What was there before leaves nothing in the statistics.
            _ = try await store.update(
                [.upsert(points + [Point(id: .number(99), vectors: [:], payload: ["body": "x y z"])])], in: "c")
            _ = try await store.update([.delete(.ids([.number(99)])), .upsert(points)], in: "c")

            func score(_ words: [String], _ document: [String], k: Double, b: Double) -> Double {
                let average = Double(documents.reduce(0) { $0 + $1.count }) / Double(documents.count)
                return words.reduce(0) { sum, word in
                    let frequency = Double(document.count { $0 == word })
                    let having = Double(documents.count { $0.contains(word) })
                    let rarity = SparseField.inverseFrequency(having, of: Double(documents.count))
                    let norm = k * (1 - b + b * Double(document.count) / average)
                    return sum + rarity * frequency * (k + 1) / (frequency + norm)
                }
            }
            for (text, words, k, b) in [
                ("Alpha GAMMA", ["alpha", "gamma"], 1.2, 0.75), ("gamma absent", ["gamma"], 2, 0),
            ] {
                let ids: Set<PointID> = Set((0..<20).map { .number(UInt64($0)) })
                let query = PointsQuery(
                    .text(TextQuery(text, k: k, b: b)), using: "body", filter: Filter(must: [.hasID(ids)]), limit: 100)
                let hits = try await store.query(query, in: "c")
                let expected = documents.prefix(20).map { score(words, $0, k: k, b: b) }
                #expect(hits.count == expected.count { $0 > 0 })
                #expect(hits.map(\.score) == hits.map(\.score).sorted(by: >))
                for hit in hits {
                    guard case .number(let number) = hit.id else { continue }
                    #expect(abs(Double(hit.score) - expected[Int(number)]) <= 1e-6 * max(1, expected[Int(number)]))
                }
            }
            for using in ["", "plain", "other"] {
                await #expect(throws: StoreError.self) {
                    try await store.query(PointsQuery(.text(TextQuery("alpha")), using: using), in: "c")
                }
            }
        }
    }
}
