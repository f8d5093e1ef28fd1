// The vectors of a collection in memory: an immutable snapshot, so that searches need no lock and see no half of a write.

import Dispatch
import Foundation
import HNSW
import Synchronization

/// Vectors by slot, in segments that snapshots share: a write copies the segments it touches and no others.
struct VectorMatrix: Sendable {
    /// 1,024 rows of 384 floats are 1.5 MB: what a write of one point copies, in a fraction of a sync's time.
    static let rowsPerSegment = 1024

    private final class Segment: Sendable {
        /// [rowsPerSegment, dimension], row-major.
        let values: [Float]
        /// [rowsPerSegment]; the version of the point in each row, 0 for a free one.
        let versions: [UInt64]

        init(values: [Float], versions: [UInt64]) {
            self.values = values
            self.versions = versions
        }
    }

    /// What becomes of a slot.
    enum Change: Sendable {
        case store(version: UInt64, vector: [Float])
        case free
    }

    let dimension: Int
    /// nil where no point has been.
    private var segments: [Segment?] = []

    init(dimension: Int) { self.dimension = dimension }

    /// The matrix after these changes, by slot.
    func applying(_ changes: [Int: Change]) -> VectorMatrix {
        var result = self
        let rows = Self.rowsPerSegment
        for (number, group) in Dictionary(grouping: changes, by: { $0.key / rows }).sorted(by: { $0.key < $1.key }) {
            if result.segments.count <= number {
                result.segments += [Segment?](repeating: nil, count: number + 1 - result.segments.count)
            }
            var values = result.segments[number]?.values ?? [Float](repeating: 0, count: rows * dimension)
            var versions = result.segments[number]?.versions ?? [UInt64](repeating: 0, count: rows)
            for (slot, change) in group {
                let row = slot % rows
                switch change {
                case .store(let version, let vector):
                    versions[row] = version
                    values.replaceSubrange(row * dimension..<(row + 1) * dimension, with: vector)
                case .free:
                    versions[row] = 0
                }
            }
            result.segments[number] = Segment(values: values, versions: versions)
        }
        return result
    }

    /// The version of the point in a slot, 0 for none.
    func version(at slot: Int) -> UInt64 {
        let (number, row) = slot.quotientAndRemainder(dividingBy: Self.rowsPerSegment)
        return segments.indices.contains(number) ? segments[number]?.versions[row] ?? 0 : 0
    }

    /// The nearest occupied slots, nearest first; among `slots` only, when given. Blocks the calling thread and uses all
    /// cores when there is enough to do.
    func nearest(to query: [Float], distance: Distance, count: Int, among slots: Set<Int>?) -> [Neighbour] {
        let rows = Self.rowsPerSegment
        let groups = slots.map { Dictionary(grouping: $0, by: { $0 / rows }) }
        let best = Mutex(TopK(count, distance))
        // One segment takes a tenth of a millisecond: fewer than four are done sooner than threads are woken.
        let workers = segments.count < 4 ? 1 : min(ProcessInfo.processInfo.activeProcessorCount, segments.count)
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            var mine = TopK(count, distance)
            while true {
                let number = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard number < segments.count else { break }
                guard let segment = segments[number] else { continue }
                let values = segment.values
                if let groups {
                    let wanted = (groups[number] ?? []).filter { segment.versions[$0 % rows] != 0 }
                    ExactSearch.scan(
                        query.span, values.span, dimension: dimension, distance: distance,
                        firstRow: number * rows, rows: wanted, into: &mine
                    )
                } else {
                    ExactSearch.scan(
                        query.span, values.span, dimension: dimension, distance: distance,
                        firstRow: number * rows, into: &mine, where: { segment.versions[$0 % rows] != 0 }
                    )
                }
            }
            let found = mine.sorted()
            best.withLock { best in found.forEach { best.offer($0) } }
        }
        return best.withLock { $0.sorted() }
    }
}
