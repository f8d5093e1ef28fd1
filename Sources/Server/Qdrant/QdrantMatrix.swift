// How like each other points of a sample are.

import HTTPTypes
import Hummingbird
import NIOCore
import VectorStore

extension QdrantAPI {
    /// The scores that a matrix may have: 24 MB, and 40 to 120 MB of JSON.
    static let largestMatrix = 1_000_000

    /// `/points/search/matrix/…`: how like each other the points of a sample are, the likest of each. Nothing is computed or
    /// written for a caller who has gone.
    func matrix(
        _ represent: @escaping @Sendable (SimilarityMatrix, inout QdrantAnswer) throws -> Void
    ) -> Route.Handler {
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
            // Clients ask for more than there is when they want all.
            let drawn = min(size, try await store.collection(collection).pointsCount)
            let told = min(limit, max(0, drawn - 1))
            guard told == 0 || drawn <= Self.largestMatrix / told else {
                throw QdrantError(
                    message: """
                        Bad request: A matrix of \(drawn) points with \(told) scores each is too large: this server gives \
                        \(Self.largestMatrix) scores at most. Reduce `sample` or `limit`.
                        """)
            }
            let begin = call.begin
            return try await call.whileConnected {
                let matrix = try await store.matrix(
                    sample: size, of: name, filter: filter, limit: limit, in: collection)
                var answer = QdrantAnswer()
                try represent(matrix, &answer)
                return answer.response(since: begin)
            }
        }
    }

    @Sendable static func pairs(_ matrix: SimilarityMatrix, _ answer: inout QdrantAnswer) throws {
        let ids = matrix.ids.map { $0.qdrant.encoded() }
        // Two ids, a score and what stands between them.
        let length = 2 * ids.reduce(0) { $0 + $1.count } / max(1, ids.count) + 36
        answer.reserve(matrix.cells.count * length)
        answer.write("{\"pairs\":")
        try answer.write(matrix.cells) { cell, bytes in
            bytes += "{\"a\":".utf8
            bytes += ids[cell.row]
            bytes += ",\"b\":".utf8
            bytes += ids[cell.column]
            bytes += ",\"score\":".utf8
            JSONValue(cell.score).write(to: &bytes)
            bytes += "}".utf8
        }
        answer.write("}")
    }

    @Sendable static func offsets(_ matrix: SimilarityMatrix, _ answer: inout QdrantAnswer) throws {
        // Two places and a score.
        answer.reserve(matrix.cells.count * 24 + matrix.ids.count * 40)
        answer.write("{\"offsets_row\":")
        try answer.write(matrix.cells) { JSONValue.integer(Int64($0.row)).write(to: &$1) }
        answer.write(",\"offsets_col\":")
        try answer.write(matrix.cells) { JSONValue.integer(Int64($0.column)).write(to: &$1) }
        answer.write(",\"scores\":")
        try answer.write(matrix.cells) { JSONValue($0.score).write(to: &$1) }
        answer.write(",\"ids\":")
        try answer.write(matrix.ids) { $0.qdrant.write(to: &$1) }
        answer.write("}")
    }
}

/// `{"result": …, "status": "ok", "time": …}` with a result that is written as it is made. As a `JSONValue` a pair of points and
/// its score is 350 bytes and more.
struct QdrantAnswer {
    private var whole = ByteBuffer()
    /// What comes next, moved when there is enough of it.
    private var piece = Array("{\"result\":".utf8)

    /// Makes room for so many bytes more.
    mutating func reserve(_ count: Int) { whole.reserveCapacity(whole.readableBytes + count + 256) }

    mutating func write(_ text: String) { piece += text.utf8 }

    /// A list of what `element` makes of the elements.
    ///
    /// - Throws: `CancellationError` when the task has been cancelled: it looks after every 64 KB, some thousand scores.
    mutating func write<Elements: Sequence>(
        _ elements: Elements, element: (Elements.Element, inout [UInt8]) throws -> Void
    ) throws {
        var isFirst = true
        piece.append(UInt8(ascii: "["))
        for next in elements {
            if !isFirst { piece.append(UInt8(ascii: ",")) }
            isFirst = false
            try element(next, &piece)
            if piece.count >= 64 << 10 {
                try Task.checkCancellation()
                move()
            }
        }
        piece.append(UInt8(ascii: "]"))
    }

    private mutating func move() {
        whole.writeBytes(piece)
        piece.removeAll(keepingCapacity: true)
    }

    consuming func response(since begin: ContinuousClock.Instant) -> Response {
        write(",\"status\":\"ok\",\"time\":")
        JSONValue.double(begin.duration(to: .now).inSeconds).write(to: &piece)
        write("}")
        move()
        return Response(
            status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: whole))
    }
}
