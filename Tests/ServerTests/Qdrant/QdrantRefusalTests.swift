// What Qdrant refuses with words of its own, which clients and their tests look for. The words are those of Qdrant 1.19's sources.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantRefusalTests {
    /// A collection with an unnamed multivector, one with a sparse vector, and the one of two components.
    private static func fill(_ server: QdrantServer) async throws {
        try await server.fill()
        _ = try await server.result(
            "PUT", "/collections/many",
            ["vectors": ["size": 2, "distance": "Dot", "multivector_config": ["comparator": "max_sim"]]])
        _ = try await server.result("PUT", "/collections/words", ["vectors": [:], "sparse_vectors": ["w": [:]]])
    }

    private static let body = "Validation error in JSON body: "

    @Test(arguments: [
        ("many", "[[]]", "[points[0].vector.?.data: all vectors must be non-empty]"),
        ("many", "[[1, 2], []]", "[points[0].vector.?.data: all vectors must be non-empty]"),
        (
            "many", "[[1, 2], [1]]",
            "[points[0].vector.?.data: all vectors must have the same dimension, found vector with dimension 1]"
        ),
        (
            "words", #"{"w": {"indices": [1], "values": [1, 2]}}"#,
            "[points[0].vector.?.values: Validation error: must be the same length as indices [{}]]"
        ),
        (
            "words", #"{"w": {"indices": [1, 1], "values": [1, 2]}}"#,
            "[points[0].vector.?.indices: Validation error: must be unique [{}]]"
        ),
    ])
    func `vectors that are none are refused with their place`(_ name: String, _ vector: String, _ reason: String)
        async throws
    {
        try await QdrantServer.run { server in
            try await Self.fill(server)
            let point: JSONValue = ["id": 1, "vector": try JSONValue(parsing: vector.utf8)]
            let refused = try await server.error("PUT", "/collections/\(name)/points", ["points": [point]])
            #expect(refused == (422, Self.body + reason))
            #expect(try await server.result("POST", "/collections/\(name)/points/count", [:]) == ["count": 0])
        }
    }

    @Test(arguments: [
        (#"{"score_threshold": 1}"#, 400, "A query is needed to use the score_threshold. Can't have"),
        (#"{"score_threshold": 1, "query": {"order_by": "n"}}"#, 400, "Can't use score_threshold with an order_by"),
        (
            #"{"query": {"fusion": "rrf"}, "using": "x"}"#, 400,
            "Fusion queries cannot be combined with the 'using' field."
        ),
        (
            #"{"prefetch": {"query": 1}, "query": {"fusion": "rrf"}, "using": "x"}"#, 400,
            "Fusion queries cannot be combined"
        ),
        // What is wrong with a prefetch is told first.
        (
            #"{"prefetch": {"query": 1, "lookup_from": {"collection": "no"}}, "query": {"fusion": "rrf"}, "using": "x"}"#,
            404, "Not found: Collection no not found"
        ),
        // Of a point that is not there and a vector that is not there, the point.
        (
            #"{"query": {"recommend": {"positive": [9]}}, "lookup_from": {"collection": "words", "vector": "x"}}"#, 404,
            "No point with id 9 found"
        ),
        (#"{"query": {"nearest": 1, "mmr": {"diversity": 2}}}"#, 422, "mmr.diversity: value 2.0 invalid"),
        (#"{"prefetch": {}, "query": {"rrf": {"k": 0}}}"#, 422, "rrf.k: value 0 invalid"),
        (
            #"{"query": {"relevance_feedback": {"target": 1, "feedback": [], "strategy": {"naive": {"a": 1, "b": 1, "c": 1}}}}}"#,
            422, "feedback elements must be non-empty"
        ),
        (#"{"filter": {"must": [{"slice": {"total": 4, "index": 4}}]}}"#, 422, "Slice index must be in [0;3]"),
        (#"{"query": [1, 2], "params": {"idf": "global"}}"#, 400, "idf"),
        (#"{"query": [1, 2], "params": {"idf": {"corpus": {"must": []}}}}"#, 422, "at least one condition"),
        (#"{"query": [1, 2], "params": {"idf": {"corpus": {"should": [{"has_id": [1]}]}}}}"#, 422, "must"),
        (#"{"query": [1, 2], "params": {"idf": {"corpus": {"must": {"is_null": {"key": "a"}}}}}}"#, 422, "match"),
    ])
    func `queries that make no sense are refused in Qdrant's words`(_ query: String, _ status: Int, _ words: String)
        async throws
    {
        try await QdrantServer.run { server in
            try await Self.fill(server)
            let refused = try await server.error(
                "POST", "/collections/c/points/query", try JSONValue(parsing: query.utf8))
            #expect(refused.0 == status, "\(refused.1)")
            #expect(refused.1.contains(words), "\(refused.1)")
        }
    }

    @Test func `more conditions than can be answered are refused, wherever a filter may be`() async throws {
        let many: JSONValue = ["should": .array(Array(repeating: ["has_vector": ""], count: 65_537))]
        let bodies: [(String, JSONValue)] = [
            ("query", ["filter": many]), ("query", ["prefetch": ["filter": many], "query": [1, 0]]),
            ("scroll", ["filter": many]), ("count", ["filter": many]), ("delete", ["filter": many]),
        ]
        try await QdrantServer.run { server in
            try await server.fill()
            for (route, body) in bodies {
                let refused = try await server.error("POST", "/collections/c/points/\(route)", body)
                #expect(refused.0 == 400)
                #expect(
                    refused.1.contains(
                        "Filter condition limit reached (65537 > 65536). Help: Reduce the amount of conditions of your filter."
                    ))
            }
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
        }
    }

    /// A score that is infinite would be told as null, which clients do not take.
    @Test func `vectors whose scores would not be finite are refused, in points and in queries`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let long: JSONValue = [3e38, 1]
            let point: JSONValue = ["points": [["id": 9, "vector": long]]]
            for (method, path, body) in [
                ("PUT", "/collections/c/points", point), ("POST", "/collections/c/points/query", ["query": long]),
                ("POST", "/collections/c/points/search", ["vector": long, "limit": 1]),
            ] {
                let refused = try await server.error(method, path, body)
                #expect(refused.0 == 400 && refused.1.contains("longer than 1e+18"), "\(refused)")
            }
            // As long as may be, the score is finite.
            _ = try await server.result(
                "PUT", "/collections/c/points?wait=true", ["points": [["id": 9, "vector": [9e17, 0]]]])
            let found = try await server.result(
                "POST", "/collections/c/points/query", ["query": [9e17, 0], "limit": 1])
            let score = try #require(found["points"]?.array?.first?["score"]?.number)
            #expect((8e35...8.2e35).contains(score))
        }
    }

    @Test(arguments: [
        ("PUT", "/collections/a%2Fb", #"{"vectors": {"size": 2, "distance": "Dot"}}"#, "cannot contain \"/\" char"),
        ("PUT", "/collections/a%3Cb", #"{"vectors": {"size": 2, "distance": "Dot"}}"#, "cannot contain \"<\" char"),
        ("GET", "/collections//exists", "", "collection_name"),
        ("GET", "/collections/a%00/exists", "", "collection_name"),
        ("GET", "/collections/" + String(repeating: "n", count: 256), "", "Validation error in path parameters"),
        (
            "PUT", "/collections/d?timeout=0", #"{"vectors": {"size": 2, "distance": "Dot"}}"#,
            "timeout: value 0 invalid"
        ),
        (
            "PUT", "/collections/d",
            #"{"vectors": {"size": 2, "distance": "Dot"}, "hnsw_config": {"ef_construct": 0}}"#,
            "hnsw_config.ef_construct: value 0 invalid"
        ),
        ("PUT", "/collections/d", #"{"vectors": {"size": 2, "distance": "Dot", "memory": "pinned"}}"#, "pinned"),
        ("PATCH", "/collections/c", #"{"params": {"payload": {"memory": "pinned"}}}"#, "pinned"),
        (
            "PUT", "/collections/c/points/vectors", #"{"points": [{"id": 1, "vector": {}}]}"#,
            "must specify vectors to update"
        ),
        ("POST", "/collections/c/points/search/matrix/pairs", #"{"sample": 1}"#, "sample: value 1 invalid"),
    ])
    func `what is out of bounds is told with status 422, and nothing is made`(
        _ method: String, _ path: String, _ body: String, _ words: String
    ) async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let refused = try await server.error(
                method, path, body.isEmpty ? nil : try JSONValue(parsing: body.utf8))
            #expect(refused.0 == 422, "\(refused.1)")
            #expect(refused.1.contains(words), "\(refused.1)")
            #expect(try await server.store.collections() == ["c"])
        }
    }

    @Test(arguments: [
        ("PUT", "/collections/d", #"{"vectors": {"size": 2, "distance": "Dot"}, "hnsw_config": {"m": "x"}}"#),
        ("PUT", "/collections/d", #"{"vectors": {"size": 2, "distance": "Dot"}, "quantization_config": 5}"#),
        ("PUT", "/collections/d", #"{"vectors": {"size": 2, "distance": "Dot", "on_disk": "maybe"}}"#),
        ("PATCH", "/collections/c", #"{"strict_mode_config": {"enabled": "yes"}}"#),
        ("POST", "/collections/c/points/batch", #"{"operation": []}"#), ("POST", "/collections/aliases", "{}"),
        ("POST", "/collections/c/points/query/batch", "{}"),
        ("POST", "/collections/c/points/query", #"{"query": {"order_by": {"key": "n", "direction": "down"}}}"#),
        ("POST", "/collections/c/points/scroll", #"{"with_vector": [1]}"#),
        ("POST", "/collections/c/points/count", #"{"exact": "yes"}"#),
        ("PUT", "/collections/a%2Fb/snapshots/recover", #"{"location": "file:///x"}"#),
    ])
    func `what is of another kind, misspelt or left out is told, not taken for something else`(
        _ method: String, _ path: String, _ body: String
    ) async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let refused = try await server.error(method, path, try JSONValue(parsing: body.utf8))
            #expect([400, 422].contains(refused.0), "\(refused.1)")
            #expect(try await server.store.collections() == ["c"])
        }
    }

    @Test(arguments: [
        ("abc", "invalid digit found in string"), ("-1", "invalid digit found in string"),
        ("1.5", "invalid digit found in string"), ("", "cannot parse integer from empty string"),
        ("99999999999999999999", "number too large to fit in target type"),
    ])
    func `a timeout that is no number of seconds is told, not taken for none`(_ text: String, _ reason: String)
        async throws
    {
        try await QdrantServer.run { server in
            try await server.fill()
            // A limit of timeouts does not change what is told.
            let limits: JSONValue = ["strict_mode_config": ["enabled": true, "max_timeout": 2]]
            for _ in 0..<2 {
                for (method, path) in [("POST", "points/count"), ("POST", "points/query"), ("PUT", "index")] {
                    let refused = try await server.error(method, "/collections/c/\(path)?timeout=\(text)", [:])
                    #expect(refused == (400, "Format error in query parameters: timeout: \(reason)"))
                }
                _ = try await server.result("PATCH", "/collections/c", limits)
            }
            // The longest that Qdrant takes is more than is allowed, not nothing.
            let most = try await server.error("POST", "/collections/c/points/count?timeout=18446744073709551615", [:])
            #expect(most.0 == 400 && most.1.contains("for \"timeout\""))
            #expect(try await server.result("POST", "/collections/c/points/count?timeout=2", [:]) == ["count": 3])
        }
    }

    @Test func `a matrix of too many scores is refused, counted by the points there are`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result("PUT", "/collections/c", ["vectors": ["size": 2, "distance": "Dot"]])
            let points = (0..<1010).map { Point(id: .number($0), vector: [Float($0), 1]) }
            _ = try await server.store.update([.upsert(points)], in: "c")
            let path = "/collections/c/points/search/matrix/"
            for form in ["pairs", "offsets"] {
                // 1010 × 1009 are more than a million.
                let refused = try await server.error("POST", path + form, ["sample": 1_000_000, "limit": 1_000_000])
                #expect(refused.0 == 400)
                #expect(refused.1.contains("1010 points with 1009 scores each is too large"), "\(refused.1)")
            }
            let all = try await server.result("POST", path + "offsets", ["sample": 1_000_000, "limit": 3])
            #expect(all["ids"]?.array?.count == 1010 && all["scores"]?.array?.count == 3030)
            // More than is written at once (64 KB), with all its commas.
            let pairs = try await server.result("POST", path + "pairs", ["sample": 1_000_000, "limit": 3])
            #expect(pairs["pairs"]?.array?.count == 3030)
            #expect(pairs["pairs"]?.array?.allSatisfy { $0["a"] != $0["b"] && $0["score"]?.number != nil } == true)
        }
    }

    @Test func `a matrix is not written for a caller who has gone`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result("PUT", "/collections/c", ["vectors": ["size": 2, "distance": "Dot"]])
            let points = (0..<200).map { Point(id: .number($0), vector: [Float($0), 1]) }
            _ = try await server.store.update([.upsert(points)], in: "c")
            let matrix = try await server.store.matrix(sample: 200, of: "", filter: nil, limit: 199, in: "c")
            // Of 39,800 scores every list but that of the ids is longer than what is written between two looks.
            #expect(matrix.cells.count == 39_800)
            let forms: [@Sendable (SimilarityMatrix, inout QdrantAnswer) throws -> Void] = [
                QdrantAPI.pairs, QdrantAPI.offsets,
            ]
            for represent in forms {
                let task = Task {
                    while !Task.isCancelled { await Task.yield() }
                    var answer = QdrantAnswer()
                    try represent(matrix, &answer)
                }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
    }

    @Test func `snapshots are fetched from no other machine`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let made = try await server.result("POST", "/collections/c/snapshots")
            let name = try #require(made["name"]?.string)
            func recover(_ place: String) async throws -> RawResponse {
                try await server.send("PUT", "/collections/r/snapshots/recover", ["location": .string(place)])
            }
            #expect(try await recover("http://169.254.169.254/latest").status == 403)
            #expect(try await recover("http://example.org/collections/c/snapshots/\(name)").status == 403)
            // Port 1 has nobody. Another name of this machine is fetched from like another server.
            #expect(try await recover("http://127.0.0.1:1/collections/c/snapshots/\(name)").status == 400)
            #expect(try await recover("http://localhost:\(server.port)/collections/c/snapshots/none").status == 400)
            #expect(try await recover("http://localhost:\(server.port)/collections/c/snapshots/\(name)").status == 200)
            #expect(try await server.store.deleteCollection("r"))
            let own = "http://127.0.0.1:\(server.port)/collections/c/snapshots/"
            #expect(try await recover(own + "..%2F..%2Fpoints.sqlite").status != 200)
            #expect(try await recover(own + name).status == 200)
            #expect(try await server.result("POST", "/collections/r/points/count", [:]) == ["count": 3])
        }
    }

    @Test func `bodies in flight have a bound, which one alone may pass`() throws {
        let budget = BodyBudget()
        try budget.take(512 << 20)
        #expect(throws: QdrantError.self) { try budget.take(1) }
        budget.give(back: 512 << 20)
        for _ in 0..<4 { try budget.take(BodyBudget.unknown) }
        #expect(throws: QdrantError.self) { try budget.take(1) }
    }

    @Test func `a collection is not made under the name of an alias`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let alias: JSONValue = ["create_alias": ["alias_name": "a", "collection_name": "c"]]
            _ = try await server.result("POST", "/collections/aliases", ["actions": [alias]])
            let refused = try await server.error("PUT", "/collections/a", ["vectors": ["size": 2, "distance": "Dot"]])
            #expect(refused.0 == 400)
            #expect(refused.1.contains("Alias with the same name already exists"))
            let unknown = try await server.error("POST", "/collections/c/points/search/matrix/pairs", ["using": "x"])
            #expect(unknown == (400, "Wrong input: Not existing vector name error: x"))
        }
    }
}
