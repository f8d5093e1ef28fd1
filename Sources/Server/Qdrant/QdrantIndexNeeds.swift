// Which payload indexes conditions and formulas need: what strict mode asks for, as Qdrant tells it.

import VectorStore

/// The payload indexes of a collection by what they can do.
struct QdrantIndexNeeds {
    /// What an index may be good for. Only the kinds of index are told to callers.
    enum Use: CaseIterable {
        case integerMatch, integerRange, floatRange, keyword, keywordPrefix, text, phrase
        case bool, uuid, datetimeRange, geo

        /// The kind of index that does it.
        var kind: String {
            switch self {
            case .integerMatch, .integerRange: "integer"
            case .keyword, .keywordPrefix: "keyword"
            case .floatRange: "float"
            case .text, .phrase: "text"
            case .bool: "bool"
            case .uuid: "uuid"
            case .datetimeRange: "datetime"
            case .geo: "geo"
            }
        }
    }

    /// A field without an index that fits.
    struct Missing: Equatable {
        var field: String
        /// Kinds of index that would fit, in order.
        var kinds: [String]

        init(_ field: String, _ uses: [Use]) {
            self.field = field
            kinds = Set(uses.map(\.kind)).sorted()
        }
    }

    private let uses: [String: Set<Use>]
    private let kinds: [String: String]
    private let tenants: Set<String>

    /// - Parameters:
    ///   - indexes: By their fields' paths.
    ///   - settings: What the collection's clients have set, with the parameters of indexes.
    init(_ indexes: [String: PayloadIndexType], _ settings: JSONValue) {
        let told = settings[QdrantCollection.indexes]
        uses = Dictionary(
            indexes.map { field, type in (field, Self.uses(of: type, told?[field])) }, uniquingKeysWith: { $1 })
        kinds = indexes.mapValues { $0.json["type"]?.string ?? $0.json.string ?? "" }
        tenants = Set(indexes.keys.filter { told?[$0]?["is_tenant"] == true })
    }

    private static func uses(of type: PayloadIndexType, _ parameters: JSONValue?) -> Set<Use> {
        switch type {
        case .keyword: parameters?["prefix"] == true ? [.keyword, .keywordPrefix] : [.keyword]
        case .integer:
            Set(
                (parameters?["lookup"] == false ? [] : [.integerMatch])
                    + (parameters?["range"] == false ? [] : [.integerRange]))
        case .float: [.floatRange]
        case .bool: [.bool]
        case .datetime: [.datetimeRange]
        case .uuid: [.uuid]
        case .geo: [.geo]
        case .text(let text): text.phraseMatching ? [.text, .phrase] : [.text]
        }
    }

    // MARK: - Filters

    /// The first field of a filter that lacks an index; nil where none does.
    func missing(_ filter: Filter) -> Missing? { missing(filter, inside: nil) }

    /// - Parameter prefix: The array of objects that the filter's keys lead on from.
    private func missing(_ filter: Filter, inside prefix: String?) -> Missing? {
        for condition in filter.inOrder {
            if let missing = missing(condition, inside: prefix) { return missing }
        }
        return nil
    }

    private func missing(_ condition: Condition, inside prefix: String?) -> Missing? {
        func need(_ key: PayloadPath, _ needed: [Use]) -> Missing? {
            missing((prefix.map { $0 + "." } ?? "") + key.description, needed)
        }
        switch condition {
        case .match(let key, let value): return need(key, Self.uses(for: value))
        case .range(let key, _): return need(key, [.floatRange, .integerRange])
        case .datetimeRange(let key, _): return need(key, [.datetimeRange])
        case .geo(let key, _): return need(key, [.geo])
        case .valuesCount(let key, _), .isEmpty(let key), .isNull(let key): return need(key, Use.allCases)
        case .hasID, .hasVector, .slice: return nil
        case .nested(let key, let filter):
            let path = (prefix.map { $0 + "." } ?? "") + key.description
            return missing(filter, inside: path.hasSuffix("[]") ? path : path + "[]")
        case .filter(let filter): return missing(filter, inside: prefix)
        }
    }

    private func missing(_ field: String, _ needed: [Use]) -> Missing? {
        needed.isEmpty || needed.contains { uses[field]?.contains($0) ?? false } ? nil : Missing(field, needed)
    }

    private static func uses(for value: MatchValue) -> [Use] {
        func strings(_ areUUIDs: Bool) -> [Use] { areUUIDs ? [.uuid, .keyword] : [.keyword] }
        func isUUID(_ text: String) -> Bool { if case .uuid? = PointID(text) { true } else { false } }
        switch value {
        case .value(.string(let text)): return strings(isUUID(text))
        case .value(.bool): return [.bool]
        case .value: return [.integerMatch]
        case .any(let keys), .except(let keys):
            guard let first = keys.first else { return [] }
            guard case .string = first else { return [.integerMatch] }
            return strings(keys.allSatisfy { $0.value.string.map(isUUID) ?? false })
        case .text, .textAny: return [.text]
        case .phrase: return [.phrase]
        case .prefix: return [.keywordPrefix]
        case .substring: return [.keyword]
        }
    }

    // MARK: - Formulas

    /// The first variable or condition of a formula that lacks an index.
    func missing(_ formula: Formula) -> Missing? {
        func first(_ parts: [Formula]) -> Missing? {
            for part in parts { if let missing = missing(part) { return missing } }
            return nil
        }
        switch formula {
        case .constant, .score, .datetime: return nil
        case .value(let path): return missing(path.description, [.integerMatch, .integerRange, .floatRange])
        case .condition(let condition): return missing(condition, inside: nil)
        case .product(let parts), .sum(let parts), .maximum(let parts), .minimum(let parts): return first(parts)
        case .function(_, let part): return missing(part)
        case .quotient(let a, let b, _), .power(let a, let b): return first([a, b])
        case .distance(_, let path): return missing(path.description, [.geo])
        case .datetimeValue(let path): return missing(path.description, [.datetimeRange])
        case .decay(_, let x, let target, _, _): return first([x, target])
        }
    }

    // MARK: - Groups and tenants

    /// The kind of index on a field; nil without one.
    func kind(on field: PayloadPath) -> String? { kinds[field.description] }

    /// Whether values of a field can be matched exactly.
    func canMatch(_ field: PayloadPath) -> Bool {
        !(uses[field.description] ?? []).isDisjoint(with: [.integerMatch, .keyword, .bool, .uuid])
    }

    /// Whether a filter has a condition of its own on a field whose index divides tenants.
    func isOfTenant(_ filter: Filter) -> Bool {
        filter.inOrder.contains { condition in
            switch condition {
            case .match(let key, _), .range(let key, _), .datetimeRange(let key, _), .geo(let key, _),
                .valuesCount(let key, _), .isEmpty(let key), .isNull(let key):
                tenants.contains(key.description)
            case .hasID, .hasVector, .slice, .nested, .filter: false
            }
        }
    }
}

extension Filter {
    /// All conditions, in the order in which Qdrant goes through them.
    var inOrder: [Condition] { must + mustNot + should + (minShould?.conditions ?? []) }

    /// How many conditions there are, those of filters inside one by one.
    var conditionsCount: Int {
        inOrder.reduce(0) { count, condition in
            switch condition {
            case .nested(_, let filter), .filter(let filter): count + filter.conditionsCount
            default: count + 1
            }
        }
    }

    /// The most values or ids that a condition lists.
    var longestList: Int {
        inOrder.reduce(0) { longest, condition in
            switch condition {
            case .nested(_, let filter), .filter(let filter): max(longest, filter.longestList)
            case .match(_, .any(let keys)), .match(_, .except(let keys)): max(longest, keys.count)
            case .hasID(let ids): max(longest, ids.count)
            default: longest
            }
        }
    }
}
