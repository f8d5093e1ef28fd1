// The sparse vectors of a collection: an inverted index, searched exactly.

import Foundation
import HNSW

/// For each index the rows that have a value there, and the values.
struct SparseField: Sendable {
    var parameters: CollectionConfiguration.SparseVectorParameters
    private var postings = ShardedDictionary<UInt32, SortedEntries<Posting>>()
    private(set) var present = RowBits(capacity: 0)
    /// Values of all points together.
    private(set) var valuesCount = 0

    /// A value, in the order of rows.
    private struct Posting: Comparable, Sendable {
        var row: UInt32
        var value: Float
        static func < (lhs: Posting, rhs: Posting) -> Bool { lhs.row < rhs.row }
        static func == (lhs: Posting, rhs: Posting) -> Bool { lhs.row == rhs.row }
    }

    init(_ parameters: CollectionConfiguration.SparseVectorParameters) { self.parameters = parameters }

    mutating func insert(_ vector: SparseVector, row: UInt32) {
        present.insert(row)
        valuesCount += vector.indices.count
        for (index, value) in zip(vector.indices, vector.values) {
            postings.update(index, initial: SortedEntries()) { entries in
                entries.insert(Posting(row: row, value: value), row)
                return true
            }
        }
    }

    /// - Parameter vector: The one that was inserted.
    mutating func remove(_ vector: SparseVector, row: UInt32) {
        present.remove(row)
        valuesCount -= vector.indices.count
        for index in vector.indices {
            postings.update(index, initial: SortedEntries()) { entries in
                entries.remove(Posting(row: row, value: 0), row)
                return entries.count > 0
            }
        }
    }

    /// The rows with an index in common with `query` whose dot product with it is greatest.
    ///
    /// - Parameter countedAmong: The rows among which it is counted how rare an index is; nil for all.
    /// - Complexity: the values under the query's indices.
    func nearest(
        to query: SparseVector, count: Int, among rows: RowBits?, countedAmong counted: RowBits? = nil, capacity: Int
    ) -> [Neighbour] {
        var corpus = counted
        corpus?.formIntersection(present)
        let total = corpus?.count ?? present.count
        var scores = [Float](repeating: 0, count: capacity)
        var touched = RowBits(capacity: capacity)
        for (index, weight) in zip(query.indices, query.values) {
            guard let entries = postings[index] else { continue }
            var weight = weight
            if parameters.idf {
                var frequency = entries.count
                if let corpus {
                    frequency = 0
                    entries.forEach { if corpus.contains($0.row) { frequency += 1 } }
                }
                weight *= Float(Self.inverseFrequency(Double(frequency), of: Double(total)))
            }
            entries.forEach { entry in
                guard Int(entry.row) < capacity, rows?.contains(entry.row) ?? true else { return }
                scores[Int(entry.row)] += weight * entry.key.value
                touched.insert(entry.row)
            }
        }
        var best = TopK(count, .dot)
        touched.forEach { best.offer(Neighbour(row: Int($0), score: scores[Int($0)])) }
        return best.sorted()
    }

    /// ln(1 + (n - df + 0.5) / (df + 0.5)) of n vectors, df of which have the index: BM25's.
    static func inverseFrequency(_ df: Double, of n: Double) -> Double { log(1 + (n - df + 0.5) / (df + 0.5)) }
}
