// What a collection holds: its vectors and how they are compared.

import Foundation
import HNSW

/// A collection's vectors by name. The unnamed vector's name is "".
///
///     CollectionConfiguration(size: 384, distance: .cosine)
///     CollectionConfiguration(vectors: ["title": .init(size: 384, distance: .cosine)], sparseVectors: ["words": .init()])
public struct CollectionConfiguration: Sendable, Hashable {
    /// How graphs are built; nil for what is said one level up: of a vector by the collection, of the collection by the store's options.
    ///
    /// Where a graph was built otherwise, another is built in the background; the old one answers until it is complete.
    public struct GraphParameters: Sendable, Hashable {
        /// Links of a node, 2…128; 0 for no graph: every vector is compared.
        public var M: Int?
        /// Candidates they are chosen from, 1…65,536.
        public var efConstruction: Int?

        public init(M: Int? = nil, efConstruction: Int? = nil) {
            self.M = M
            self.efConstruction = efConstruction
        }

        /// - Throws: `.badRequest`.
        func validate() throws(StoreError) {
            if let M, M != 0, !(2...128).contains(M) {
                throw .badRequest("a graph's nodes have 2 to 128 links, or 0 for no graph, not \(M)")
            }
            if let efConstruction, !(1...65_536).contains(efConstruction) {
                throw .badRequest("a graph is built from 1 to 65536 candidates, not \(efConstruction)")
            }
        }
    }

    public struct VectorParameters: Sendable, Hashable {
        /// Dimension, 1…65,536.
        public var size: Int
        public var distance: Distance
        /// Whether a point has several vectors of this name, compared by the sum of each query row's best (MaxSim).
        public var isMulti: Bool
        /// Whether components are cut to whole numbers of 0…255 when they are stored, and told so: Qdrant's `uint8`. Cosine's are
        /// divided by their length only where they are compared.
        public var isOfBytes: Bool
        public var graph: GraphParameters

        public init(
            size: Int, distance: Distance, isMulti: Bool = false, isOfBytes: Bool = false,
            graph: GraphParameters = GraphParameters()
        ) {
            self.size = size
            self.distance = distance
            self.isMulti = isMulti
            self.isOfBytes = isOfBytes
            self.graph = graph
        }

        /// What of a vector is stored; what was stored before stays as it is, bit for bit.   values: [size]
        func stored(_ values: [Float]) -> [Float] {
            if isOfBytes { return values.map { min(max($0, 0), 255).rounded(.towardZero) } }
            return distance == .cosine ? values.normalised() : values
        }

        /// What of a stored vector is compared.   stored: [size]
        func compared(_ stored: [Float]) -> [Float] {
            // Without bytes Cosine's are of length 1 already.
            isOfBytes && distance == .cosine ? stored.normalised() : stored
        }

        /// What of a query is compared.   values: [size]
        func prepared(_ values: [Float]) -> [Float] { compared(stored(values)) }

        /// A vector as databases and snapshots have it, as it would be stored today: where Cosine's bytes were divided by their length when
        /// they were stored, the smallest whole numbers of that direction.   kept: [size]
        func today(_ kept: [Float]) -> [Float] {
            guard isOfBytes, distance == .cosine, let greatest = kept.max(), greatest > 0,
                !kept.allSatisfy({ $0 == $0.rounded() })
            else { return kept }
            for byte in 1...255 {
                // Where the greatest was b, each number here is a multiple of 1 / b: whole, or at least 1/255 away from it.
                let factor = Double(byte) / Double(greatest)
                func isWhole(_ value: Float) -> Bool {
                    let number = Double(value) * factor
                    return abs(number - number.rounded()) < 0.001
                }
                if kept.allSatisfy(isWhole) { return kept.map { Float((Double($0) * factor).rounded()) } }
            }
            return kept
        }
    }

    public struct SparseVectorParameters: Sendable, Hashable {
        /// Whether query values are weighted by how rare their index is: ln(1 + (n - df + 0.5) / (df + 0.5)).
        public var idf: Bool

        public init(idf: Bool = false) { self.idf = idf }
    }

    public var vectors: [String: VectorParameters]
    public var sparseVectors: [String: SparseVectorParameters]
    /// Bytes of vectors of one name from which a graph is built, 0 for never; nil for the store's own
    /// (`EmbeddedStore.Options.indexingThreshold`).
    public var indexingThreshold: Int?
    /// Of every vector that says nothing of its own.
    public var graph = GraphParameters()
    /// What else is to be kept with the collection; not interpreted.
    public var metadata: JSONObject

    public init(
        vectors: [String: VectorParameters], sparseVectors: [String: SparseVectorParameters] = [:],
        metadata: JSONObject = [:]
    ) {
        self.vectors = vectors
        self.sparseVectors = sparseVectors
        self.metadata = metadata
    }

    /// One unnamed vector.
    public init(size: Int, distance: Distance) {
        self.init(vectors: ["": VectorParameters(size: size, distance: distance)])
    }

    /// - Throws: `.badRequest`.
    func validate() throws(StoreError) {
        for (name, parameters) in vectors {
            guard 1...65_536 ~= parameters.size else {
                throw .badRequest("a vector's size must be 1 to 65536, not \(parameters.size)")
            }
            guard sparseVectors[name] == nil else { throw .badRequest("two vectors are named '\(name)'") }
            try parameters.graph.validate()
        }
        try graph.validate()
        for name in Array(vectors.keys) + sparseVectors.keys where name.utf8.count > 255 {
            throw .badRequest("a vector's name must have at most 255 bytes")
        }
    }

    /// What a vector's graph is built with; nil when it has none.
    func graphConfiguration(_ name: String, _ options: EmbeddedStore.Options) -> HNSWConfiguration? {
        guard let parameters = vectors[name], !parameters.isMulti, (1...4096).contains(parameters.size) else {
            return nil
        }
        let M = parameters.graph.M ?? graph.M ?? options.M
        guard M != 0 else { return nil }
        return HNSWConfiguration(
            dimension: parameters.size, distance: parameters.distance, M: M,
            efConstruction: parameters.graph.efConstruction ?? graph.efConstruction ?? options.efConstruction)
    }

    var hasVectors: Bool { !vectors.isEmpty || !sparseVectors.isEmpty }
    /// Whether a point may have a vector of this name.
    public func hasVector(_ name: String) -> Bool { vectors[name] != nil || sparseVectors[name] != nil }

    /// A dense vector where several are kept is one of one row.
    func adapted(_ vector: Vector, to name: String) -> Vector {
        if let values = vector.dense, vectors[name]?.isMulti == true { .multi([values]) } else { vector }
    }

    /// What is stored of the vectors that a point is given.
    func stored(_ given: NamedVectors) -> NamedVectors {
        map(given) { name, parameters, vector in adapted(vector, to: name).mapRows(parameters.stored) }
    }

    /// A point's vectors as databases and snapshots have them, as they would be stored today.
    func today(_ kept: NamedVectors) -> NamedVectors {
        guard vectors.values.contains(where: { $0.isOfBytes && $0.distance == .cosine }) else { return kept }
        return map(kept) { _, parameters, vector in vector.mapRows(parameters.today) }
    }

    /// What of a stored vector is compared.
    func compared(_ stored: Vector, of name: String) -> Vector {
        guard let parameters = vectors[name] else { return stored }
        return stored.mapRows(parameters.compared)
    }

    private func map(
        _ named: NamedVectors, _ change: (String, VectorParameters, Vector) -> Vector
    ) -> NamedVectors {
        var changed = named
        for (name, vector) in named {
            if let parameters = vectors[name] { changed[name] = change(name, parameters, vector) }
        }
        return changed
    }

    /// The greatest length of a vector. No product of two is more than its square, of which an IDF, a sum over the rows of a multivector
    /// and a difference make some tens or hundreds: still a finite number of 32 bits, up to 3.4e38, as clients need it. Beyond, scores
    /// would be infinite or none.
    private static let greatestLength: Float = 1e18

    /// Refuses vectors that do not belong into the collection: of a point, or of a query.
    func check(_ vectors: NamedVectors, of id: PointID? = nil) throws(StoreError) {
        let owner = id.map { "vector of point \($0)" } ?? "query vector"
        func checkLength(_ values: [Float]) throws(StoreError) {
            // Of numbers that are more than 32 bits hold it is infinite.
            guard values.reduce(0, { $0 + $1 * $1 }) <= Self.greatestLength * Self.greatestLength else {
                throw .badRequest("the \(owner) is longer than \(Self.greatestLength): its scores would not be finite")
            }
        }
        for (name, vector) in vectors {
            func check(_ values: [Float], _ parameters: VectorParameters) throws(StoreError) {
                guard values.count == parameters.size else {
                    throw .wrongDimension(expected: parameters.size, got: values.count)
                }
                guard values.allSatisfy(\.isFinite) else {
                    throw .badRequest("the \(owner) has a component that is not a finite number")
                }
                // Cosine's are made as long as 1, bytes are cut.
                if parameters.distance != .cosine && !parameters.isOfBytes { try checkLength(values) }
            }
            switch adapted(vector, to: name) {
            case .dense(let values):
                guard let parameters = self.vectors[name] else { throw .unknownVector(name) }
                try check(values, parameters)
            case .multi(let rows):
                guard let parameters = self.vectors[name] else { throw .unknownVector(name) }
                guard parameters.isMulti else { throw .badRequest("'\(name)' has one vector a point, not several") }
                guard !rows.isEmpty else { throw .wrongInput("Multivector must not be empty for vector '\(name)'") }
                for row in rows { try check(row, parameters) }
            case .sparse(let sparse):
                guard sparseVectors[name] != nil else { throw .unknownVector(name) }
                try checkLength(sparse.values)
            }
        }
    }

    // MARK: - As JSON

    /// `{"vectors": {name: {"size", "distance", "multi"?, "bytes"?, "m"?, "ef_construct"?}}, "sparse_vectors": {name: {"idf"}},
    /// "metadata": {}, "indexing_threshold"?, "m"?, "ef_construct"?}`
    var json: JSONValue {
        var json: JSONObject = [
            "vectors": .object(
                JSONObject(
                    vectors.sorted { $0.key < $1.key }.map { name, parameters in
                        var told: JSONObject = [
                            "size": .integer(Int64(parameters.size)),
                            "distance": .string(parameters.distance.rawValue),
                        ]
                        if parameters.isMulti { told["multi"] = true }
                        if parameters.isOfBytes { told["bytes"] = true }
                        parameters.graph.write(to: &told)
                        return (name, .object(told))
                    })),
            "sparse_vectors": .object(
                JSONObject(sparseVectors.sorted { $0.key < $1.key }.map { ($0.key, ["idf": .bool($0.value.idf)]) })),
            "metadata": .object(metadata),
        ]
        if let indexingThreshold { json["indexing_threshold"] = .integer(Int64(indexingThreshold)) }
        graph.write(to: &json)
        return .object(json)
    }

    /// nil for JSON that is no valid configuration.
    init?(json: JSONValue) {
        guard let dense = json["vectors"]?.object, let sparse = json["sparse_vectors"]?.object,
            let metadata = json["metadata"]?.object
        else { return nil }
        self.init(vectors: [:], metadata: metadata)
        if let threshold = json["indexing_threshold"] {
            guard let bytes = threshold.integer.flatMap({ Int(exactly: $0) }), bytes >= 0 else { return nil }
            indexingThreshold = bytes
        }
        graph = GraphParameters(json: json)
        for (name, value) in dense {
            guard let size = value["size"]?.integer.flatMap({ Int(exactly: $0) }),
                let distance = value["distance"]?.string.flatMap(Distance.init(rawValue:))
            else { return nil }
            vectors[name] = VectorParameters(
                size: size, distance: distance, isMulti: value["multi"]?.bool ?? false,
                isOfBytes: value["bytes"]?.bool ?? false, graph: GraphParameters(json: value))
        }
        for (name, value) in sparse {
            guard let idf = value["idf"]?.bool else { return nil }
            sparseVectors[name] = SparseVectorParameters(idf: idf)
        }
        guard (try? validate()) != nil else { return nil }
    }
}

extension CollectionConfiguration.GraphParameters {
    fileprivate func write(to json: inout JSONObject) {
        if let M { json["m"] = .integer(Int64(M)) }
        if let efConstruction { json["ef_construct"] = .integer(Int64(efConstruction)) }
    }

    /// Qdrant's names. What is no whole number counts as not said.
    public init(json: JSONValue) {
        self.init(
            M: json["m"]?.integer.flatMap { Int(exactly: $0) },
            efConstruction: json["ef_construct"]?.integer.flatMap { Int(exactly: $0) })
    }
}
