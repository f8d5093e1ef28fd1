// What is told of a collection: every member that Qdrant tells, because clients of 1.15 insist on them.

import VectorStore

extension QdrantCollection {
    /// `GET /collections/{name}`: every member, because clients of 1.15 insist on them.
    static func info(_ info: CollectionInfo, hasStemmers: Bool = StemmerLanguage.isAvailable) -> JSONValue {
        let settings = info.configuration.metadata[Self.settings] ?? [:]
        var params: JSONObject = [
            "vectors": vectors(info.configuration, settings), "shard_number": settings["shard_number"] ?? 1,
            "replication_factor": settings["replication_factor"] ?? 1,
            "write_consistency_factor": settings["write_consistency_factor"] ?? 1,
            "on_disk_payload": settings["on_disk_payload"] ?? true,
        ]
        for key in ["payload", "id_tracker"] { if let told = settings[key], told != .null { params[key] = told } }
        if !info.configuration.sparseVectors.isEmpty || settings["sparse_vectors"]?.object != nil {
            params["sparse_vectors"] = .object(
                JSONObject(
                    info.configuration.sparseVectors.sorted { $0.key < $1.key }.map { name, sparse in
                        let told = settings["sparse_vectors"]?[name] ?? [:]
                        return (name, told.object == nil ? (sparse.idf ? ["modifier": "idf"] : [:]) : told)
                    }))
        }
        let hnsw: JSONValue = [
            "m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0, "on_disk": false,
        ]
        let optimizer: JSONValue = [
            "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0,
            "max_segment_size": nil, "memmap_threshold": nil, "indexing_threshold": 10_000, "flush_interval_sec": 5,
            "max_optimization_threads": nil,
        ]
        var config: JSONObject = [
            "params": .object(params), "hnsw_config": merged(hnsw, settings["hnsw_config"] ?? [:]),
            "optimizer_config": merged(
                optimizer, settings["optimizers_config"] ?? settings["optimizer_config"] ?? [:]),
            "wal_config": merged(["wal_capacity_mb": 32, "wal_segments_ahead": 0], settings["wal_config"] ?? [:]),
            "quantization_config": settings["quantization_config"] ?? .null,
            "strict_mode_config": merged(["enabled": false], settings["strict_mode_config"] ?? [:]),
        ]
        if let metadata = settings["metadata"], metadata != .null { config["metadata"] = metadata }
        let schema = info.payloadIndexes.sorted { $0.key < $1.key }.map { field, index in
            let json = index.type.json
            var told: JSONObject = [
                "data_type": json["type"] ?? json, "points": .integer(Int64(index.pointsCount)),
            ]
            // Of a type without parameters none are told.
            if var parameters = settings[Self.indexes]?[field]?.object {
                if json["type"] == "text", parameters["tokenizer"] == nil { parameters["tokenizer"] = "word" }
                told["params"] = .object(parameters)
            }
            return (field, JSONValue.object(told))
        }
        let indexed = info.vectors.values.reduce(0) { $0 + $1.indexedCount }
        let error = info.indexingError
        let warnings = warnings(settings, info.configuration) + (hasStemmers ? [] : unstemmed(info.payloadIndexes))
        var told: JSONObject = [
            "status": error == nil ? "green" : "yellow",
            "optimizer_status": error.map { ["error": .string($0)] } ?? "ok",
            "warnings": .array(warnings.map { ["message": .string($0)] }),
            "indexed_vectors_count": .integer(Int64(indexed)),
            "points_count": .integer(Int64(info.pointsCount)), "segments_count": 1, "config": .object(config),
            "payload_schema": .object(JSONObject(schema)), "update_queue": ["length": 0],
        ]
        if let time = info.configuration.metadata[Self.createdAt] { told[Self.createdAt] = time }
        return .object(told)
    }

    /// Indexes that had a stemmer where they were made and have none here: conditions on their words are refused.
    private static func unstemmed(_ indexes: [String: CollectionInfo.PayloadIndexInfo]) -> [String] {
        indexes.sorted { $0.key < $1.key }.compactMap { field, index in
            guard case .text(let parameters) = index.type, parameters.stemmer != nil else { return nil }
            return "text conditions and text queries on '\(field)' are refused: \(StemmerLanguage.requirement)"
        }
    }

    /// What was asked for and could not be done by Qdrant, either.
    private static func warnings(_ settings: JSONValue, _ configuration: CollectionConfiguration) -> [String] {
        configuration.vectors.keys.sorted().compactMap { name in
            let all = settings["vectors"]
            let own = all?["size"]?.number == nil ? all?[name] : all
            guard (own?["hnsw_config"]?["inline_storage"] ?? settings["hnsw_config"]?["inline_storage"]) == true else {
                return nil
            }
            if own?["multivector_config"]?.object != nil {
                return "hnsw_config.inline_storage of vector '\(name)' has no effect on multivectors"
            }
            let isQuantized = (own?["quantization_config"] ?? settings["quantization_config"])?.object != nil
            return isQuantized
                ? nil : "hnsw_config.inline_storage of vector '\(name)' has no effect without quantization"
        }
    }

    /// In the shape in which they were given: one unnamed vector, or names.
    private static func vectors(_ configuration: CollectionConfiguration, _ settings: JSONValue) -> JSONValue {
        let told = settings["vectors"]?.object
        func one(_ name: String, _ parameters: CollectionConfiguration.VectorParameters, _ told: JSONValue?)
            -> JSONValue
        {
            merged(
                told?.object == nil ? [:] : told ?? [:],
                [
                    "size": .integer(Int64(parameters.size)), "distance": .string(parameters.distance.rawValue),
                ])
        }
        if let unnamed = configuration.vectors[""], told.map({ $0["size"]?.number != nil }) ?? true {
            return one("", unnamed, told.map(JSONValue.object))
        }
        return .object(
            JSONObject(
                configuration.vectors.sorted { $0.key < $1.key }.map { ($0.key, one($0.key, $0.value, told?[$0.key])) })
        )
    }
}
