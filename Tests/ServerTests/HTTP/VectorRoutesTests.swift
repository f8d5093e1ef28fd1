// Documents in, out and found, over real sockets, with real embeddings and storage. The oracle for refusals is FastAPI 0.165.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct VectorRoutesTests {
    private let faro = "O farol foi aceso pela primeira vez em 1887.\n\nThe keeper lived beside it until 1961.\n"

    @Test func aDocumentIsStoredListedFoundAndDeleted() async throws {
        try await RunningServer.run { port in
            let upload = try await post(Form(title: "faro", file: faro), port)
            #expect(upload.status == 200)
            #expect(upload.headers["content-type"] == "application/json")
            let receipt = try json(upload)
            #expect(receipt["status"] == "created")
            #expect(receipt["title"] == "faro")
            #expect(receipt["chunks"] == 1)
            #expect(receipt["replaced"] == [])
            #expect(
                receipt.object?.keys == ["status", "document_id", "title", "chunks", "tokens", "replaced"])
            let id = try #require(receipt["document_id"]?.string)

            let list = try json(try await fetch("GET", "/vector/documents?title=faro&limit=10", port: port))
            #expect(list["next_offset"] == .some(.null))
            let document = try #require(list["documents"]?.array?.first)
            #expect(document["document_id"] == .string(id))
            #expect(document["characters"] == .integer(Int64(faro.unicodeScalars.count)))

            let search = try await fetch(
                "POST", "/vector/search", port: port, headers: ["Content-Type": "application/json"],
                body: Array(#"{"query": "When was the lighthouse lit?", "title": "faro", "limit": 3}"#.utf8))
            let source = try #require(try json(search)["results"]?.array?.first)
            #expect(source["document_id"] == .string(id))
            #expect(
                source.object?.keys == ["id", "document_id", "title", "url", "text", "score", "chunk", "start", "end"])

            let deleted = try await fetch("DELETE", "/vector/documents/\(id)", port: port)
            #expect(deleted.body == #"{"document_id":"\#(id)","deleted_chunks":1}"#)
            let again = try await fetch("DELETE", "/vector/documents/\(id)", port: port)
            #expect(again.status == 404)
            #expect(again.body == #"{"detail":"No document has the id '\#(id)'."}"#)
        }
    }

    @Test func theSameContentChangesNothingAndReplaceSwapsTheTitle() async throws {
        try await RunningServer.run { port in
            let first = try json(try await post(Form(title: "t", file: "One text."), port))
            let same = try json(try await post(Form(title: "t", file: "One text."), port))
            #expect(same["status"] == "unchanged")
            #expect(same["document_id"] == first["document_id"])
            var replacing = Form(title: "t", file: "Another text.")
            replacing.fields.append(("replace", "true"))
            let replaced = try json(try await post(replacing, port))
            #expect(replaced["status"] == "replaced")
            #expect(replaced["replaced"] == [first["document_id"] ?? .null])
        }
    }

    /// Titles with spaces and accents arrive whole, in forms and in queries (`+` and `%20`).
    @Test func titlesAreDecodedAsFormsAre() async throws {
        try await RunningServer.run { port in
            _ = try await post(Form(title: "Guia do Coração + mais", file: "Um texto."), port)
            for query in ["Guia+do+Cora%C3%A7%C3%A3o+%2B+mais", "Guia%20do%20Cora%C3%A7%C3%A3o%20%2B%20mais"] {
                let list = try json(try await fetch("GET", "/vector/documents?title=\(query)", port: port))
                #expect(list["documents"]?.array?.count == 1)
            }
        }
    }

    @Test func aTitleInLatin1IsReadAsLatin1() async throws {
        try await RunningServer.run { port in
            let form = Form(title: "TITLE", file: "Um texto.")
            let body = Form.replacing(
                Array("TITLE".utf8), with: Array("cora".utf8) + [0xE7, 0xE3, 0x6F], in: form.body)
            let receipt = try json(try await post(body, port))
            #expect(receipt["title"] == "coração")
        }
    }

    @Test(arguments: [
        (
            Form(title: nil, file: "x"),
            #"[{"type":"missing","loc":["body","title"],"msg":"Field required","input":null}]"#
        ),
        (
            Form(title: "", file: "x"),
            #"[{"type":"missing","loc":["body","title"],"msg":"Field required","input":null}]"#
        ),
        (
            Form(title: "t", file: nil),
            #"[{"type":"missing","loc":["body","file"],"msg":"Field required","input":null}]"#
        ),
        (
            Form(title: "t", file: "x", fileName: ""),
            #"[{"type":"missing","loc":["body","file"],"msg":"Field required","input":null}]"#
        ),
        (
            Form(title: "t", file: "as text", fileName: nil),
            #"[{"type":"value_error","loc":["body","file"],"msg":"Value error, Expected UploadFile, received: "#
                + #"<class 'str'>","input":"as text","ctx":{"error":{}}}]"#
        ),
        (
            Form(title: "t", file: "x", fields: [("replace", "maybe")]),
            #"[{"type":"bool_parsing","loc":["body","replace"],"#
                + #""msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"}]"#
        ),
    ])
    func refusesAsFastAPIDoes(form: Form, detail: String) async throws {
        try await RunningServer.run { port in
            let response = try await post(form, port)
            #expect(response.status == 422)
            #expect(response.body == #"{"detail":\#(detail)}"#)
            #expect(try await documentCount(port) == 0)
        }
    }

    @Test func ofARepeatedFieldTheLastCounts() async throws {
        try await RunningServer.run { port in
            let form = Form(title: "first", file: "x y z", fields: [("title", "second")])
            let receipt = try json(try await post(form, port))
            #expect(receipt["title"] == "second")
        }
    }

    /// What is no text, and what is none at all: a sentence, and nothing stored.
    @Test(arguments: [
        ([UInt8](), "The file is empty."), (Array("%PDF-1.7".utf8), "PDF"), ([0x61, 0x00, 0x62], "binary"),
        ([0x61, 0xE9, 0x62], "not UTF-8"), ([0xFF, 0xFE, 0x61, 0x00], "UTF-16"),
        (Array(" \n\t".utf8), "no readable text"),
    ])
    func refusesFilesThatAreNoText(content: [UInt8], reason: String) async throws {
        try await RunningServer.run { port in
            let mark = Array("CONTENT".utf8)
            let body = Form.replacing(mark, with: content, in: Form(title: "t", file: "CONTENT").body)
            let response = try await post(body, port)
            #expect(response.status == 400)
            #expect(try json(response)["detail"]?.string?.contains(reason) == true, "\(response.body)")
            #expect(try await documentCount(port) == 0)
        }
    }

    @Test func bodiesThatAreNoFormsAreRefused() async throws {
        try await RunningServer.run { port in
            let missing = #"{"type":"missing","loc":["body","title"],"msg":"Field required","input":null}"#
            let noForm = try await fetch(
                "POST", "/vector/text-to-vector", port: port, headers: ["Content-Type": "text/plain"], body: [97])
            #expect(noForm.status == 422)
            #expect(noForm.body.contains(missing))
            let noBoundary = try await fetch(
                "POST", "/vector/text-to-vector", port: port, headers: ["Content-Type": "multipart/form-data"],
                body: [97])
            #expect(noBoundary.status == 400)
            #expect(noBoundary.body == #"{"detail":"Missing boundary in multipart."}"#)
            let garbage = try await post(Array("garbage".utf8), port)
            #expect(garbage.status == 400)
            #expect(garbage.body == #"{"detail":"Invalid multipart data."}"#)
            let cut = try await post(Array(Form(title: "t", file: "x").body.dropLast(9)), port)
            #expect(cut.status == 400)
            #expect(cut.body.contains("closing boundary"))
            #expect(try await documentCount(port) == 0)
        }
    }

    @Test func queriesAreValidated() async throws {
        try await RunningServer.run { port in
            let response = try await fetch("GET", "/vector/documents?limit=many", port: port)
            #expect(response.status == 422)
            #expect(
                response.body
                    == #"{"detail":[{"type":"int_parsing","loc":["query","limit"],"msg":"Input should be a valid "#
                    + #"integer, unable to parse string as an integer","input":"many"}]}"#)
            #expect(try await fetch("GET", "/vector/documents?limit=0", port: port).status == 422)
            #expect(try await fetch("GET", "/vector/documents?offset=x", port: port).status == 400)
        }
    }

    @Test func pagesFollowEachOther() async throws {
        try await RunningServer.run { port in
            for number in 0..<3 { _ = try await post(Form(title: "t\(number)", file: "Text \(number)."), port) }
            var titles: Set<String> = []
            var path = "/vector/documents?limit=2"
            for _ in 0..<3 {
                let page = try json(try await fetch("GET", path, port: port))
                titles.formUnion(page["documents"]?.array?.compactMap { $0["title"]?.string } ?? [])
                guard let next = page["next_offset"]?.string else { break }
                path = "/vector/documents?limit=2&offset=\(next)"
            }
            #expect(titles == ["t0", "t1", "t2"])
        }
    }
}

/// A form as curl sends it.
struct Form: Sendable, CustomTestStringConvertible {
    var title: String?
    var file: String?
    var fileName: String? = "a.txt"
    var fields: [(String, String)] = []

    static let contentType = "multipart/form-data; boundary=----form"

    var testDescription: String { "title \(title ?? "-"), file \(file ?? "-") named \(fileName ?? "-"), \(fields)" }

    var body: [UInt8] {
        var text = ""
        for (name, value) in [("title", title)] + fields.map({ ($0.0, Optional($0.1)) }) {
            guard let value else { continue }
            text += "------form\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n"
        }
        if let file {
            let parameter = fileName.map { "; filename=\"\($0)\"" } ?? ""
            text += "------form\r\nContent-Disposition: form-data; name=\"file\"\(parameter)\r\n\r\n\(file)\r\n"
        }
        return Array((text + "------form--\r\n").utf8)
    }

    static func replacing(_ mark: [UInt8], with bytes: [UInt8], in body: [UInt8]) -> [UInt8] {
        guard let range = body.firstRange(of: mark) else { return body }
        return body.replacingSubrange(range, with: bytes)
    }
}

extension [UInt8] {
    fileprivate func replacingSubrange(_ range: Range<Int>, with bytes: [UInt8]) -> [UInt8] {
        Array(self[..<range.lowerBound]) + bytes + self[range.upperBound...]
    }
}

func post(_ form: Form, _ port: Int) async throws -> RawResponse { try await post(form.body, port) }

func post(_ body: [UInt8], _ port: Int) async throws -> RawResponse {
    try await fetch(
        "POST", "/vector/text-to-vector", port: port, headers: ["Content-Type": Form.contentType], body: body)
}

func json(_ response: RawResponse) throws -> JSONValue { try JSONValue(parsing: response.body.utf8) }

private func documentCount(_ port: Int) async throws -> Int? {
    try json(try await fetch("GET", "/vector/documents", port: port))["documents"]?.array?.count
}
