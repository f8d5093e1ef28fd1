// What retrieval needs of a vector store, whoever implements it.

// A collection's distance is part of this module's interface: whoever imports it need not know the index underneath.
@_exported public import enum HNSW.Distance

/// Collections of points, durable and searchable.
///
/// `EmbeddedStore` implements it in this process. Every method throws `StoreError`.
public protocol PointStore: Sendable {
    /// - Throws: `.collectionExists`.
    func createCollection(_ name: String, _ configuration: CollectionConfiguration) async throws(StoreError)
    func collection(_ name: String) async throws(StoreError) -> CollectionInfo
    /// All names, in order.
    func collections() async throws(StoreError) -> [String]
    /// Whether there was such a collection.
    func deleteCollection(_ name: String) async throws(StoreError) -> Bool
    /// Makes filters on `field`, a `PayloadPath`, fast. Does nothing when the index is there already; one of another type takes
    /// the place of the one there.
    func createPayloadIndex(_ field: String, _ type: PayloadIndexType, in collection: String) async throws(StoreError)
    /// Whether there was such an index.
    func deletePayloadIndex(_ field: String, in collection: String) async throws(StoreError) -> Bool

    /// Applies the operations in order and in one transaction, all or none, and returns when they are on disk.
    func update(_ operations: [PointOperation], in collection: String) async throws(StoreError) -> UpdateResult
    /// The points a query finds, best first.
    func query(_ query: PointsQuery, in collection: String) async throws(StoreError) -> [ScoredPoint]
    /// The points of these ids that exist, in the order asked for.
    func retrieve(
        _ ids: [PointID], withPayload: PayloadSelection, withVectors: VectorSelection, in collection: String
    ) async throws(StoreError) -> [Record]
    /// Points in the order of their ids.
    func scroll(_ request: ScrollRequest, in collection: String) async throws(StoreError) -> ScrollPage
    func count(_ filter: Filter?, in collection: String) async throws(StoreError) -> Int
    /// The values of an indexed field and how many points have each, most frequent first, then by value.
    func facet(
        _ field: String, filter: Filter?, limit: Int, in collection: String
    ) async throws(StoreError) -> [FacetHit]
}

public struct CollectionInfo: Sendable, Equatable {
    public var configuration: CollectionConfiguration
    public var pointsCount: Int
    /// The number of the last operation.
    public var operation: UInt64
    public var payloadIndexes: [String: PayloadIndexInfo]
    /// By the names of dense vectors.
    public var vectors: [String: VectorInfo]
    /// Why building the last graph or writing its snapshot failed; nil when it did not.
    public var indexingError: String?

    public init(
        configuration: CollectionConfiguration, pointsCount: Int, operation: UInt64,
        payloadIndexes: [String: PayloadIndexInfo] = [:], vectors: [String: VectorInfo] = [:],
        indexingError: String? = nil
    ) {
        self.configuration = configuration
        self.pointsCount = pointsCount
        self.operation = operation
        self.payloadIndexes = payloadIndexes
        self.vectors = vectors
        self.indexingError = indexingError
    }

    public struct PayloadIndexInfo: Sendable, Equatable {
        public var type: PayloadIndexType
        /// Points with a value of the type.
        public var pointsCount: Int

        public init(type: PayloadIndexType, pointsCount: Int) {
            self.type = type
            self.pointsCount = pointsCount
        }
    }

    public struct VectorInfo: Sendable, Equatable {
        /// Points with a vector of this name.
        public var pointsCount: Int
        /// Those of them that the graph answers for; the others are searched exactly.
        public var indexedCount: Int
        /// Bytes in memory: codes and links of the graph, vectors that are not in it. The graph's own vectors are mapped from
        /// its snapshot once there is one.
        public var residentBytes: Int

        public init(pointsCount: Int, indexedCount: Int, residentBytes: Int) {
            self.pointsCount = pointsCount
            self.indexedCount = indexedCount
            self.residentBytes = residentBytes
        }
    }
}

/// Which points an operation is about.
public enum PointSelector: Sendable, Equatable {
    case ids([PointID])
    case filter(Filter)
}

public enum PointOperation: Sendable, Equatable {
    /// Each point replaces the one of its id whole, if that passes the filter.
    case upsert([Point], UpsertMode = .upsert, if: Filter? = nil)
    case delete(PointSelector)
    /// Sets members of payloads, or of the objects at `key` in them; null takes a member out.
    case setPayload(JSONObject, PointSelector, key: PayloadPath? = nil)
    case overwritePayload(JSONObject, PointSelector)
    case deletePayload([PayloadPath], PointSelector)
    case clearPayload(PointSelector)
    /// Sets the vectors given, of points that pass the filter; a point's other vectors stay.
    case updateVectors([PointVectors], if: Filter? = nil)
    case deleteVectors([String], PointSelector)
}

/// What an upsert does to ids that there are, and to those that there are not.
public enum UpsertMode: String, Sendable {
    case upsert
    /// Points that are there stay as they are.
    case insertOnly = "insert_only"
    /// Points that are not there are left out.
    case updateOnly = "update_only"
}

/// Vectors for a point that is there.
public struct PointVectors: Sendable, Equatable {
    public var id: PointID
    public var vectors: NamedVectors

    public init(id: PointID, vectors: NamedVectors) {
        self.id = id
        self.vectors = vectors
    }
}

public struct UpdateResult: Sendable, Equatable {
    /// The number of the last operation: points it wrote have it as their version.
    public var operationID: UInt64
    /// Ids named by operations on payloads and vectors that no point has. Everything else was applied.
    public var notFound: [PointID]

    public init(operationID: UInt64, notFound: [PointID] = []) {
        self.operationID = operationID
        self.notFound = notFound
    }
}

/// How much of a payload comes back.
public enum PayloadSelection: Sendable, Equatable {
    case none
    case all
    /// These paths and no others.
    case include([PayloadPath])
    case exclude([PayloadPath])
}

/// Which vectors come back.
public enum VectorSelection: Sendable, Equatable {
    case none
    case all
    case only([String])
}

public struct ScrollRequest: Sendable, Equatable {
    public var filter: Filter?
    /// The first id of the page, inclusive; nil begins at the first of all.
    public var offset: PointID?
    public var limit: Int
    public var withPayload: PayloadSelection
    public var withVectors: VectorSelection

    public init(
        filter: Filter? = nil, offset: PointID? = nil, limit: Int = 10, withPayload: PayloadSelection = .all,
        withVectors: VectorSelection = .none
    ) {
        self.filter = filter
        self.offset = offset
        self.limit = limit
        self.withPayload = withPayload
        self.withVectors = withVectors
    }
}

public struct ScrollPage: Sendable, Equatable {
    public var points: [Record]
    /// The first id of the next page; nil when this was the last.
    public var nextPageOffset: PointID?

    public init(points: [Record], nextPageOffset: PointID? = nil) {
        self.points = points
        self.nextPageOffset = nextPageOffset
    }
}

public struct FacetHit: Sendable, Equatable {
    /// A string, an integer or a boolean.
    public var value: JSONValue
    public var count: Int

    public init(value: JSONValue, count: Int) {
        self.value = value
        self.count = count
    }
}
