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
    /// Makes filters on `field` fast. Does nothing when the index is there already.
    func createPayloadIndex(_ field: String, _ type: PayloadIndexType, in collection: String) async throws(StoreError)

    /// Applies the operations in one transaction, all or none, and returns when they are on disk.
    func update(_ operations: [PointOperation], in collection: String) async throws(StoreError) -> UpdateResult
    /// The points nearest to a vector, nearest first.
    func query(_ query: VectorQuery, in collection: String) async throws(StoreError) -> [ScoredPoint]
    /// The points of these ids that exist, in the order asked for.
    func retrieve(
        _ ids: [PointID], withPayload: Bool, withVector: Bool, in collection: String
    ) async throws(StoreError) -> [Record]
    /// Points in the order of their ids.
    func scroll(_ request: ScrollRequest, in collection: String) async throws(StoreError) -> ScrollPage
    func count(_ filter: Filter?, in collection: String) async throws(StoreError) -> Int
    /// The values of an indexed field and how many points have each, most frequent first, then by value.
    func facet(
        _ field: String, filter: Filter?, limit: Int, in collection: String
    ) async throws(StoreError) -> [FacetHit]
}

/// What a collection's vectors are.
public struct CollectionConfiguration: Sendable, Equatable, Codable {
    /// Dimension of its vectors, 1…65,536.
    public var size: Int
    public var distance: Distance

    public init(size: Int, distance: Distance) {
        self.size = size
        self.distance = distance
    }
}

public struct CollectionInfo: Sendable, Equatable {
    public var configuration: CollectionConfiguration
    public var pointsCount: Int
    public var payloadIndexes: [String: PayloadIndexType]
}

/// What values of a field an index holds; values of other types are stored but not indexed.
public enum PayloadIndexType: String, Sendable, Equatable {
    case keyword
    case integer
}

/// Which points an operation is about.
public enum PointSelector: Sendable, Equatable {
    case ids([PointID])
    case filter(Filter)
}

public enum PointOperation: Sendable, Equatable {
    /// Each point replaces the one of its id whole.
    case upsert([Point])
    case delete(PointSelector)
}

public struct UpdateResult: Sendable, Equatable {
    /// The number of the last operation: points it wrote have it as their version.
    public var operationID: UInt64
}

public struct VectorQuery: Sendable, Equatable {
    /// [size of the collection]
    public var vector: [Float]
    public var filter: Filter?
    public var limit: Int
    public var offset: Int
    /// Only points strictly nearer than this.
    public var scoreThreshold: Float?
    public var withPayload: Bool
    public var withVector: Bool

    public init(
        vector: [Float], filter: Filter? = nil, limit: Int = 10, offset: Int = 0, scoreThreshold: Float? = nil,
        withPayload: Bool = true, withVector: Bool = false
    ) {
        self.vector = vector
        self.filter = filter
        self.limit = limit
        self.offset = offset
        self.scoreThreshold = scoreThreshold
        self.withPayload = withPayload
        self.withVector = withVector
    }
}

public struct ScrollRequest: Sendable, Equatable {
    public var filter: Filter?
    /// The first id of the page, inclusive; nil begins at the first of all.
    public var offset: PointID?
    public var limit: Int
    public var withPayload: Bool
    public var withVector: Bool

    public init(
        filter: Filter? = nil, offset: PointID? = nil, limit: Int = 10, withPayload: Bool = true,
        withVector: Bool = false
    ) {
        self.filter = filter
        self.offset = offset
        self.limit = limit
        self.withPayload = withPayload
        self.withVector = withVector
    }
}

public struct ScrollPage: Sendable, Equatable {
    public var points: [Record]
    /// The first id of the next page; nil when this was the last.
    public var nextPageOffset: PointID?
}

public struct FacetHit: Sendable, Equatable {
    /// A string or an integer.
    public var value: JSONValue
    public var count: Int
}
