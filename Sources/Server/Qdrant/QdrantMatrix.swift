// How like each other points of a sample are.

import Hummingbird
import VectorStore

extension QdrantAPI {
    /// `/points/search/matrix/…`: how like each other the points of a sample are, the likest of each. Nothing is computed for a caller who
    /// has gone.
    func matrix(_ represent: @escaping @Sendable (SimilarityMatrix) -> JSONValue) -> Route.Handler {
        { [self] call in
            let fields = try await call.qdrantObject("the request", mayBeEmpty: true)
            // `vector_name` was its first name.
            let name = try fields.string("using") ?? fields.string("vector_name") ?? ""
            let size = try fields.count("sample") ?? 10
            guard size >= 2 else {
                throw QdrantError.validation("sample: value \(size) invalid, must be 2 or larger")
            }
            let limit = try fields.limit(default: 3)
            let filter = try fields.filter()
            try await strictMode(call)?.check(fields, sample: size, limit: limit)
            let collection = call.parameter
            let matrix = try await call.whileConnected {
                try await store.matrix(sample: size, of: name, filter: filter, limit: limit, in: collection)
            }
            return call.qdrant(represent(matrix))
        }
    }

    static func pairs(_ matrix: SimilarityMatrix) -> JSONValue {
        [
            "pairs": .array(
                matrix.cells.map { cell in
                    [
                        "a": matrix.ids[cell.row].qdrant, "b": matrix.ids[cell.column].qdrant,
                        "score": JSONValue(cell.score),
                    ]
                })
        ]
    }

    static func offsets(_ matrix: SimilarityMatrix) -> JSONValue {
        [
            "offsets_row": .array(matrix.cells.map { .integer(Int64($0.row)) }),
            "offsets_col": .array(matrix.cells.map { .integer(Int64($0.column)) }),
            "scores": .array(matrix.cells.map { JSONValue($0.score) }), "ids": .array(matrix.ids.map(\.qdrant)),
        ]
    }
}
