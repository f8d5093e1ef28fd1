// Forms, as curl, browsers and odd clients send them, and as nobody should.

import Testing

@testable import Server

@Suite struct MultipartTests {
    private func parts(_ text: String, boundary: String = "b") throws -> [FormPart] {
        try Multipart.parts(of: Array(text.utf8), boundary: Array(boundary.utf8))
    }

    @Test(arguments: [
        ("multipart/form-data; boundary=abc", "abc"),
        ("multipart/form-data; boundary=\"a b;c\"", "a b;c"),
        ("Multipart/Form-Data; charset=utf-8; Boundary=abc", "abc"),
        ("multipart/form-data;boundary=abc; charset=utf-8", "abc"),
        ("multipart/form-data; boundary=\"a\\\"b\"", "a\"b"),
    ])
    func `boundaries are read in every usual spelling`(type: String, boundary: String) throws {
        #expect(try Multipart.boundary(of: type) == Array(boundary.utf8))
    }

    @Test func `another type is no form, a form without a boundary an error`() throws {
        #expect(try Multipart.boundary(of: "application/json") == nil)
        #expect(try Multipart.boundary(of: "") == nil)
        for type in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""] {
            #expect(throws: MultipartError.missingBoundary) { try Multipart.boundary(of: type) }
        }
    }

    @Test func `fields and files, names and contents come out as they went in`() throws {
        let form = try parts(
            "--b\r\nContent-Disposition: form-data; name=\"título\"\r\n\r\nolá\r\n"
                + "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nX-Other: 1\r\n\r\nx\r\n--\r\n--bc\r\n\r\n"
                + "--b\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b--\r\nepilogue"
        )
        #expect(form.map(\.name) == ["título", "file", "empty"])
        #expect(form.map(\.fileName) == [nil, "a \"b\".txt", nil])
        // "--b" begins a boundary only at the beginning of a line and when it is the whole of it.
        #expect(form.map { String(decoding: $0.content, as: UTF8.self) } == ["olá", "x\r\n--\r\n--bc\r\n", ""])
    }

    @Test(arguments: [
        ("C:\\\\Documents\\\\a.txt", "a.txt"), ("../../etc/passwd", "passwd"), ("/a/", "a"), ("..", ".."), ("", ""),
        ("a%22b.txt", "a%22b.txt"),
    ])
    func `of a path only the name is kept`(fileName: String, expected: String) throws {
        let form = try parts(
            "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\(fileName)\"\r\n\r\n\r\n--b--")
        #expect(form[0].fileName == expected)
    }

    @Test(arguments: [
        ("", MultipartError.truncated), ("--", .truncated), ("--b", .truncated), ("--b\r\n", .truncated),
        ("preamble\r\n--b\r\n", .invalid), ("--bX", .truncated), ("--bXY", .invalid), ("--b\nContent", .invalid),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\n\nx\r\n--b--", .invalid),
        ("--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", .missingName),
        ("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", .missingName),
        ("--b\r\n\r\nx\r\n--b--", .missingName), ("--b\r\nno colon\r\n\r\nx\r\n--b--", .invalid),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", .truncated),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b", .truncated),
        ("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--bc", .truncated),
    ])
    func `what is no form is refused with the reason`(body: String, error: MultipartError) {
        #expect(throws: error) { try parts(body) }
    }

    @Test func `parts and their headers are bounded`() {
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n"
        #expect(throws: MultipartError.tooManyParts) { try parts(String(repeating: part, count: 1001) + "--b--") }
        let header = "X: " + String(repeating: "y", count: 20_000) + "\r\n"
        #expect(throws: MultipartError.invalid) { try parts("--b\r\n" + header + part) }
    }

    @Test func `every prefix of a form is refused, and no byte at random crashes the parser`() throws {
        let form = Array(
            "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nt\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nabc\r\n--b--"
                .utf8
        )
        for length in 0..<form.count {
            #expect(throws: MultipartError.self) {
                try Multipart.parts(of: Array(form[..<length]), boundary: Array("b".utf8))
            }
        }
        var generator = SplitMix64(seed: 3)
        let pieces = [
            "--b", "\r\n", "--", "\n", "Content-Disposition: form-data; name=\"a\"", "\"", ";", "=", "\\", "x", "\u{0}",
            "é", ": ",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = form
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                let piece = Array((pieces.randomElement(using: &generator) ?? "").utf8)
                bytes.replaceSubrange(
                    index..<min(bytes.count, index + Int.random(in: 0...4, using: &generator)), with: piece)
            }
            do throws(MultipartError) {
                _ = try Multipart.parts(of: bytes, boundary: Array("b".utf8))
                accepted += 1
            } catch {}
        }
        #expect(accepted > 0, "the mutations must leave some forms valid, or nothing behind the first check was tried")
    }
}
