// The Qdrant API over a socket. Examples/qdrant/session.py holds the same server against Qdrant's own client.

import Foundation
import TestSupport
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantAPITests {
    @Test func `introduces itself as clients expect`() async throws {
        try await QdrantServer.run { server in
            let root = try await server.send("GET", "/").json
            #expect(root.object?.keys == ["title", "version", "commit"])
            #expect(root["commit"]?.string?.count == 40)
            #expect(try await server.send("GET", "/healthz").text == "healthz check passed")
            #expect(try await server.send("GET", "/readyz").text == "all shards are ready")
            #expect(try await server.send("GET", "/metrics").text.contains("collections_total 0"))
        }
    }

    @Test func `creates, tells of and deletes collections, in the texts that clients match on`() async throws {
        try await QdrantServer.run { server in
            let body: JSONValue = [
                "vectors": ["": ["size": 3, "distance": "Cosine", "on_disk": true]],
                "hnsw_config": ["m": 0, "payload_m": 16], "shard_number": 1,
            ]
            #expect(try await server.result("PUT", "/collections/c", body) == true)
            let exists = try await server.error("PUT", "/collections/c", body)
            #expect(exists == (409, "Wrong input: Collection `c` already exists!"))
            let info = try await server.result("GET", "/collections/c")
            // An object of names stays one, whatever the names.
            #expect(info["config"]?["params"]?["vectors"] == body["vectors"])
            #expect(info["config"]?["hnsw_config"]?["payload_m"] == 16)
            #expect(info["config"]?["optimizer_config"]?["deleted_threshold"] == 0.2)
            _ = try await server.result("PATCH", "/collections/c", ["optimizers_config": ["indexing_threshold": 5]])
            let changed = try await server.result("GET", "/collections/c/")
            #expect(changed["config"]?["optimizer_config"]?["indexing_threshold"] == 5)
            #expect(try await server.result("GET", "/collections/c/exists") == ["exists": true])
            #expect(try await server.result("DELETE", "/collections/c") == true)
            #expect(try await server.result("DELETE", "/collections/c") == false)
            let gone = try await server.error("GET", "/collections/c")
            #expect(gone == (404, "Not found: Collection `c` doesn't exist!"))
        }
    }

    @Test func `settings of the unnamed vector, of quantization and of indexes are changed and told as Qdrant does`()
        async throws
    {
        try await QdrantServer.run { server in
            try await server.fill()
            let scalar: JSONValue = ["scalar": ["type": "int8", "quantile": 0.5]]
            _ = try await server.result(
                "PATCH", "/collections/c",
                [
                    "vectors": ["": ["hnsw_config": ["m": 32], "quantization_config": scalar]],
                    "params": ["on_disk_payload": false],
                ])
            _ = try await server.result(
                "PATCH", "/collections/c",
                ["vectors": ["": ["hnsw_config": ["ef_construct": 7], "quantization_config": ["binary": [:]]]]])
            let config = try #require(try await server.result("GET", "/collections/c")["config"])
            let vectors = try #require(config["params"]?["vectors"])
            #expect(vectors["size"] == 2)
            #expect(vectors["hnsw_config"] == ["m": 32, "ef_construct": 7])
            let built = try await server.store.collection("c").configuration.vectors[""]?.graph
            #expect(built == .init(M: 32, efConstruction: 7))
            #expect(vectors["quantization_config"] == ["binary": [:]])
            #expect(config["params"]?["on_disk_payload"] == false)
            let unknown = try await server.error("PATCH", "/collections/c", ["vectors": ["x": ["on_disk": true]]])
            #expect(unknown == (400, "Wrong input: Not existing vector name error: x"))

            let schema: JSONValue = ["type": "keyword", "is_tenant": true]
            let index: JSONValue = ["field_name": "user", "field_schema": schema]
            _ = try await server.result("PUT", "/collections/c/index?wait=true", index)
            let told = try await server.result("GET", "/collections/c")["payload_schema"]?["user"]
            #expect(told == ["data_type": "keyword", "params": schema, "points": 0])
            for (wrong, text): (JSONValue, String) in [
                (["type": "keyword", "is_tenant": 1], "is_tenant must be true or false"),
                (["type": "integer", "lookup": false, "range": false], "can't be both disabled"),
                (
                    ["type": "text", "stemmer": ["type": "snowball", "language": "klingon"]],
                    "expected one of arabic, armenian"
                ),
                (
                    ["type": "text", "stemmer": ["type": "porter", "language": "english"]],
                    "expected `snowball` or `none`"
                ),
                (["type": "text", "stopwords": "klingon"], "expected one of arabic, azerbaijani"),
                (["type": "text", "stopwords": ["languages": ["jp"]]], "stopwords of Japanese"),
                (["type": "text", "stopwords": ["custom": [1]]], "stopwords.custom must be strings"),
                (["type": "text", "tokenizer": "other"], "unknown field_schema"), ("other", "unknown field_schema"),
            ] {
                let refused = try await server.error(
                    "PUT", "/collections/c/index", ["field_name": "n", "field_schema": wrong])
                #expect((400...422).contains(refused.0) && refused.1.contains(text), "\(refused)")
            }
        }
    }

    @Test func `keeps integers and floats apart and gives vectors back in their shortest form`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let text = try await server.send("POST", "/collections/c/points", ["ids": [1, 2], "with_vector": true]).text
            #expect(text.contains(#""payload":{"n":10,"price":10.0}"#))
            #expect(text.contains("[0.05,1"))
            let point = try await server.result("GET", "/collections/c/points/aa0e8400-e29b-41d4-a716-446655440000")
            #expect(point["id"] == "aa0e8400-e29b-41d4-a716-446655440000")
            let missing = try await server.error("GET", "/collections/c/points/9")
            #expect(missing.0 == 404)
        }
    }

    @Test func `answers queries in the new form and the old`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let found = try await server.result("POST", "/collections/c/points/query", ["query": [1, 0], "limit": 2])
            #expect(found["points"]?.array?.first?["id"] == 1)
            #expect(found["points"]?.array?.first?["version"] != nil)
            #expect(found["points"]?.array?.count == 2)
            let old = try await server.result("POST", "/collections/c/points/search", ["vector": [1, 0], "limit": 2])
            #expect(old == found["points"])
            let batch = try await server.result(
                "POST", "/collections/c/points/query/batch",
                ["searches": [["query": [1, 0], "limit": 2], ["query": 1]]])
            #expect(batch.array?.first == found)
            #expect(batch.array?.last?["points"]?.array?.contains { $0["id"] == 1 } == false)
            // One prefetch instead of a list of them, larger than any memory.
            let fused = try await server.result(
                "POST", "/collections/c/points/query",
                ["prefetch": ["query": [1, 0], "limit": 999_999_999], "query": ["fusion": "rrf"]])
            #expect(fused["points"]?.array?.map { $0["score"] }.first == 0.5)
        }
    }

    @Test func `orders by an indexed field only`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let body: JSONValue = ["order_by": ["key": "n", "direction": "desc"]]
            #expect(try await server.error("POST", "/collections/c/points/scroll", body).0 == 400)
            _ = try await server.result(
                "PUT", "/collections/c/index?wait=true", ["field_name": "n", "field_schema": "integer"])
            let page = try await server.result("POST", "/collections/c/points/scroll", body)
            #expect(page["points"]?.array?.map { $0["order_value"] } == [11, 10])
            let later: JSONValue = ["order_by": ["key": "n", "start_from": 10.5]]
            let rest = try await server.result("POST", "/collections/c/points/scroll", later)
            #expect(rest["points"]?.array?.map { $0["order_value"] } == [11])
            let earlier: JSONValue = ["order_by": ["key": "n", "direction": "desc", "start_from": 10]]
            let first = try await server.result("POST", "/collections/c/points/scroll", earlier)
            #expect(first["points"]?.array?.map { $0["order_value"] } == [10])
            let wrong: JSONValue = ["order_by": ["key": "n", "start_from": "soon"]]
            #expect(try await server.error("POST", "/collections/c/points/scroll", wrong).0 == 400)
            let info = try await server.result("GET", "/collections/c")
            #expect(info["payload_schema"]?["n"] == ["data_type": "integer", "points": 2])
        }
    }

    @Test func `groups and compares points`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let base = "/collections/c/points"
            let groups = try await server.result(
                "POST", base + "/search/groups", ["vector": [1, 0], "group_by": "n", "limit": 5, "group_size": 1])
            #expect(groups["groups"]?.array?.map { $0["id"] } == [10, 11])
            let pairs = try await server.result("POST", base + "/search/matrix/pairs", ["sample": 9, "limit": 1])
            // 1·(0.5, 0.5) = 0.5 is more than 1·(0.05, 1) = 0.05.
            let first = pairs["pairs"]?.array?.first
            #expect(first?["a"] == 1)
            #expect(first?["b"] == "aa0e8400-e29b-41d4-a716-446655440000")
            #expect(first?["score"] == 0.5)
            let offsets = try await server.result("POST", base + "/search/matrix/offsets", ["sample": 9, "limit": 2])
            #expect(offsets["offsets_row"] == [0, 0, 1, 1, 2, 2])
            #expect(offsets["ids"]?.array?.count == 3)
        }
    }

    @Test func `changes points by every operation`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let base = "/collections/c/points"
            let result = try await server.result(
                "POST", base + "/payload?wait=true", ["payload": ["a": 1], "points": [2]])
            #expect(result["status"] == "completed")
            // Without waiting it is as durable, and says what Qdrant says.
            let later = try await server.result("PUT", base + "/payload", ["payload": ["b": 2], "points": [1]])
            #expect(later["status"] == "acknowledged")
            let operations: JSONValue = [
                "operations": [
                    ["upsert": ["batch": ["ids": [7, 8], "vectors": [[1, 1], [2, 2]]]]],
                    ["delete_payload": ["keys": ["a"], "points": [2]]], ["delete": ["points": [8]]],
                ]
            ]
            #expect(try await server.result("POST", base + "/batch", operations).array?.count == 3)
            let page = try await server.result("POST", base + "/scroll", [:])
            #expect(
                page["points"]?.array?.map { $0["id"]?.description } == [
                    "1", "2", "7", "\"aa0e8400-e29b-41d4-a716-446655440000\"",
                ])
            #expect(page["points"]?.array?.first?["payload"] == ["b": 2])
            let unknown = try await server.error("POST", base + "/payload", ["payload": ["c": 3], "points": [7, 99]])
            #expect(unknown == (404, "Not found: No point with id 99 found"))
            let seven = try await server.result("GET", base + "/7")
            #expect(seven["payload"] == ["c": 3])
            #expect(try await server.result("POST", base + "/delete", ["filter": [:]])["status"] != nil)
            #expect(try await server.result("POST", base + "/count", ["exact": true]) == ["count": 0])
        }
    }

    @Test(arguments: [
        (
            "PUT", "/collections/c/points", #"{"points": [{"id": 5, "vector": [1, 2]}, {"id": 6, "vector": [1]}]}"#,
            400
        ),
        ("PUT", "/collections/c/points", #"{"points": [{"id": 5, "vector": [1, null]}]}"#, 400),
        ("PUT", "/collections/c/points", #"{"points": [{"id": -5, "vector": [1, 2]}]}"#, 400),
        ("PUT", "/collections/c/points", #"{"points": 5"#, 400),
        ("PUT", "/collections/c/points", "[]", 400),
        ("PUT", "/collections/x/points", #"{"points": []}"#, 404),
        ("PUT", "/collections/d", #"{"vectors": {"size": 0, "distance": "Dot"}}"#, 422),
        ("PUT", "/collections/d", #"{"vectors": {"size": 4, "distance": "Far"}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"query": [1, 2, 3]}"#, 400),
        ("POST", "/collections/c/points/query", #"{"query": [1, 2], "limit": 0}"#, 422),
        ("POST", "/collections/c/points/query", #"{"query": [1, 2], "using": "x"}"#, 400),
        ("POST", "/collections/c/points/query", #"{"query": 99}"#, 404),
        ("POST", "/collections/c/points/query", #"{"query": {"fusion": "rrf"}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"query": {"formula": "$score"}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"prefetch": {}, "query": {"formula": {"sqrt": -1}}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"prefetch": {}, "query": {"formula": {"max": []}}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"prefetch": {}, "query": {"formula": "$score[-1]"}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"prefetch": {}, "query": {"formula": "nowhere"}}"#, 400),
        ("POST", "/collections/c/points/query", #"{"filter": {"must": [{"key": "a"}]}}"#, 422),
        ("POST", "/collections/c/points/scroll", #"{"offset": 1.5}"#, 400),
        ("DELETE", "/collections/documents", "", 403), ("GET", "/nothing", "", 404),
        ("PATCH", "/collections", "{}", 405),
    ])
    func `refuses what makes no sense, changes nothing and goes on`(
        _ method: String, _ path: String, _ body: String, _ status: Int
    ) async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let bytes = Array(body.utf8)
            let response = try await TestServer.send(
                "\(method) \(path) HTTP/1.1", port: server.port,
                headers: ["Content-Type: application/json", "Content-Length: \(bytes.count)"], body: bytes)
            #expect(response.status == status, "\(response.text)")
            let message = response.json["status"]?["error"]?.string
            #expect(message?.isEmpty == false)
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
        }
    }

    @Test func `knows collections by aliases, which change in one step and outlive a restart`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await QdrantServer.run(directory: directory) { server in
            try await server.fill()
            _ = try await server.result("PUT", "/collections/d", ["vectors": ["size": 2, "distance": "Dot"]])
            let create: JSONValue = ["create_alias": ["alias_name": "a", "collection_name": "c"]]
            let taken: JSONValue = ["create_alias": ["alias_name": "d", "collection_name": "c"]]
            // One action that cannot be done undoes the others.
            #expect(try await server.error("POST", "/collections/aliases", ["actions": [create, taken]]).0 == 409)
            #expect(try await server.result("GET", "/aliases") == ["aliases": []])
            #expect(try await server.result("POST", "/collections/aliases", ["actions": [create]]) == true)
            #expect(try await server.result("POST", "/collections/a/points/count", [:]) == ["count": 3])
            // An upsert under the alias is one of the collection.
            _ = try await server.result("PUT", "/collections/a/points", ["points": [["id": 9, "vector": [1, 1]]]])
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 4])
            let move: JSONValue = [
                "actions": [
                    ["delete_alias": ["alias_name": "a"]],
                    ["create_alias": ["alias_name": "b", "collection_name": "d"]],
                    ["rename_alias": ["old_alias_name": "b", "new_alias_name": "a"]],
                ]
            ]
            #expect(try await server.result("POST", "/collections/aliases", move) == true)
        }
        try await QdrantServer.run(directory: directory) { server in
            #expect(try await server.result("POST", "/collections/a/points/count", [:]) == ["count": 0])
            #expect(
                try await server.result("GET", "/collections/d/aliases")
                    == ["aliases": [["alias_name": "a", "collection_name": "d"]]])
            _ = try await server.result("DELETE", "/collections/d")
            #expect(try await server.error("GET", "/collections/a").0 == 404)
        }
    }

    @Test func `upserts under a condition`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            func upsert(_ rest: JSONObject) async throws -> [JSONValue?] {
                var body = rest
                body["points"] = [["id": 1, "vector": [3, 3]], ["id": 50, "vector": [3, 3]]]
                _ = try await server.result("PUT", "/collections/c/points", .object(body))
                let found = try await server.result(
                    "POST", "/collections/c/points", ["ids": [1, 50], "with_vector": true])
                _ = try await server.result("POST", "/collections/c/points/delete", ["points": [50]])
                return found.array?.map { $0["vector"]?.array?.first } ?? []
            }
            #expect(try await upsert(["update_mode": "insert_only"]) == [1.0, 3.0])
            #expect(try await upsert(["update_filter": ["must": ["key": "n", "match": ["value": 11]]]]) == [1.0, 3.0])
            #expect(try await upsert(["update_mode": "update_only"]) == [3.0])
        }
    }

    @Test func `protects the indexes of the documents`() async throws {
        try await QdrantServer.run { server in
            try await Library.prepare(server.store, dimension: 4)
            let path = "/collections/documents/index"
            #expect(try await server.error("DELETE", path + "/title").0 == 403)
            #expect(try await server.error("PUT", path, ["field_name": "title", "field_schema": "text"]).0 == 403)
            _ = try await server.result("PUT", path, ["field_name": "title", "field_schema": "keyword"])
            _ = try await server.result("PUT", path, ["field_name": "url", "field_schema": "keyword"])
        }
    }

    @Test func `asks for the key, in plain text, but not of probes`() async throws {
        try await QdrantServer.run(apiKey: "k") { server in
            let refusal = try await server.send("GET", "/collections")
            #expect(refusal.status == 401)
            #expect(refusal.headers["content-type"]?.hasPrefix("text/plain") == true)
            #expect(try await server.send("GET", "/healthz").status == 200)
            #expect(try await server.send("GET", "/collections", headers: ["api-key: k"]).status == 200)
            #expect(try await server.send("GET", "/collections", headers: ["Authorization: Bearer k"]).status == 200)
        }
    }
}
