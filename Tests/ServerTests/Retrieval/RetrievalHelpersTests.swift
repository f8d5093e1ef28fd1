// The small helpers of retrieval: file decoding, document names, near titles.

import Testing
import VectorStore

@testable import Server

@Suite struct TextFileTests {
    @Test func `UTF-8 is text, whatever its language`() throws {
        #expect(try TextFile.decode(Array("Olá, 世界! ❤️".utf8)) == "Olá, 世界! ❤️")
    }

    @Test(
        arguments: [
            ([], "The file is empty."),
            (Array("%PDF-1.7".utf8), "a PDF"),
            ([0x50, 0x4B, 0x03, 0x04, 1], "ZIP archive"),
            ([0xFF, 0xFE, 0x41, 0x00], "UTF-16"),
            ([0x41, 0x00, 0x42], "byte 1 is zero"),
            (Array("line\ncaf".utf8) + [0xE9, 0x20], "byte 8 (0xE9, line 2)"),
            ([0x41, 0xC3], "byte 1 (0xC3, line 1)"),
            ([0xED, 0xA0, 0x80], "byte 0 (0xED, line 1)"),
        ] as [([UInt8], String)])
    func `anything else is refused with what it looks like`(bytes: [UInt8], message: String) {
        #expect {
            try TextFile.decode(bytes)
        } throws: { error in
            guard case .badRequest(let text) = error as? RequestError else { return false }
            return text.contains(message)
        }
    }
}

@Suite struct SHA256Tests {
    // Oracle: the examples of FIPS 180-4 as NIST publishes them.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func `digests of known messages`(message: String, expected: String) {
        let digest = SHA256.digest(message.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(digest == expected)
    }

    @Test func `the digest does not depend on how the message is cut`() {
        let message = Array(String(repeating: "0123456789", count: 30).utf8)
        for cut in [0, 1, 55, 56, 63, 64, 65, 119, 120, 300] {
            var hash = SHA256()
            hash.update(message[..<cut])
            hash.update(message[cut...])
            #expect(hash.digest() == SHA256.digest(message))
        }
    }
}

@Suite struct NearestTitlesTests {
    @Test func `case, accents and a typo are near, whatever else there is`() {
        let known = ["Relatório anual", "Faro", "faro-guia", "Manual do utilizador"]
        #expect(NearestTitles.message(unknown: "relatorio anal", known: known, limit: 1).contains("'Relatório anual'"))
        #expect(NearestTitles.message(unknown: "FARO", known: known, limit: 2).contains("'Faro', 'faro-guia'"))
    }

    @Test func `an empty library says so`() {
        #expect(NearestTitles.message(unknown: "x", known: []).contains("nothing has been uploaded yet"))
    }
}
