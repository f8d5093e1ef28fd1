// /openapi.json against the route table, against the copy at the top of the repository, and against what the handlers
// answer. `Scripts/check_openapi.sh` holds the copy against OpenAPI's own rules.

import Foundation
import HTTPTypes
import Testing
import VectorStore

@testable import Server

@Suite struct OpenAPITests {
    private let document = JSONValue.object(OpenAPI.document)

    /// Made anew with: curl -s 127.0.0.1:5002/openapi.json | python3 -m json.tool --no-ensure-ascii > openapi.json
    @Test func theCopyInTheRepositoryIsTheServedDocument() throws {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let copy = try Data(contentsOf: repository.appending(path: "openapi.json"))
        #expect(try JSONValue(parsing: copy) == document)
        #expect(try JSONValue(parsing: OpenAPI.bytes) == document)
    }

    @Test func describesEveryRouteAndNoOther() async throws {
        try await RunningServer.run { port in
            let served = try json(try await fetch("GET", "/openapi.json", port: port))
            let paths = try #require(served["paths"]?.object)
            for (path, operations) in paths {
                for method in try #require(operations.object?.keys) {
                    let concrete = path.replacing("{id}", with: "x")
                    let answer = try await fetch(method.uppercased(), concrete, port: port)
                    #expect(answer.status != 405)
                    let statuses = try #require(operations[method]?["responses"]?.object?.keys)
                    #expect(statuses.contains("\(answer.status)"), "\(method) \(path) answered \(answer.status)")
                }
            }
        }
        let described = try #require(document["paths"]?.object).flatMap { path, operations in
            (operations.object?.keys ?? []).map { "\($0.uppercased()) \(path)" }
        }
        try await RunningServer.withProductRoutes { routes in
            #expect(routes.map { "\($0.method.rawValue) \($0.path)" }.sorted() == described.sorted())
        }
    }

    /// Clients generated from the original API's document call these.
    @Test func keepsTheOriginalOperations() {
        #expect(
            document["paths"]?["/vector/text-to-vector"]?["post"]?["operationId"]
                == "text_to_vector_vector_text_to_vector_post")
        #expect(
            document["paths"]?["/llm/generate-response"]?["post"]?["operationId"]
                == "generate_response_route_llm_generate_response_post")
        let names = document["components"]?["schemas"]?.object?.keys ?? []
        for name in ["Body_text_to_vector_vector_text_to_vector_post", "HTTPValidationError", "ValidationError"] {
            #expect(names.contains(name))
        }
    }

    @Test func everyReferenceLeadsSomewhere() {
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

    /// The answers have the members that their schemas name, in their order.
    @Test func examplesAndAnswersHaveTheMembersOfTheirSchemas() {
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
        #expect(members("Source") == source.json.keys)
        #expect(members("Source") == OpenAPI.Examples.source.keys)
        #expect(members("AskResponse") == answer.json.keys)
        #expect(members("AskResponse") == OpenAPI.Examples.answer.keys)
        #expect(members("Usage") == answer.json["usage"]?.object?.keys)
        #expect(members("Timings") == answer.json["timings"]?.object?.keys)
        #expect(members("UploadResponse") == receipt.json.keys)
        #expect(members("Document") == summary.json.keys)
        #expect(members("DocumentsResponse") == DocumentPage(documents: [], nextOffset: nil).json.keys)
    }
}
