// What the crash writer's tasks do, known to them and to the test that kills them.

package import TestSupport
package import VectorStore

/// A load of several writers, each with points of its own: a writer's update of a number is always the same, whatever there is.
package enum CrashLoad {
    package static let writers = 6
    package static let collection = "c"
    /// Scores by products of stored floats and by sums of squares: neither distance changes a vector that is stored.
    package static let configuration = CollectionConfiguration(
        vectors: ["": .init(size: size, distance: .dot), "side": .init(size: 4, distance: .euclid)])
    package static let indexes: KeyValuePairs<String, PayloadIndexType> = [
        "writer": .integer, "number": .integer, "group": .keyword, "tag": .integer,
    ]
    package static let size = 64
    package static let groups = 5
    /// Points that a writer can have beside its mark.
    private static let places = 160

    /// A writer's own point, without vectors, whose payload tells the number of its last update: {"update": number}.
    package static func mark(_ writer: Int) -> PointID { id(writer, 999) }

    private static func id(_ writer: Int, _ place: Int) -> PointID { .number(UInt64(writer * 1000 + place)) }

    package static func vector(_ size: Int, _ generator: inout SplitMix64) -> [Float] {
        (0..<size).map { _ in .random(in: -1...1, using: &generator) }
    }

    /// The changes of one update: some at random, and that of the mark before or behind them.
    package static func update(_ number: Int, by writer: Int) -> [CrashChange] {
        var generator = SplitMix64(seed: UInt64(number) << 8 | UInt64(writer))
        let changes = (0..<Int.random(in: 1...3, using: &generator)).map { _ in change(number, writer, &generator) }
        let payload: JSONObject = ["update": .integer(Int64(number))]
        let marking: CrashChange =
            number % 8 == 0
            ? .upsert([Point(id: mark(writer), vectors: [:], payload: payload)])
            : .overwritePayload(payload, [mark(writer)])
        return number % 2 == 0 ? [marking] + changes : changes + [marking]
    }

    private static func change(_ number: Int, _ writer: Int, _ generator: inout SplitMix64) -> CrashChange {
        let count = Int.random(in: 1...40, using: &generator)
        let ids = (0..<count).map { _ in id(writer, Int.random(in: 0..<places, using: &generator)) }
        let own = CrashGroup(writer: writer, group: Int.random(in: 0..<groups, using: &generator))
        let tag: JSONObject = ["tag": .integer(Int64(number % 10))]
        switch Int.random(in: 0..<14, using: &generator) {
        case 0..<5:
            return .upsert(
                ids.map { id in
                    let group = CrashGroup(writer: writer, group: Int.random(in: 0..<groups, using: &generator))
                    var vectors: NamedVectors = ["": .dense(vector(size, &generator))]
                    if Bool.random(using: &generator) { vectors["side"] = .dense(vector(4, &generator)) }
                    var payload = group.payload
                    payload["number"] = .integer(Int64(number))
                    return Point(id: id, vectors: vectors, payload: payload)
                })
        case 5: return .delete(Array(ids.prefix(10)))
        case 6: return .deleteGroup(own)
        case 7: return .setPayload(tag, ids)
        case 8: return .setPayloadOfGroup(tag, own)
        case 9: return .overwritePayload(own.payload, ids)
        case 10: return .deletePayload("tag", own)
        case 11: return .clearPayload(Array(ids.prefix(5)))
        case 12:
            return .updateVectors(
                ids.map { id in
                    let isSide = Bool.random(using: &generator)
                    let vectors: NamedVectors =
                        isSide ? ["side": .dense(vector(4, &generator))] : ["": .dense(vector(size, &generator))]
                    return PointVectors(id: id, vectors: vectors)
                })
        default: return .deleteVector("side", ids)
        }
    }
}

/// A writer's points with a value of `group`.
package struct CrashGroup {
    let writer: Int
    let group: Int

    var payload: JSONObject { ["writer": .integer(Int64(writer)), "group": Self.name(group)] }
    var selector: PointSelector {
        .filter(Filter(must: payload.map { .match(key: PayloadPath(stringLiteral: $0.key), .value($0.value)) }))
    }

    package static func name(_ group: Int) -> JSONValue { .string("group \(group)") }

    func contains(_ point: Point) -> Bool { payload.allSatisfy { point.payload[$0.key] == $0.value } }
}

/// One operation of an update, as the store is asked for it and as a dictionary does it.
package enum CrashChange {
    case upsert([Point])
    case delete([PointID])
    case deleteGroup(CrashGroup)
    case setPayload(JSONObject, [PointID])
    case setPayloadOfGroup(JSONObject, CrashGroup)
    case overwritePayload(JSONObject, [PointID])
    case deletePayload(String, CrashGroup)
    case clearPayload([PointID])
    case updateVectors([PointVectors])
    case deleteVector(String, [PointID])

    package var operation: PointOperation {
        switch self {
        case .upsert(let points): .upsert(points)
        case .delete(let ids): .delete(.ids(ids))
        case .deleteGroup(let group): .delete(group.selector)
        case .setPayload(let members, let ids): .setPayload(members, .ids(ids))
        case .setPayloadOfGroup(let members, let group): .setPayload(members, group.selector)
        case .overwritePayload(let payload, let ids): .overwritePayload(payload, .ids(ids))
        case .deletePayload(let key, let group): .deletePayload([PayloadPath(stringLiteral: key)], group.selector)
        case .clearPayload(let ids): .clearPayload(.ids(ids))
        case .updateVectors(let points): .updateVectors(points)
        case .deleteVector(let name, let ids): .deleteVectors([name], .ids(ids))
        }
    }

    package func apply(to points: inout [PointID: Point]) {
        switch self {
        case .upsert(let new): for point in new { points[point.id] = point }
        case .delete(let ids): for id in ids { points[id] = nil }
        case .deleteGroup(let group): points = points.filter { !group.contains($0.value) }
        case .setPayload(let members, let ids): Self.edit(ids, &points) { Self.set(members, in: &$0) }
        case .setPayloadOfGroup(let members, let group):
            Self.edit(Self.ids(of: group, points), &points) { Self.set(members, in: &$0) }
        case .overwritePayload(let payload, let ids): Self.edit(ids, &points) { $0.payload = payload }
        case .deletePayload(let key, let group):
            Self.edit(Self.ids(of: group, points), &points) { $0.payload.remove(key) }
        case .clearPayload(let ids): Self.edit(ids, &points) { $0.payload = [:] }
        case .updateVectors(let new):
            for update in new { Self.edit([update.id], &points) { $0.vectors.merge(update.vectors) { $1 } } }
        case .deleteVector(let name, let ids): Self.edit(ids, &points) { $0.vectors[name] = nil }
        }
    }

    private static func ids(of group: CrashGroup, _ points: [PointID: Point]) -> [PointID] {
        points.values.filter(group.contains).map(\.id)
    }

    private static func set(_ members: JSONObject, in point: inout Point) {
        for (key, value) in members { point.payload[key] = value }
    }

    private static func edit(_ ids: [PointID], _ points: inout [PointID: Point], _ body: (inout Point) -> Void) {
        for id in ids {
            guard var point = points[id] else { continue }
            body(&point)
            points[id] = point
        }
    }
}
