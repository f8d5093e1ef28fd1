// Requests of the Qdrant API as the store's values. What is wrong is answered in Qdrant's words.

import Hummingbird
import VectorStore

/// A refusal with a status of its own.
struct QdrantError: Error {
    var status = 400
    var message: String
    /// Seconds after which the same may be allowed.
    var retryAfter: Int?

    /// JSON, but not what the route takes.
    static func format(_ text: String) -> QdrantError { QdrantError(message: "Format error in JSON body: \(text)") }
    /// What Qdrant has and this server has not: refused, because to leave it out would give another result.
    static func notYet(_ name: String) -> QdrantError {
        QdrantError(message: "Bad request: `\(name)` is not supported by this server yet")
    }
    /// What the route takes, but out of bounds.
    static func validation(_ text: String, in part: String = "JSON body") -> QdrantError {
        QdrantError(status: 422, message: "Validation error in \(part): [\(text)]")
    }
}

/// The members of an object in a request. Null is as good as missing, and unknown ones do no harm, as in Qdrant.
struct Fields {
    let object: JSONObject
    let name: String

    init(_ json: JSONValue, _ name: String) throws(QdrantError) {
        guard let object = json.object else { throw .format("\(name) must be an object, not \(Fields.short(json))") }
        self.object = object
        self.name = name
    }

    static func short(_ json: JSONValue) -> String { json.shortDescription }

    subscript(_ key: String) -> JSONValue? {
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    func value(_ key: String) throws(QdrantError) -> JSONValue {
        guard let value = self[key] else { throw .format("missing field `\(key)` of \(name)") }
        return value
    }

    /// What `read` makes of a member; nil when it is missing.
    func optional<Value>(
        _ key: String, _ kind: String, _ read: (JSONValue) -> Value?
    ) throws(QdrantError) -> Value? {
        guard let json = self[key] else { return nil }
        guard let value = read(json) else { throw .format("\(name).\(key) must be \(kind), not \(Fields.short(json))") }
        return value
    }

    func string(_ key: String) throws(QdrantError) -> String? { try optional(key, "a string", \.string) }
    func bool(_ key: String) throws(QdrantError) -> Bool? { try optional(key, "true or false", \.bool) }
    func float(_ key: String) throws(QdrantError) -> Float? {
        try optional(key, "a number") { $0.number.map(Float.init) }
    }
    /// 0 or larger.
    func count(_ key: String) throws(QdrantError) -> Int? {
        try optional(key, "an integer of 0 or larger") {
            // Clients ask for 2⁶⁴ - 1 points when they want all.
            if case .unsigned = $0 { return .max }
            return $0.integer.flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
        }
    }
    /// 1 or larger.
    func limit(_ key: String = "limit", default fallback: Int = 10) throws(QdrantError) -> Int {
        let limit = try count(key) ?? fallback
        guard limit > 0 else { throw .validation("internal.\(key): value 0 invalid, must be 1 or larger") }
        return limit
    }
    /// What `read` makes of a member that must be there.
    func needed<Value>(_ key: String, _ read: (String) throws(QdrantError) -> Value?) throws(QdrantError) -> Value {
        guard let value = try read(key) else { throw .format("missing field `\(key)` of \(name)") }
        return value
    }
    func list(_ key: String) throws(QdrantError) -> [JSONValue] {
        try needed(key) { key throws(QdrantError) in try optional(key, "a list", \.array) }
    }
    /// A list, or the one element of it.
    func many(_ key: String) -> [JSONValue] { self[key].map { $0.array ?? [$0] } ?? [] }
    func filter(_ key: String = "filter") throws -> Filter? { try self[key].map { try Filter(json: $0) } }
}

extension Call {
    /// The body's object, at most 32 MB, as Qdrant takes; an empty body is an empty object where that is enough.
    mutating func qdrantObject(_ name: String, mayBeEmpty: Bool = false) async throws -> Fields {
        let body = try await bytes(upTo: QdrantRequest.largestBody)
        if body.isEmpty && mayBeEmpty { return try Fields([:], name) }
        // A page of another site can send a body of any other type without asking.
        guard HeaderValue.parse(request.headers[.contentType] ?? "").value == "application/json" else {
            throw QdrantError.format("Content type error")
        }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: body)
        } catch {
            throw QdrantError.format("\(error)")
        }
        return try Fields(json, name)
    }
}

// MARK: - Vectors and points

enum QdrantRequest {
    /// Bytes of JSON: as many as Qdrant takes.
    static let largestBody = 32 << 20

    static func floats(_ list: [JSONValue]) throws(QdrantError) -> [Float] {
        var floats: [Float] = []
        floats.reserveCapacity(list.count)
        for element in list {
            guard let number = element.number else {
                throw .format("a vector's component must be a number, not \(Fields.short(element))")
            }
            floats.append(Float(number))
        }
        return floats
    }

    /// `[f]`, `[[f]]`, `{"indices", "values"}` or `{"text", "model"}`.
    ///
    /// - Parameters:
    ///   - place: Where in the request it stands.
    ///   - isQuery: Whether it is looked for rather than stored.
    static func vector(_ json: JSONValue, at place: @autoclosure () -> String, isQuery: Bool = false) throws -> Vector {
        if let list = json.array {
            guard list.first?.array != nil else { return .dense(try floats(list)) }
            let rows = try list.map { row in
                guard let row = row.array else {
                    throw QdrantError.format("a multivector must be a list of lists of numbers")
                }
                return try floats(row)
            }
            guard rows.allSatisfy({ !$0.isEmpty }) else {
                throw QdrantError.validation("\(place()).?.data: all vectors must be non-empty")
            }
            if let other = rows.first(where: { $0.count != rows[0].count }) {
                throw QdrantError.validation(
                    "\(place()).?.data: all vectors must have the same dimension, found vector with dimension \(other.count)"
                )
            }
            return .multi(rows)
        }
        let fields = try Fields(json, "a vector")
        if fields["model"] != nil { return .sparse(try QdrantInference.vector(fields, isQuery: isQuery)) }
        guard let indices = fields["indices"]?.array, let values = fields["values"]?.array else {
            throw QdrantError.format("a vector must be a list of numbers, or an object of indices and values")
        }
        var numbers: [UInt32] = []
        for index in indices {
            guard let number = index.integer.flatMap({ UInt32(exactly: $0) }) else {
                throw QdrantError.format(
                    "a sparse vector's index must be an integer of 32 bits, not \(Fields.short(index))")
            }
            numbers.append(number)
        }
        guard numbers.count == values.count else {
            throw QdrantError.validation(
                "\(place()).?.values: Validation error: must be the same length as indices [{}]")
        }
        guard Set(numbers).count == numbers.count else {
            throw QdrantError.validation("\(place()).?.indices: Validation error: must be unique [{}]")
        }
        return .sparse(try SparseVector(indices: numbers, values: try floats(values)))
    }

    /// A point's vectors: the unnamed one as it is, or an object of names.
    static func vectors(_ json: JSONValue, at place: @autoclosure () -> String) throws -> NamedVectors {
        guard let object = json.object, json["model"]?.string == nil else { return ["": try vector(json, at: place())] }
        var vectors: NamedVectors = [:]
        for (name, value) in object { vectors[name] = try vector(value, at: place()) }
        return vectors
    }

    /// `{"points": […]}` or `{"batch": {"ids", "vectors", "payloads"}}`.
    static func points(_ fields: Fields) throws -> [Point] {
        if let list = fields["points"]?.array {
            return try list.enumerated().map { number, json in
                let point = try Fields(json, "a point")
                return Point(
                    id: try PointID(json: point.value("id")),
                    vectors: try vectors(point.value("vector"), at: "points[\(number)].vector"),
                    payload: try point.optional("payload", "an object", \.object) ?? [:])
            }
        }
        let batch = try Fields(fields.value("batch"), "batch")
        guard let ids = batch["ids"]?.array else { throw QdrantError.format("batch.ids must be a list") }
        let payloads = batch["payloads"]?.array
        let all: [NamedVectors]
        if let columns = try batch.value("vectors").object {
            var rows = Array(repeating: NamedVectors(), count: ids.count)
            for (name, column) in columns {
                guard let column = column.array, column.count == ids.count else {
                    throw lengths("vectors of '\(name)'")
                }
                for (row, json) in column.enumerated() {
                    rows[row][name] = try vector(json, at: "batch.vectors[\(row)]")
                }
            }
            all = rows
        } else {
            guard let list = batch["vectors"]?.array, list.count == ids.count else { throw lengths("vectors") }
            all = try list.enumerated().map { ["": try vector($1, at: "batch.vectors[\($0)]")] }
        }
        if let payloads, payloads.count != ids.count { throw lengths("payloads") }
        return try ids.indices.map { row in
            let payload = payloads?[row] ?? .null
            guard payload == .null || payload.object != nil else {
                throw QdrantError.format("a payload must be an object")
            }
            return Point(id: try PointID(json: ids[row]), vectors: all[row], payload: payload.object ?? [:])
        }
    }

    private static func lengths(_ what: String) -> QdrantError {
        .validation("batch: number of ids and \(what) must be equal")
    }

    static func ids(_ list: [JSONValue]) throws -> [PointID] { try list.map { try PointID(json: $0) } }

    /// `points` (ids) or `filter`.
    static func selector(_ fields: Fields) throws -> PointSelector {
        if let list = fields["points"]?.array { return .ids(try ids(list)) }
        guard let filter = try fields.filter() else {
            throw QdrantError.format("either points or filter must be given")
        }
        return .filter(filter)
    }

    // MARK: - Selections

    static func payload(_ json: JSONValue?, default fallback: PayloadSelection) throws -> PayloadSelection {
        func paths(_ list: [JSONValue]) throws -> [PayloadPath] {
            try list.map { path in
                guard let text = path.string else { throw QdrantError.format("with_payload: a key must be a string") }
                return try PayloadPath(text)
            }
        }
        switch json {
        case nil: return fallback
        case .bool(let isWanted): return isWanted ? .all : .none
        case .array(let list): return .include(try paths(list))
        case .object(let object):
            if let list = object["include"]?.array { return .include(try paths(list)) }
            if let list = object["exclude"]?.array { return .exclude(try paths(list)) }
            fallthrough
        default: throw QdrantError.format("with_payload must be a boolean, a list, or an object of include or exclude")
        }
    }

    static func vectors(_ fields: Fields) throws -> VectorSelection {
        switch fields["with_vector"] ?? fields["with_vectors"] {
        case nil: return .none
        case .bool(let isWanted): return isWanted ? .all : .none
        case .string(let name): return .only([name])
        case .array(let list) where list.allSatisfy({ $0.string != nil }): return .only(list.compactMap(\.string))
        default: throw QdrantError.format("with_vector must be a boolean or a list of names")
        }
    }

    // MARK: - Operations

    /// One operation of `/points/batch`, or the one of a route of its own.
    static func operation(_ name: String, _ json: JSONValue) throws -> PointOperation {
        let fields = try Fields(json, name)
        func names(_ key: String) throws -> [String] {
            guard let list = try fields.value(key).array else { throw QdrantError.format("\(key) must be a list") }
            return try list.map { element in
                guard let text = element.string else { throw QdrantError.format("\(key) must be strings") }
                return text
            }
        }
        switch name {
        case "upsert":
            let mode = try fields.optional("update_mode", "upsert, insert_only or update_only") { json in
                json.string.flatMap(UpsertMode.init)
            }
            return .upsert(try points(fields), mode ?? .upsert, if: try fields.filter("update_filter"))
        case "delete", "delete_points": return .delete(try selector(fields))
        case "set_payload", "overwrite_payload":
            guard let payload = try fields.value("payload").object else {
                throw QdrantError.format("payload must be an object")
            }
            if name == "overwrite_payload" { return .overwritePayload(payload, try selector(fields)) }
            return .setPayload(payload, try selector(fields), key: try fields.string("key").map { try PayloadPath($0) })
        case "delete_payload":
            return .deletePayload(try names("keys").map { try PayloadPath($0) }, try selector(fields))
        case "clear_payload": return .clearPayload(try selector(fields))
        case "update_vectors":
            guard let list = try fields.value("points").array else { throw QdrantError.format("points must be a list") }
            return .updateVectors(
                try list.enumerated().map { number, json in
                    let point = try Fields(json, "a point")
                    let vectors = try vectors(point.value("vector"), at: "points[\(number)].vector")
                    guard !vectors.isEmpty else {
                        throw QdrantError.validation(
                            "points[\(number)].vector: must specify vectors to update for point")
                    }
                    return PointVectors(id: try PointID(json: point.value("id")), vectors: vectors)
                }, if: try fields.filter("update_filter"))
        case "delete_vectors": return .deleteVectors(try names("vector"), try selector(fields))
        default: throw QdrantError.format("unknown operation `\(name)`")
        }
    }
}
