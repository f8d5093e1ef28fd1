// Lists of hits made one.

/// What hybrid search merges its prefetches with.
enum Fusion {
    /// Σ w > 0 of 1 / ((rank + 1) / w + k - 1), ranks from 0.
    static func reciprocalRank(_ lists: [[Hit]], k: Int, weights: [Float]?) -> [Hit] {
        merged(
            lists.enumerated().map { list, hits in
                let weight = weights?[list] ?? 1
                return hits.enumerated().map { rank, hit in
                    let score = weight <= 0 ? 0 : 1 / (Float(rank + 1) / weight + Float(k) - 1)
                    return Hit(row: hit.row, score: score)
                }
            })
    }

    /// Σ of the scores, each list's brought to 0…1 between mean - 3σ and mean + 3σ.
    static func distribution(_ lists: [[Hit]]) -> [Hit] { merged(lists.map(normalised)) }

    /// Scores of the same row added, greatest first; equals in the order in which they were met.
    static func merged(_ lists: [[Hit]]) -> [Hit] {
        var places: [UInt32: Int] = [:]
        var sums: [Hit] = []
        for hit in lists.joined() {
            if let place = places[hit.row] {
                sums[place].score += hit.score
            } else {
                places[hit.row] = sums.count
                sums.append(hit)
            }
        }
        return sums.enumerated().sorted { a, b in
            a.element.score != b.element.score ? a.element.score > b.element.score : a.offset < b.offset
        }.map(\.element)
    }

    /// (score - (mean - 3σ)) / 6σ; 0.5 where all are equal.
    private static func normalised(_ hits: [Hit]) -> [Hit] {
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
