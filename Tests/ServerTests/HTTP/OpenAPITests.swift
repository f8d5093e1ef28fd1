// The document of /openapi.json against what the server answers. `Scripts/check_openapi.sh` holds it against OpenAPI's own
// rules.

import Testing
import VectorStore

@testable import Server

@Suite struct OpenAPITests {
    private let document: JSONValue

    init() throws { document = try JSONValue(parsing: OpenAPI.document) }

    @Test func `every reference leads somewhere`() {
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let object):
                object.flatMap { key, value in key == "$ref" ? [value.string ?? ""] : references(value) }
            case .array(let values): values.flatMap(references)
            default: []
            }
        }
        let all = references(document)
        #expect(!all.isEmpty)
        for reference in all {
            let target = reference.dropFirst(2).split(separator: "/").reduce(document as JSONValue?) { $0?[String($1)] }
            #expect(target != nil, "\(reference)")
        }
    }

    @Test func `what an empty request is answered is described`() async throws {
        try await TestServer.run { server in
            for (path, operations) in try #require(document["paths"]?.object) {
                for method in try #require(operations.object?.keys) {
                    let target = path.replacing("{id}", with: "x")
                    let response = try await server.send("\(method.uppercased()) \(target) HTTP/1.1")
                    let described = try #require(operations[method]?["responses"]?.object?.keys)
                    #expect(described.contains("\(response.status)"), "\(method) \(path): \(response.status)")
                }
            }
        }
    }

    /// Members and their order.
    @Test func `schemas and examples have the members of the answers`() {
        func members(_ schema: String) -> [String]? {
            document["components"]?["schemas"]?[schema]?["properties"]?.object?.keys
        }
        let source = Source(
            id: "", documentID: "", title: "", url: "", text: "", score: 0, chunkIndex: 0, characters: 0..<0)
        let answer = Answer(
            text: "", sources: [], model: nil, generator: "", dropped: [], warnings: [], usage: .init(),
            timings: .init(total: 0))
        let receipt = UploadReceipt(documentID: "", title: "", status: .created, chunks: 0, tokens: 0, replaced: [])
        let summary = DocumentSummary(
            documentID: "", title: "", description: "", userID: "", url: "", chunks: 0, tokens: 0, characters: 0,
            createdAt: "")
        let example = document["paths"]?["/llm/ask"]?["post"]?["responses"]?["200"]?["content"]?["application/json"]?[
            "example"]
        #expect(members("Source") == source.json.keys)
        #expect(members("AskResponse") == answer.json.keys)
        #expect(example?.object?.keys == answer.json.keys)
        #expect(example?["sources"]?.array?.first?.object?.keys == source.json.keys)
        #expect(members("Usage") == answer.json["usage"]?.object?.keys)
        #expect(members("Timings") == answer.json["timings"]?.object?.keys)
        #expect(members("UploadResponse") == receipt.json.keys)
        #expect(members("Document") == summary.json.keys)
        #expect(members("DocumentsResponse") == DocumentPage(documents: [], nextOffset: nil).json.keys)
    }
}
