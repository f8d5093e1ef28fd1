// Qdrant's REST API in front of the store, for clients that know Qdrant. A map of the room:
//
//   QdrantAPI.swift          the routes
//   QdrantCollections.swift  collections made, changed and deleted; QdrantSettings.swift what may be set of them,
//                            QdrantCollectionInfo.swift what is told, QdrantAliases.swift other names, QdrantIndexes.swift indexes
//   QdrantPoints.swift       points changed, read and found; results as JSON
//   QdrantGroups.swift       queries in groups; QdrantMatrix.swift samples compared with each other
//   QdrantRequest.swift      requests as the store's values
//   QdrantQuery.swift        queries, the universal and the older ones; QdrantInference.swift texts as vectors
//   QdrantTimeout.swift      how long a caller waits
//   QdrantStrictMode.swift   limits of a collection; QdrantIndexNeeds.swift, QdrantLedger.swift what they look at
//   QdrantTelemetry.swift    what it tells of itself; QdrantRequestCounts.swift counts answers,
//                            QdrantOptimizations.swift says what waits
//   QdrantSnapshots.swift    collections to files and back; SnapshotFolder.swift keeps them, SnapshotDownload.swift fetches
//
// Errors are the store's, whose words are Qdrant's (HTTP/ErrorTable.swift), in Qdrant's envelope (HTTP/Dialect.swift).

import Hummingbird
import Synchronization
import VectorStore

/// The routes of the port 6333.
struct QdrantAPI: Sendable {
    /// The version of Qdrant whose API this is; clients compare it with their own.
    static let version = "1.19.1"

    let store: EmbeddedStore
    /// The data directory, where snapshots lie.
    let directory: String
    /// What strict mode counts.
    let ledger = QdrantLedger()
    let requests = QdrantRequestCounts()
    /// Bytes of bodies that are being answered.
    let bodies = BodyBudget()

    /// Before telemetry counts their answers.
    var uncountedRoutes: [Route] { table.map { $0.checked(bodies) } }

    private var table: [Route] {
        let collection = "/collections/{collection}"
        let points = collection + "/points"
        return [
            .get("/") { _ in
                // Clients read exactly these three, without an envelope. The commit is none of Qdrant's.
                .json([
                    "title": "qdrant - vector search engine", "version": .string(Self.version),
                    "commit": .string(String(repeating: "0", count: 40)),
                ])
            }.short(),
            .get("/healthz") { _ in .text("healthz check passed") }.short(),
            .get("/livez") { _ in .text("healthz check passed") }.short(),
            .get("/readyz") { _ in .text("all shards are ready") }.short(),
            .get("/telemetry", telemetry),
            .get("/cluster") { call in call.qdrant(["status": "disabled"]) },
            .post("/cluster/recover", standalone),
            .delete("/cluster/peer/{id}", standalone),
            .get(collection + "/cluster", clusterInfo),
            .get(collection + "/optimizations", optimizations),
            .post(collection + "/cluster", standalone),
            .get(collection + "/shards") { call in call.qdrant(["shard_keys": []]) },
            .put(collection + "/shards", standalone),
            .post(collection + "/shards/delete", standalone),
            .get("/issues") { call in call.qdrant(["issues": []]) },
            .delete("/issues") { call in call.qdrant(true) },
            .get("/metrics", metrics),
            .get("/collections", listCollections),
            .put(collection, createCollection),
            .patch(collection, updateCollection),
            .delete(collection, deleteCollection),
            .get(collection, collectionInfo),
            .get(collection + "/exists", collectionExists),
            .post("/collections/aliases", changeAliases),
            .get("/aliases", listAliases),
            .get(collection + "/aliases", collectionAliases),
            .put(collection + "/index", createIndex),
            .delete(collection + "/index/{field}", deleteIndex),
            .put(collection + "/vectors/{name}", createVector),
            .delete(collection + "/vectors/{name}", deleteVector),
            .post(collection + "/facet", facet).timed("facet"),

            .put(points, operation("upsert")),
            .post(points, retrieve).timed("retrieve"),
            .get(points + "/{id}", onePoint),
            .post(points + "/scroll", scroll).timed("scroll"),
            .post(points + "/count", count).timed("count"),
            .post(points + "/delete", operation("delete")),
            .post(points + "/payload", operation("set_payload")),
            .put(points + "/payload", operation("overwrite_payload")),
            .post(points + "/payload/delete", operation("delete_payload")),
            .post(points + "/payload/clear", operation("clear_payload")),
            .put(points + "/vectors", operation("update_vectors")),
            .post(points + "/vectors/delete", operation("delete_vectors")),
            .post(points + "/batch", batchUpdate),
            .post(points + "/query", query).timed("query").short(),
            .post(points + "/query/batch", queryBatch).timed("query"),
            .post(points + "/search/groups", groups(QdrantQuery.search)).timed("search"),
            .post(points + "/recommend/groups", groups(QdrantQuery.oldRecommend)).timed("recommend"),
            .post(points + "/search/matrix/pairs", matrix(Self.pairs)).timed("search matrix"),
            .post(points + "/search/matrix/offsets", matrix(Self.offsets)).timed("search matrix"),
            .post(points + "/query/groups", groups { try QdrantQuery.query($0) }).timed("query"),
        ]
            + snapshotRoutes(collection)
            + older(points + "/search", QdrantQuery.search)
            + older(points + "/recommend", QdrantQuery.oldRecommend)
            + older(points + "/discover", QdrantQuery.oldDiscover)
    }

    /// As Qdrant answers when it is alone.
    @Sendable private func standalone(_ call: inout Call) async throws -> Response {
        throw QdrantError(
            status: 405, message: "Bad request: Distributed mode is disabled: this server runs in standalone mode.")
    }

    @Sendable private func clusterInfo(_ call: inout Call) async throws -> Response {
        let count = try await store.collection(call.parameter).pointsCount
        return call.qdrant([
            "peer_id": 0, "shard_count": 1,
            "local_shards": [["shard_id": 0, "points_count": .integer(Int64(count)), "state": "Active"]],
            "remote_shards": [], "shard_transfers": [],
        ])
    }
}

extension Route {
    /// The same, after a look at what all routes have in common: a collection's name that may be one, and time to answer in.
    fileprivate func checked(_ bodies: BodyBudget) -> Route {
        let namesCollection = path.hasPrefix("/collections/{collection}")
        return handled { [handler, isShort] call in
            if namesCollection { try QdrantCollection.checkLength(call.parameter) }
            _ = try call.timeout()
            guard call.request.announcesBody else {
                return try await isShort ? handler(&call) : offLoop { try await handler(&call) }
            }
            let bytes = call.request.headers[.contentLength].flatMap { Int($0) } ?? BodyBudget.unknown
            try bodies.take(bytes)
            defer { bodies.give(back: bytes) }
            if isShort, bytes <= Self.shortBody { return try await handler(&call) }
            // A form is taken apart as it arrives; other bodies are whole before a handler can do anything with them.
            if !HeaderValue.parse(call.request.headers[.contentType] ?? "").value.hasPrefix("multipart/") {
                try await call.gather(upTo: QdrantRequest.largestBody)
            }
            return try await offLoop { try await handler(&call) }
        }
    }

    /// Bytes of JSON that are read in the time of a search.
    private static let shortBody = 64 << 10
}

/// Bounds what requests in flight hold in memory: their bodies, and some twenty times as much while they are read as JSON.
final class BodyBudget: Sendable {
    /// What all bodies together may have; one alone may have more.
    private static let limit = 128 << 20
    /// What a body is taken for that does not say how long it is: the most that one may be.
    static let unknown = 32 << 20
    private let taken = Mutex(0)

    /// - Throws: 429 when there is too much already.
    func take(_ bytes: Int) throws(QdrantError) {
        let fits = taken.withLock { taken in
            guard taken == 0 || taken + max(0, bytes) <= Self.limit else { return false }
            taken += max(0, bytes)
            return true
        }
        guard fits else {
            throw QdrantError(
                status: 429, message: "Too many large requests at once: try again in a second", retryAfter: 1)
        }
    }

    func give(back bytes: Int) { taken.withLock { $0 -= max(0, bytes) } }
}
