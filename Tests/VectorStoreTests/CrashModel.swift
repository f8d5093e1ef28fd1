// What a store that was killed must hold, and whether it does: replayed updates, a loop and a sort.

import StoreCrashWriter
import TestSupport
import Testing
import VectorStore

/// What the crash writer's tasks have done up to now.
struct CrashModel {
    /// The update that each writer does next.
    private(set) var next = [Int](repeating: 0, count: CrashLoad.writers)
    private(set) var points: [PointID: Point] = [:]
    /// Operations of all updates up to now.
    private var operations = 0

    /// An update that the store acknowledged, and the number of its last operation.
    struct Acknowledgement: Equatable {
        var update: Int
        var operation: UInt64
    }

    /// Brings the model to what the store holds after a kill, and compares.
    ///
    /// - Parameter acknowledged: By writer what was acknowledged since the last call.
    mutating func check(_ store: EmbeddedStore, _ acknowledged: [[Acknowledgement]]) async throws {
        let name = CrashLoad.collection
        let all = ScrollRequest(limit: 1_000_000, withVectors: .all)
        let records = try await store.scroll(all, in: name).points
        let found = Dictionary(
            records.map { ($0.id, Point(id: $0.id, vectors: $0.vectors ?? [:], payload: $0.payload ?? [:])) },
            uniquingKeysWith: { first, _ in first })
        #expect(records.map(\.id) == found.keys.sorted())

        for writer in next.indices {
            let last = acknowledged[writer].last
            let reached = next[writer] - 1 + acknowledged[writer].count
            #expect(last.map { $0.update == reached } ?? true)
            let mark = found[CrashLoad.mark(writer)]?.payload["update"]?.integer.map { Int($0) } ?? -1
            // The update under way when the kill came may be there, acknowledged or not; the check of all points says whether it is
            // there whole.
            #expect(mark == reached || mark == reached + 1, "writer \(writer)")
            replay(through: mark, by: writer)
        }
        let different = Set(points.keys).union(found.keys).filter { points[$0] != found[$0] }
        #expect(different.isEmpty, "\(different.count) of \(points.count) points are not what they should be")

        // Also of updates that changed nothing every operation is counted, and of none that is not there.
        let info = try await store.collection(name)
        #expect(info.operation == UInt64(operations + info.payloadIndexes.count))
        #expect(acknowledged.joined().allSatisfy { $0.operation <= info.operation })
        try await checkVersions(store, acknowledged)
        try await checkPayloads(store)
        try await checkSearch(store)
    }

    private mutating func replay(through last: Int, by writer: Int) {
        guard last >= next[writer] else { return }
        for number in next[writer]...last {
            let changes = CrashLoad.update(number, by: writer)
            for change in changes { change.apply(to: &points) }
            operations += changes.count
        }
        next[writer] = last + 1
    }

    /// A mark was written by the update it tells of: before its other operations or behind them.
    private func checkVersions(_ store: EmbeddedStore, _ acknowledged: [[Acknowledgement]]) async throws {
        let marks = Set(next.indices.map(CrashLoad.mark))
        let query = PointsQuery(nil, filter: Filter(must: [.hasID(marks)]), limit: marks.count)
        let versions = Dictionary(
            uniqueKeysWithValues: try await store.query(query, in: CrashLoad.collection).map { ($0.id, $0.version) })
        for (writer, acknowledged) in acknowledged.enumerated() {
            guard let last = acknowledged.last, last.update == next[writer] - 1 else { continue }
            let count = last.update % 2 == 0 ? CrashLoad.update(last.update, by: writer).count : 1
            #expect(versions[CrashLoad.mark(writer)] == last.operation - UInt64(count - 1))
        }
    }

    /// What payload indexes answer, and what payloads say.
    private func checkPayloads(_ store: EmbeddedStore) async throws {
        let name = CrashLoad.collection
        for (filter, isWanted) in Self.filters {
            let wanted = points.values.filter { isWanted($0.payload) }.map(\.id).sorted()
            #expect(try await store.count(filter, in: name) == wanted.count, "\(filter)")
            let page = try await store.scroll(ScrollRequest(filter: filter, limit: 1_000_000), in: name)
            #expect(page.points.map(\.id) == wanted, "\(filter)")
        }
        for (field, _) in CrashLoad.indexes {
            let counts = points.values.reduce(into: [JSONValue: Int]()) { counts, point in
                if let value = point.payload[field] { counts[value, default: 0] += 1 }
            }
            let hits = try await store.facet(field, filter: nil, limit: .max, in: name)
            #expect(hits.count == counts.count && hits.allSatisfy { counts[$0.value] == $0.count }, "\(field)")
        }
    }

    private typealias Check = (filter: Filter, isWanted: (JSONObject) -> Bool)

    private static var filters: [Check] {
        let group = CrashLoad.groups - 1
        return [
            (Filter(must: [.match(key: "writer", .value(1))]), { $0["writer"] == 1 }),
            (
                Filter(
                    must: [.match(key: "group", .value(CrashGroup.name(group)))],
                    mustNot: [.match(key: "writer", .value(2))]),
                { $0["group"] == CrashGroup.name(group) && $0["writer"] != 2 }
            ),
            (
                Filter(must: [.range(key: "tag", NumberRange(gte: 3, lt: 7))]),
                { ($0["tag"]?.integer).map { 3..<7 ~= $0 } ?? false }
            ),
            (Filter(must: [.isEmpty(key: "number")]), { $0["number"] == nil }),
        ]
    }

    /// The vectors in memory and in the graph, compared with those of the points one by one.
    private func checkSearch(_ store: EmbeddedStore) async throws {
        var generator = SplitMix64(seed: UInt64(next.reduce(0, +)))
        let vector = CrashLoad.vector(CrashLoad.size, &generator)
        var scores: [PointID: (value: Double, error: Double)] = [:]
        for point in points.values {
            if let own = point.vectors[""]?.dense { scores[point.id] = Self.dot(vector, own) }
        }
        var query = PointsQuery(vector: vector, limit: .max, withPayload: .none)
        for limit in [Int.max, 10] {
            for isExact in [true, false] {
                (query.limit, query.isExact) = (limit, isExact)
                let hits = try await store.query(query, in: CrashLoad.collection)
                #expect(hits.count == min(limit, scores.count) && Set(hits.map(\.id)).count == hits.count)
                let areTrue = hits.allSatisfy { hit in
                    scores[hit.id].map { abs(Double(hit.score) - $0.value) <= $0.error } ?? false
                }
                #expect(areTrue)
                // A graph may miss one of few; whoever compares all may not.
                guard isExact || limit == .max else { continue }
                let best = scores.values.map(\.value).sorted(by: >)
                // Points change places where their scores are nearer than that.
                let most = scores.values.map(\.error).max() ?? 0
                #expect(zip(hits, best).allSatisfy { abs(Double($0.score) - $1) <= most })
            }
        }
        // One filter, through an index, on what is compared.
        let (filter, isWanted) = Self.filters[1]
        (query.filter, query.limit, query.isExact) = (filter, .max, false)
        let hits = try await store.query(query, in: CrashLoad.collection)
        let wanted = points.values.filter { isWanted($0.payload) && scores[$0.id] != nil }
        #expect(Set(hits.map(\.id)) == Set(wanted.map(\.id)))

        // The other name's.
        let side = PointsQuery(.nearest(.vector(.dense([0, 0, 0, 0]))), using: "side", limit: .max)
        let others = points.values.filter { $0.vectors["side"] != nil }
        #expect(Set(try await store.query(side, in: CrashLoad.collection).map(\.id)) == Set(others.map(\.id)))
    }

    /// a · b, and what a sum of floats in any order may differ from it by: n · u · Σ|aᵢbᵢ| with u = 2⁻²⁴ for the sums and once more
    /// for the products.
    private static func dot(_ a: [Float], _ b: [Float]) -> (value: Double, error: Double) {
        var (sum, magnitude) = (0.0, 0.0)
        for (x, y) in zip(a, b) {
            let product = Double(x) * Double(y)
            sum += product
            magnitude += abs(product)
        }
        return (sum, Double(a.count + 1) * 0x1p-24 * magnitude)
    }
}
