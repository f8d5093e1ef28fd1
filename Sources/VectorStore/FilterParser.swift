// Filters from JSON, as Qdrant's REST API spells them.

extension Filter {
    /// Reads `{"must": …, "should": …, "must_not": …, "min_should": {"conditions": …, "min_count": …}}`; a clause is a condition
    /// or a list of them, or null.
    ///
    ///     let filter = try Filter(json: JSONValue(parsing: #"{"must": {"key": "title", "match": {"value": "Faro"}}}"#.utf8))
    ///
    /// - Throws: `.badRequest` that names the part which is no filter; unknown members are an error, and so are more conditions than
    ///   `mostConditions`.
    public init(json: JSONValue) throws(StoreError) {
        try self.init(parsing: json)
        let count = allConditionsCount
        guard count <= Self.mostConditions else {
            throw .badRequest(
                """
                Filter condition limit reached (\(count) > \(Self.mostConditions)). Help: Reduce the amount of conditions of your \
                filter.
                """)
        }
    }

    /// Conditions of a filter, those of filters inside and these themselves counted: each may cost a pass over all points, which a
    /// body of a few megabytes could ask for a million times.
    public static let mostConditions = 65_536

    fileprivate init(parsing json: JSONValue) throws(StoreError) {
        var members = try Members(json, "a filter")
        must = try Self.conditions(members.take("must"))
        should = try Self.conditions(members.take("should"))
        mustNot = try Self.conditions(members.take("must_not"))
        if let clause = members.take("min_should") {
            var parts = try Members(clause, "min_should")
            guard let conditions = parts.take("conditions"), let count = parts.take("min_count")?.integer else {
                throw .badRequest("min_should needs conditions and min_count")
            }
            guard count >= 1 else {
                throw .badRequest("min_should: min_count value \(count) invalid, must be 1 or larger")
            }
            minShould = MinShould(try Self.conditions(conditions), minCount: Int(count))
            try parts.end()
        }
        try members.end()
    }

    private static func conditions(_ json: JSONValue?) throws(StoreError) -> [Condition] {
        guard let json else { return [] }
        var conditions: [Condition] = []
        for element in json.array ?? [json] { conditions.append(try Condition(json: element)) }
        return conditions
    }
}

extension Condition {
    fileprivate init(json: JSONValue) throws(StoreError) {
        var members = try Members(json, "a condition")
        if members.has("key") {
            self = try Self.field(&members)
        } else if let about = members.take("is_empty") {
            self = .isEmpty(key: try Self.onlyKey(about, "is_empty"))
        } else if let about = members.take("is_null") {
            self = .isNull(key: try Self.onlyKey(about, "is_null"))
        } else if let list = members.take("has_id") {
            var ids: Set<PointID> = []
            for value in list.array ?? [list] { ids.insert(try PointID(json: value)) }
            self = .hasID(ids)
        } else if let name = members.take("has_vector") {
            guard let name = name.string else { throw .badRequest("has_vector must be a vector's name") }
            self = .hasVector(name)
        } else if let slice = members.take("slice") {
            var parts = try Members(slice, "slice")
            guard let total = parts.take("total")?.integer, let index = parts.take("index")?.integer else {
                throw .badRequest("slice needs total and index")
            }
            guard total >= 1 else { throw .badRequest("Slice total must be >= 1, got \(total)") }
            guard (0..<total).contains(index) else {
                throw .invalid("internal.filter.slice: Slice index must be in [0;\(total - 1)], got \(index)")
            }
            try parts.end()
            self = .slice(total: UInt64(total), index: UInt64(index))
        } else if let nested = members.take("nested") {
            var parts = try Members(nested, "nested")
            guard let key = parts.take("key")?.string, let filter = parts.take("filter") else {
                throw .badRequest("nested needs key and filter")
            }
            let inner = try Filter(parsing: filter)
            guard !inner.asksForIDs else { throw .badRequest("has_id cannot be used inside a nested filter") }
            self = .nested(key: try PayloadPath(key), inner)
            try parts.end()
        } else {
            self = .filter(try Filter(parsing: json))
            return
        }
        try members.end()
    }

    private static func onlyKey(_ json: JSONValue, _ name: String) throws(StoreError) -> PayloadPath {
        var members = try Members(json, name)
        guard let key = members.take("key")?.string else { throw .badRequest("\(name) needs a key") }
        try members.end()
        return try PayloadPath(key)
    }

    /// A condition on a field. When there are several they are alternatives, as in Qdrant.
    private static func field(_ members: inout Members) throws(StoreError) -> Condition {
        guard let text = members.take("key")?.string else { throw .badRequest("a condition's key must be a string") }
        let key = try PayloadPath(text)
        var found: [Condition] = []
        if let match = members.take("match") { found.append(.match(key: key, try MatchValue(json: match))) }
        if let range = members.take("range") { found.append(try Self.range(key, range)) }
        if let box = members.take("geo_bounding_box") {
            var parts = try Members(box, "geo_bounding_box")
            let corners = (try Self.point(&parts, "top_left"), try Self.point(&parts, "bottom_right"))
            try parts.end()
            found.append(.geo(key: key, .box(topLeft: corners.0, bottomRight: corners.1)))
        }
        if let circle = members.take("geo_radius") {
            var parts = try Members(circle, "geo_radius")
            let center = try Self.point(&parts, "center")
            guard let radius = parts.take("radius")?.number, radius.isFinite, radius >= 0 else {
                throw .badRequest("geo_radius needs a radius in metres, 0 or larger")
            }
            try parts.end()
            found.append(.geo(key: key, .circle(center: center, radius: radius)))
        }
        if let polygon = members.take("geo_polygon") {
            var parts = try Members(polygon, "geo_polygon")
            let exterior = try Self.ring(parts.take("exterior") ?? .null)
            var interiors: [[GeoPoint]] = []
            for ring in parts.take("interiors")?.array ?? [] { interiors.append(try Self.ring(ring)) }
            try parts.end()
            found.append(.geo(key: key, .polygon(exterior: exterior, interiors: interiors)))
        }
        if let count = members.take("values_count") {
            var parts = try Members(count, "values_count")
            let bounds = try parts.bounds { $0.integer.flatMap { Int(exactly: $0) } }
            try parts.end()
            found.append(.valuesCount(key: key, bounds))
        }
        if let flag = members.take("is_empty") { found.append(try Self.flag(flag, "is_empty", .isEmpty(key: key))) }
        if let flag = members.take("is_null") { found.append(try Self.flag(flag, "is_null", .isNull(key: key))) }
        guard let first = found.first else {
            throw .invalid("internal.filter: Validation error: At least one field condition must be specified [{}]")
        }
        return found.count == 1 ? first : .filter(Filter(should: found))
    }

    private static func flag(_ json: JSONValue, _ name: String, _ condition: Condition) throws(StoreError) -> Condition
    {
        guard let isWanted = json.bool else { throw .badRequest("\(name) of a field must be true or false") }
        return isWanted ? condition : .filter(Filter(mustNot: [condition]))
    }

    /// Bounds that are strings are points in time.
    private static func range(_ key: PayloadPath, _ json: JSONValue) throws(StoreError) -> Condition {
        var members = try Members(json, "range")
        if let object = json.object, object.contains(where: { $0.value.string != nil }) {
            let bounds = try members.bounds { $0.string.flatMap(Timestamp.init) }
            try members.end()
            return .datetimeRange(key: key, bounds)
        }
        let bounds = try members.bounds(\.number)
        try members.end()
        return .range(key: key, bounds)
    }

    private static func point(_ members: inout Members, _ name: String) throws(StoreError) -> GeoPoint {
        guard let json = members.take(name) else { throw .badRequest("\(name) is missing") }
        return try point(json, name)
    }

    private static func point(_ json: JSONValue, _ name: String) throws(StoreError) -> GeoPoint {
        guard let point = GeoPoint(json), abs(point.lon) <= 180, abs(point.lat) <= 90 else {
            throw .badRequest("\(name) must be a lon of -180 to 180 and a lat of -90 to 90")
        }
        return point
    }

    private static func ring(_ json: JSONValue) throws(StoreError) -> [GeoPoint] {
        var members = try Members(json, "a polygon's ring")
        var points: [GeoPoint] = []
        for element in members.take("points")?.array ?? [] { points.append(try point(element, "a ring's point")) }
        try members.end()
        guard points.count >= 4, points.first == points.last else {
            throw .badRequest("a polygon's ring needs at least four points, the last the same as the first")
        }
        return points
    }
}

extension MatchValue {
    fileprivate init(json: JSONValue) throws(StoreError) {
        var members = try Members(json, "match")
        if let value = members.take("value") {
            switch value {
            case .string, .integer, .bool: self = .value(value)
            default: throw .badRequest("match: value must be a string, an integer or a boolean")
            }
        } else if let list = members.take("any") {
            self = .any(try Self.keys(list, "any"))
        } else if let list = members.take("except") {
            self = .except(try Self.keys(list, "except"))
        } else if let text = members.take("text")?.string {
            self = .text(text)
        } else if let text = members.take("text_any")?.string {
            self = .textAny(text)
        } else if let text = members.take("phrase")?.string {
            self = .phrase(text)
        } else if let text = members.take("prefix")?.string {
            self = .prefix(text)
        } else if let text = members.take("substring")?.string {
            self = .substring(text)
        } else {
            throw .badRequest("match needs one of value, any, except, text, text_any, phrase, prefix, substring")
        }
        try members.end()
    }

    private static func keys(_ json: JSONValue, _ name: String) throws(StoreError) -> Set<JSONKey> {
        var keys: Set<JSONKey> = []
        guard let values = json.array else { throw .badRequest("match: \(name) must be a list") }
        var isOfStrings: Bool?
        for value in values {
            guard let key = JSONKey(value), isOfStrings ?? (value.string != nil) == (value.string != nil) else {
                throw .badRequest("match: \(name) must be a list of strings or a list of integers")
            }
            isOfStrings = value.string != nil
            keys.insert(key)
        }
        return keys
    }
}

extension PointID {
    /// Reads an id: an unsigned integer, or a string with a UUID.
    ///
    /// - Throws: `.badRequest`.
    public init(json: JSONValue) throws(StoreError) {
        switch json {
        case .integer(let number) where number >= 0:
            self = .number(UInt64(number))
            return
        case .unsigned(let number):
            self = .number(number)
            return
        case .string(let text):
            if let id = PointID(text), case .uuid = id {
                self = id
                return
            }
        default: break
        }
        throw .badRequest(
            "value \(json.shortDescription) is not a valid point ID, valid values are either an unsigned integer or a UUID"
        )
    }
}

extension Filter {
    private var allConditionsCount: Int {
        (must + should + mustNot + (minShould?.conditions ?? [])).reduce(0) { count, condition in
            switch condition {
            case .nested(_, let filter), .filter(let filter): count + 1 + filter.allConditionsCount
            default: count + 1
            }
        }
    }

    fileprivate var asksForIDs: Bool {
        (must + should + mustNot + (minShould?.conditions ?? [])).contains { condition in
            switch condition {
            case .hasID: true
            case .nested(_, let filter), .filter(let filter): filter.asksForIDs
            default: false
            }
        }
    }
}

/// The members of an object, taken one by one: what is left at the end is unknown. A null is as good as missing.
private struct Members {
    private var left: JSONObject
    private let name: String

    init(_ json: JSONValue, _ name: String) throws(StoreError) {
        guard let object = json.object else {
            throw .badRequest("\(name) must be an object, not \(json.shortDescription)")
        }
        left = object
        self.name = name
    }

    func has(_ key: String) -> Bool { left[key] != nil }

    mutating func take(_ key: String) -> JSONValue? {
        defer { left.remove(key) }
        // In one expression nil would be JSON's null.
        if left[key] == .null { return nil }
        return left[key]
    }

    mutating func bounds<Value>(_ read: (JSONValue) -> Value?) throws(StoreError) -> Bounds<Value> {
        var bounds = Bounds<Value>()
        for (key, path) in [("gt", \Bounds<Value>.gt), ("gte", \.gte), ("lt", \.lt), ("lte", \.lte)] {
            guard let json = take(key) else { continue }
            guard let value = read(json) else {
                throw .badRequest("\(name): \(key) \(json.shortDescription) is not valid")
            }
            bounds[keyPath: path] = value
        }
        return bounds
    }

    func end() throws(StoreError) {
        if let key = left.keys.first { throw .badRequest("\(name): unknown field '\(key)'") }
    }
}
