// How like each other points of a sample are.

import Hummingbird
import VectorStore

extension QdrantAPI {
    /// `/points/search/matrix/…`: how like each other the points of a sample are, the likest of each.
    func matrix(
        _ represent: @escaping @Sendable ([PointID], [(row: Int, column: Int, score: Float)]) -> JSONValue
    ) -> Route.Handler {
        { [self] call in
            let fields = try await call.qdrantObject("the request", mayBeEmpty: true)
            let name = try fields.string("using") ?? ""
            guard try await store.collection(call.parameter).configuration.hasVector(name) else {
                throw StoreError.unknownVector(name)
            }
            let filter = Filter(must: try (fields.filter().map { [.filter($0)] } ?? []) + [.hasVector(name)])
            let size = try fields.count("sample") ?? 10
            guard size >= 2 else {
                throw QdrantError.validation("sample: value \(size) invalid, must be 2 or larger")
            }
            var sample = PointsQuery(.random, filter: filter, limit: size)
            sample.withVectors = .only([name])
            let limit = try fields.limit(default: 3)
            try await strictMode(call)?.check(fields, sample: sample.limit, limit: limit)
            let points = try await store.query(sample, in: call.parameter).sorted { $0.id < $1.id }
            guard points.count >= 2 else { return call.qdrant(represent([], [])) }
            let ids = points.map(\.id)
            let places = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
            var cells: [(row: Int, column: Int, score: Float)] = []
            for (row, point) in points.enumerated() {
                guard let vector = point.vectors?[name] else { continue }
                let others = Filter(must: [.hasID(Set(ids).subtracting([point.id]))])
                var query = PointsQuery(.nearest(.vector(vector)), using: name, filter: others, limit: limit)
                query.isExact = true
                for found in try await store.query(query, in: call.parameter) {
                    if let column = places[found.id] { cells.append((row, column, found.score)) }
                }
            }
            return call.qdrant(represent(ids, cells))
        }
    }

    static func pairs(_ ids: [PointID], _ cells: [(row: Int, column: Int, score: Float)]) -> JSONValue {
        [
            "pairs": .array(
                cells.map { ["a": ids[$0.row].qdrant, "b": ids[$0.column].qdrant, "score": JSONValue($0.score)] })
        ]
    }

    static func offsets(_ ids: [PointID], _ cells: [(row: Int, column: Int, score: Float)]) -> JSONValue {
        [
            "offsets_row": .array(cells.map { .integer(Int64($0.row)) }),
            "offsets_col": .array(cells.map { .integer(Int64($0.column)) }),
            "scores": .array(cells.map { JSONValue($0.score) }), "ids": .array(ids.map(\.qdrant)),
        ]
    }
}
