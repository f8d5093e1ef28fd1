// What may be set of collections and payload indexes, and what is no setting: refused, because what is kept is told again, and clients
// cannot read settings of another kind than they know.

import VectorStore

extension QdrantCollection {
    /// What kind of value a setting is.
    private enum Kind {
        case flag, count, number, text, object
        /// An object, or the word "Disabled".
        case quantization
    }

    /// The kinds of the settings of each part of a collection, by Qdrant's names. Others do no harm.
    private static let kinds: [String: [String: Kind]] = [
        "collection": [
            "shard_number": .count, "replication_factor": .count, "write_consistency_factor": .count,
            "on_disk_payload": .flag, "hnsw_config": .object, "wal_config": .object, "optimizers_config": .object,
            "optimizer_config": .object, "quantization_config": .quantization, "quantization": .quantization,
            "strict_mode_config": .object, "params": .object, "metadata": .object, "payload": .object,
            "id_tracker": .object,
        ],
        "params": [
            "replication_factor": .count, "write_consistency_factor": .count, "read_fan_out_factor": .count,
            "on_disk_payload": .flag, "payload": .object, "id_tracker": .object,
        ],
        "vectors": [
            "hnsw_config": .object, "quantization_config": .quantization, "on_disk": .flag, "memory": .text,
            "datatype": .text, "multivector_config": .object,
        ],
        "hnsw_config": [
            "m": .count, "ef_construct": .count, "full_scan_threshold": .count, "max_indexing_threads": .count,
            "on_disk": .flag, "memory": .text, "payload_m": .count, "inline_storage": .flag,
        ],
        "optimizers_config": [
            "deleted_threshold": .number, "vacuum_min_vector_number": .count, "default_segment_number": .count,
            "max_segment_size": .count, "memmap_threshold": .count, "indexing_threshold": .count,
            "flush_interval_sec": .count, "prevent_unoptimized": .flag,
        ],
        "wal_config": ["wal_capacity_mb": .count, "wal_segments_ahead": .count, "wal_retain_closed": .count],
        "strict_mode_config": [
            "enabled": .flag, "max_query_limit": .count, "max_timeout": .count, "unindexed_filtering_retrieve": .flag,
            "unindexed_filtering_update": .flag, "search_max_hnsw_ef": .count, "search_allow_exact": .flag,
            "search_max_oversampling": .number, "upsert_max_batchsize": .count, "search_max_batchsize": .count,
            "max_collection_vector_size_bytes": .count, "max_collection_payload_size_bytes": .count,
            "read_rate_limit": .count, "write_rate_limit": .count, "max_points_count": .count,
            "filter_max_conditions": .count, "condition_max_size": .count, "multivector_config": .object,
            "sparse_config": .object, "max_payload_index_count": .count, "max_resident_memory_percent": .count,
        ],
    ]

    /// Refuses settings of another kind than they are.
    private static func check(_ fields: Fields, _ part: String) throws {
        for (key, kind) in kinds[part] ?? [:] {
            switch kind {
            case .flag: _ = try fields.bool(key)
            case .count: _ = try fields.count(key)
            case .number: _ = try fields.float(key)
            case .text: _ = try fields.string(key)
            case .object: _ = try fields.optional(key, "an object", \.object)
            case .quantization:
                _ = try fields.optional(key, "an object or \"Disabled\"") { json in
                    json.object != nil || json == "Disabled" ? true : nil
                }
            }
        }
    }

    /// Refuses names that no collection has.
    static func checkLength(_ name: String) throws {
        guard 1...255 ~= name.utf8.count, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            throw QdrantError.validation(
                "collection_name: a name must have from 1 to 255 bytes and no control characters", in: "path parameters"
            )
        }
    }

    /// Refuses names that Qdrant gives to no collection.
    static func checkName(_ name: String) throws {
        if let forbidden = name.first(where: #"<>:"/\|?*"#.contains) {
            throw QdrantError.validation(
                "name: collection name cannot contain \"\(forbidden)\" char", in: "path parameters")
        }
    }

    /// Refuses settings that are none, of whatever they are kept for.
    static func checkSettings(_ fields: Fields) throws {
        try check(fields, "collection")
        for key in ["optimizers_config", "optimizer_config", "wal_config", "strict_mode_config", "params"] {
            if let json = fields[key] {
                try check(Fields(json, key), key == "optimizer_config" ? "optimizers_config" : key)
            }
        }
        try checkGraph(fields, "hnsw_config")
        try checkMemory(fields["payload"] ?? fields["params"]?["payload"], of: "payload")
        _ = try indexingThreshold(fields)
        for (name, json) in fields["vectors"]?.object ?? [:] where json.object != nil {
            try check(Fields(json, "vectors.\(name)"), "vectors")
            try checkGraph(Fields(json, "vectors.\(name)"), "vectors.\(name).hnsw_config")
            try checkMemory(json, of: "vectors.\(name)")
        }
        if let unnamed = fields["vectors"], unnamed["size"] != nil {
            try check(Fields(unnamed, "vectors"), "vectors")
            try checkGraph(Fields(unnamed, "vectors"), "vectors.hnsw_config")
            try checkMemory(unnamed, of: "vectors")
        }
    }

    /// Refuses graphs that could not be built.
    private static func checkGraph(_ fields: Fields, _ place: String) throws {
        guard let json = fields["hnsw_config"] else { return }
        try check(Fields(json, place), "hnsw_config")
        if let candidates = try Fields(json, place).count("ef_construct"), candidates < 4 {
            throw QdrantError.validation("\(place).ef_construct: value \(candidates) invalid, must be 4 or larger")
        }
    }

    /// Refuses to promise that what may be larger than memory stays in it.
    private static func checkMemory(_ json: JSONValue?, of place: String) throws {
        guard json?["memory"] == "pinned" else { return }
        throw QdrantError.validation("\(place).memory: `pinned` is not supported here, use `cached` or `cold`")
    }

    /// Bytes of vectors from which a graph is built; nil where nothing is said. Qdrant counts in kilobytes of 1,024.
    static func indexingThreshold(_ fields: Fields) throws -> Int? {
        guard let json = fields["optimizers_config"] ?? fields["optimizer_config"] else { return nil }
        guard let kilobytes = try Fields(json, "optimizers_config").count("indexing_threshold") else { return nil }
        let (bytes, overflow) = kilobytes.multipliedReportingOverflow(by: 1024)
        return overflow ? .max : bytes
    }

    /// Refuses parameters of an index that are of the wrong type, that exclude each other, or that would change what is found and are not
    /// implemented.
    static func checkIndex(_ schema: JSONValue) throws {
        guard schema.object != nil else { return }
        let fields = try Fields(schema, "field_schema")
        for key in [
            "is_tenant", "is_principal", "on_disk", "enable_hnsw", "lowercase", "ascii_folding", "phrase_matching",
        ] {
            _ = try fields.bool(key)
        }
        for key in ["min_token_len", "max_token_len"] { _ = try fields.count(key) }
        if schema["type"] == "integer", try fields.bool("lookup") == false, try fields.bool("range") == false {
            throw QdrantError.validation(
                "field_schema: the 'lookup' and 'range' capabilities can't be both disabled")
        }
        if let stemmer = fields["stemmer"], stemmer["type"] != "none" {
            let name = try Fields(stemmer, "stemmer").needed("language", Fields(stemmer, "stemmer").string)
            guard stemmer["type"] == "snowball" else { throw unknown(stemmer["type"] ?? .null, "`snowball` or `none`") }
            guard StemmerLanguage(named: name) != nil else {
                throw unknown(
                    .string(name), "one of \(StemmerLanguage.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            guard StemmerLanguage.isAvailable else {
                throw QdrantError(message: "Bad request: \(StemmerLanguage.requirement)")
            }
        }
        switch fields["stopwords"] {
        case nil: break
        case .string(let name): try checkStopwords(of: .string(name))
        case let words?:
            let set = try Fields(words.array == nil ? words : ["custom": words], "stopwords")
            for language in set.many("languages") { try checkStopwords(of: language) }
            for word in set.many("custom") where word.string == nil {
                throw QdrantError.format("stopwords.custom must be strings, not \(Fields.short(word))")
            }
        }
    }

    /// Refuses a language whose words are not known.
    private static func checkStopwords(of language: JSONValue) throws {
        guard language.string.flatMap(StopwordLanguage.init(named:)) == nil else { return }
        // The one language that Qdrant has a name for and no list of ours.
        if ["japanese", "jp"].contains(language) { throw QdrantError.notYet("stopwords of Japanese") }
        throw unknown(language, "one of \(StopwordLanguage.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    private static func unknown(_ variant: JSONValue, _ expected: String) -> QdrantError {
        .format("unknown variant \(Fields.short(variant)), expected \(expected)")
    }
}
