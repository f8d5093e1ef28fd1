// Strict mode, as clients of a collection with limits meet it.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantStrictModeTests {
    private typealias Case = (limits: JSONValue, method: String, path: String, body: JSONValue, message: String)

    private static let city: JSONValue = ["must": [["key": "city", "match": ["value": "Faro"]]]]
    private static let missing = """
        Index required but not found for "city" of one of the following types: [keyword]. Help: Create an index for this \
        key or use a different filter.
        """

    private static let cases: [Case] = [
        (
            ["max_query_limit": 3], "POST", "points/query", ["query": [1, 0], "limit": 4],
            #"Limit exceeded 4 > 3 for "limit". Help: Reduce the "limit" parameter to or below 3."#
        ),
        (
            ["max_query_limit": 3], "POST", "points/query",
            ["query": ["fusion": "rrf"], "prefetch": [["query": [1, 0], "limit": 4]], "limit": 2],
            #"Limit exceeded 4 > 3 for "limit". Help: Reduce the "limit" parameter to or below 3."#
        ),
        (
            ["max_query_limit": 9], "POST", "points/scroll", [:],
            #"Limit exceeded 10 > 9 for "limit". Help: Reduce the "limit" parameter to or below 9."#
        ),
        (
            ["max_query_limit": 3], "POST", "points/search/groups",
            ["vector": [1, 0], "group_by": "n", "limit": 2, "group_size": 2],
            #"Limit exceeded 4 > 3 for "limit". Help: Reduce the "limit" parameter to or below 3."#
        ),
        (
            ["max_query_limit": 5], "POST", "points/search/matrix/pairs", ["sample": 3, "limit": 2],
            #"Limit exceeded 6 > 5 for "limit". Help: Reduce the "limit" parameter to or below 5."#
        ),
        (
            ["max_timeout": 2], "POST", "points/count?timeout=3", [:],
            #"Limit exceeded 3 > 2 for "timeout". Help: Reduce the "timeout" parameter to or below 2."#
        ),
        (
            ["search_max_hnsw_ef": 4], "POST", "points/search",
            ["vector": [1, 0], "limit": 1, "params": ["hnsw_ef": 5]],
            #"Limit exceeded 5 > 4 for "hnsw_ef". Help: Reduce the "hnsw_ef" parameter to or below 4."#
        ),
        (
            ["search_allow_exact": false], "POST", "points/search",
            ["vector": [1, 0], "limit": 1, "params": ["exact": true]],
            "Exact search disabled!. Help: Set exact=false."
        ),
        (
            ["search_max_oversampling": 1.9], "POST", "points/search",
            ["vector": [1, 0], "limit": 1, "params": ["quantization": ["oversampling": 2.0]]],
            #"Limit exceeded 2 > 1.9 for "oversampling". Help: Reduce the "oversampling" parameter to or below 1.9."#
        ),
        (
            ["search_max_batchsize": 1], "POST", "points/query/batch",
            ["searches": [["query": [1, 0]], ["query": [0, 1]]]],
            """
            Limit exceeded 2 > 1 for "search batch size". Help: Reduce the "search batch size" parameter to or below 1.
            """
        ),
        (
            ["upsert_max_batchsize": 1], "PUT", "points", ["batch": ["ids": [7, 8], "vectors": [[1, 0], [0, 1]]]],
            #"Limit exceeded 2 > 1 for "upsert limit". Help: Reduce the "upsert limit" parameter to or below 1."#
        ),
        (
            ["upsert_max_batchsize": 1], "PUT", "points/vectors",
            ["points": [["id": 1, "vector": [1, 0]], ["id": 2, "vector": [0, 1]]]],
            #"Limit exceeded 2 > 1 for "update limit". Help: Reduce the "update limit" parameter to or below 1."#
        ),
        (
            ["filter_max_conditions": 1], "POST", "points/count",
            [
                "filter": [
                    "must": [
                        [
                            "nested": [
                                "key": "a",
                                "filter": ["must": [["is_null": ["key": "b"]], ["is_empty": ["key": "c"]]]],
                            ]
                        ]
                    ]
                ]
            ],
            "Filter condition limit reached (2 > 1). Help: Reduce the amount of conditions of your filter."
        ),
        (
            ["condition_max_size": 1], "POST", "points/count",
            ["filter": ["must": [["key": "n", "match": ["any": [1, 2]]]]]],
            "Condition size limit reached (2 > 1). Help: Reduce the size of your condition."
        ),
        (["unindexed_filtering_retrieve": false], "POST", "points/scroll", ["filter": city], missing),
        (["unindexed_filtering_update": false], "POST", "points/delete", ["filter": city], missing),
        (
            ["unindexed_filtering_update": false], "POST", "points/batch",
            ["operations": [["clear_payload": ["filter": city]]]], missing
        ),
        (
            ["unindexed_filtering_retrieve": false], "POST", "points/query",
            [
                "prefetch": ["query": [1, 0]],
                "query": ["formula": ["sum": ["$score", "price"]], "defaults": ["price": 0]],
            ],
            """
            Index required but not found for "price" of one of the following types: [float, integer]. Help: Create an \
            index for this key or use a different formula expression.
            """
        ),
        (
            ["unindexed_filtering_retrieve": false], "POST", "points/query/groups",
            ["query": [1, 0], "group_by": "city"],
            #"Index required but not found for "city". Help: Create an index supporting `match` for this key."#
        ),
        (
            ["max_points_count": 3], "PUT", "points", ["points": [["id": 7, "vector": [1, 0]]]],
            "Max points count limit of 3 reached!"
        ),
        (
            ["max_collection_vector_size_bytes": 24], "PUT", "points", ["points": [["id": 7, "vector": [1, 0]]]],
            "Max vector storage size limit of 0.000022888184MB reached!"
        ),
        (
            ["max_collection_payload_size_bytes": 256], "PUT", "points", ["points": [["id": 7, "vector": [1, 0]]]],
            "Max payload storage size limit of 0.00024414062MB reached!"
        ),
        (
            ["max_payload_index_count": 0], "PUT", "index", ["field_name": "city", "field_schema": "keyword"],
            """
            Collection already has the maximum number of payload indices (0). Help: Please delete an existing index \
            before creating a new one.
            """
        ),
        (
            ["search_allow_exact": false], "POST", "points/query", ["query": [1, 0]],
            """
            Request is forbidden because global vector indexing is disabled (hnsw_config.m = 0). Help: Use tenant-specific \
            filter, enable global vector indexing or enable strict mode `search_allow_exact` option
            """
        ),
    ]

    @Test func `every limit is held while strict mode is on, and none while it is off`() async throws {
        try await QdrantServer.run { server in
            for (number, limit) in Self.cases.enumerated() {
                try await Self.check(limit, withoutGraph: number == Self.cases.count - 1, server)
            }
        }
    }

    private static func check(_ limit: Case, withoutGraph: Bool, _ server: QdrantServer) async throws {
        _ = try await server.result("DELETE", "/collections/c")
        try await server.fill()
        if withoutGraph { _ = try await server.result("PATCH", "/collections/c", ["hnsw_config": ["m": 0]]) }
        var settings = try #require(limit.limits.object)
        settings["enabled"] = true
        _ = try await server.result("PATCH", "/collections/c", ["strict_mode_config": .object(settings)])
        let refused = try await server.error(limit.method, "/collections/c/" + limit.path, limit.body)
        #expect(refused == (400, "Bad request: " + limit.message))
        let info = try await server.result("GET", "/collections/c")
        let told = info["config"]?["strict_mode_config"]
        for (key, value) in settings { #expect(told?[key] == value) }
        _ = try await server.result("PATCH", "/collections/c", ["strict_mode_config": ["enabled": false]])
        _ = try await server.result(limit.method, "/collections/c/" + limit.path, limit.body)
    }

    @Test func `vectors with too many rows or values are refused`() async throws {
        try await QdrantServer.run { server in
            let configuration: JSONValue = [
                "vectors": ["rows": ["size": 1, "distance": "Dot", "multivector_config": ["comparator": "max_sim"]]],
                "sparse_vectors": ["words": [:]],
                "strict_mode_config": [
                    "enabled": true, "multivector_config": ["rows": ["max_vectors": 2]],
                    "sparse_config": ["words": ["max_length": 1]], "max_collection_vector_size_bytes": 16,
                ],
            ]
            _ = try await server.result("PUT", "/collections/c", configuration)
            func put(_ vector: JSONValue) async throws -> RawResponse {
                try await server.send("PUT", "/collections/c/points", ["points": [["id": 1, "vector": vector]]])
            }
            let rows = try await put(["rows": [[1], [2], [3]]]).json["status"]?["error"]
            #expect(rows == "Bad request: Multivector 'rows' has a limit of 2 vectors, but 3 were provided!")
            let words = try await put(["words": ["indices": [1, 2], "values": [1, 1]]]).json["status"]?["error"]
            #expect(words == "Bad request: Sparse vector 'words' has a limit of 1 indices, but 2 were provided!")
            let fitting: JSONValue = ["rows": [[1], [2]], "words": ["indices": [1], "values": [1]]]
            #expect(try await put(fitting).status == 200)
            // Two rows of one component and one value are 16 bytes.
            #expect(try server.store.vectorBytes(in: "c") == 16)
            #expect(try await put(fitting).status == 400)
            _ = try await server.result("POST", "/collections/c/points/delete", ["points": [1]])
            #expect(try server.store.vectorBytes(in: "c") == 0)
        }
    }

    @Test func `rates are per minute, and what is about many points costs more`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            func limit(_ limits: JSONValue) async throws {
                _ = try await server.result("PATCH", "/collections/c", ["strict_mode_config": limits])
            }
            try await limit(["enabled": true, "read_rate_limit": 2])
            let search: JSONValue = ["vector": [1, 0], "limit": 1]
            for _ in 0..<2 { _ = try await server.result("POST", "/collections/c/points/search", search) }
            let later = try await server.send("POST", "/collections/c/points/search", search)
            #expect(later.status == 429)
            #expect(
                later.json["status"]?["error"]
                    == "Rate limiting exceeded: Read rate limit exceeded, retry later")
            // A token comes back in 30 seconds, some of which may have passed by now.
            #expect((1...30).contains(later.headers["retry-after"].flatMap { Int($0) } ?? 0))
            let many = try await server.error("POST", "/collections/c/points", ["ids": [1, 2, 3]])
            #expect(many.0 == 429)
            #expect(many.1.contains("please try to split your request"))

            try await limit(["enabled": true, "write_rate_limit": 2])
            let half: JSONValue = ["payload": ["city": "Faro"], "filter": Self.city]
            _ = try await server.result("POST", "/collections/c/points/payload", half)
            _ = try await server.result("PUT", "/collections/c/index", ["field_name": "n", "field_schema": "integer"])
            let ten: JSONValue = ["filter": ["must": [["key": "n", "range": ["gte": 10]]]]]
            let two = try await server.error("POST", "/collections/c/points/payload/clear", ten)
            #expect(two.0 == 429)
            #expect(two.1.contains("Write rate limit exceeded: Operation requires 2 tokens but only 0 were available."))
            // Reads have a limit of their own, changed settings begin anew, and so does a collection made anew.
            try await limit(["read_rate_limit": 1])
            _ = try await server.result("POST", "/collections/c/points/search", search)
            try await limit(["enabled": false])
            for _ in 0..<3 { _ = try await server.result("POST", "/collections/c/points/search", search) }
        }
    }

    @Test func `tokens come back evenly and never exceed the limit`() {
        var bucket = TokenBucket(limit: 60)
        let begin = ContinuousClock.now
        #expect(bucket.take(61, at: begin) == .tooLarge)
        #expect(bucket.take(60, at: begin) == nil)
        #expect(bucket.take(1, at: begin) == .later(seconds: 1, available: 0))
        #expect(bucket.take(2, at: begin + .seconds(2.5)) == nil)
        #expect(bucket.take(10, at: begin + .seconds(3)) == .later(seconds: 9, available: 1))
        #expect(bucket.take(60, at: begin + .seconds(600)) == nil)
        #expect(bucket.take(1, at: begin + .seconds(600)) == .later(seconds: 1, available: 0))
    }

    @Test func `payloads are counted in blocks, overwritten ones until the size is looked up`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for isAnew in [true, false] {
            try await QdrantServer.run(directory: directory) { server in
                let point: JSONValue = ["points": [["id": 1, "vector": [1, 0], "payload": ["city": "Faro"]]]]
                if isAnew {
                    try await server.fill()
                    _ = try await server.result(
                        "PATCH", "/collections/c",
                        ["strict_mode_config": ["enabled": true, "max_collection_payload_size_bytes": 640]])
                    // Two points with a payload at first, the one written three times more.
                    for _ in 0..<3 { _ = try await server.result("PUT", "/collections/c/points", point) }
                }
                let answer = try await server.send("PUT", "/collections/c/points", point)
                // Another process counts what is there: two blocks.
                #expect(answer.status == (isAnew ? 400 : 200))
                #expect(try await server.store.payloadBytes(in: "c", block: 128) == 256)
            }
        }
    }
}

@Suite struct QdrantIndexNeedsTests {
    private static func missing(
        _ filter: JSONValue, with indexes: [String: PayloadIndexType], _ parameters: JSONValue = [:]
    ) throws -> String? {
        let needs = QdrantIndexNeeds(indexes, [QdrantCollection.indexes: parameters])
        return needs.missing(try Filter(json: filter)).map { "\($0.field): " + $0.kinds.joined(separator: " ") }
    }

    private static func must(_ condition: JSONValue) -> JSONValue { ["must": [condition]] }

    @Test(
        arguments: [
            (["value": "x"], "keyword", "k: keyword"), (["value": 1], "integer", "k: integer"),
            (["value": true], "bool", "k: bool"),
            (["value": "aa0e8400-e29b-41d4-a716-446655440000"], "uuid", "k: keyword uuid"),
            (["any": ["x", "y"]], "keyword", "k: keyword"), (["except": [1]], "integer", "k: integer"),
            (["text": "x"], "text", "k: text"), (["substring": "x"], "keyword", "k: keyword"),
        ] as [(JSONValue, JSONValue, String)])
    func `matches need an index of their type`(_ match: JSONValue, _ type: JSONValue, _ wanted: String) throws {
        let filter = Self.must(["key": "k", "match": match])
        #expect(try Self.missing(filter, with: [:]) == wanted)
        #expect(try Self.missing(filter, with: ["k": .geo]) == wanted)
        #expect(try Self.missing(filter, with: ["k": try #require(PayloadIndexType(json: type))]) == nil)
    }

    @Test func `capabilities are those of the parameters`() throws {
        let prefix = Self.must(["key": "k", "match": ["prefix": "x"]])
        #expect(try Self.missing(prefix, with: ["k": .keyword]) == "k: keyword")
        #expect(try Self.missing(prefix, with: ["k": .keyword], ["k": ["prefix": true]]) == nil)
        let phrase = Self.must(["key": "k", "match": ["phrase": "x y"]])
        #expect(try Self.missing(phrase, with: ["k": .text(TextIndexParameters())]) == "k: text")
        let range = Self.must(["key": "k", "range": ["gt": 1]])
        #expect(try Self.missing(range, with: ["k": .integer]) == nil)
        #expect(try Self.missing(range, with: ["k": .float]) == nil)
        #expect(try Self.missing(range, with: ["k": .integer], ["k": ["range": false]]) == "k: float integer")
        let anything = Self.must(["is_empty": ["key": "k"]])
        #expect(try Self.missing(anything, with: ["k": .geo]) == nil)
        #expect(
            try Self.missing(anything, with: [:]) == "k: bool datetime float geo integer keyword text uuid")
    }

    @Test func `all clauses and nested filters are looked into, and what is no field's needs nothing`() throws {
        let inner = Self.must(["key": "b", "match": ["value": 1]])
        let nested = Self.must(["nested": ["key": "a", "filter": inner]])
        #expect(try Self.missing(nested, with: ["a.b": .integer]) == "a[].b: integer")
        #expect(try Self.missing(nested, with: ["a[].b": .integer]) == nil)
        for clause in ["should", "must_not"] {
            #expect(try Self.missing([clause: [["key": "k", "match": ["value": 1]]]] as JSONValue, with: [:]) != nil)
        }
        let condition: JSONValue = ["key": "k", "match": ["value": 1]]
        #expect(
            try Self.missing(["min_should": ["conditions": [condition], "min_count": 1]], with: [:]) == "k: integer")
        #expect(try Self.missing(Self.must(["has_id": [1]]), with: [:]) == nil)
        #expect(try Self.missing(Self.must(["has_vector": ""]), with: [:]) == nil)
        #expect(try Self.missing(Self.must(["key": "k", "match": ["any": []]]), with: [:]) == nil)
    }
}
