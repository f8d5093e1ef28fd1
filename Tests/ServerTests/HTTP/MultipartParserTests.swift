// The oracle is python-multipart 0.0.34 under Starlette: what it accepts, and the texts it refuses with. The exception is
// a body that ends early, of which it says nothing.

import TestSupport
import Testing

@testable import Server

@Suite struct MultipartParserTests {
    @Test func readsTextFieldsAndFiles() throws {
        let parts = try parse(
            part(#"form-data; name="title""#, "Olá") + part(#"form-data; name="file"; filename="a.txt""#, "one\r\ntwo")
                + end)
        #expect(
            parts == [
                FormPart(name: "title", content: Array("Olá".utf8)),
                FormPart(name: "file", fileName: "a.txt", content: Array("one\r\ntwo".utf8)),
            ])
    }

    @Test(arguments: [
        "multipart/form-data; boundary=x", "multipart/form-data; boundary=\"x\"",
        "multipart/form-data; charset=utf-8; boundary=x", "Multipart/Form-Data;BOUNDARY=x",
        "multipart/form-data ; boundary = x ; charset=utf-8",
    ])
    func findsTheBoundaryOf(contentType: String) throws {
        #expect(try parse(part(#"form-data; name="a""#, "1") + end, contentType: contentType).map(\.name) == ["a"])
    }

    @Test func otherTypesAreNoForms() throws {
        #expect(try MultipartParser(contentType: "application/x-www-form-urlencoded") == nil)
        #expect(try MultipartParser(contentType: "") == nil)
        #expect(throws: MultipartError.missingBoundary) { try MultipartParser(contentType: "multipart/form-data") }
        #expect(throws: MultipartError.missingBoundary) {
            try MultipartParser(contentType: "multipart/form-data; boundary=")
        }
    }

    @Test(arguments: [
        (#"form-data; name="file"; filename="a \"b\".txt""#, #"a "b".txt"#),
        (#"form-data; name="file"; filename="relatório.txt""#, "relatório.txt"),
        (#"form-data; name="file"; filename="C:\Users\me\a.txt""#, "a.txt"),
        (#"form-data; name="file"; filename="../../etc/passwd""#, "passwd"),
        (#"form-data; name="file"; filename="a;b=c.txt""#, "a;b=c.txt"),
        (#"form-data; name="file"; filename="100%22.txt""#, "100%22.txt"),
        (#"form-data; name="file"; filename="../..""#, ""),
        (#"form-data; name="file"; filename="""#, ""),
        ("form-data; name=file; filename=plain.txt", "plain.txt"),
        (#"form-data; filename="first.txt"; name="file""#, "first.txt"),
    ])
    func keepsOnlyTheNameOf(disposition: String, fileName: String) throws {
        let file = try #require(try parse(part(disposition, "x") + end).first)
        #expect(file.name == "file")
        #expect(file.fileName == fileName)
    }

    @Test func aNameInLatin1IsReadAsLatin1() throws {
        let head = Array("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"caf".utf8)
        let body = head + [0xE9] + Array(".txt\"\r\n\r\n1\r\n--x--\r\n".utf8)
        #expect(try parse(body)[0].fileName == "café.txt")
    }

    @Test func contentMayLookLikeABoundary() throws {
        let content = "\r\n--\r\n--y\r\n --x\r\n\r\n-\r\n--\r\r\n\r\n--xy--\r\n--x-\r\n--x\r-"
        let parts = try parse(
            part(#"form-data; name="file"; filename="a""#, content) + part(#"form-data; name="b""#, "") + end)
        #expect(parts.map(\.name) == ["file", "b"])
        #expect(String(decoding: parts[0].content, as: UTF8.self) == content)
        #expect(parts[1].content.isEmpty)
    }

    @Test func lineBreaksBeforeAndAnythingAfterTheFormAreIgnored() throws {
        let body = "\r\n\r\n" + part(#"form-data; name="a""#, "1") + "--x--" + "epilogue --x \u{0} \r\n--x\r\n"
        #expect(try parse(body).map(\.name) == ["a"])
        #expect(try parse("--x--").isEmpty)
    }

    @Test func spacesBehindABoundaryArePadding() throws {
        let body = "--x \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x  \r\n"
        #expect(try parse(body + "Content-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--x--").count == 2)
    }

    @Test(arguments: [
        ("preamble\r\n--x\r\n", MultipartError.invalid), ("--y\r\n", .invalid), ("--xy\r\n", .invalid),
        ("--x\nContent-Disposition: form-data; name=\"a\"\n\n1\n--x--\n", .invalid),
        ("--x\r\nContent-Disposition: form-data; name=\"a\"\n\r\n1\r\n--x--", .invalid),
        ("--x\r\nno colon\r\n\r\n1\r\n--x--", .invalid), ("--x\r\n: empty\r\n\r\n1\r\n--x--", .invalid),
        ("--x\r\n\r\n1\r\n--x--", .missingName),
        ("--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", .missingName),
        ("--x\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n1\r\n--x--", .missingName),
    ])
    func refuses(body: String, error: MultipartError) {
        #expect(throws: error) { try parse(body) }
    }

    @Test func limitsTextFieldsPartsAndHeaders() throws {
        let limit = MultipartParser.largestTextField
        let longest = String(repeating: "a", count: limit)
        #expect(try parse(part(#"form-data; name="a""#, longest) + end)[0].content.count == limit)
        #expect(throws: MultipartError.partTooLarge) { try parse(part(#"form-data; name="a""#, longest + "b") + end) }
        // A file may be longer.
        #expect(
            try parse(part(#"form-data; name="a"; filename="f""#, longest + "b") + end)[0].content.count == limit + 1)

        let field = part(#"form-data; name="a""#, "1")
        #expect(try parse(String(repeating: field, count: MultipartParser.mostParts) + end).count == 1000)
        #expect(throws: MultipartError.tooManyParts) {
            try parse(String(repeating: field, count: MultipartParser.mostParts + 1) + end)
        }

        var parser = try #require(try MultipartParser(contentType: "multipart/form-data; boundary=x"))
        let header = Array("--x\r\nX: ".utf8) + [UInt8](repeating: 97, count: MultipartParser.largestHeaders)
        #expect(throws: MultipartError.invalid) { try parser.append(header) }
    }

    @Test func anOversizedTextFieldIsRefusedBeforeItEnds() throws {
        var parser = try #require(try MultipartParser(contentType: "multipart/form-data; boundary=x"))
        try parser.append(Array("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".utf8))
        #expect(throws: MultipartError.partTooLarge) {
            for _ in 0..<18 { try parser.append([UInt8](repeating: 97, count: 1 << 16)) }
        }
    }

    /// The form every split and every mutation below is made of.
    private static let sample =
        part(#"form-data; name="title""#, "Olá") + part(#"form-data; name="empty""#, "")
        + "--x\r\ncontent-type: text/plain\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"b.txt\"\r\n\r\n"
        + "\r\n--\r\n--y\r\n--x-\r\n\r\n--xx\r\r\n\r\n" + end + "behind"

    @Test func everySplitGivesTheSameParts() throws {
        let body = Array(Self.sample.utf8)
        let whole = try parse(body)
        #expect(whole.count == 3)
        for first in 0...body.count {
            #expect(try parse(body, at: [first]) == whole)
            for second in stride(from: first, through: body.count, by: 7) {
                #expect(try parse(body, at: [first, second]) == whole)
            }
        }
        #expect(try parse(body, at: Array(0...body.count)) == whole, "byte by byte")
    }

    @Test func everyTruncationIsSaidToBeOne() throws {
        let body = Array(Self.sample.utf8)
        let complete = try #require(body.firstRange(of: Array(("\r\n" + end).utf8))).upperBound - 2
        for length in 0..<complete {
            #expect(throws: MultipartError.truncated) { try parse(Array(body[..<length])) }
        }
        #expect(try parse(Array(body[..<complete])).count == 3)
    }

    /// Whatever arrives, and however it is split: parts that were in the body, or an error; never a crash, and the same
    /// outcome for every split.
    @Test func mutatedBodiesNeverDependOnTheirSplits() throws {
        var random = SplitMix64(seed: 20_260_101)
        let alphabet = Array("\r\n-x:;=\"\\ \tab\u{0}é".utf8)
        for _ in 0..<3000 {
            var body = Array(Self.sample.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: body[index] = alphabet.randomElement(using: &random) ?? 0
                case 1: body.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
                case 2: body.remove(at: index)
                default:
                    body.insert(
                        contentsOf: body[index...].prefix(20), at: Int.random(in: 0...body.count, using: &random))
                }
            }
            let whole = Result { () throws(MultipartError) in try parse(body) }
            let cuts = (0..<5).map { _ in Int.random(in: 0...body.count, using: &random) }.sorted()
            let split = Result { () throws(MultipartError) in try parse(body, at: cuts) }
            #expect(whole == split, "\(String(decoding: body, as: UTF8.self).debugDescription) at \(cuts)")
            if case .success(let parts) = whole {
                for part in parts { #expect(part.content.isEmpty || body.firstRange(of: part.content) != nil) }
            }
        }
    }
}

/// Parses a body handed over in pieces.
private func parse(
    _ body: [UInt8], at cuts: [Int] = [], contentType: String = "multipart/form-data; boundary=x"
) throws(MultipartError) -> [FormPart] {
    guard var parser = try MultipartParser(contentType: contentType) else { return [] }
    var start = 0
    for cut in cuts + [body.count] {
        try parser.append(body[start..<cut])
        start = cut
    }
    return try parser.finish()
}

private func parse(
    _ body: String, contentType: String = "multipart/form-data; boundary=x"
) throws(MultipartError) -> [FormPart] {
    try parse(Array(body.utf8), contentType: contentType)
}

private let end = "--x--\r\n"

private func part(_ disposition: String, _ content: String) -> String {
    "--x\r\nContent-Disposition: \(disposition)\r\n\r\n\(content)\r\n"
}
