// What a port tells of itself: telemetry, metrics, optimizations.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantTelemetryTests {
    @Test func `telemetry has more at each level, and counts the answers of each route`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            _ = try await server.error("PUT", "/collections/c/points", [:])
            let brief = try await server.result("GET", "/telemetry")
            #expect(brief.object.map { Set($0.keys) } == ["id", "app", "collections", "cluster", "requests"])
            #expect(brief["collections"] == ["number_of_collections": 1])
            let responses = brief["requests"]?["rest"]?["responses"]
            for name in ["{collection_name}", "{name}"] {
                let answers = responses?["PUT /collections/\(name)/points"]
                #expect(answers?["200"]?["count"] == 1)
                #expect(answers?["400"]?["count"] == 1)
                #expect(answers?["200"]?["avg_duration_micros"]?.number ?? 0 > 0)
            }
            #expect(responses?["GET /telemetry"] == nil)
            let keys: [Int: Set<String>] = [
                1: ["vectors", "optimizers_status", "params"], 2: ["id", "init_time_ms", "config"],
                3: ["id", "init_time_ms", "config", "shards", "transfers", "resharding"],
            ]
            for level in 1...4 {
                let told = try await server.result("GET", "/telemetry?details_level=\(level)&per_collection=true")
                #expect(told["memory"]?["resident_bytes"]?.integer != nil)
                let collection = try #require(told["collections"]?["collections"]?.array?.first)
                #expect(collection.object.map { Set($0.keys) } == keys[min(level, 3)])
                let shard = collection["shards"]?.array?.first?["local"]
                #expect(shard?["num_points"] == (level > 2 ? 3 : nil))
                #expect((shard?["segments"] == nil) == (level < 4))
                let own = told["requests"]?["rest"]?["per_collection_responses"]?["c"]
                #expect(own?["PUT /collections/{collection_name}/points"]?["200"]?["count"] == 1)
            }
            #expect(try await server.error("GET", "/telemetry?details_level=x").0 == 400)
        }
    }

    @Test func `metrics tell of collections and answers, on request of each collection`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            _ = try await server.result("PUT", "/collections/d", ["sparse_vectors": [#"w"1"#: [:]]])
            for _ in 0..<3 { _ = try await server.result("POST", "/collections/c/points/count", [:]) }
            _ = try await server.error("POST", "/collections/none/points/count", [:])
            let labels = #"method="POST",endpoint="/collections/{collection_name}/points/count",status="#
            let all = try await server.send("GET", "/metrics").text
            for line in [
                "collections_total 2", #"collection_points{id="c"} 3"#, #"collection_points{id="d"} 0"#,
                #"collection_vectors{id="c",vector=""} 3"#, #"collection_vectors{id="d",vector="w\"1"} 0"#,
                #"rest_responses_total{\#(labels)"200"} 3"#, #"rest_responses_total{\#(labels)"404"} 1"#,
                #"rest_responses_duration_seconds_bucket{\#(labels)"200",le="+Inf"} 3"#,
                #"rest_responses_duration_seconds_count{\#(labels)"200"} 3"#,
            ] { #expect(all.split(separator: "\n").contains(Substring(line)), "\(line)") }
            #expect(!all.contains("collection=\""))
            let each = try await server.send("GET", "/metrics?per_collection=true").text
            #expect(each.contains(#"rest_responses_total{\#(labels)"200",collection="c"} 3"#))
            #expect(!each.contains(#"collection="none""#))
            _ = try await server.result("DELETE", "/collections/c")
            #expect(try await !server.send("GET", "/metrics?per_collection=true").text.contains(#"collection="c""#))
        }
    }

    @Test func `durations fall into buckets of the histogram`() {
        var count = QdrantRequestCount()
        for seconds in [0.0005, 0.001, 0.03, 99] { count.add(seconds, at: Date(timeIntervalSince1970: 1)) }
        #expect(count.buckets == [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(count.count == 4)
        #expect(count.shortest == 0.0005)
        #expect(count.longest == 99)
        #expect(abs(count.average - 24.757875) < 1e-9)
        #expect(count.last == Date(timeIntervalSince1970: 1))
    }

    @Test func `nothing waits for optimizations`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let path = "/collections/c/optimizations"
            let brief = try await server.result("GET", path)
            #expect(brief["running"] == [])
            #expect(brief["summary"]?["idle_segments"] == 1)
            #expect(brief.object?.keys.sorted() == ["ongoing", "running", "summary"])
            let whole = try await server.result("GET", path + "?with=queued,completed,idle_segments")
            #expect(whole["queued"] == [])
            #expect(whole["completed"] == [])
            #expect(whole["idle_segments"]?.array?.first?["points_count"] == 3)
            #expect(try await server.error("GET", "/collections/d/optimizations").0 == 404)
            #expect(try await server.result("GET", "/issues") == ["issues": []])
        }
    }
}
