// Points of the Qdrant API: changed, read and found.

import Hummingbird
import VectorStore

extension QdrantAPI {
    // MARK: - Changes

    /// The handler of a route for one operation.
    func operation(_ name: String) -> Route.Handler {
        { [self] call in
            let fields = try await call.qdrantObject("the request")
            return try await update(&call, [QdrantRequest.operation(name, .object(fields.object))])
        }
    }

    @Sendable func batchUpdate(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request")
        let operations = try fields.list("operations").map { json in
            let members = try Fields(json, "an operation").object
            guard let (name, value) = members.first(where: { $0.value != .null }) else {
                throw QdrantError.format("an operation must name what it does")
            }
            return try QdrantRequest.operation(name, value)
        }
        let result = try await apply(operations, call)
        if let missing = result.notFound.first { throw StoreError.pointNotFound(missing) }
        let first = result.operationID &- UInt64(max(0, operations.count - 1))
        return call.qdrant(.array(operations.indices.map { call.updateResult(first &+ UInt64($0)) }))
    }

    /// Ids that no point has are told when everything else is done, as in Qdrant.
    private func update(_ call: inout Call, _ operations: [PointOperation]) async throws -> Response {
        let result = try await apply(operations, call)
        if let missing = result.notFound.first { throw StoreError.pointNotFound(missing) }
        return call.qdrantUpdate(operation: result.operationID)
    }

    // MARK: - Reading

    @Sendable func retrieve(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request")
        guard let ids = try fields.value("ids").array else { throw QdrantError.format("ids must be a list") }
        try await strictMode(call)?.checkRead(tokens: ids.count)
        let records = try await store.retrieve(
            QdrantRequest.ids(ids), withPayload: QdrantRequest.payload(fields["with_payload"], default: .all),
            withVectors: QdrantRequest.vectors(fields), in: call.parameter)
        return call.qdrant(.array(records.map(\.qdrant)))
    }

    @Sendable func onePoint(_ call: inout Call) async throws -> Response {
        let text = call.parameters[1]
        guard let id = PointID(text) else {
            throw QdrantError(
                message:
                    "Bad request: value \(text) is not a valid point ID, valid values are either an unsigned integer or a UUID"
            )
        }
        try await strictMode(call)?.checkRead()
        let records = try await store.retrieve([id], withPayload: .all, withVectors: .all, in: call.parameter)
        guard let record = records.first else {
            throw QdrantError(status: 404, message: "Not found: Point with id \(id) does not exists!")
        }
        return call.qdrant(record.qdrant)
    }

    @Sendable func scroll(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request", mayBeEmpty: true)
        let limit = try fields.limit()
        let payload = try QdrantRequest.payload(fields["with_payload"], default: .all)
        let vectors = try QdrantRequest.vectors(fields)
        try await strictMode(call)?.checkRead(limit: limit, filter: fields.filter())
        if let order = fields["order_by"] {
            guard fields["offset"] == nil else {
                throw QdrantError(message: "Bad request: Cannot use an `offset` when using `order_by`.")
            }
            var query = try QdrantQuery.query(Fields(["query": ["order_by": order]], "the request"))
            query.filter = try fields.filter()
            query.limit = limit
            query.withPayload = payload
            query.withVectors = vectors
            let points = try await store.query(query, in: call.parameter)
            return call.qdrant(["points": .array(points.map { $0.qdrant(isScored: false) }), "next_page_offset": nil])
        }
        let page = try await store.scroll(
            ScrollRequest(
                filter: fields.filter(), offset: fields["offset"].map { try PointID(json: $0) }, limit: limit,
                withPayload: payload, withVectors: vectors),
            in: call.parameter)
        var next = JSONValue.null
        if let offset = page.nextPageOffset { next = offset.qdrant }
        return call.qdrant(["points": .array(page.points.map(\.qdrant)), "next_page_offset": next])
    }

    @Sendable func count(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request", mayBeEmpty: true)
        let isExact = try fields.bool("exact") ?? true
        try await strictMode(call)?.checkRead(filter: fields.filter(), isExact: isExact)
        return call.qdrant(["count": .integer(Int64(try await store.count(try fields.filter(), in: call.parameter)))])
    }

    @Sendable func facet(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request")
        guard let key = try fields.string("key") else { throw QdrantError.format("missing field `key`") }
        let isExact = try fields.bool("exact") ?? false
        try await strictMode(call)?.checkRead(
            limit: fields.count("limit"), filter: fields.filter(), isExact: isExact)
        let hits = try await store.facet(
            key, filter: fields.filter(), limit: fields.limit(), in: call.parameter)
        return call.qdrant([
            "hits": .array(hits.map { ["value": $0.value, "count": .integer(Int64($0.count))] })
        ])
    }

    // MARK: - Queries

    @Sendable func query(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request", mayBeEmpty: true)
        let query = try await parsed(fields) { try QdrantQuery.query($0) }
        try await strictMode(call)?.check([query], [.object(fields.object)])
        return try await answer(query, call) { points in ["points": .array(points)] }
    }

    /// The query that `read` makes of a request: on another thread where texts become vectors, because a long one takes longer than a
    /// search.
    private func parsed(
        _ fields: Fields, _ read: @Sendable (Fields) throws -> PointsQuery
    ) async throws -> PointsQuery {
        guard fields.haveDocuments else { return try read(fields) }
        return try await offLoop { try read(fields) }
    }

    /// The points of a query as JSON, made into a result: on this thread when it does not take long.
    private func answer(
        _ query: PointsQuery, _ call: Call, _ result: @Sendable ([JSONValue]) -> JSONValue
    ) async throws -> Response {
        if let points = try store.queryAtOnce(query, in: call.parameter) {
            return call.qdrant(result(points.map { $0.qdrant() }))
        }
        return try await offLoop {
            call.qdrant(result(try told(try await store.query(query, in: call.parameter))))
        }
    }

    @Sendable func queryBatch(_ call: inout Call) async throws -> Response {
        let searches = try await call.qdrantObject("the request").list("searches")
        let queries = try searches.map { try QdrantQuery.query(Fields($0, "a search")) }
        try await strictMode(call)?.check(queries, searches, isBatch: true)
        let results = try await store.query(queries, in: call.parameter)
        return call.qdrant(.array(try results.map { points in ["points": .array(try told(points))] }))
    }

    /// Points as JSON, until the caller's time is over.
    private func told(_ points: [ScoredPoint]) throws -> [JSONValue] {
        try points.enumerated().map { number, point in
            if number % 1024 == 1023 { try Task.checkCancellation() }
            return point.qdrant()
        }
    }

    /// The handlers of an older route, whose hits are a bare list, and of its batch form.
    func older(_ path: String, _ read: @escaping @Sendable (Fields) throws -> PointsQuery) -> [Route] {
        [
            .post(path) { [self] call in
                let fields = try await call.qdrantObject("the request")
                let query = try await parsed(fields, read)
                try await strictMode(call)?.check([query], [.object(fields.object)])
                return try await answer(query, call) { .array($0) }
            }.timed("search").short(),
            .post(path + "/batch") { [self] call in
                let searches = try await call.qdrantObject("the request").list("searches")
                let queries = try searches.map { try read(Fields($0, "a search")) }
                try await strictMode(call)?.check(queries, searches, isBatch: true)
                let results = try await store.query(queries, in: call.parameter)
                return call.qdrant(.array(try results.map { points in .array(try told(points)) }))
            }.timed("search"),
        ]
    }
}

// MARK: - Representations

extension PointID {
    var qdrant: JSONValue {
        switch self {
        case .number(let number): Int64(exactly: number).map(JSONValue.integer) ?? .unsigned(number)
        case .uuid: .string(description)
        }
    }
}

extension Vector {
    var qdrant: JSONValue {
        switch self {
        case .dense(let values): .array(values.map { JSONValue($0) })
        case .multi(let rows): .array(rows.map { .array($0.map { JSONValue($0) }) })
        case .sparse(let sparse):
            [
                "indices": .array(sparse.indices.map { .integer(Int64($0)) }),
                "values": .array(sparse.values.map { JSONValue($0) }),
            ]
        }
    }
}

/// The unnamed vector as it is, others by name; nothing is an empty object.
private func qdrant(_ vectors: NamedVectors) -> JSONValue {
    if vectors.count == 1, let unnamed = vectors[""] { return unnamed.qdrant }
    return .object(JSONObject(vectors.sorted { $0.key < $1.key }.map { ($0.key, $0.value.qdrant) }))
}

extension Record {
    var qdrant: JSONValue {
        var object: JSONObject = ["id": id.qdrant]
        if let payload { object["payload"] = .object(payload) }
        if let vectors { object["vector"] = Server.qdrant(vectors) }
        return .object(object)
    }
}

extension ScoredPoint {
    /// - Parameter isScored: Whether it was found by a query, not listed.
    func qdrant(isScored: Bool = true) -> JSONValue {
        var object: JSONObject = ["id": id.qdrant]
        if isScored {
            object["version"] = .integer(Int64(clamping: version))
            object["score"] = JSONValue(score)
        }
        if let payload { object["payload"] = .object(payload) }
        if let vectors { object["vector"] = Server.qdrant(vectors) }
        if let orderValue { object["order_value"] = orderValue }
        return .object(object)
    }
}

extension Call {
    /// `{"result": …, "status": "ok", "time": …}`
    func qdrant(_ result: JSONValue) -> Response {
        .json(["result": result, "status": "ok", "time": .double(begin.duration(to: .now).inSeconds)])
    }

    /// The result of a change. It is on the disk whether the caller waits or not.
    func updateResult(_ operation: UInt64) -> JSONValue {
        let waits = ["true", "1"].contains(query["wait"]?.string)
        return [
            "operation_id": .integer(Int64(clamping: operation)), "status": waits ? "completed" : "acknowledged",
        ]
    }

    func qdrantUpdate(operation: UInt64) -> Response { qdrant(updateResult(operation)) }
}
