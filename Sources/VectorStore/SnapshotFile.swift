// A collection as a file: records, one after the other, integers little-endian.
//
//     file    = magic collection point* end
//     magic   = "minilm snapshot 1\n"
//     record  = kind length body            kind (8 bits), length of the body (32 bits)
//     collection 'C' = {"configuration", "indexes": {field: type}} as JSON
//     point      'P' = id-length id payload-length payload vectors
//                      (8 bits; PointID.key; 32 bits; JSON; VectorsCoding to the end)
//     end        'E' = the number of points (64 bits) and the SHA-256 of everything before this record
//
// Whatever is read is checked: files come from other machines.

import Foundation

/// What is known of a snapshot.
public struct SnapshotInfo: Sendable, Equatable {
    /// In bytes.
    public var size: Int
    /// SHA-256 of the file, as 64 hexadecimal digits.
    public var checksum: String
}

enum SnapshotFormat {
    static let magic = Array("minilm snapshot 1\n".utf8)
    static let collection = UInt8(ascii: "C")
    static let point = UInt8(ascii: "P")
    static let end = UInt8(ascii: "E")
    /// No record is longer: it is a row of SQLite's, which are no longer (SQLITE_MAX_LENGTH, unless the system's was built for more).
    static let longestRecord = 1_000_000_000
    static let chunk = 1 << 20

    static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

/// Writes a snapshot.
struct SnapshotWriter {
    private let file: FileHandle
    private var buffer = SnapshotFormat.magic
    private var hash = SHA256()
    private var points: UInt64 = 0
    private var size = 0

    init(_ file: FileHandle) { self.file = file }

    mutating func collection(_ configuration: CollectionConfiguration, _ indexes: [PayloadIndex]) throws {
        let fields = indexes.map { ($0.field.description, $0.type.json) }.sorted { $0.0 < $1.0 }
        let json: JSONValue = ["configuration": configuration.json, "indexes": .object(JSONObject(fields))]
        try record(SnapshotFormat.collection, [json.encoded()])
    }

    /// - Parameters: As they stand in the database.
    mutating func point(id: Data, payload: String, vectors: Data) throws {
        points += 1
        try record(
            SnapshotFormat.point,
            [
                [UInt8(id.count)], Array(id), SnapshotFormat.bytes(UInt32(payload.utf8.count)), Array(payload.utf8),
                Array(vectors),
            ])
    }

    /// Writes the end of the file.
    mutating func finish() throws -> SnapshotInfo {
        try flush()
        try record(SnapshotFormat.end, [SnapshotFormat.bytes(points), hash.digest()])
        try flush()
        return SnapshotInfo(size: size, checksum: hash.hexDigest)
    }

    private mutating func record(_ kind: UInt8, _ body: [[UInt8]]) throws {
        buffer.append(kind)
        buffer += SnapshotFormat.bytes(UInt32(body.reduce(0) { $0 + $1.count }))
        for part in body { buffer += part }
        if buffer.count >= SnapshotFormat.chunk { try flush() }
    }

    private mutating func flush() throws {
        try file.write(contentsOf: Data(buffer))
        hash.update(buffer)
        size += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Reads a snapshot from beginning to end.
struct SnapshotReader {
    /// Closes with the last copy of this value.
    private let file: FileHandle
    private let path: String
    private var buffer: [UInt8] = []
    private var place = 0
    private var hash = SHA256()
    private var points: UInt64 = 0
    private var isAtEnd = false

    private(set) var configuration = CollectionConfiguration(vectors: [:])
    private(set) var indexes: [(field: PayloadPath, type: PayloadIndexType)] = []

    /// Reads up to the first point.
    init(_ path: String) throws(StoreError) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .unusable(path: path, reason: "it cannot be opened")
        }
        self.file = file
        self.path = path
        guard let magic = try? take(SnapshotFormat.magic.count), magic.elementsEqual(SnapshotFormat.magic) else {
            throw Self.invalid(path, "it does not contain a collection config, so it is no snapshot of this program")
        }
        hash.update(SnapshotFormat.magic)
        guard case (SnapshotFormat.collection, let body)? = try record(), let json = try? JSONValue(parsing: body),
            let configuration = json["configuration"].flatMap(CollectionConfiguration.init(json:)),
            let fields = json["indexes"]?.object
        else { throw Self.invalid(path, "it does not contain a collection config where it should begin with one") }
        self.configuration = configuration
        for (field, json) in fields {
            guard let path = try? PayloadPath(field), let type = PayloadIndexType(json: json) else {
                throw Self.invalid(self.path, "its index on '\(field)' is of no known type")
            }
            indexes.append((path, type))
        }
    }

    /// The next points, at most `count`; none at the end, whose sums have then been checked.
    mutating func next(_ count: Int) throws(StoreError) -> [Point] {
        var result: [Point] = []
        while !isAtEnd, result.count < count, let (kind, body) = try record() {
            switch kind {
            case SnapshotFormat.point:
                guard let point = Self.point(body) else { throw Self.invalid(path, "point \(points) is not valid") }
                points += 1
                result.append(point)
            default:
                throw Self.invalid(path, "it has a record of an unknown kind")
            }
        }
        return result
    }

    private static func point(_ body: ArraySlice<UInt8>) -> Point? {
        var rest = body
        func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        guard let length = take(1)?.first, let key = take(Int(length)), let id = PointID(key: Data(key)),
            let size = take(4), let text = take(Int(SnapshotFormat.number(size))),
            let payload = try? JSONValue(parsing: text).object, let vectors = VectorsCoding.decode(Data(rest))
        else { return nil }
        return Point(id: id, vectors: vectors, payload: payload)
    }

    /// The next record; nil when it is the end, whose sums are right.
    private mutating func record() throws(StoreError) -> (UInt8, ArraySlice<UInt8>)? {
        let head = Array(try take(5))
        let length = Int(SnapshotFormat.number(head.dropFirst()))
        guard length <= SnapshotFormat.longestRecord else {
            throw Self.invalid(path, "it has a record of \(length) bytes")
        }
        let body = try take(length)
        guard head[0] == SnapshotFormat.end else {
            hash.update(head)
            hash.update(body)
            return (head[0], body)
        }
        guard body.count == 40, SnapshotFormat.number(body.prefix(8)) == points,
            body.dropFirst(8).elementsEqual(hash.digest())
        else { throw Self.invalid(path, "its checksum is not that of its content: copy it again") }
        isAtEnd = true
        guard place == buffer.count, try more().isEmpty else { throw Self.invalid(path, "something follows its end") }
        return nil
    }

    private mutating func take(_ count: Int) throws(StoreError) -> ArraySlice<UInt8> {
        while buffer.count - place < count {
            let next = try more()
            guard !next.isEmpty else { throw Self.invalid(path, "it ends too soon: copy it again, whole") }
            buffer.removeFirst(place)
            place = 0
            buffer += next
        }
        defer { place += count }
        return buffer[place..<place + count]
    }

    private func more() throws(StoreError) -> Data {
        do { return try file.read(upToCount: SnapshotFormat.chunk) ?? Data() } catch {
            throw .unusable(path: path, reason: error.localizedDescription)
        }
    }

    static func invalid(_ path: String, _ reason: String) -> StoreError {
        .wrongInput("the snapshot \((path as NSString).lastPathComponent) cannot be read: \(reason)")
    }
}
