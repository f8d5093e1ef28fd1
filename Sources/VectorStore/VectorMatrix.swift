// Vectors in memory by row, for the rows that no graph has.

import Cores
import Dispatch
import HNSW
import Synchronization

/// Vectors by row, in segments that copies share: a change copies the segment it touches and no others.
struct VectorMatrix: Sendable {
    /// 256 rows of 384 floats are 393 KB: what a write of one point copies, in a fraction of a sync's time.
    static let rowsPerSegment = 256
    /// Rows that a segment begins with; from there it doubles. A collection of one point, as of one tenant among thousands, has no more.
    private static let leastRows = 8

    let dimension: Int
    /// [up to rowsPerSegment, dimension] each, row-major; empty where no row is stored.
    private var segments: [[Float]] = []

    init(dimension: Int) { self.dimension = dimension }

    mutating func store(_ vector: [Float], row: Int) {
        let (number, place) = row.quotientAndRemainder(dividingBy: Self.rowsPerSegment)
        if number >= segments.count {
            segments += Array(repeating: [], count: number + 1 - segments.count)
        }
        let count = segments[number].count
        if count < (place + 1) * dimension {
            var rows = max(Self.leastRows, count / dimension)
            while rows <= place { rows *= 2 }
            segments[number].reserveCapacity(rows * dimension)
            segments[number].append(contentsOf: repeatElement(0, count: rows * dimension - count))
        }
        segments[number].replaceSubrange(place * dimension..<(place + 1) * dimension, with: vector)
    }

    /// The vector of a row that was stored.
    func vector(row: Int) -> [Float] {
        let (number, place) = row.quotientAndRemainder(dividingBy: Self.rowsPerSegment)
        return Array(segments[number][place * dimension..<(place + 1) * dimension])
    }

    /// Gives back the memory of segments none of whose rows is in `rows`.
    mutating func keep(only rows: RowBits) {
        for number in segments.indices where !segments[number].isEmpty {
            if !rows.intersects(Self.rows(ofSegment: number)) { segments[number] = [] }
        }
    }

    /// Bytes of vectors in memory.
    var byteCount: Int { segments.reduce(0) { $0 + $1.count } * 4 }

    private static func rows(ofSegment number: Int) -> Range<Int> {
        number * rowsPerSegment..<(number + 1) * rowsPerSegment
    }

    /// Segments between two looks at the caller: two milliseconds of one core's work.
    private static let band = 64

    /// The nearest of `rows`, which are stored, nearest first. Blocks the calling thread and uses all cores when there is enough to do.
    ///
    /// - Parameter checkpoint: Called every few milliseconds; what it throws ends the search.
    func nearest(
        to query: [Float], distance: Distance, count: Int, among rows: RowBits, _ checkpoint: () throws -> Void = {}
    ) throws -> [Neighbour] {
        let numbers = segments.indices.filter { rows.intersects(Self.rows(ofSegment: $0)) }
        let best = Mutex(TopK(count, distance))
        for start in stride(from: 0, to: numbers.count, by: Self.band) {
            if start > 0 { try checkpoint() }
            scan(numbers[start..<min(start + Self.band, numbers.count)], query, distance, count, rows, best)
        }
        return best.withLock { $0.sorted() }
    }

    /// Offers the nearest `count` of some segments.
    private func scan(
        _ numbers: ArraySlice<Int>, _ query: [Float], _ distance: Distance, _ count: Int, _ rows: RowBits,
        _ best: borrowing Mutex<TopK>
    ) {
        let numbers = Array(numbers)
        // A segment takes 25 microseconds: fewer than sixteen are done sooner than threads are woken.
        let workers = numbers.count < 16 ? 1 : min(Cores.usable, numbers.count)
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            var mine = TopK(count, distance)
            while true {
                let place = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard place < numbers.count else { break }
                let values = segments[numbers[place]]
                ExactSearch.scan(
                    query.span, values.span, dimension: dimension, distance: distance,
                    firstRow: numbers[place] * Self.rowsPerSegment, into: &mine,
                    where: { rows.contains(UInt32(truncatingIfNeeded: $0)) }
                )
            }
            let found = mine.sorted()
            best.withLock { best in found.forEach { best.offer($0) } }
        }
    }
}
