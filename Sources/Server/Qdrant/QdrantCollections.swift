// Collections of the Qdrant API: what is asked for them, and what is told of them.

import Foundation
import Hummingbird
import VectorStore

extension QdrantAPI {
    @Sendable func listCollections(_ call: inout Call) async throws -> Response {
        // This server's own collection is there from the start, but nobody made it: until it holds documents it is not told.
        var names = try await store.collections()
        if let own = names.firstIndex(of: Library.collection),
            try await store.collection(Library.collection).pointsCount == 0
        {
            names.remove(at: own)
        }
        return call.qdrant(["collections": .array(names.map { ["name": .string($0)] })])
    }

    @Sendable func createCollection(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the collection", mayBeEmpty: true)
        try QdrantCollection.checkName(call.parameter)
        try QdrantCollection.checkSettings(fields)
        var configuration = try QdrantCollection.configuration(fields)
        configuration.metadata[QdrantCollection.createdAt] = .string(
            Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        try await store.createCollection(call.parameter, configuration)
        ledger.begin(call.parameter)
        return call.qdrant(true)
    }

    @Sendable func updateCollection(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the collection", mayBeEmpty: true)
        try QdrantCollection.checkSettings(fields)
        let configuration = try await store.collection(call.parameter).configuration
        for key in ["vectors", "sparse_vectors"] {
            for (name, _) in try fields.optional(key, "an object", \.object) ?? [:]
            where configuration.vectors[name] == nil && configuration.sparseVectors[name] == nil {
                throw StoreError.unknownVector(name)
            }
        }
        let modifiers = try fields.optional("sparse_vectors", "an object", \.object).map { object in
            try object.map { name, json in
                (name, json["modifier"] == nil ? nil : try QdrantCollection.sparseParameters(Fields(json, name)))
            }
        }
        let threshold = try QdrantCollection.indexingThreshold(fields)
        try await store.updateConfiguration(of: call.parameter) { configuration in
            let settings = configuration.metadata[QdrantCollection.settings] ?? [:]
            let changed = QdrantCollection.updated(settings, by: fields)
            configuration.metadata[QdrantCollection.settings] = changed
            QdrantCollection.takeGraphs(from: changed, into: &configuration)
            if let threshold { configuration.indexingThreshold = threshold }
            for case (let name, let parameters?) in modifiers ?? [] { configuration.sparseVectors[name] = parameters }
        }
        ledger.renew(store.aliases()[call.parameter] ?? call.parameter)
        return call.qdrant(true)
    }

    @Sendable func deleteCollection(_ call: inout Call) async throws -> Response {
        guard call.parameter != Library.collection else {
            throw QdrantError(
                status: 403,
                message: "Forbidden: `\(Library.collection)` holds this server's documents. Delete its points instead.")
        }
        let wasThere = try await store.deleteCollection(call.parameter)
        ledger.forget(call.parameter)
        requests.forget(call.parameter)
        return call.qdrant(.bool(wasThere))
    }

    @Sendable func collectionExists(_ call: inout Call) async throws -> Response {
        call.qdrant(["exists": .bool(try await exists(call.parameter))])
    }

    /// `{"dense": {"size", "distance"}}` or `{"sparse": {}}`
    @Sendable func createVector(_ call: inout Call) async throws -> Response {
        let (collection, name) = (call.parameters[0], call.parameters[1])
        let fields = try await call.qdrantObject("the vector")
        if let json = fields["dense"] {
            let parameters = try QdrantCollection.parameters(Fields(json, "dense"))
            try await store.createVector(
                name, parameters, in: collection, configuring: telling(["vectors": [name: json]]))
        } else if let json = fields["sparse"] {
            let parameters = try QdrantCollection.sparseParameters(Fields(json, "sparse"))
            try await store.createVector(
                name, parameters, in: collection, configuring: telling(["sparse_vectors": [name: json]]))
        } else {
            throw QdrantError.format("expected `dense` or `sparse`")
        }
        return call.qdrantUpdate(operation: try await store.collection(collection).operation)
    }

    /// One more vector among the settings.
    private func telling(_ told: JSONValue) -> EmbeddedStore.ConfigurationChange {
        Self.changingSettings { settings in
            // Settings of the one unnamed vector become those of the name "".
            if let unnamed = settings["vectors"], unnamed["size"]?.number != nil, told["vectors"] != nil {
                settings["vectors"] = ["": unnamed]
            }
            settings = QdrantCollection.merged(.object(settings), told).object ?? settings
        }
    }

    @Sendable func deleteVector(_ call: inout Call) async throws -> Response {
        let (collection, name) = (call.parameters[0], call.parameters[1])
        guard (store.aliases()[collection] ?? collection) != Library.collection || !name.isEmpty else {
            throw QdrantError(status: 403, message: "Forbidden: this server's documents need their vector.")
        }
        let change = Self.changingSettings { settings in
            for kind in ["vectors", "sparse_vectors"] {
                if var told = settings[kind]?.object {
                    told.remove(name)
                    settings[kind] = .object(told)
                }
            }
        }
        try await store.deleteVector(name, in: collection, configuring: change)
        return call.qdrantUpdate(operation: try await store.collection(collection).operation)
    }

    private func exists(_ name: String) async throws -> Bool {
        if store.aliases()[name] != nil { return true }
        return try await store.collections().contains(name)
    }

    @Sendable func collectionInfo(_ call: inout Call) async throws -> Response {
        call.qdrant(QdrantCollection.info(try await store.collection(call.parameter)))
    }
}

extension QdrantAPI {
    /// A change of the settings that are kept with a collection to be told again.
    static func changingSettings(
        _ change: @escaping @Sendable (inout JSONObject) -> Void
    ) -> EmbeddedStore.ConfigurationChange {
        { configuration in
            var settings = configuration.metadata[QdrantCollection.settings]?.object ?? [:]
            change(&settings)
            configuration.metadata[QdrantCollection.settings] = .object(settings)
        }
    }
}

enum QdrantCollection {
    /// Where the settings of a collection are kept that mean nothing to the store and are told again.
    static let settings = "qdrant"

    /// Where in them the parameters of payload indexes are, by field.
    static let indexes = "payload_schema"

    /// Where the time is kept at which a collection was made.
    static let createdAt = "created_at"

    /// The body of `PUT /collections/{name}`.
    static func configuration(_ fields: Fields) throws -> CollectionConfiguration {
        var configuration = CollectionConfiguration(vectors: [:])
        if let json = fields["vectors"] {
            let vectors = try Fields(json, "vectors")
            if vectors["size"]?.number != nil {
                configuration.vectors[""] = try parameters(vectors)
            } else {
                for (name, value) in vectors.object {
                    configuration.vectors[name] = try parameters(Fields(value, "vectors.\(name)"))
                }
            }
        }
        if let json = fields["sparse_vectors"] {
            for (name, value) in try Fields(json, "sparse_vectors").object {
                // `{"words": null}` is a vector with nothing told of it.
                configuration.sparseVectors[name] = try sparseParameters(
                    Fields(value == .null ? [:] : value, "sparse_vectors.\(name)"))
            }
        }
        configuration.indexingThreshold = try indexingThreshold(fields)
        var kept = fields.object
        if let quantization = kept["quantization"] {
            // An older name of it.
            kept["quantization_config"] = quantization
            kept.remove("quantization")
        }
        configuration.metadata = [settings: .object(kept)]
        takeGraphs(from: .object(kept), into: &configuration)
        return configuration
    }

    /// `m` and `ef_construct` of the collection's graphs and of those of single vectors, as far as they are told.
    static func takeGraphs(from settings: JSONValue, into configuration: inout CollectionConfiguration) {
        if let told = settings["hnsw_config"] { configuration.graph = graph(told) }
        let vectors = settings["vectors"]
        for name in configuration.vectors.keys {
            let own = name.isEmpty && vectors?["size"] != nil ? vectors : vectors?[name]
            if let told = own?["hnsw_config"] { configuration.vectors[name]?.graph = graph(told) }
        }
    }

    /// Qdrant takes any number; more than 128 links, or as many candidates as that, help nobody.
    private static func graph(_ told: JSONValue) -> CollectionConfiguration.GraphParameters {
        var graph = CollectionConfiguration.GraphParameters(json: told)
        graph.M = graph.M.map { $0 == 0 ? 0 : min(max($0, 2), 128) }
        graph.efConstruction = graph.efConstruction.map { min(max($0, 4), 65_536) }
        return graph
    }

    static func sparseParameters(_ fields: Fields) throws -> CollectionConfiguration.SparseVectorParameters {
        let modifier = try fields.string("modifier") ?? "none"
        guard ["none", "idf"].contains(modifier) else {
            throw QdrantError.format("unknown variant `\(modifier)`, expected `none` or `idf`")
        }
        return .init(idf: modifier == "idf")
    }

    static func parameters(_ fields: Fields) throws -> CollectionConfiguration.VectorParameters {
        guard let size = try fields.count("size") else { throw QdrantError.format("missing field `size`") }
        guard 1...65_536 ~= size else {
            throw QdrantError.validation("\(fields.name).size: value \(size) invalid, must be from 1 to 65536")
        }
        guard let name = try fields.string("distance") else { throw QdrantError.format("missing field `distance`") }
        guard let distance = Distance(rawValue: name) else {
            throw QdrantError.format(
                "unknown variant `\(name)`, expected one of `Cosine`, `Euclid`, `Dot`, `Manhattan`")
        }
        if let json = fields["multivector_config"] {
            let comparator = try Fields(json, "multivector_config").string("comparator")
            guard comparator ?? "max_sim" == "max_sim" else {
                throw QdrantError.format("unknown comparator, expected max_sim")
            }
        }
        return .init(
            size: size, distance: distance, isMulti: fields["multivector_config"] != nil,
            isOfBytes: fields["datatype"] == "uint8", graph: fields["hnsw_config"].map(graph) ?? .init())
    }

    /// The settings after `PATCH`: where there is one unnamed vector, its changes come under the name "" and belong to it, and those of
    /// `params` stand beside the rest.
    static func updated(_ old: JSONValue, by fields: Fields) -> JSONValue {
        var change = fields.object
        if let unnamed = change["vectors"]?[""], old["vectors"]?["size"]?.number != nil { change["vectors"] = unnamed }
        if let params = change["params"]?.object {
            change.remove("params")
            for (key, value) in params { change[key] = value }
        }
        return merged(old, .object(change))
    }

    /// `change` over `old`, object by object; a quantization is replaced whole, and gone when it is "Disabled".
    static func merged(_ old: JSONValue, _ change: JSONValue) -> JSONValue {
        guard var result = old.object, let change = change.object else { return change }
        for (key, value) in change where value != .null {
            if key == "quantization_config" {
                if value.object == nil { result.remove(key) } else { result[key] = value }
            } else {
                result[key] = merged(result[key] ?? .null, value)
            }
        }
        return .object(result)
    }
}
