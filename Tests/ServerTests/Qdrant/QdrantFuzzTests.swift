// Requests that are nearly right, to every route: never a 500, never half of an update, never the end of the process.

import Foundation
import TestSupport
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantFuzzTests {
    /// A right request of every kind, to be bent.
    private static let requests: [(method: String, path: String, body: JSONValue)] = {
        let points = "/collections/c/points"
        let filter: JSONValue = [
            "must": [["key": "n", "range": ["gte": 1, "lt": 20.5]]],
            "should": [["has_id": [1, 2]], ["is_empty": ["key": "a"]], ["key": "n", "match": ["any": [10, 11]]]],
            "must_not": ["key": "text", "match": ["text": "word"]],
            "min_should": ["conditions": [["is_null": ["key": "b"]], ["has_vector": ""]], "min_count": 1],
        ]
        let pair: JSONValue = ["positive": 1, "negative": [0.5, 0.5]]
        let prefetch: JSONValue = [["query": [1.0, 0.0], "limit": 5, "filter": filter], ["query": 1, "limit": 3]]
        let formula: JSONValue = [
            "sum": ["$score", ["mult": ["n", 2.0]], ["exp_decay": ["x": "n", "scale": 3]], filter]
        ]
        let queries: [JSONValue] = [
            [1.0, 0.0], 1, ["nearest": [1.0, 0.5], "mmr": ["diversity": 0.5, "candidates_limit": 10]],
            ["recommend": ["positive": [1], "negative": [[1.0, 2.0]], "strategy": "best_score"]],
            ["discover": ["target": [1.0, 0.0], "context": [pair]]], ["context": [pair]],
            ["order_by": ["key": "n", "direction": "desc", "start_from": 11]], ["sample": "random"],
            ["indices": [1, 2], "values": [0.5, 0.25]], [[1.0, 2.0], [3.0, 4.0]],
            [
                "relevance_feedback": [
                    "target": [1.0, 0.0], "feedback": [["example": 1, "score": 0.5], ["example": 2, "score": 0.1]],
                    "strategy": ["naive": ["a": 1.0, "b": 2.0, "c": 0.5]],
                ]
            ],
        ]
        var requests: [(method: String, path: String, body: JSONValue)] = queries.map {
            let body: JSONValue = [
                "query": $0, "filter": filter, "limit": 3, "offset": 1, "with_payload": ["include": ["n"]],
                "with_vector": true, "score_threshold": 0.1, "params": ["hnsw_ef": 16, "exact": false], "using": "",
            ]
            return ("POST", points + "/query", body)
        }
        for query: JSONValue in [
            ["fusion": "rrf"], ["rrf": ["k": 3, "weights": [1.0, 2.0]]], ["fusion": "dbsf"],
            ["formula": formula, "defaults": ["n": 1]],
        ] {
            requests.append(("POST", points + "/query", ["query": query, "prefetch": prefetch, "limit": 4]))
        }
        let example: JSONValue = ["id": 7, "vector": [0.5, 0.25], "payload": ["n": 12, "text": "a word"]]
        requests += [
            ("POST", points + "/query/batch", ["searches": [["query": [1.0, 0.0]], ["query": 1, "limit": 2]]]),
            ("POST", points + "/query/groups", ["query": [1.0, 0.0], "group_by": "n", "limit": 2, "group_size": 2]),
            ("POST", points + "/search", ["vector": ["name": "", "vector": [1.0, 0.0]], "limit": 2]),
            ("POST", points + "/search/batch", ["searches": [["vector": [1.0, 0.0], "limit": 2]]]),
            ("POST", points + "/recommend", ["positive": [1], "negative": [2], "limit": 2]),
            ("POST", points + "/discover", ["target": 1, "context": [pair], "limit": 2]),
            ("POST", points + "/search/matrix/pairs", ["sample": 3, "limit": 2, "filter": filter]),
            ("POST", points + "/search/matrix/offsets", ["sample": 3, "limit": 2]),
            ("POST", points + "/scroll", ["filter": filter, "limit": 2, "offset": 1, "with_vector": [""]]),
            ("POST", points + "/scroll", ["order_by": "n", "limit": 2]),
            ("POST", points + "/count", ["filter": filter, "exact": true]),
            ("POST", points, ["ids": [1, 2], "with_payload": ["exclude": ["n"]]]),
            ("POST", "/collections/c/facet", ["key": "n", "limit": 3, "filter": filter]),
            ("PUT", points, ["points": [example], "update_filter": filter, "update_mode": "upsert"]),
            (
                "PUT", points,
                ["batch": ["ids": [8, 9], "vectors": [[1.0, 2.0], [3.0, 4.0]], "payloads": [["n": 1], nil]]]
            ),
            ("POST", points + "/delete", ["filter": ["must": [["has_id": [7]]]]]),
            ("POST", points + "/payload", ["payload": ["a": ["b": 1]], "points": [1], "key": "x.y[0]"]),
            ("PUT", points + "/payload", ["payload": ["n": 10], "filter": filter]),
            ("POST", points + "/payload/delete", ["keys": ["a", "b[].c"], "points": [1]]),
            ("POST", points + "/payload/clear", ["points": [7]]),
            ("PUT", points + "/vectors", ["points": [["id": 1, "vector": [0.5, 1.0]]]]),
            ("POST", points + "/vectors/delete", ["points": [7], "vector": [""]]),
            (
                "POST", points + "/batch",
                [
                    "operations": [
                        ["upsert": ["points": [example]]], ["delete_vectors": ["points": [7], "vector": [""]]],
                    ]
                ]
            ),
            (
                "PUT", "/collections/c/index",
                ["field_name": "text", "field_schema": ["type": "text", "tokenizer": "word"]]
            ),
            (
                "PUT", "/collections/d",
                ["vectors": ["a": ["size": 3, "distance": "Cosine"]], "sparse_vectors": ["s": [:]]]
            ),
            ("PATCH", "/collections/d", ["hnsw_config": ["m": 4], "vectors": ["a": ["on_disk": true]]]),
            ("PUT", "/collections/d/vectors/late", ["dense": ["size": 2, "distance": "Dot"]]),
            (
                "POST", "/collections/aliases",
                ["actions": [["create_alias": ["alias_name": "e", "collection_name": "c"]]]]
            ),
            ("PUT", "/collections/d/snapshots/recover", ["location": "file:///nowhere", "checksum": "00"]),
            (
                "PUT", "/collections/d/snapshots/recover",
                ["location": "http://127.0.0.1:9/x.snapshot", "priority": "snapshot", "checksum": nil]
            ),
            ("PUT", "/collections/d/shards/0/snapshots/recover", ["location": "file:///nowhere"]),
            ("POST", "/collections/d/snapshots?wait=true", [:]),
            ("POST", "/collections/d/snapshots/upload?priority=snapshot", ["snapshot": "x"]),
            ("DELETE", "/collections/d/snapshots/x.snapshot", [:]),
            ("DELETE", "/snapshots/x.snapshot", [:]),
            (
                "POST", points + "/query",
                ["query": ["text": ["query": "word", "k": 1.5, "b": 0.5]], "using": "scored"]
            ),
            (
                "POST", points + "/query",
                [
                    "query": [
                        "text": "a word", "model": "qdrant/bm25", "options": ["language": "english", "avg_len": 9.5],
                    ]
                ]
            ),
            (
                "PUT", "/collections/c/index",
                [
                    "field_name": "scored",
                    "field_schema": [
                        "type": "text", "scoring": true, "stopwords": ["languages": ["english"], "custom": ["x"]],
                        "stemmer": ["type": "snowball", "language": "english"], "min_token_len": 2,
                    ],
                ]
            ),
        ]
        return requests
    }()

    /// What stands where something else should.
    private static let oddities: [JSONValue] = [
        nil, true, -1, 0, 9_223_372_036_854_775_807, .unsigned(.max), 1e308, -1e39, 0.5, "", "x", "a[", "\u{0}", [],
        [[]], [:],
        ["": [:]], [nil], ["size": -1], .string(String(repeating: "a.", count: 2000)), [1e39, -0.0], "2020-13-45",
        // 32 bytes, as the digits of a UUID.
        .string(String(repeating: "é", count: 16)),
    ]

    /// The value with one of its parts taken out, doubled or replaced.
    private static func bent(_ json: JSONValue, _ generator: inout SplitMix64) -> JSONValue {
        // Deep parts as often as shallow ones.
        if Int.random(in: 0..<3, using: &generator) > 0 {
            if var list = json.array, !list.isEmpty {
                let place = Int.random(in: 0..<list.count, using: &generator)
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: list.remove(at: place)
                case 1: list.append(list[place])
                default: list[place] = bent(list[place], &generator)
                }
                return .array(list)
            }
            if var object = json.object, let key = object.keys.randomElement(using: &generator) {
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: object.remove(key)
                case 1: object[key + "x"] = object[key]
                default: object[key] = bent(object[key] ?? nil, &generator)
                }
                return .object(object)
            }
        }
        return oddities.randomElement(using: &generator) ?? nil
    }

    @Test func `requests that are nearly right are answered or refused, never with a fault of the server's`()
        async throws
    {
        try await QdrantServer.run { server in
            var generator = SplitMix64(seed: 77)
            var statuses: [Int: Int] = [:]
            for (method, path, body) in Self.requests {
                try await server.fillAgain()
                for _ in 0..<40 {
                    let bent = Self.bent(body, &generator)
                    let response = try await server.send(method, path, bent)
                    statuses[response.status, default: 0] += 1
                    #expect((200..<500).contains(response.status), "\(method) \(path) \(bent): \(response.text)")
                    #expect(response.json != .null, "\(method) \(path) \(bent): \(response.text)")
                }
            }
            // Some were right after all, most were not, and the store is as good as before.
            #expect(statuses[200] ?? 0 > 100)
            #expect(statuses[400] ?? 0 > 100)
            try await server.fillAgain()
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
        }
    }

    @Test func `paths and bodies of any bytes are answered`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            var generator = SplitMix64(seed: 78)
            for name in [
                "%00", "%ff", "..", "%2F", "c%2Fpoints", String(repeating: "n", count: 300), "c?wait=%zz", "é",
            ] {
                for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
                    for path in [
                        "/collections/\(name)", "/collections/c/points/\(name)", "/collections/\(name)/points/query",
                    ] {
                        // Deleting `c` itself is no mistake.
                        if method == "DELETE" && path.hasPrefix("/collections/c?") { continue }
                        let response = try await server.send(method, path, ["vectors": [:]])
                        #expect((200..<500).contains(response.status), "\(method) \(path): \(response.text)")
                    }
                }
            }
            for _ in 0..<200 {
                let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                let response = try await TestServer.send(
                    "POST /collections/c/points/query HTTP/1.1", port: server.port,
                    headers: ["Content-Type: application/json", "Content-Length: \(bytes.count)"], body: bytes)
                #expect(response.status == (bytes.isEmpty ? 200 : 400), "\(bytes): \(response.text)")
            }
        }
    }
}

extension QdrantServer {
    /// `c` as `fill` makes it, with indexes.
    fileprivate func fillAgain() async throws {
        for name in try await result("GET", "/collections")["collections"]?.array ?? [] {
            guard let name = name["name"]?.string else { continue }
            _ = try await store.deleteCollection(name)
        }
        try await fill()
        _ = try await result("PUT", "/collections/c/index?wait=true", ["field_name": "n", "field_schema": "integer"])
    }
}
