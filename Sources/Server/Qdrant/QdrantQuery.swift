// Queries of the Qdrant API: the universal one, and the older ones as what they are of it.

import VectorStore

enum QdrantQuery {
    /// `/points/query`'s body.
    static func query(_ fields: Fields, depth: Int = 0) throws -> PointsQuery {
        guard depth <= 16 else { throw QdrantError.format("prefetches are nested too deep") }
        var query = PointsQuery(nil)
        query.ranking = try fields["query"].map(ranking)
        query.prefetch = try fields.many("prefetch").map { try self.query(Fields($0, "prefetch"), depth: depth + 1) }
        query.using = try fields.string("using") ?? ""
        try common(&query, fields)
        if depth == 0 { query.withPayload = try QdrantRequest.payload(fields["with_payload"], default: .none) }
        return query
    }

    /// What all forms of queries have.
    private static func common(_ query: inout PointsQuery, _ fields: Fields) throws {
        query.filter = try fields.filter()
        query.scoreThreshold = try fields.float("score_threshold")
        query.limit = try fields.limit()
        query.offset = try fields.count("offset") ?? 0
        if let json = fields["params"] {
            let params = try Fields(json, "params")
            query.isExact = try params.bool("exact") ?? false
            query.ef = try params.count("hnsw_ef")
            query.rarity = try params["idf"].map(rarity)
        }
        if let json = fields["lookup_from"] {
            let lookup = try Fields(json, "lookup_from")
            guard let collection = try lookup.string("collection") else {
                throw QdrantError.format("missing field `collection` of lookup_from")
            }
            query.lookup = VectorLookup(collection: collection, vector: try lookup.string("vector"))
        }
        query.withVectors = try QdrantRequest.vectors(fields)
    }

    /// `"global"`, or `{"corpus": filter}` of nothing but matches that must hold; an empty filter is no constraint.
    private static func rarity(_ json: JSONValue) throws -> Rarity {
        if json == "global" { return .everywhere }
        let corpus = try Fields(json, "params.idf").value("corpus")
        let clauses = try Fields(corpus, "params.idf.corpus")
        func refusal(_ reason: String) -> QdrantError { .validation("internal.params.idf.corpus: \(reason)") }
        guard clauses.object.allSatisfy({ $0.key == "must" || $0.value == .null }) else {
            throw refusal("only `must` clauses are supported")
        }
        guard clauses["must"] != nil else { return .everywhere }
        let conditions = clauses.many("must")
        guard !conditions.isEmpty else { throw refusal("at least one condition is needed") }
        guard conditions.allSatisfy({ Set($0.object?.keys ?? []) == ["key", "match"] }) else {
            throw refusal("only `match` conditions are supported")
        }
        return .among(try Filter(json: corpus))
    }

    private static func input(_ json: JSONValue) throws -> VectorInput {
        switch json {
        case .integer, .unsigned, .string: .id(try PointID(json: json))
        default: .vector(try QdrantRequest.vector(json, at: "internal.query", isQuery: true))
        }
    }

    private static func ranking(_ json: JSONValue) throws -> Ranking {
        guard let object = json.object, object["indices"] == nil, object["model"] == nil else {
            return .nearest(try input(json))
        }
        let fields = try Fields(json, "query")
        if let target = fields["nearest"] {
            guard let json = fields["mmr"] else { return .nearest(try input(target)) }
            let mmr = try Fields(json, "mmr")
            let diversity = try mmr.float("diversity") ?? 0.5
            guard 0...1 ~= diversity else {
                throw QdrantError.validation(
                    "internal.query.mmr.diversity: value \(diversity) invalid, must be from 0.0 to 1.0")
            }
            let candidates = try mmr.count("candidates_limit")
            guard 0...16_384 ~= candidates ?? 0 else {
                throw QdrantError.validation(
                    "internal.query.mmr.candidates_limit: value \(candidates ?? 0) invalid, must be from 0 to 16384")
            }
            return .diverse(try input(target), diversity: diversity, candidates: candidates)
        }
        if let json = fields["recommend"] { return try recommend(Fields(json, "recommend")) }
        if let json = fields["discover"] {
            let discover = try Fields(json, "discover")
            return .discover(target: try input(discover.value("target")), try pairs(discover.many("context")))
        }
        if fields["context"] != nil { return .context(try pairs(fields.many("context"))) }
        if let json = fields["order_by"] { return try order(json) }
        if let json = fields["fusion"] {
            switch json {
            case "rrf": return .reciprocalRankFusion()
            case "dbsf": return .distributionFusion
            default: throw QdrantError.format("unknown fusion \(Fields.short(json)), expected rrf or dbsf")
            }
        }
        if let json = fields["rrf"] {
            let rrf = try Fields(json, "rrf")
            let weights = try rrf.optional("weights", "a list", \.array).map(QdrantRequest.floats)
            let k = try rrf.count("k") ?? 2
            guard k > 0 else {
                throw QdrantError.validation("internal.query.rrf.k: value 0 invalid, must be 1 or larger")
            }
            return .reciprocalRankFusion(k: k, weights: weights)
        }
        if fields["sample"] == "random" { return .random }
        if let json = fields["text"] { return .text(try text(json)) }
        if let json = fields["formula"] {
            let defaults = try fields.optional("defaults", "an object", \.object) ?? [:]
            return .formula(try Formula(json: json), try FormulaDefaults(json: defaults))
        }
        if let json = fields["relevance_feedback"] { return try feedback(Fields(json, "relevance_feedback")) }
        throw QdrantError.format("unknown query \(Fields.short(json))")
    }

    /// The text, or an object of `query` with the scorer's parameters.
    private static func text(_ json: JSONValue) throws -> TextQuery {
        if let text = json.string { return TextQuery(text) }
        let fields = try Fields(json, "text")
        var query = TextQuery(try fields.needed("query", fields.string))
        let scoring = try fields["scoring"].map { try Fields(Fields($0, "scoring").value("bm25"), "bm25") } ?? fields
        func bounded(_ key: String, upTo most: Float?) throws -> Double? {
            guard let value = try scoring.float(key) else { return nil }
            guard value >= 0, value <= most ?? value, value.isFinite else {
                let bounds = most.map { "must be from 0.0 to \($0)" } ?? "must be 0.0 or larger"
                throw QdrantError.validation("internal.query.text.\(key): value \(value) invalid, \(bounds)")
            }
            return Double(value)
        }
        query.k = try bounded("k", upTo: nil) ?? query.k
        query.b = try bounded("b", upTo: 1) ?? query.b
        return query
    }

    private static func order(_ json: JSONValue) throws -> Ranking {
        if let key = json.string { return .order(try PayloadPath(key)) }
        let fields = try Fields(json, "order_by")
        guard let key = try fields.string("key") else { throw QdrantError.format("missing field `key` of order_by") }
        let direction = try fields.string("direction") ?? "asc"
        guard ["asc", "desc"].contains(direction) else {
            throw QdrantError.format("unknown variant `\(direction)`, expected `asc` or `desc`")
        }
        return .order(try PayloadPath(key), descending: direction == "desc", from: fields["start_from"])
    }

    private static func feedback(_ fields: Fields) throws -> Ranking {
        let items = try fields.list("feedback").map { json in
            let item = try Fields(json, "feedback")
            return FeedbackItem(example: try input(item.value("example")), score: try item.needed("score", item.float))
        }
        let place = "internal.query.relevance_feedback"
        guard !items.isEmpty else {
            throw QdrantError.validation("\(place).feedback: feedback elements must be non-empty")
        }
        let strategy = try Fields(Fields(fields.value("strategy"), "strategy").value("naive"), "naive")
        let coefficients = FeedbackCoefficients(
            a: try strategy.needed("a", strategy.float), b: try strategy.needed("b", strategy.float),
            c: try strategy.needed("c", strategy.float))
        guard coefficients.b >= 0 else {
            throw QdrantError.validation(
                "\(place).strategy.naive.b: value \(coefficients.b) invalid, must be 0.0 or larger")
        }
        return .feedback(target: try input(fields.value("target")), items, coefficients)
    }

    private static func recommend(_ fields: Fields) throws -> Ranking {
        let name = try fields.string("strategy") ?? RecommendStrategy.averageVector.rawValue
        guard let strategy = RecommendStrategy(rawValue: name) else {
            throw QdrantError.format("unknown strategy \(name)")
        }
        return .recommend(
            positive: try examples(fields["positive"]), negative: try examples(fields["negative"]), strategy)
    }

    /// A list of examples, or one: a vector is a list, too, but of numbers with fractions.
    private static func examples(_ json: JSONValue?) throws -> [VectorInput] {
        guard let json else { return [] }
        return try (json.array ?? [json]).map(input)
    }

    private static func pairs(_ list: [JSONValue]) throws -> [ContextPair] {
        try list.map { json in
            let pair = try Fields(json, "a context pair")
            return ContextPair(
                positive: try input(pair.value("positive")), negative: try input(pair.value("negative")))
        }
    }

    // MARK: - Older forms

    /// `/points/search`: `vector` is a list, or an object with a name.
    static func search(_ fields: Fields) throws -> PointsQuery {
        let json = try fields.value("vector")
        var query = PointsQuery(nil)
        if let object = json.object, let name = object["name"]?.string {
            query.using = name
            let inner = try Fields(json, "vector").value("vector")
            query.ranking = .nearest(.vector(try QdrantRequest.vector(inner, at: "vector.vector", isQuery: true)))
        } else {
            query.ranking = .nearest(.vector(try QdrantRequest.vector(json, at: "vector", isQuery: true)))
        }
        try common(&query, fields)
        query.withPayload = try QdrantRequest.payload(fields["with_payload"], default: .none)
        return query
    }

    /// `/points/recommend`
    static func oldRecommend(_ fields: Fields) throws -> PointsQuery {
        var query = PointsQuery(try recommend(fields), using: try fields.string("using") ?? "")
        try common(&query, fields)
        query.withPayload = try QdrantRequest.payload(fields["with_payload"], default: .none)
        return query
    }

    /// `/points/discover`: without a target it is a context search.
    static func oldDiscover(_ fields: Fields) throws -> PointsQuery {
        let context = try pairs(fields.many("context"))
        let ranking = try fields["target"].map { Ranking.discover(target: try input($0), context) } ?? .context(context)
        var query = PointsQuery(ranking, using: try fields.string("using") ?? "")
        try common(&query, fields)
        query.withPayload = try QdrantRequest.payload(fields["with_payload"], default: .none)
        return query
    }
}
