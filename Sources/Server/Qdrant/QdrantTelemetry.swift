// What this server tells of itself: telemetry as Qdrant's, and metrics for Prometheus.

import Foundation
import Hummingbird
import VectorStore

extension QdrantAPI {
    private static let startup = Date.now.formatted(.iso8601)
    private static let id = UUID().uuidString.lowercased()
    /// There are no segments here to have one.
    static let noID: JSONValue = "00000000-0000-0000-0000-000000000000"

    /// All routes, counted from here on: made once for a server.
    func countedRoutes() -> [Route] { uncountedRoutes.map(requests.counting) }

    // MARK: - Telemetry

    /// `details_level`: 0 counts collections, 1 describes them, 2 names them with their configuration, 3 adds what is in them, 4 the
    /// segment that each of them is here.
    @Sendable func telemetry(_ call: inout Call) async throws -> Response {
        let query = call.query
        guard let level = Int(query["details_level"]?.string ?? "0"), level >= 0 else {
            throw QdrantError(message: "Bad request: details_level must be a number")
        }
        let names = try await store.collections()
        var collections: JSONObject = ["number_of_collections": .integer(Int64(names.count))]
        if level > 0 {
            var told: [JSONValue] = []
            for name in names { told.append(try await telemetry(of: name, level)) }
            collections["collections"] = .array(told)
            collections["snapshots"] = []
        }
        var result: JSONObject = [
            "id": .string(Self.id),
            "app": [
                "name": "qdrant", "version": .string(Self.version), "startup": .string(Self.startup),
                "features": [
                    "debug": false, "service_debug_feature": false, "recovery_mode": false, "gpu": false,
                    "rocksdb": false, "staging": false,
                ],
            ],
            "collections": .object(collections), "cluster": ["enabled": false],
            "requests": [
                "rest": .object(responses(perCollection: Self.isTrue(query["per_collection"]))),
                "grpc": ["responses": [:]],
            ],
        ]
        if level > 0 {
            let resident = JSONValue.integer(Int64(ProcessMemory.resident ?? 0))
            result["memory"] = [
                "active_bytes": resident, "allocated_bytes": resident, "metadata_bytes": 0, "resident_bytes": resident,
                "retained_bytes": 0,
            ]
            result["hardware"] = ["collection_data": [:]]
        }
        return call.qdrant(.object(result))
    }

    static func isTrue(_ parameter: JSONValue?) -> Bool { ["true", "1"].contains(parameter?.string) }

    /// `{"responses": {"PUT /collections/{name}/points": {"200": {"count", …}}}}`
    private func responses(perCollection: Bool) -> JSONObject {
        var responses: JSONObject = [:]
        var byCollection: [String: JSONObject] = [:]
        for route in requests.current {
            let counts = route.current
            guard !counts.all.isEmpty else { continue }
            let name = "\(route.method) \(route.path)"
            responses[name] = Self.told(counts.all)
            // Up to 1.19 the parameter is called so: whoever reads either finds it.
            responses[name.replacing("{collection_name}", with: "{name}")] = Self.told(counts.all)
            for (collection, counts) in counts.byCollection {
                byCollection[collection, default: [:]][name] = Self.told(counts)
            }
        }
        var told: JSONObject = ["responses": .object(responses)]
        if perCollection {
            told["per_collection_responses"] = .object(JSONObject(byCollection.map { ($0, .object($1)) }))
        }
        return told
    }

    private static func told(_ counts: [Int: QdrantRequestCount]) -> JSONValue {
        .object(
            JSONObject(
                counts.sorted { $0.key < $1.key }.map { status, count in
                    let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
                    return (
                        String(status),
                        [
                            "count": .integer(Int64(count.count)), "avg_duration_micros": .double(count.average * 1e6),
                            "min_duration_micros": .double(count.shortest * 1e6),
                            "max_duration_micros": .double(count.longest * 1e6),
                            "total_duration_micros": .integer(Int64(count.total * 1e6)),
                            "last_responded": .string(count.last.formatted(form)),
                        ]
                    )
                }))
    }

    private func telemetry(of name: String, _ level: Int) async throws -> JSONValue {
        let info = try await store.collection(name)
        let config = QdrantCollection.info(info)["config"] ?? [:]
        let vectors = try vectorCounts(of: info, name)
        let count = JSONValue.integer(Int64(vectors.reduce(0) { $0 + $1.count }))
        let status: JSONValue = info.indexingError.map { ["error": .string($0)] } ?? "ok"
        if level == 1 {
            return ["vectors": count, "optimizers_status": status, "params": config["params"] ?? [:]]
        }
        var told: JSONObject = ["id": .string(name), "init_time_ms": 0, "config": config]
        guard level > 2 else { return .object(told) }
        let bytes = JSONValue.integer(Int64(try store.vectorBytes(in: name)))
        let points = JSONValue.integer(Int64(info.pointsCount))
        // What payloads take is not looked up: that reads them all.
        var local: JSONObject = [
            "variant_name": nil, "status": info.indexingError == nil ? "green" : "yellow", "total_optimized_points": 0,
            "vectors_size_bytes": bytes, "payloads_size_bytes": nil, "num_points": points, "num_vectors": count,
            "num_vectors_by_name": .object(JSONObject(vectors.map { ($0.name, .integer(Int64($0.count))) })),
            "optimizations": ["status": status, "optimizations": ["count": 0], "log": []], "async_scorer": false,
            "update_queue": ["length": 0],
        ]
        if level > 3 {
            let indexed = info.vectors.values.reduce(0) { $0 + $1.indexedCount }
            let indexes = try await store.payloadIndexBytes(in: name).values.reduce(0, +)
            let resident = info.vectors.values.reduce(indexes) { $0 + $1.residentBytes }
            local["segments"] = [
                [
                    "info": [
                        "uuid": Self.noID, "segment_type": indexed == 0 ? "plain" : "indexed", "num_vectors": count,
                        "num_points": points, "num_indexed_vectors": .integer(Int64(indexed)), "num_deleted_vectors": 0,
                        "vectors_size_bytes": bytes, "payloads_size_bytes": 0,
                        "ram_usage_bytes": .integer(Int64(resident)),
                        "disk_usage_bytes": 0, "is_appendable": true, "index_schema": [:], "vector_data": [:],
                    ],
                    "config": ["vector_data": [:], "payload_storage_type": ["type": "mmap"]],
                    "vector_index_searches": [], "payload_field_indices": [],
                ]
            ]
            local["indexed_only_excluded_vectors"] = [:]
        }
        told["shards"] = [
            [
                "id": 0, "key": nil, "local": .object(local), "remote": [], "replicate_states": ["0": "Active"],
                "partial_snapshot": [
                    "ongoing_create_snapshot_requests": 0, "is_recovering": false, "recovery_timestamp": 0,
                ],
            ]
        ]
        told["transfers"] = []
        told["resharding"] = []
        return .object(told)
    }

    /// Points with a vector of each name, by name.
    private func vectorCounts(of info: CollectionInfo, _ name: String) throws -> [(name: String, count: Int)] {
        var counts = info.vectors.mapValues(\.pointsCount)
        for (vector, count) in try store.sparseCounts(in: name) { counts[vector] = count }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: - Metrics

    /// Prometheus text: how much there is, and how many answers routes of points gave. With `per_collection=true` those are told of
    /// each collection instead of all.
    @Sendable func metrics(_ call: inout Call) async throws -> Response {
        let names = try await store.collections()
        var text = PrometheusText()
        text.family("app_info", "gauge", "information about qdrant server")
        text.sample("app_info", [("name", "qdrant"), ("version", Self.version)], 1)
        text.family("collections_total", "gauge", "number of collections")
        text.sample("collections_total", [], Double(names.count))
        var points: [(String, Int)] = []
        var vectors: [(String, name: String, count: Int)] = []
        for name in names {
            // One that is deleted meanwhile is not told.
            guard let info = try? await store.collection(name), let counts = try? vectorCounts(of: info, name) else {
                continue
            }
            points.append((name, info.pointsCount))
            vectors += counts.map { (name, $0.name, $0.count) }
        }
        text.family("collections_vector_total", "gauge", "total number of vectors in all collections")
        text.sample("collections_vector_total", [], Double(vectors.reduce(0) { $0 + $1.count }))
        text.family("collection_points", "gauge", "approximate amount of points per collection")
        for (name, count) in points { text.sample("collection_points", [("id", name)], Double(count)) }
        text.family("collection_vectors", "gauge", "amount of vectors grouped by vector name")
        for (name, vector, count) in vectors {
            text.sample("collection_vectors", [("id", name), ("vector", vector)], Double(count))
        }
        text.family("cluster_enabled", "gauge", "is cluster support enabled")
        text.sample("cluster_enabled", [], 0)
        if let resident = ProcessMemory.resident {
            text.family(
                "memory_resident_bytes", "gauge", "Maximum number of bytes in physically resident data pages mapped")
            text.sample("memory_resident_bytes", [], Double(resident))
        }
        text.answers(requests.current, perCollection: Self.isTrue(call.query["per_collection"]))
        return .text(text.text)
    }
}

/// Prometheus' text format, 0.0.4.
private struct PrometheusText {
    private(set) var text = ""

    mutating func family(_ name: String, _ kind: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
        }
        text += " " + (Int(exactly: value).map(String.init) ?? value.description) + "\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// The counts of routes of collections: how many answers of each status, and how long those took that succeeded.
    mutating func answers(_ routes: [QdrantRouteCounts], perCollection: Bool) {
        var counts: [(labels: [(String, String)], status: Int, count: QdrantRequestCount)] = []
        for route in routes where route.path.hasPrefix("/collections/{collection_name}/") {
            func add(_ answers: [Int: QdrantRequestCount], _ collection: [(String, String)]) {
                for (status, count) in answers.sorted(by: { $0.key < $1.key }) {
                    let labels = [("method", route.method), ("endpoint", route.path), ("status", String(status))]
                    counts.append((labels + collection, status, count))
                }
            }
            let current = route.current
            if perCollection {
                for (name, answers) in current.byCollection.sorted(by: { $0.key < $1.key }) {
                    add(answers, [("collection", name)])
                }
            } else {
                add(current.all, [])
            }
        }
        guard !counts.isEmpty else { return }
        family("rest_responses_total", "counter", "total number of responses")
        for (labels, _, count) in counts { sample("rest_responses_total", labels, Double(count.count)) }
        let succeeded = counts.filter { $0.status == 200 }
        for (name, help, value) in [
            ("avg", "average", \QdrantRequestCount.average), ("min", "minimum", \.shortest),
            ("max", "maximum", \.longest),
        ] {
            family("rest_responses_\(name)_duration_seconds", "gauge", "\(help) response duration")
            for (labels, _, count) in succeeded {
                sample("rest_responses_\(name)_duration_seconds", labels, count[keyPath: value])
            }
        }
        let name = "rest_responses_duration_seconds"
        family(name, "histogram", "response duration histogram")
        for (labels, _, count) in succeeded {
            var sum = 0
            for (bound, bucket) in zip(QdrantRequestCount.bounds, count.buckets) {
                sum += bucket
                sample(name + "_bucket", labels + [("le", bound.description)], Double(sum))
            }
            sample(name + "_bucket", labels + [("le", "+Inf")], Double(count.count))
            sample(name + "_sum", labels, count.total)
            sample(name + "_count", labels, Double(count.count))
        }
    }
}
