// Where Qdrant's answers differ from what one would guess. The oracle of each is Qdrant's own test suites, read, not run.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantSemanticsTests {
    @Test func `in an order a point comes once for each of its values, whatever the limit`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            _ = try await server.result("PUT", "/collections/c/index", ["field_name": "n", "field_schema": "integer"])
            for (id, values): (JSONValue, JSONValue) in [(1, [1, 2, 3]), (2, [2, 3, 4])] {
                let payload: JSONValue = ["payload": ["n": values], "points": [id]]
                _ = try await server.result("POST", "/collections/c/points/payload", payload)
            }
            let body: JSONValue = [
                "order_by": "n", "limit": .unsigned(.max), "filter": ["must": [["has_id": [1, 2]]]],
            ]
            let page = try await server.result("POST", "/collections/c/points/scroll", body)
            #expect(page["points"]?.array?.map { $0["order_value"] } == [1, 2, 2, 3, 3, 4])
        }
    }

    @Test func `prefetches do not cut groups short, and a value of no group keeps its point out of all`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result("PUT", "/collections/g", ["vectors": ["size": 1, "distance": "Dot"]])
            let keys: [JSONValue] = ["a", "a", "a", "b", "b", ["a", 2.5], ["b", "a"]]
            let points = keys.enumerated().map { number, key in
                ["id": .integer(Int64(number)), "vector": [.integer(Int64(10 - number))], "payload": ["k": key]]
                    as JSONValue
            }
            _ = try await server.result("PUT", "/collections/g/points", ["points": .array(points)])
            let found = try await server.result(
                "POST", "/collections/g/points/query/groups",
                [
                    "prefetch": ["query": [1], "limit": 1], "query": [1], "group_by": "k", "group_size": 4, "limit": 2,
                ])
            let groups = found["groups"]?.array?.map { group in
                (group["id"], group["hits"]?.array?.compactMap { $0["id"]?.integer })
            }
            #expect(groups?.map(\.0) == ["a", "b"])
            #expect(groups?.map(\.1) == [[0, 1, 2, 6], [3, 4, 6]])
        }
    }

    @Test func `should clauses of a query and its prefetch are alternatives of each other`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            func has(_ id: JSONValue) -> JSONValue { ["should": [["has_id": [id]]]] }
            let found = try await server.result(
                "POST", "/collections/c/points/query",
                ["prefetch": ["query": [1, 1], "filter": has(1)], "filter": has(2), "query": ["fusion": "rrf"]])
            #expect(Set(found["points"]?.array?.compactMap { $0["id"]?.integer } ?? []) == [1, 2])
        }
    }

    @Test func `a sample is drawn from as many more as are skipped`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let body: JSONValue = ["prefetch": ["limit": 1], "query": ["sample": "random"], "offset": 1]
            for _ in 0..<8 {
                let found = try await server.result("POST", "/collections/c/points/query", body)
                #expect(found["points"]?.array?.count == 1)
            }
            // Of everything an offset skips nothing.
            let all = try await server.result(
                "POST", "/collections/c/points/query", ["query": ["sample": "random"], "limit": 3, "offset": 2])
            #expect(all["points"]?.array?.count == 3)
        }
    }

    @Test func `a box whose top is below its bottom contains nothing`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let place: JSONValue = ["payload": ["at": ["lon": 0, "lat": 0]], "points": [1]]
            _ = try await server.result("POST", "/collections/c/points/payload", place)
            func count(top: Int64, bottom: Int64) async throws -> JSONValue {
                let box: JSONValue = [
                    "top_left": ["lon": -1, "lat": .integer(top)], "bottom_right": ["lon": 1, "lat": .integer(bottom)],
                ]
                let filter: JSONValue = ["filter": ["must": ["key": "at", "geo_bounding_box": box]]]
                return try await server.result("POST", "/collections/c/points/count", filter)
            }
            #expect(try await count(top: 1, bottom: -1) == ["count": 1])
            #expect(try await count(top: -1, bottom: 1) == ["count": 0])
        }
    }

    @Test func `nulls of a payload take a formula's default`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            _ = try await server.result(
                "POST", "/collections/c/points/payload", ["payload": ["list": [.null]], "points": [1]])
            let found = try await server.result(
                "POST", "/collections/c/points/query",
                [
                    "prefetch": ["query": 2, "filter": ["must": ["has_id": [1]]]],
                    "query": ["formula": ["sum": ["list", 1]], "defaults": ["list": 4]],
                ])
            #expect(found["points"]?.array?.map { $0["score"] } == [5.0])
        }
    }

    /// Three vectors have the index 1; of the two of tenant a one has. ln(1 + (n - df + 0.5) / (df + 0.5)).
    @Test func `how rare an index is can be counted within one tenant, and not be weighed at all`() async throws {
        try await QdrantServer.run { server in
            let configuration: JSONValue = ["vectors": [:], "sparse_vectors": ["w": ["modifier": "idf"]]]
            _ = try await server.result("PUT", "/collections/s", configuration)
            let rows: [(JSONValue, JSONValue, JSONValue)] = [(1, "a", 1), (2, "a", 2), (3, "b", 1), (4, "b", 1)]
            let points = rows.map { id, tenant, index in
                ["id": id, "vector": ["w": ["indices": [index], "values": [1]]], "payload": ["t": tenant]] as JSONValue
            }
            _ = try await server.result("PUT", "/collections/s/points", ["points": .array(points)])
            func score(_ idf: JSONValue?) async throws -> Double {
                var body: JSONObject = ["query": ["indices": [1], "values": [1]], "using": "w", "limit": 1]
                if let idf { body["params"] = ["idf": idf] }
                let found = try await server.result("POST", "/collections/s/points/query", .object(body))
                return try #require(found["points"]?.array?.first?["score"]?.number)
            }
            func corpus(_ tenant: JSONValue) -> JSONValue {
                ["corpus": ["must": [["key": "t", "match": ["value": tenant]]]]]
            }
            // Scores are 32-bit floats.
            #expect(abs(try await score(nil) - log(1 + 1.5 / 3.5)) < 1e-6)
            #expect(abs(try await score("global") - log(1 + 1.5 / 3.5)) < 1e-6)
            #expect(abs(try await score(corpus("a")) - log(1 + 1.5 / 1.5)) < 1e-6)
            #expect(abs(try await score(corpus("nobody")) - log(2)) < 1e-6)
            _ = try await server.result(
                "PATCH", "/collections/s", ["sparse_vectors": ["w": ["modifier": "none"]]])
            #expect(try await score(nil) == 1)
        }
    }

    @Test func `vectors of bytes are cut to whole numbers`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result(
                "PUT", "/collections/b", ["vectors": ["size": 3, "distance": "Dot", "datatype": "uint8"]])
            _ = try await server.result(
                "PUT", "/collections/b/points", ["points": [["id": 1, "vector": [1.9, -3, 1e30]]]])
            let point = try await server.result("GET", "/collections/b/points/1")
            #expect(point["vector"] == [1.0, 0.0, 255.0])
            let found = try await server.result("POST", "/collections/b/points/query", ["query": [2.7, 1, 1]])
            #expect(found["points"]?.array?.first?["score"] == 257.0)
            // Also of Cosine they are told as they are kept, as Qdrant Edge 0.9.0 does.
            _ = try await server.result(
                "PUT", "/collections/n", ["vectors": ["size": 2, "distance": "Cosine", "datatype": "uint8"]])
            _ = try await server.result("PUT", "/collections/n/points", ["points": [["id": 1, "vector": [3.9, 4]]]])
            #expect(try await server.result("GET", "/collections/n/points/1")["vector"] == [3.0, 4.0])
            let near = try await server.result("POST", "/collections/n/points/query", ["query": [6, 8.9]])
            let score = try #require(near["points"]?.array?.first?["score"]?.number)
            #expect(abs(score - 1) < 1e-6)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a graph is built from the threshold a collection asks for`() async throws {
        try await QdrantServer.run { server in
            func make(_ name: String, threshold: JSONValue) async throws {
                _ = try await server.result(
                    "PUT", "/collections/\(name)",
                    [
                        "vectors": ["size": 256, "distance": "Dot"],
                        "optimizers_config": ["indexing_threshold": threshold],
                    ])
                let points = (0..<100).map { id in
                    ["id": .integer(id), "vector": .array((0..<256).map { .integer((id * $0) % 7) })] as JSONValue
                }
                _ = try await server.result("PUT", "/collections/\(name)/points", ["points": .array(points)])
            }
            try await make("never", threshold: 0)
            try await make("soon", threshold: 10)
            // The builder works behind the answers: waited for as long as a test may take, not timed.
            while try await server.result("GET", "/collections/soon")["indexed_vectors_count"] != 100 {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await server.result("GET", "/collections/never")["indexed_vectors_count"] == 0)
        }
    }

    @Test func `what a collection is made with is told again, and when it was made`() async throws {
        try await QdrantServer.run { server in
            let memory: JSONValue = ["memory": "cached"]
            let scalar: JSONValue = ["scalar": ["type": "int8"]]
            _ = try await server.result(
                "PUT", "/collections/t",
                [
                    "vectors": ["v": ["size": 2, "distance": "Dot", "quantization_config": scalar]],
                    "sparse_vectors": ["w": [:]], "quantization": scalar, "payload": memory, "shard_number": 2,
                ])
            let before = try await server.result("GET", "/collections/t")
            let created = try #require(before["created_at"]?.string)
            #expect(
                abs(
                    try Date(created, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
                        .timeIntervalSinceNow)
                    < 600)
            #expect(before["config"]?["quantization_config"] == scalar)
            #expect(before["config"]?["params"]?["payload"] == memory)
            #expect(before["config"]?["params"]?["shard_number"] == 2)
            _ = try await server.result(
                "PATCH", "/collections/t",
                ["vectors": ["v": ["quantization_config": "Disabled"]], "params": ["id_tracker": memory]])
            _ = try await server.result("DELETE", "/collections/t/vectors/w")
            let after = try await server.result("GET", "/collections/t")
            #expect(after["created_at"]?.string == created)
            let params = try #require(after["config"]?["params"])
            #expect(params["vectors"]?["v"] == ["size": 2, "distance": "Dot"])
            #expect(params["id_tracker"] == memory)
            #expect(params["sparse_vectors"] == [:])
        }
    }

    @Test func `a text index is told as it was asked for`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let schema: JSONValue = ["type": "text", "min_token_len": 2, "stopwords": ["custom": ["The"]]]
            _ = try await server.result("PUT", "/collections/c/index", ["field_name": "a", "field_schema": "text"])
            _ = try await server.result("PUT", "/collections/c/index", ["field_name": "b", "field_schema": schema])
            let told = try #require(try await server.result("GET", "/collections/c")["payload_schema"])
            #expect(told["a"] == ["data_type": "text", "points": 0])
            #expect(told["b"]?["params"]?["stopwords"] == ["custom": ["The"]])
            #expect(told["b"]?["params"]?["tokenizer"] == "word")
            let payload: JSONValue = ["payload": ["b": "the lamp"], "points": [1]]
            _ = try await server.result("POST", "/collections/c/points/payload", payload)
            for (text, count): (JSONValue, JSONValue) in [("lamp", 1), ("THE lamp", 1), ("lam", 0)] {
                let filter: JSONValue = ["filter": ["must": [["key": "b", "match": ["text": text]]]]]
                #expect(try await server.result("POST", "/collections/c/points/count", filter) == ["count": count])
            }
        }
    }

    /// The first id is the nearest to itself, and no result; what prefetches find in its place is.
    @Test func `points that are examples are left out of prefetches, too`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result("PUT", "/collections/e", ["vectors": ["size": 2, "distance": "Dot"]])
            let points = (1...6).map { ["id": .integer($0), "vector": [.integer($0), 1]] as JSONValue }
            _ = try await server.result("PUT", "/collections/e/points", ["points": .array(points)])
            let found = try await server.result(
                "POST", "/collections/e/points/query", ["query": 6, "prefetch": ["query": [1, 0], "limit": 2]])
            #expect(found["points"]?.array?.compactMap { $0["id"] } == [5, 4])
        }
    }

    @Test func `a field is the same with quotes and without, also where one is needed`() async throws {
        try await QdrantServer.run { server in
            try await Library.prepare(server.store, dimension: 2)
            let refused = try await server.error("DELETE", "/collections/documents/index/%22title%22")
            #expect(refused.0 == 403)
            try await server.fill()
            let schema: JSONValue = ["type": "keyword", "is_tenant": true]
            _ = try await server.result(
                "PUT", "/collections/c/index", ["field_name": "\"n\"", "field_schema": schema])
            let told = try await server.result("GET", "/collections/c")["payload_schema"]
            #expect(told?["n"]?["params"] == schema)
        }
    }

    @Test func `keys that look the same are two when their scalars differ`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let body = Array("{\"points\": [1], \"payload\": {\"caf\u{E9}\": 1, \"cafe\u{301}\": 2}}".utf8)
            let response = try await TestServer.send(
                "POST /collections/c/points/payload HTTP/1.1", port: server.port,
                headers: ["Content-Type: application/json", "Content-Length: \(body.count)"], body: body)
            #expect(response.status == 200)
            let payload = try #require(try await server.result("GET", "/collections/c/points/1")["payload"])
            #expect(payload["caf\u{E9}"] == 1)
            #expect(payload["cafe\u{301}"] == 2)
        }
    }

    @Test func `a collection of one unnamed vector gets a named one and is told by names`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            _ = try await server.result(
                "PUT", "/collections/c/vectors/other", ["dense": ["size": 3, "distance": "Dot"]])
            let told = try await server.result("GET", "/collections/c")["config"]?["params"]?["vectors"]
            #expect(
                told == ["": ["size": 2, "distance": "Dot"], "other": ["size": 3, "distance": "Dot"]])
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `names as long as they may be have graphs and snapshots, at the same moment, too`() async throws {
        try await QdrantServer.run { server in
            let name = String(repeating: "n", count: 255)
            let path = "/collections/\(name)"
            _ = try await server.result(
                "PUT", path,
                [
                    "vectors": [name: ["size": 1, "distance": "Dot"]], "optimizers_config": ["indexing_threshold": 1],
                ])
            let points = (0..<300).map { ["id": .integer($0), "vector": [name: [.integer($0)]]] as JSONValue }
            _ = try await server.result("PUT", path + "/points", ["points": .array(points)])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { _ = try await server.result("POST", path + "/snapshots") }
                }
                try await group.waitForAll()
            }
            #expect(try await server.result("GET", path + "/snapshots").array?.count == 8)
            // The graph's file is written behind the answers.
            var files: [String] = []
            while !files.contains(where: { $0.hasSuffix(".hnsw") }) {
                try await Task.sleep(for: .milliseconds(5))
                files = (try? FileManager.default.contentsOfDirectory(atPath: server.directory + "/graphs")) ?? []
            }
            #expect(try await server.result("GET", path)["status"] == "green")
        }
    }

    @Test func `this server's own collection is listed when there is something in it`() async throws {
        try await QdrantServer.run { server in
            try await Library.prepare(server.store, dimension: 2)
            #expect(try await server.result("GET", "/collections") == ["collections": []])
            #expect(try await server.result("GET", "/collections/documents/exists") == ["exists": true])
            let point: JSONValue = ["id": 1, "vector": [1, 0]]
            _ = try await server.result("PUT", "/collections/documents/points", ["points": [point]])
            #expect(try await server.result("GET", "/collections") == ["collections": [["name": "documents"]]])
        }
    }
}
