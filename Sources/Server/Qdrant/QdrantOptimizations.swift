// `/collections/{c}/optimizations`: what a collection waits for, which is nothing.

import Hummingbird
import VectorStore

extension QdrantAPI {
    /// Graphs are built beside everything else and nothing waits for them: nothing is ever queued.
    @Sendable func optimizations(_ call: inout Call) async throws -> Response {
        let points = try await store.collection(call.parameter).pointsCount
        let query = call.query
        var with = Set((query["with"]?.string ?? "").split(separator: ",").map(String.init))
        if Self.isTrue(query["completed"]) { with.insert("completed") }
        // `ongoing` is what `running` was called in 1.17.
        var told: JSONObject = [
            "summary": ["queued_optimizations": 0, "queued_segments": 0, "queued_points": 0, "idle_segments": 1],
            "running": [], "ongoing": [],
        ]
        if with.contains("queued") { told["queued"] = [] }
        if with.contains("completed") { told["completed"] = [] }
        if with.contains("idle_segments") {
            told["idle_segments"] = [["uuid": Self.noID, "points_count": .integer(Int64(points))]]
        }
        return call.qdrant(.object(told))
    }
}
