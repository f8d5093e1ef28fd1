// What a point's vectors are, and how they stand in the database.

import Foundation

/// A vector that is zero except at `indices`.
public struct SparseVector: Sendable, Hashable {
    /// Ascending, each once.
    public private(set) var indices: [UInt32]
    /// [indices.count], finite
    public private(set) var values: [Float]

    /// - Throws: `.badRequest` for lists of different lengths, repeated indices and values that are not finite.
    public init(indices: [UInt32], values: [Float]) throws(StoreError) {
        guard indices.count == values.count else {
            throw .badRequest("a sparse vector has \(indices.count) indices and \(values.count) values")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw .badRequest("a sparse vector has a value that is not a finite number")
        }
        let order = indices.indices.sorted { indices[$0] < indices[$1] }
        self.indices = order.map { indices[$0] }
        self.values = order.map { values[$0] }
        guard zip(self.indices, self.indices.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw .badRequest("a sparse vector must not have an index twice")
        }
    }

    /// Σ over the indices in both.
    public func dot(_ other: SparseVector) -> Float {
        var (i, j) = (0, 0)
        var sum: Float = 0
        while i < indices.count && j < other.indices.count {
            if indices[i] == other.indices[j] { sum += values[i] * other.values[j] }
            let (a, b) = (indices[i], other.indices[j])
            if a <= b { i += 1 }
            if b <= a { j += 1 }
        }
        return sum
    }
}

/// A vector of a point: dense, several dense, or sparse.
public enum Vector: Sendable, Hashable {
    /// [size of the collection's vector of that name]
    case dense([Float])
    case sparse(SparseVector)
    /// [rows > 0, size]
    case multi([[Float]])

    public var dense: [Float]? { if case .dense(let values) = self { values } else { nil } }
    public var sparse: SparseVector? { if case .sparse(let vector) = self { vector } else { nil } }
    public var multi: [[Float]]? { if case .multi(let rows) = self { rows } else { nil } }

    /// The same with each dense row changed; of a sparse one there is none.
    func mapRows(_ change: ([Float]) -> [Float]) -> Vector {
        switch self {
        case .dense(let values): .dense(change(values))
        case .multi(let rows): .multi(rows.map(change))
        case .sparse: self
        }
    }
}

/// A point's vectors by name; the unnamed one's name is "".
public typealias NamedVectors = [String: Vector]

/// `NamedVectors` as bytes: one entry after the other in the order of names, integers little-endian.
///
///     entry  = kind name-length name count (dense / indices values / size rows)
///     kind   = 0 dense, 1 sparse, 2 multi (8 bits); name-length (16 bits); count, size (32 bits)
///     dense  = count 32-bit floats; indices = count 32-bit integers; values = count 32-bit floats
///     rows   = count · size 32-bit floats
enum VectorsCoding {
    // Closures, not key paths, map the numbers: a key path of two parts is projected at run time, 100 ns a number.
    static func encode(_ vectors: NamedVectors) -> Data {
        var data = Data()
        for (name, vector) in vectors.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let name = Array(name.utf8)
            let kind: UInt8 =
                switch vector {
                case .dense: 0
                case .sparse: 1
                case .multi: 2
                }
            data.append(kind)
            append([UInt16(truncatingIfNeeded: name.count).littleEndian], to: &data)
            data.append(contentsOf: name)
            switch vector {
            case .dense(let values):
                append([UInt32(values.count).littleEndian], to: &data)
                append(values.map { $0.bitPattern.littleEndian }, to: &data)
            case .sparse(let sparse):
                append([UInt32(sparse.indices.count).littleEndian], to: &data)
                append(sparse.indices.map { $0.littleEndian }, to: &data)
                append(sparse.values.map { $0.bitPattern.littleEndian }, to: &data)
            case .multi(let rows):
                append([UInt32(rows.count).littleEndian, UInt32(rows.first?.count ?? 0).littleEndian], to: &data)
                append(rows.joined().map { $0.bitPattern.littleEndian }, to: &data)
            }
        }
        return data
    }

    private static func append(_ words: [some FixedWidthInteger], to data: inout Data) {
        unsafe words.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
    }

    /// The floats of a blob; nil when it does not hold `count` of them.
    static func floats(_ blob: Data, count: Int) -> [Float]? {
        guard blob.count == count * 4 else { return nil }
        return unsafe blob.withUnsafeBytes { bytes in
            (0..<count).map { index in
                let bits = unsafe bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                return Float(bitPattern: UInt32(littleEndian: bits))
            }
        }
    }

    /// nil for bytes that are no vectors.
    static func decode(_ data: Data) -> NamedVectors? {
        var reader = Reader(bytes: Array(data))
        var vectors: NamedVectors = [:]
        while !reader.isAtEnd {
            guard let (name, vector) = reader.entry(), vectors.updateValue(vector, forKey: name) == nil else {
                return nil
            }
        }
        return vectors
    }

    /// Checks every length against the bytes there are.
    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        var isAtEnd: Bool { place == bytes.count }

        mutating func entry() -> (String, Vector)? {
            guard let kind = integer(bytes: 1), kind < 3, let length = integer(bytes: 2),
                let name = take(length).map({ String(decoding: bytes[$0], as: UTF8.self) }),
                let count = integer(bytes: 4)
            else { return nil }
            if kind == 0 { return words(count).map { (name, .dense($0.map(Float.init(bitPattern:)))) } }
            if kind == 2 {
                guard let size = integer(bytes: 4), size > 0, count > 0 else { return nil }
                // Both are below 2³²: the product fits an Int, and four times it may not.
                let (total, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow, total <= bytes.count, let all = words(total) else { return nil }
                let floats = all.map(Float.init(bitPattern:))
                return (name, .multi(stride(from: 0, to: total, by: size).map { Array(floats[$0..<$0 + size]) }))
            }
            guard let indices = words(count), let values = words(count) else { return nil }
            let sparse = try? SparseVector(indices: indices, values: values.map(Float.init(bitPattern:)))
            return sparse.map { (name, .sparse($0)) }
        }

        private mutating func take(_ count: Int) -> Range<Int>? {
            guard bytes.count - place >= count else { return nil }
            defer { place += count }
            return place..<place + count
        }

        private mutating func integer(bytes count: Int) -> Int? {
            take(count).map { bytes[$0].reversed().reduce(0) { $0 << 8 | Int($1) } }
        }

        private mutating func words(_ count: Int) -> [UInt32]? {
            guard let range = take(count * 4) else { return nil }
            return unsafe bytes.withUnsafeBytes { bytes in
                (0..<count).map {
                    unsafe UInt32(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound + $0 * 4, as: UInt32.self))
                }
            }
        }
    }
}
