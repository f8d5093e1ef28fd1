// What the tokenizer's tests share: the real vocabulary, the reference's results, seeded random texts, small model folders.

import Foundation
import MiniLM
import TestSupport

enum TokenizerFixture {
    private static let loaded = Result { try WordPieceTokenizer(modelDirectory: Weights.directory) }

    static func tokenizer() throws -> WordPieceTokenizer { try loaded.get() }

    /// Calls `body` with a folder that holds `files` by name.
    static func withFolder<Value>(_ files: [String: [UInt8]], _ body: (String) throws -> Value) throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { _ = Result { try FileManager.default.removeItem(at: folder) } }
        for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
        return try body(folder.path)
    }

    static func withFolder<Value>(_ files: [String: String], _ body: (String) throws -> Value) throws -> Value {
        try withFolder(files.mapValues { Array($0.utf8) }, body)
    }
}

/// What Scripts/make_tokenizer_goldens.py wrote.
struct TokenizerGoldens: Decodable {
    struct Group: Decodable {
        let settings: Settings
        let cases: [Case]
    }

    struct Settings: Decodable {
        let do_lower_case: Bool
        let strip_accents: Bool?
        let tokenize_chinese_chars: Bool
    }

    struct Case: Decodable {
        let text: String
        let ids: [Int32]
        let offsets: [[Int]]
    }

    let groups: [Group]

    static func load() throws -> TokenizerGoldens {
        let file = Bundle.module.resourceURL?.appending(path: "Goldens/tokenizer.json") ?? URL(filePath: "/")
        return try JSONDecoder().decode(TokenizerGoldens.self, from: Data(contentsOf: file))
    }
}

/// Seeded random texts: a failure can be repeated.
struct RandomTexts {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    private static let fragments = [
        " ", "\n", "\t", "\u{A0}", "\u{AD}", "\u{200D}", "\u{301}", "\u{327}", ".", ",", "-", "'", "[", "]", "[SEP]",
        "[CLS]",
        "[MASK", "light", "house", "##ing", "ação", "e\u{301}", "İ", "ß", "ﬁ", "각", "灯台", "👩‍👩‍👧‍👦", "\u{FFFD}", "\u{0}",
    ]

    /// A text of up to `count` fragments or scalars, half of them out of all there are.
    mutating func text(upTo count: UInt64) -> String {
        var text = ""
        for _ in 0..<next() % (count + 1) {
            if next() % 2 == 0 {
                text += Self.fragments[Int(next() % UInt64(Self.fragments.count))]
            } else {
                // One in two of the first 12,000, where most scripts are.
                let scalar = UInt32(next() % (next() % 2 == 0 ? 0x3000 : 0x11_0000))
                text.unicodeScalars.append(Unicode.Scalar(scalar) ?? "\u{FFFD}")
            }
        }
        return text
    }

    mutating func next() -> UInt64 { random.next() }
}
