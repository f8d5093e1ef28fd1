// What every answer tells of a point, in memory: its id and its version.

/// Ids and versions by row, in segments that copies share: a change copies the segment it touches and no others.
struct PointHeads: Sendable {
    struct Head: Sendable, Equatable {
        var id: PointID
        /// The number of the operation that wrote the point last.
        var version: Int64
    }

    /// 256 heads of 32 bytes are 8 KB.
    private static let rowsPerSegment = 256
    /// [rowsPerSegment] each; empty where no row was set.
    private var segments: [[Head]] = []

    /// The head of a row; of one that has no point, whatever was there last.
    subscript(row: UInt32) -> Head? {
        let (number, place) = Int(row).quotientAndRemainder(dividingBy: Self.rowsPerSegment)
        guard number < segments.count, place < segments[number].count else { return nil }
        return segments[number][place]
    }

    mutating func set(_ head: Head, row: UInt32) {
        let (number, place) = Int(row).quotientAndRemainder(dividingBy: Self.rowsPerSegment)
        if number >= segments.count { segments += Array(repeating: [], count: number + 1 - segments.count) }
        if segments[number].isEmpty {
            segments[number] = Array(repeating: Head(id: .number(0), version: 0), count: Self.rowsPerSegment)
        }
        segments[number][place] = head
    }

    mutating func set(version: Int64, row: UInt32) {
        guard var head = self[row] else { return }
        head.version = version
        set(head, row: row)
    }
}
