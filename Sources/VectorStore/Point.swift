// Points: what a collection holds, by Qdrant's names.

public import Foundation

/// A point's name: an unsigned integer or a UUID. Numbers order before UUIDs.
public enum PointID: Sendable, Hashable {
    case number(UInt64)
    case uuid(UUID)

    /// Reads a number, or a UUID in any usual spelling: with or without hyphens, in braces, as `urn:uuid:`, in any case.
    public init?(_ text: String) {
        if let number = UInt64(text) {
            self = .number(number)
            return
        }
        var digits = text.lowercased()
        if digits.hasPrefix("urn:uuid:") { digits.removeFirst(9) }
        if digits.hasPrefix("{"), digits.hasSuffix("}") { digits = String(digits.dropFirst().dropLast()) }
        // Bytes, not characters: of those there may be fewer.
        let hex = Array(digits.utf8)
        if hex.count == 32, !hex.contains(UInt8(ascii: "-")) {
            digits = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: hex[$0], as: UTF8.self) }
                .joined(separator: "-")
        }
        guard let uuid = UUID(uuidString: digits) else { return nil }
        self = .uuid(uuid)
    }

    /// The id as a blob whose byte order is the order of ids: 0 and eight bytes, or 1 and sixteen, big-endian.
    var key: Data {
        switch self {
        case .number(let number):
            Data([0]) + (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
        case .uuid(let uuid):
            Data([1]) + withUUIDBytes(uuid)
        }
    }

    /// Reads a `key`; nil for bytes that are none.
    init?(key: Data) {
        let bytes = Array(key)
        switch (bytes.first, bytes.count) {
        case (0, 9): self = .number(bytes.dropFirst().reduce(0) { $0 << 8 | UInt64($1) })
        case (1, 17):
            let b = Array(bytes.dropFirst())
            self = .uuid(
                UUID(
                    uuid: (
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
                        b[15]
                    )
                )
            )
        default: return nil
        }
    }
}

private func withUUIDBytes(_ uuid: UUID) -> [UInt8] {
    let u = uuid.uuid
    return [
        u.0, u.1, u.2, u.3, u.4, u.5, u.6, u.7, u.8, u.9, u.10, u.11, u.12, u.13, u.14, u.15,
    ]
}

extension PointID: Comparable {
    public static func < (lhs: PointID, rhs: PointID) -> Bool {
        // As their keys are, which would be made at each comparison.
        switch (lhs, rhs) {
        case (.number(let a), .number(let b)): a < b
        case (.number, .uuid): true
        case (.uuid, .number): false
        case (.uuid(let a), .uuid(let b)): a < b
        }
    }
}

extension PointID: CustomStringConvertible {
    /// The number, or the UUID in lower case with hyphens.
    public var description: String {
        switch self {
        case .number(let number): String(number)
        case .uuid(let uuid): uuid.uuidString.lowercased()
        }
    }
}

/// A point to store.
public struct Point: Sendable, Equatable {
    public var id: PointID
    /// By name, any of the collection's; dense ones of a cosine vector are stored normalised, but for those of bytes.
    public var vectors: NamedVectors
    public var payload: JSONObject

    public init(id: PointID, vectors: NamedVectors, payload: JSONObject = [:]) {
        self.id = id
        self.vectors = vectors
        self.payload = payload
    }

    /// A point with the unnamed vector.
    public init(id: PointID, vector: [Float], payload: JSONObject = [:]) {
        self.init(id: id, vectors: ["": .dense(vector)], payload: payload)
    }
}

/// A stored point, as much of it as was asked for.
public struct Record: Sendable, Equatable {
    public var id: PointID
    public var payload: JSONObject?
    public var vectors: NamedVectors?

    public init(id: PointID, payload: JSONObject? = nil, vectors: NamedVectors? = nil) {
        self.id = id
        self.payload = payload
        self.vectors = vectors
    }

    /// The unnamed vector.
    public var vector: [Float]? { vectors?[""]?.dense }
}

/// A point found by a query.
public struct ScoredPoint: Sendable, Equatable {
    public var id: PointID
    /// The number of the operation that wrote the point last.
    public var version: UInt64
    public var score: Float
    public var payload: JSONObject?
    public var vectors: NamedVectors?
    /// The value that a point was ordered by.
    public var orderValue: JSONValue?

    public init(
        id: PointID, version: UInt64, score: Float, payload: JSONObject? = nil, vectors: NamedVectors? = nil,
        orderValue: JSONValue? = nil
    ) {
        self.id = id
        self.version = version
        self.score = score
        self.payload = payload
        self.vectors = vectors
        self.orderValue = orderValue
    }

    /// The unnamed vector.
    public var vector: [Float]? { vectors?[""]?.dense }
}
