// Lists of hits made one.

/// What hybrid search makes of the hits of one prefetch before it adds them to those of the others.
enum Fusion {
    /// w > 0 of 1 / ((rank + 1) / w + k - 1), ranks from 0.
    static func reciprocalRanks(_ hits: [Hit], k: Int, weight: Float) -> [Hit] {
        hits.enumerated().map { rank, hit in
            let score = weight <= 0 ? 0 : 1 / (Float(rank + 1) / weight + Float(k) - 1)
            return Hit(row: hit.row, score: score)
        }
    }

    /// (score - (mean - 3σ)) / 6σ, which is 0…1 between mean - 3σ and mean + 3σ; 0.5 where all are equal.
    static func normalised(_ hits: [Hit]) -> [Hit] {
        let mean = hits.reduce(0) { $0 + $1.score } / Float(max(1, hits.count))
        let variance = hits.reduce(0) { $0 + ($1.score - mean) * ($1.score - mean) } / Float(max(1, hits.count - 1))
        let deviation = variance.squareRoot()
        return hits.map { hit in
            Hit(
                row: hit.row,
                score: deviation == 0 ? 0.5 : (hit.score - (mean - 3 * deviation)) / (6 * deviation))
        }
    }
}

/// Hits of one list after the other, each row once with the sum of its scores.
struct FusedHits {
    private var places: [UInt32: Int] = [:]
    private var sums: [Hit] = []

    mutating func add(_ hits: [Hit]) {
        for hit in hits {
            if let place = places[hit.row] {
                sums[place].score += hit.score
            } else {
                places[hit.row] = sums.count
                sums.append(hit)
            }
        }
    }

    /// Greatest first; equals in the order in which they were met.
    func sorted() -> [Hit] {
        sums.enumerated().sorted { a, b in
            a.element.score != b.element.score ? a.element.score > b.element.score : a.offset < b.offset
        }.map(\.element)
    }
}
