// Operations and queries against Qdrant's own client: Scripts/make_operation_goldens.py.

import Foundation
import Testing

@testable import VectorStore

@Suite struct OperationGoldenTests {
    private static func vector(_ json: JSONValue) throws -> Vector {
        guard json.object != nil else { return .dense(json.array?.compactMap { $0.number.map(Float.init) } ?? []) }
        let indices = json["indices"]?.array?.compactMap { $0.integer.map { UInt32($0) } } ?? []
        let values = json["values"]?.array?.compactMap { $0.number.map(Float.init) } ?? []
        return .sparse(try SparseVector(indices: indices, values: values))
    }

    private static func vectors(_ json: JSONValue?) throws -> NamedVectors {
        var vectors: NamedVectors = [:]
        for (name, value) in try #require(json?.object) { vectors[name] = try vector(value) }
        return vectors
    }

    private static func selector(_ json: JSONValue) throws -> PointSelector {
        if let ids = json["points"]?.array { return .ids(try ids.map { try PointID(json: $0) }) }
        return .filter(try Filter(json: #require(json["filter"])))
    }

    private static func operation(_ json: JSONValue) throws -> PointOperation {
        let (name, body) = try #require(json.object?.first { _ in true })
        switch name {
        case "upsert":
            return .upsert(
                try #require(body.array).map { point in
                    Point(
                        id: try PointID(json: #require(point["id"])), vectors: try vectors(point["vector"]),
                        payload: try #require(point["payload"]?.object))
                })
        case "delete": return .delete(try selector(body))
        case "set_payload":
            return .setPayload(
                try #require(body["payload"]?.object), try selector(body),
                key: try body["key"]?.string.map { try PayloadPath($0) })
        case "overwrite_payload": return .overwritePayload(try #require(body["payload"]?.object), try selector(body))
        case "delete_payload":
            let keys = try #require(body["keys"]?.array).compactMap(\.string).map { try PayloadPath($0) }
            return .deletePayload(keys, try selector(body))
        case "clear_payload": return .clearPayload(try selector(body))
        case "update_vectors":
            return .updateVectors(
                try #require(body.array).map {
                    PointVectors(id: try PointID(json: #require($0["id"])), vectors: try vectors($0["vector"]))
                })
        default:
            let names = try #require(body["names"]?.array).compactMap(\.string)
            return .deleteVectors(names, try selector(body))
        }
    }

    private static func query(_ json: JSONValue) throws -> PointsQuery {
        let target = try #require(json["query"])
        let isID = target.array == nil && target.object == nil
        var query = PointsQuery(
            .nearest(isID ? .id(try PointID(json: target)) : .vector(try vector(target))),
            using: try #require(json["using"]?.string), filter: try json["filter"].map { try Filter(json: $0) },
            scoreThreshold: json["score_threshold"]?.number.map(Float.init),
            limit: Int(try #require(json["limit"]?.integer)), offset: Int(json["offset"]?.integer ?? 0))
        if let paths = json["with_payload"]?["include"]?.array {
            query.withPayload = .include(try paths.compactMap(\.string).map { try PayloadPath($0) })
        } else if let paths = json["with_payload"]?["exclude"]?.array {
            query.withPayload = .exclude(try paths.compactMap(\.string).map { try PayloadPath($0) })
        }
        return query
    }

    /// Cosine vectors are normalised by both, in arithmetic of their own; everything else is exact.
    private static func expectSame(_ ours: NamedVectors, _ theirs: NamedVectors) {
        #expect(Set(ours.keys) == Set(theirs.keys))
        for (name, vector) in ours {
            switch (vector, theirs[name]) {
            case (.dense(let a), .dense(let b)): #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 }, "\(a) \(b)")
            case (.sparse(let a), .sparse(let b)): #expect(a == b)
            default: Issue.record("\(name) is of another kind")
            }
        }
    }

    private static func expectSame(_ hits: [ScoredPoint], _ query: JSONValue) throws {
        let wanted = try #require(query["hits"]?.array)
        #expect(hits.count == wanted.count, "\(query)")
        var scores: [PointID: (Double, JSONValue?)] = [:]
        for hit in wanted {
            scores[try PointID(json: #require(hit["id"]))] = (try #require(hit["score"]?.number), hit["payload"])
        }
        // Points of equal score may come in another order, and the last of them may be others.
        for (hit, theirs) in zip(hits, wanted) {
            let score = try #require(theirs["score"]?.number)
            #expect(abs(Double(hit.score) - score) <= 2e-6 * max(1, abs(score)), "\(query)")
            if let (_, payload) = scores[hit.id] { #expect(hit.payload.map(JSONValue.object) == payload, "\(query)") }
        }
    }

    @Test(arguments: [false, true])
    func `what a collection holds and answers is what it is in the client's local mode`(isIndexed: Bool) async throws {
        let url = try #require(Bundle.module.url(forResource: "Goldens/operations", withExtension: "json"))
        let rounds = try #require(try JSONValue(parsing: Data(contentsOf: url))["rounds"]?.array)
        #expect(rounds.count == 120)
        try await withTemporaryDirectory { directory in
            var store = try EmbeddedStore(directory: directory)
            try await store.createCollection(
                "c",
                CollectionConfiguration(
                    vectors: [
                        "left": .init(size: 4, distance: .cosine), "right": .init(size: 3, distance: .euclid),
                        "third": .init(size: 2, distance: .manhattan),
                    ], sparseVectors: ["words": .init(), "rare": .init(idf: true)]))
            if isIndexed { try await store.createPayloadIndex("k", .integer, in: "c") }
            for (number, round) in rounds.enumerated() {
                for operation in try #require(round["operations"]?.array) {
                    let result = try await store.update([Self.operation(operation)], in: "c")
                    #expect(result.notFound == [])
                }
                if number % 40 == 39 {
                    try store.close()
                    store = try EmbeddedStore(directory: directory)
                }
                if let points = round["points"]?.array {
                    let page = try await store.scroll(ScrollRequest(limit: 1000, withVectors: .all), in: "c")
                    #expect(page.points.map(\.id) == (try points.map { try PointID(json: #require($0["id"])) }))
                    for (ours, theirs) in zip(page.points, points) {
                        #expect(
                            ours.payload.map(JSONValue.object) == theirs["payload"], "\(ours.id) in round \(number)")
                        Self.expectSame(try #require(ours.vectors), try Self.vectors(theirs["vector"]))
                    }
                }
                for query in try #require(round["queries"]?.array) {
                    try Self.expectSame(try await store.query(Self.query(query), in: "c"), query)
                }
            }
        }
    }
}
