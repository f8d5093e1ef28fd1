// Texts on port 6333: parameters of text indexes, text queries, texts in the place of vectors, and how long a caller waits.

import Hummingbird
import Synchronization
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantTextTests {
    /// Whether the word that stands for all forms is found is libstemmer's matter.
    @Test func `an index leaves out what it was told to and says so again`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let schema: JSONValue = [
                "type": "text", "tokenizer": "word", "stopwords": ["languages": ["english"], "custom": ["Foo"]],
            ]
            _ = try await server.result("PUT", "/collections/c/index", ["field_name": "t", "field_schema": schema])
            let payload: JSONValue = ["payload": ["t": "the robots of foo"], "points": [1]]
            _ = try await server.result("POST", "/collections/c/points/payload", payload)
            for (match, count): (JSONValue, JSONValue) in [
                (["text": "the robots of the star"], 0), (["text": "the robots"], 1), (["text": "foo"], 0),
                (["text_any": "star of robots"], 1), (["text_any": "the of"], 0),
            ] {
                let filter: JSONValue = ["filter": ["must": [["key": "t", "match": match]]]]
                #expect(try await server.result("POST", "/collections/c/points/count", filter) == ["count": count])
            }
            let told = try await server.result("GET", "/collections/c")["payload_schema"]?["t"]?["params"]
            #expect(told == schema)
        }
    }

    @Test func `an index whose stemmer this system lacks is told as a warning`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            var parameters = TextIndexParameters()
            parameters.stemmer = .english
            try await server.store.createPayloadIndex("t", .text(parameters), in: "c")
            let info = try await server.store.collection("c")
            let told = QdrantCollection.info(info, hasStemmers: false)["warnings"]?.array ?? []
            #expect(told.count == 1)
            #expect(told.first?["message"]?.string?.contains("install libstemmer0d") == true)
            #expect(QdrantCollection.info(info, hasStemmers: true)["warnings"] == [])
        }
    }

    /// They are made on another thread than the one that reads from the connection.
    @Test func `texts to make vectors of are seen wherever they are in a query`() throws {
        let document: JSONValue = ["text": "x", "model": "qdrant/bm25"]
        for query: JSONValue in [
            ["query": document], ["query": ["nearest": document]], ["vector": ["name": "v", "vector": document]],
            ["positive": [1, document]], ["prefetch": [["prefetch": ["query": document]]], "query": [0.5, 1]],
        ] {
            #expect(try Fields(query, "a query").haveDocuments, "\(query)")
        }
        for query: JSONValue in [
            ["query": [0.5, 1]], ["query": ["text": "x"]], ["query": 1],
            ["query": [1, 0], "filter": ["must": [["key": "model", "match": ["value": "x"]]]]],
        ] {
            #expect(try !Fields(query, "a query").haveDocuments, "\(query)")
        }
    }

    @Test func `a text query ranks by the words of a field, alone and under a fusion`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            for (field, schema): (JSONValue, JSONValue) in [
                ("body", ["type": "text", "scoring": true]), ("plain", ["type": "text"]),
            ] {
                _ = try await server.result(
                    "PUT", "/collections/c/index", ["field_name": field, "field_schema": schema])
            }
            for (id, text): (JSONValue, JSONValue) in [(1, "alpha"), (2, "alpha alpha beta")] {
                _ = try await server.result(
                    "POST", "/collections/c/points/payload", ["payload": ["body": text], "points": [id]])
            }
            func ids(_ body: JSONValue) async throws -> [JSONValue?]? {
                try await server.result("POST", "/collections/c/points/query", body)["points"]?.array?.map { $0["id"] }
            }
            #expect(try await ids(["query": ["text": "beta"], "using": "body"]) == [2])
            #expect(try await ids(["query": ["text": ["query": "Alpha"]], "using": "body"])?.count == 2)
            let fused: JSONValue = [
                "prefetch": [["query": ["text": "beta"], "using": "body"], ["query": [0, 1], "limit": 1]],
                "query": ["fusion": "rrf"],
            ]
            #expect(try await ids(fused) == [2])
            for (body, status, text): (JSONValue, Int, String) in [
                (["query": ["text": "x"]], 400, "needs `using`"),
                (["query": ["text": "x"], "using": "n"], 400, "which has none"),
                (["query": ["text": "x"], "using": "plain"], 400, "does not score"),
                (["query": ["text": ["query": "x", "b": 1.5]], "using": "body"], 422, "from 0.0 to 1.0"),
                (["query": ["text": ["query": "x", "k": -1]], "using": "body"], 422, "text.k"),
                (["query": ["text": "x", "model": "qdrant/bm25"], "using": "body"], 400, "Not existing vector name"),
                (["query": ["text": "x", "model": "other"]], 400, "InferenceService is not initialized"),
            ] {
                // Without libstemmer the model says so first.
                if !StemmerLanguage.isAvailable, body["query"]?["model"] == "qdrant/bm25" { continue }
                let refused = try await server.error("POST", "/collections/c/points/query", body)
                #expect(refused.0 == status && refused.1.contains(text), "\(refused)")
            }
        }
    }

    /// As qdrant-client 1.20 sends documents when fastembed is not installed.
    @Test(.enabled(if: StemmerLanguage.isAvailable, "libstemmer is not installed: make deps"))
    func `texts are made sparse vectors by qdrant's bm25`() async throws {
        try await QdrantServer.run { server in
            _ = try await server.result("PUT", "/collections/b", ["sparse_vectors": ["bm25": ["modifier": "idf"]]])
            func document(_ text: JSONValue, _ options: JSONValue = nil) -> JSONValue {
                ["text": text, "model": "Qdrant/Bm25", "options": options]
            }
            let points: JSONValue = [
                ["id": 1, "vector": ["bm25": document("The robots are running")]],
                ["id": 2, "vector": ["bm25": document("a star", ["language": "none"])]],
            ]
            _ = try await server.result("PUT", "/collections/b/points?wait=true", ["points": points])
            let told = try await server.result("POST", "/collections/b/points", ["ids": [1, 2], "with_vector": true])
            let lengths = told.array?.map { $0["vector"]?["bm25"]?["indices"]?.array?.count }
            #expect(lengths == [2, 2])
            for (text, id): (JSONValue, JSONValue) in [("robot runs", 1), ("stars", 2)] {
                let body: JSONValue = ["query": document(text), "using": "bm25"]
                let found = try await server.result("POST", "/collections/b/points/query", body)["points"]?.array
                #expect(found?.map { $0["id"] } == [id])
            }
            for options: JSONValue in [
                ["language": "klingon"], ["k": -1], ["b": 2], ["tokenizer": "x"], ["avg_len": 0],
            ] {
                let body: JSONValue = ["query": document("x", options), "using": "bm25"]
                let refused = try await server.error("POST", "/collections/b/points/query", body)
                #expect((400...422).contains(refused.0), "\(options)")
            }
        }
    }

    @Test func `when a caller's time is over the work ends and the answer says so`() async throws {
        let ended = Atomic(0)
        let route = Route.get("/slow") { _ in
            do { try await Task.sleep(for: .seconds(3600)) } catch { ended.add(1, ordering: .relaxed) }
            return .text("never")
        }
        let routes = [route.timed("query"), Route.get("/fast") { _ in .text("at once") }.timed("query")]
        try await TestServer.serve(HTTPConfiguration(), routes: routes, dialect: .qdrant) { port in
            let late = try await TestServer.send("GET /slow?timeout=1 HTTP/1.1", port: port)
            #expect(late.status == 408)
            #expect(
                late.json["status"]?["error"] == "Timeout error: Operation 'query' timed out after 1 seconds")
            #expect(ended.load(ordering: .relaxed) == 1)
            let fast = try await TestServer.send("GET /fast?timeout=1 HTTP/1.1", port: port)
            #expect(fast.status == 200 && fast.text == "at once")
        }
    }

    @Test func `when a caller's time is over what the store does for it ends, too`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let store = server.store
            let ended = Atomic(0)
            // One matrix or query after the other, so that it is long on any machine; what ends it is the store's own error.
            let matrix = Route.get("/matrix") { _ in
                do {
                    while true { _ = try await store.matrix(sample: 3, of: "", filter: nil, limit: 2, in: "c") }
                } catch StoreError.cancelled { ended.add(1, ordering: .relaxed) }
                return .text("never")
            }
            let query = Route.get("/query") { _ in
                do {
                    while true { _ = try await store.query(PointsQuery(vector: [1, 0]), in: "c") }
                } catch StoreError.cancelled { ended.add(1, ordering: .relaxed) }
                return .text("never")
            }
            let routes = [matrix.timed("search matrix"), query.timed("query")]
            try await TestServer.serve(HTTPConfiguration(), routes: routes, dialect: .qdrant) { port in
                for (number, path) in ["/matrix", "/query"].enumerated() {
                    let late = try await TestServer.send("GET \(path)?timeout=1 HTTP/1.1", port: port)
                    #expect(late.status == 408)
                    #expect(ended.load(ordering: .relaxed) == number + 1)
                }
            }
        }
    }
}
