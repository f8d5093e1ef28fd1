// The best points of each value of a field, and what another collection has under those values.

import Hummingbird
import VectorStore

extension QdrantAPI {
    /// The handler of `…/groups` routes.
    func groups(_ read: @escaping @Sendable (Fields) throws -> PointsQuery) -> Route.Handler {
        { [self] call in
            let fields = try await call.qdrantObject("the request")
            let grouping = try Grouping(fields)
            let query = try read(fields)
            try await strictMode(call)?.check(
                query, .object(fields.object), groupedBy: grouping.path, limit: grouping.limit, size: grouping.size)
            let groups = try await grouped(query, grouping, in: call.parameter)
            var lookups: [PointID: Record] = [:]
            if let lookup = grouping.lookup {
                let records: [Record]
                do {
                    records = try await store.retrieve(
                        groups.compactMap { try? PointID(json: $0.id) }, withPayload: lookup.withPayload,
                        withVectors: lookup.withVectors, in: lookup.collection)
                } catch StoreError.collectionNotFound(let name) {
                    throw StoreError.lookupNotFound(name)
                }
                lookups = Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            }
            return call.qdrant([
                "groups": .array(
                    groups.map { group in
                        var told: JSONObject = [
                            "id": group.id, "hits": .array(group.hits.map { $0.selecting(query.withPayload).qdrant() }),
                        ]
                        if grouping.lookup != nil, let id = try? PointID(json: group.id), let record = lookups[id] {
                            told["lookup"] = record.qdrant
                        }
                        return .object(told)
                    })
            ])
        }
    }

    /// What a request wants of groups.
    private struct Grouping {
        var path: PayloadPath
        var size: Int
        var limit: Int
        var lookup: (collection: String, withPayload: PayloadSelection, withVectors: VectorSelection)?

        init(_ fields: Fields) throws {
            path = try PayloadPath(fields.needed("group_by", fields.string))
            size = try fields.limit("group_size", default: 3)
            limit = try fields.limit()
            switch fields["with_lookup"] {
            case nil: break
            case .string(let collection): lookup = (collection, .all, .none)
            case let json?:
                let wanted = try Fields(json, "with_lookup")
                lookup = (
                    try wanted.needed("collection", wanted.string),
                    try QdrantRequest.payload(wanted["with_payload"], default: .all), try QdrantRequest.vectors(wanted)
                )
            }
        }

        /// The groups a point belongs to, each once: none when one of the values is neither a string nor an integer, as in Qdrant.
        func values(of point: ScoredPoint) -> [JSONValue] {
            let values = path.elements(of: point.payload ?? [:])
            let areKeys = values.allSatisfy { value in
                switch value {
                case .string, .integer, .unsigned: true
                default: false
                }
            }
            var seen: Set<JSONValue> = []
            return areKeys ? values.filter { seen.insert($0).inserted } : []
        }
    }

    private typealias Group = (id: JSONValue, hits: [ScoredPoint])

    /// Asks for more points until the groups are full or there are no more.
    private func grouped(_ wanted: PointsQuery, _ grouping: Grouping, in collection: String) async throws -> [Group] {
        var query = wanted
        query.filter = Filter(
            must: wanted.filter.map { [.filter($0)] } ?? [], mustNot: [.isEmpty(key: grouping.path)])
        query.withPayload = .all
        let all = try await store.collection(collection).pointsCount
        query.limit = max(1, min(all, grouping.limit.multipliedClamped(by: grouping.size).multipliedClamped(by: 2)))
        while true {
            // What prefetches cut off could have filled a group.
            query.prefetch = wanted.prefetch.map { $0.finding(atLeast: query.limit) }
            let points = try await store.query(query, in: collection)
            var groups: [Group] = []
            var places: [JSONValue: Int] = [:]
            for point in points {
                for value in grouping.values(of: point) {
                    if let place = places[value] {
                        if groups[place].hits.count < grouping.size { groups[place].hits.append(point) }
                    } else if groups.count < grouping.limit {
                        places[value] = groups.count
                        groups.append((value, [point]))
                    }
                }
            }
            let isFull = groups.count == grouping.limit && groups.allSatisfy { $0.hits.count == grouping.size }
            if isFull || points.count < query.limit || query.limit >= all { return groups }
            query.limit = min(all, query.limit.multipliedClamped(by: 4))
        }
    }
}

extension ScoredPoint {
    /// With no more of the payload than was asked for.
    fileprivate func selecting(_ selection: PayloadSelection) -> ScoredPoint {
        var point = self
        point.payload = selection == .none ? nil : payload.flatMap { selection.select(from: $0) }
        return point
    }
}

extension PointsQuery {
    /// The same with no smaller limits, in all prefetches.
    fileprivate func finding(atLeast count: Int) -> PointsQuery {
        var query = self
        query.limit = max(limit, count)
        query.prefetch = prefetch.map { $0.finding(atLeast: count) }
        return query
    }
}

extension Int {
    fileprivate func multipliedClamped(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
