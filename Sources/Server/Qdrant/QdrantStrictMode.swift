// Strict mode: limits that a collection sets to what may be asked of it (`strict_mode_config`), in Qdrant's words and in its order
// of checks. A collection without one pays a look at its settings in memory.

import Foundation
import Hummingbird
import VectorStore

extension QdrantAPI {
    /// The limits of the collection that a call is about; nil where there are none.
    ///
    /// - Throws: `.collectionNotFound`, and a `QdrantError` for a timeout beyond what the collection allows.
    func strictMode(_ call: Call) throws -> QdrantStrictMode? {
        let settings = try store.metadata(of: call.parameter)[QdrantCollection.settings]
        guard let settings, let limits = settings["strict_mode_config"], limits["enabled"] == true else { return nil }
        let name = store.aliases()[call.parameter] ?? call.parameter
        let mode = QdrantStrictMode(name: name, settings: settings, limits: limits, store: store, ledger: ledger)
        try mode.checkTimeout(call.timeout())
        return mode
    }

    /// Applies operations that a collection's strict mode allows.
    func apply(_ operations: [PointOperation], _ call: Call) async throws -> UpdateResult {
        let mode = try strictMode(call)
        for operation in operations { try await mode?.check(operation) }
        let result = try await store.update(operations, in: call.parameter)
        if let mode { ledger.wrote(operations.reduce(0) { $0 + $1.payloadBytes }, to: mode.name) }
        return result
    }
}

/// The limits of one collection. What is not set is not limited.
struct QdrantStrictMode {
    /// The collection's own name.
    let name: String
    /// What its clients have set.
    let settings: JSONValue
    /// `strict_mode_config` of them.
    let limits: JSONValue
    let store: EmbeddedStore
    let ledger: QdrantLedger

    // MARK: - Reads

    /// - Parameter seconds: Of the query string.
    func checkTimeout(_ seconds: Int?) throws(QdrantError) {
        try check(seconds, "max_timeout", "timeout")
    }

    /// One query, or those of a batch.
    ///
    /// - Parameter requests: The queries as they were sent.
    func check(_ queries: [PointsQuery], _ requests: [JSONValue], isBatch: Bool = false) async throws {
        if isBatch { try check(queries.count, "search_max_batchsize", "search batch size") }
        let needs = try await needs()
        for (query, request) in zip(queries, requests) { try await check(query, request, needs) }
        try spend(queries.reduce(0) { $0 + $1.rateCost() }, .read)
    }

    /// A query in groups: what is limited are the hits of all groups together.
    func check(
        _ query: PointsQuery, _ request: JSONValue, groupedBy field: PayloadPath, limit: Int, size: Int
    ) async throws {
        let needs = try await needs()
        if limits["unindexed_filtering_retrieve"] == false, !needs.canMatch(field) {
            let found = needs.kind(on: field).map { "Index of type \"\($0)\" found" } ?? "Index required but not found"
            throw refusal("\(found) for \"\(field)\"", "Create an index supporting `match` for this key.")
        }
        var query = query
        let (product, overflow) = limit.multipliedReportingOverflow(by: size)
        query.limit = overflow ? .max : product
        try await check(query, request, needs)
        try spend(query.rateCost(), .read)
    }

    /// A sample of points compared with each other: limited is the product of what is given of the two numbers.
    func check(_ fields: Fields, sample: Int, limit: Int) async throws {
        let given = [fields["sample"].map { _ in sample }, fields["limit"].map { _ in limit }].compactMap { $0 }
        let product = given.reduce(1) { product, factor in
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            return overflow ? .max : next
        }
        // Each of the sample is compared with the others, which are a condition.
        try await checkRead(
            limit: given.isEmpty ? nil : product, filter: fields.filter(), tokens: 1 + 2 * min(sample, 1 << 32))
    }

    /// A request that is no query.
    ///
    /// - Parameter tokens: What it costs, without its filter.
    func checkRead(limit: Int? = nil, filter: Filter? = nil, isExact: Bool = false, tokens: Int = 1) async throws {
        try check(limit, "max_query_limit", "limit")
        try await check(filter, "unindexed_filtering_retrieve")
        try checkExact(isExact)
        try spend(tokens + (filter?.conditionsCount ?? 0), .read)
    }

    private func check(_ query: PointsQuery, _ request: JSONValue, _ needs: QdrantIndexNeeds) async throws {
        let prefetches = request["prefetch"].map { $0.array ?? [$0] } ?? []
        for (prefetch, request) in zip(query.prefetch, prefetches) { try await check(prefetch, request, needs) }
        if query.prefetch.isEmpty { try checkScan(query, needs) }
        if limits["unindexed_filtering_retrieve"] == false, case .formula(let formula, _)? = query.ranking {
            try refuse(needs.missing(formula), "Create an index for this key or use a different formula expression.")
        }
        try check(query.limit, "max_query_limit", "limit")
        try await check(query.filter, "unindexed_filtering_retrieve", needs)
        try check(
            request["params"]?["quantization"]?["oversampling"]?.number, "search_max_oversampling", "oversampling")
        try check(query.ef, "search_max_hnsw_ef", "hnsw_ef")
        try checkExact(query.isExact)
    }

    private func checkExact(_ isExact: Bool) throws(QdrantError) {
        if isExact, limits["search_allow_exact"] == false {
            throw refusal("Exact search disabled!", "Set exact=false.")
        }
    }

    /// Refuses to compare every vector where a collection has turned its graphs off.
    private func checkScan(_ query: PointsQuery, _ needs: QdrantIndexNeeds) throws {
        guard limits["search_allow_exact"] == false, query.ranking?.comparesVectors ?? false else { return }
        let told = settings["vectors"]
        guard settings["sparse_vectors"]?[query.using] == nil else { return }
        let own = (query.using.isEmpty && told?["size"] != nil ? told : told?[query.using])?["hnsw_config"]
        let links = own?["m"]?.integer ?? settings["hnsw_config"]?["m"]?.integer ?? 16
        guard links == 0 else { return }
        let place = query.using.isEmpty ? "" : " on '\(query.using)'"
        guard let filter = query.filter, needs.isOfTenant(filter) else {
            throw refusal(
                "Request is forbidden\(place) because global vector indexing is disabled (hnsw_config.m = 0)",
                """
                Use tenant-specific filter, enable global vector indexing or enable strict mode `search_allow_exact` option
                """)
        }
        let tenantLinks =
            own?["payload_m"]?.integer ?? settings["hnsw_config"]?["payload_m"]?.integer ?? links
        if tenantLinks == 0 {
            throw refusal(
                """
                Request is forbidden\(place) because vector indexing is disabled (hnsw_config.m = 0 and \
                hnsw_config.payload_m = 0)
                """,
                """
                Enable vector indexing, use a prefetch query with indexed vectors or enable strict mode \
                `search_allow_exact` option
                """)
        }
    }

    // MARK: - Writes

    func check(_ operation: PointOperation) async throws {
        switch operation {
        case .upsert(let points, _, let filter):
            try check(points.count, "upsert_max_batchsize", "upsert limit")
            try await checkSize()
            for point in points { try check(point.vectors) }
            try await check(filter, "unindexed_filtering_update")
        case .updateVectors(let points, let filter):
            try check(points.count, "upsert_max_batchsize", "update limit")
            try await checkSize()
            for point in points { try check(point.vectors) }
            try await check(filter, "unindexed_filtering_update")
        case .setPayload(_, let selector, _), .overwritePayload(_, let selector):
            try await checkPayloadSize()
            try await check(selector.filter, "unindexed_filtering_update")
        case .delete(let selector), .deletePayload(_, let selector), .clearPayload(let selector),
            .deleteVectors(_, let selector):
            try await check(selector.filter, "unindexed_filtering_update")
        }
        if limits["write_rate_limit"]?.integer != nil { try spend(try await rateCost(operation), .write) }
    }

    /// One more payload index, or one less.
    func checkIndexing(isNew: Bool) async throws {
        if isNew, let most = count("max_payload_index_count") {
            guard try await store.collection(name).payloadIndexes.count < most else {
                throw refusal(
                    "Collection already has the maximum number of payload indices (\(most))",
                    "Please delete an existing index before creating a new one.")
            }
        }
        try spend(1, .write)
    }

    /// The points that it is about, and one at least: of a filter half of all where no index tells.
    private func rateCost(_ operation: PointOperation) async throws -> Int {
        let filter: Filter
        switch operation {
        case .upsert(let points, _, _): return max(1, points.count)
        case .updateVectors(let points, _): return max(1, points.count)
        case .delete(let selector), .setPayload(_, let selector, _), .overwritePayload(_, let selector),
            .deletePayload(_, let selector), .clearPayload(let selector), .deleteVectors(_, let selector):
            switch selector {
            case .ids(let ids): return max(1, ids.count)
            case .filter(let wanted): filter = wanted
            }
        }
        let info = try await store.collection(name)
        guard QdrantIndexNeeds(info.payloadIndexes.mapValues(\.type), settings).missing(filter) == nil else {
            return max(1, info.pointsCount / 2)
        }
        return max(1, try await store.count(filter, in: name))
    }

    /// Refuses to add to a collection that has reached its size.
    private func checkSize() async throws {
        if let most = count("max_collection_vector_size_bytes"), try store.vectorBytes(in: name) >= most {
            throw bad("Max vector storage size limit of \(Self.megabytes(most))MB reached!")
        }
        try await checkPayloadSize()
        if let most = count("max_points_count"), try await store.collection(name).pointsCount >= most {
            throw bad("Max points count limit of \(most) reached!")
        }
    }

    private func checkPayloadSize() async throws {
        guard let most = count("max_collection_payload_size_bytes") else { return }
        if try await ledger.payloadBytes(in: name, upTo: most, store) >= most {
            throw bad("Max payload storage size limit of \(Self.megabytes(most))MB reached!")
        }
    }

    private func check(_ vectors: NamedVectors) throws(QdrantError) {
        guard limits["multivector_config"] != nil || limits["sparse_config"] != nil else { return }
        for (vector, value) in vectors {
            switch value {
            case .dense: break
            case .multi(let rows):
                let most = limits["multivector_config"]?[vector]?["max_vectors"]?.integer
                if let most, rows.count > most {
                    throw bad(
                        "Multivector '\(vector)' has a limit of \(most) vectors, but \(rows.count) were provided!")
                }
            case .sparse(let sparse):
                let most = limits["sparse_config"]?[vector]?["max_length"]?.integer
                if let most, sparse.indices.count > most {
                    throw bad(
                        """
                        Sparse vector '\(vector)' has a limit of \(most) indices, but \(sparse.indices.count) were provided!
                        """)
                }
            }
        }
    }

    // MARK: - Help

    private func needs() async throws -> QdrantIndexNeeds {
        QdrantIndexNeeds(try await store.collection(name).payloadIndexes.mapValues(\.type), settings)
    }

    /// - Parameters:
    ///   - setting: Which of the two that say whether fields without an index may be asked for.
    ///   - needs: Where they are known already.
    private func check(_ filter: Filter?, _ setting: String, _ needs: QdrantIndexNeeds? = nil) async throws {
        guard let filter else { return }
        if let most = count("filter_max_conditions"), filter.conditionsCount > most {
            throw refusal(
                "Filter condition limit reached (\(filter.conditionsCount) > \(most))",
                "Reduce the amount of conditions of your filter.")
        }
        if let most = count("condition_max_size"), filter.longestList > most {
            throw refusal(
                "Condition size limit reached (\(filter.longestList) > \(most))", "Reduce the size of your condition.")
        }
        guard limits[setting] == false else { return }
        let known = if let needs { needs } else { try await self.needs() }
        try refuse(known.missing(filter), "Create an index for this key or use a different filter.")
    }

    private func refuse(_ missing: QdrantIndexNeeds.Missing?, _ help: String) throws(QdrantError) {
        guard let missing else { return }
        let kinds = missing.kinds.joined(separator: ", ")
        throw refusal(
            "Index required but not found for \"\(missing.field)\" of one of the following types: [\(kinds)]", help)
    }

    private func count(_ limit: String) -> Int? { limits[limit]?.integer.map { Int(clamping: $0) } }

    private func check(_ value: Int?, _ limit: String, _ parameter: String) throws(QdrantError) {
        try check(value.map(Double.init), limit, parameter)
    }

    private func check(_ value: Double?, _ limit: String, _ parameter: String) throws(QdrantError) {
        guard let value, let most = limits[limit]?.number, value > most else { return }
        throw refusal(
            "Limit exceeded \(Self.told(value)) > \(Self.told(most)) for \"\(parameter)\"",
            "Reduce the \"\(parameter)\" parameter to or below \(Self.told(most)).")
    }

    private func spend(_ tokens: Int, _ kind: QdrantLedger.Kind) throws(QdrantError) {
        guard let limit = count(kind == .read ? "read_rate_limit" : "write_rate_limit") else { return }
        try ledger.spend(tokens, of: limit, kind, in: name)
    }

    private func refusal(_ what: String, _ help: String) -> QdrantError { bad("\(what). Help: \(help)") }
    private func bad(_ text: String) -> QdrantError { QdrantError(message: "Bad request: " + text) }

    /// Without a fraction where there is none.
    private static func told(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? number.description
    }

    private static func megabytes(_ bytes: Int) -> String {
        let megabytes = Float(bytes) / Float(1 << 20)
        // The shortest digits that are this number, without an exponent however small it is.
        return Decimal(string: megabytes.description)?.description ?? megabytes.description
    }
}

extension PointSelector {
    fileprivate var filter: Filter? { if case .filter(let filter) = self { filter } else { nil } }
}

extension Ranking {
    /// Whether candidates are ranked by their vectors.
    fileprivate var comparesVectors: Bool {
        switch self {
        case .nearest, .diverse, .recommend, .discover, .context, .feedback: true
        case .reciprocalRankFusion, .distributionFusion, .order, .random, .text, .formula: false
        }
    }

    /// Vectors that each candidate is compared with: a row of a multivector or a value of a sparse vector is one.
    fileprivate var rateCost: Int {
        func cost(_ inputs: [VectorInput]) -> Int {
            inputs.reduce(0) { sum, input in
                switch input {
                case .id, .vector(.dense): sum + 1
                case .vector(.multi(let rows)): sum + rows.count
                case .vector(.sparse(let sparse)): sum + sparse.indices.count
                }
            }
        }
        func pairs(_ pairs: [ContextPair]) -> Int { cost(pairs.flatMap { [$0.positive, $0.negative] }) }
        return switch self {
        case .nearest(let input), .diverse(let input, _, _): cost([input])
        case .recommend(_, _, .averageVector): 1
        case .recommend(let positive, let negative, _): cost(positive + negative)
        case .discover(let target, let context): cost([target]) + pairs(context)
        case .context(let context): pairs(context)
        case .feedback(let target, let items, _): cost([target] + items.map(\.example))
        case .reciprocalRankFusion, .distributionFusion, .order, .random, .text, .formula: 1
        }
    }
}

extension PointsQuery {
    /// Tokens of a rate: those of the searches that it begins with, whose filters are what all around them say.
    fileprivate func rateCost(around conditions: Int = 0) -> Int {
        let conditions = conditions + (filter?.conditionsCount ?? 0)
        guard prefetch.isEmpty else { return prefetch.reduce(0) { $0 + $1.rateCost(around: conditions) } }
        return (ranking?.rateCost ?? 1) + conditions
    }
}
