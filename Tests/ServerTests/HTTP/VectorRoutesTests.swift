// Documents over a real socket: stored whole or not at all, listed, searched, swapped, removed.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct VectorRoutesTests {
    static let story = """
        # The lighthouse

        The keeper rang the bell for eleven hours. The boat came home with all its crew.

        # The bakery

        The bread has fennel in it. It is sold out by ten.
        """

    @Test func `an upload answers its receipt, and the document is listed and found`() async throws {
        try await TestServer.run { server in
            let fields = [("description", "notes"), ("user_id", "ana"), ("url", "https://example.org/é")]
            let receipt = try await server.upload(Self.story, title: "Ilha", extra: fields)
            #expect(receipt.status == 200)
            #expect(receipt.headers["content-type"] == "application/json")
            #expect(receipt.json["status"] == "created")
            #expect(receipt.json["title"] == "Ilha")
            let id = try #require(receipt.json["document_id"]?.string)

            let page = try await server.get("/vector/documents").json
            let document = try #require(page["documents"]?.array?.first)
            #expect(page["next_offset"] == .null)
            #expect(document["document_id"] == .string(id))
            #expect(document["description"] == "notes" && document["user_id"] == "ana")
            #expect(document["url"] == "https://example.org/é")
            #expect(document["chunks"] == receipt.json["chunks"] && document["tokens"] == receipt.json["tokens"])
            #expect(document["characters"] == .integer(Int64(Self.story.unicodeScalars.count)))

            let found = try await server.post(
                "/vector/search", json: ["query": "fennel bread", "title": "Ilha", "limit": 1]
            ).json
            let source = try #require(found["results"]?.array?.first)
            let scalars = Array(Self.story.unicodeScalars)
            let start = Int(source["start"]?.integer ?? 0)
            let end = Int(source["end"]?.integer ?? 0)
            #expect(source["text"] == .string(String(String.UnicodeScalarView(scalars[start..<end]))))
            #expect(source["document_id"] == .string(id))
        }
    }

    @Test func `the same content changes nothing, new content adds, replace swaps the title`() async throws {
        try await TestServer.run { server in
            let first = try await server.upload("One text.", title: "t").json
            let again = try await server.upload("One text.", title: "t", extra: [("url", "elsewhere")]).json
            #expect(again["status"] == "unchanged" && again["document_id"] == first["document_id"])
            #expect(again["chunks"] == first["chunks"] && again["tokens"] == first["tokens"])
            _ = try await server.upload("One text.", title: "other")
            let second = try await server.upload("Another text.", title: "t").json
            #expect(second["status"] == "created")
            #expect(try await server.points() == 3)

            let third = try await server.upload("A third text.", title: "t", extra: [("replace", "true")]).json
            #expect(third["status"] == "replaced")
            let replaced = Set(third["replaced"]?.array?.compactMap(\.string) ?? [])
            #expect(replaced == Set([first, second].compactMap { $0["document_id"]?.string }))
            let titles = try await server.get("/vector/documents?title=t").json["documents"]?.array
            #expect(titles?.map { $0["document_id"] } == [third["document_id"]])
            #expect(try await server.points() == 2)
        }
    }

    @Test func `documents come in pages, and deleting one leaves the others`() async throws {
        try await TestServer.run { server in
            for number in 0..<5 { _ = try await server.upload("Text number \(number).", title: "n\(number)") }
            var ids: [JSONValue] = []
            var path = "/vector/documents?limit=2"
            while true {
                let page = try await server.get(path).json
                ids += page["documents"]?.array?.compactMap { $0["document_id"] } ?? []
                guard let next = page["next_offset"]?.string else { break }
                path = "/vector/documents?limit=2&offset=\(next)"
            }
            #expect(Set(ids).count == 5 && ids.count == 5)
            let id = try #require(ids[0].string)
            let deleted = try await server.send("DELETE /vector/documents/\(id) HTTP/1.1")
            #expect(deleted.status == 200 && deleted.json["deleted_chunks"] == 1)
            #expect(try await server.send("DELETE /vector/documents/\(id) HTTP/1.1").status == 404)
            #expect(try await server.points() == 4)
        }
    }

    @Test func `every file is split into chunks the model reads whole`() async throws {
        try await TestServer.run(chunkTokens: 64) { server in
            let text = (0..<200).map { "Sentence number \($0) is here. " }.joined()
            let receipt = try await server.upload(text).json
            let page = try await server.store.scroll(ScrollRequest(limit: 1000), in: Library.collection)
            #expect(page.points.count == Int(receipt["chunks"]?.integer ?? 0))
            #expect(page.points.allSatisfy { ($0.payload?["tokens"]?.integer ?? 999) <= 64 })
        }
    }

    // MARK: What is refused

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        /// Part of the body.
        let says: String
        var type: String? = Form.type
        var body: [UInt8]
    }

    static let good = Form.body([("title", "t")], file: Array("Some text.".utf8))
    static let refusals: [Refusal] = [
        Refusal(
            testDescription: "no form", status: 422, says: #""loc":["body","title"]"#, type: "application/json",
            body: Array("{}".utf8)),
        Refusal(testDescription: "no type", status: 422, says: #""loc":["body","file"]"#, type: nil, body: good),
        Refusal(
            testDescription: "no boundary", status: 400, says: "Missing boundary in multipart.",
            type: "multipart/form-data", body: good),
        Refusal(
            testDescription: "another boundary", status: 400, says: "Invalid multipart data.",
            type: "multipart/form-data; boundary=x", body: good),
        Refusal(
            testDescription: "no title", status: 422,
            says: #"{"type":"missing","loc":["body","title"],"msg":"Field required","input":null}"#,
            body: Form.body([], file: [65])),
        Refusal(
            testDescription: "empty title", status: 422, says: #""type":"missing","loc":["body","title"]"#,
            body: Form.body([("title", "")], file: [65])),
        Refusal(
            testDescription: "no file", status: 422, says: #""loc":["body","file"]"#,
            body: Form.body([("title", "t")], file: nil)),
        Refusal(
            testDescription: "text as file", status: 422,
            says: "Value error, Expected UploadFile, received: <class 'str'>",
            body: Form.body([("title", "t"), ("file", "x")], file: nil)),
        Refusal(
            testDescription: "file without a name", status: 422, says: #""type":"missing","loc":["body","file"]"#,
            body: Form.body([("title", "t")], file: [65], fileName: "")),
        Refusal(
            testDescription: "empty file", status: 400, says: "The file is empty.",
            body: Form.body([("title", "t")], file: [])),
        Refusal(
            testDescription: "blank file", status: 400, says: "no readable text",
            body: Form.body([("title", "t")], file: Array(" \n\t ".utf8))),
        Refusal(
            testDescription: "binary file", status: 400, says: "binary",
            body: Form.body([("title", "t")], file: [65, 0, 66])),
        Refusal(
            testDescription: "PDF", status: 400, says: "a PDF",
            body: Form.body([("title", "t")], file: Array("%PDF-1.7\n".utf8))),
        Refusal(
            testDescription: "Latin-1", status: 400, says: "not UTF-8",
            body: Form.body([("title", "t")], file: [0x63, 0x61, 0x66, 0xE9])),
        Refusal(
            testDescription: "text field over 1 MB", status: 400, says: "Part exceeded maximum size of 1024KB.",
            body: Form.body([("title", "t"), ("url", String(repeating: "a", count: 1 << 20 + 1))], file: [65])),
        Refusal(
            testDescription: "odd replace", status: 422, says: #""loc":["body","replace"]"#,
            body: Form.body([("title", "t"), ("replace", "perhaps")], file: [65])),
        Refusal(
            testDescription: "truncated", status: 400, says: "ended before its closing boundary",
            body: good.dropLast(30)),
        Refusal(testDescription: "empty body", status: 400, says: "ended before", body: []),
    ]

    @Test(arguments: refusals)
    func `a bad upload is refused with its reason, stores nothing and harms nobody`(refusal: Refusal) async throws {
        try await TestServer.run { server in
            let response = try await server.post("/vector/text-to-vector", refusal.body, type: refusal.type)
            #expect(response.status == refusal.status)
            #expect(response.text.contains(refusal.says), "\(response.text)")
            #expect(try await server.points() == 0)
            #expect(try await server.upload("Some text.").status == 200)
        }
    }

    @Test func `an upload over the limit is refused before it is read, and the refusal can be read`() async throws {
        var http = HTTPConfiguration()
        http.maxUpload = 1 << 20
        try await TestServer.run(http: http) { server in
            let announced = try await server.send(
                "POST /vector/text-to-vector HTTP/1.1",
                headers: ["Content-Type: \(Form.type)", "Content-Length: 209715200"],
                body: [UInt8](repeating: 65, count: 1 << 16)
            )
            #expect(announced.status == 413)
            let large = Form.body([("title", "t")], file: [UInt8](repeating: 65, count: 2 << 20))
            let response = try await server.post("/vector/text-to-vector", large, type: Form.type)
            #expect(response.status == 413)
            #expect(response.json["detail"]?.string?.contains("1 MB") == true)

            // Without a length: chunk by chunk until it is too much.
            let connection = try await RawConnection(port: server.port)
            defer { connection.close() }
            try await connection.write(
                Array(
                    "POST /vector/text-to-vector HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(Form.type)\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                        .utf8))
            let beginning = Form.body([("title", "t")], file: [65]).dropLast(25)
            try await connection.write(
                Array("\(String(beginning.count, radix: 16))\r\n".utf8) + beginning + Array("\r\n".utf8))
            for _ in 0..<48 {
                try await connection.write(
                    Array("10000\r\n".utf8) + [UInt8](repeating: 65, count: 65_536) + Array("\r\n".utf8))
            }
            try await connection.write(Array("0\r\n\r\n".utf8))
            #expect(try await connection.readResponse().status == 413)
            #expect(try await server.points() == 0)
        }
    }

    @Test func `a client that expects an invitation gets one`() async throws {
        try await TestServer.run { server in
            let connection = try await RawConnection(port: server.port)
            defer { connection.close() }
            let lines = [
                "POST /vector/text-to-vector HTTP/1.1", "Host: localhost", "Content-Type: \(Form.type)",
                "Content-Length: \(Self.good.count)", "Expect: 100-continue", "Connection: close", "", "",
            ]
            try await connection.write(Array(lines.joined(separator: "\r\n").utf8))
            #expect(
                String(decoding: try await connection.read(once: true), as: UTF8.self).hasPrefix(
                    "HTTP/1.1 100 Continue"))
            try await connection.write(Self.good)
            #expect(try await connection.readResponse().status == 200)
        }
    }

    @Test func `a client that leaves in the middle of its upload leaves nothing behind`() async throws {
        try await TestServer.run { server in
            let connection = try await RawConnection(port: server.port)
            let head =
                "POST /vector/text-to-vector HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(Form.type)\r\nContent-Length: \(Self.good.count)\r\n\r\n"
            try await connection.write(Array(head.utf8) + Self.good.dropLast(40))
            connection.close()
            #expect(try await server.upload("Another.").status == 200)
            #expect(try await server.points() == 1)
        }
    }

    @Test(arguments: [
        ("limit=0", "greater_than_equal"), ("limit=x", "int_parsing"), ("limit=5000", "less_than_equal"),
    ])
    func `query parameters are validated`(query: String, type: String) async throws {
        try await TestServer.run { server in
            let response = try await server.get("/vector/documents?\(query)")
            #expect(response.status == 422)
            #expect(response.json["detail"]?.array?.first?["type"] == .string(type))
            #expect(response.json["detail"]?.array?.first?["loc"] == ["query", "limit"])
        }
    }
}
