// The paper's Algorithm 4: which of the candidates become neighbours.

extension SearchContext {
    /// Leaves in `chosen` up to `limit` of the candidates, nearest first in and out: each nearer to the base than to every one chosen
    /// before it. Returns how many.
    ///
    /// - Parameters:
    ///   - keepPruned: Whether the nearest of those refused follow, until there are `limit`.
    ///   - keeping: How many candidates at the start of `chosen` are kept whatever they are.
    mutating func choose(
        _ graph: Graph, from candidates: FlatBuffer<Candidate>, count: Int, limit: Int, keepPruned: Bool,
        keeping kept: Int = 0
    ) -> Int {
        var chosenCount = kept
        for i in 0..<count {
            if chosenCount == limit { break }
            let candidate = candidates[i]
            let probe = graph.probe(candidate.node, into: candidateCode)
            let bound = candidate.distance
            var isDiverse = true
            for j in 0..<chosenCount where graph.distance(probe, chosen[j].node) < bound {
                isDiverse = false
                break
            }
            if isDiverse {
                chosen[chosenCount] = candidate
                chosenCount += 1
            }
        }
        if keepPruned && chosenCount < limit {
            for i in 0..<count {
                if chosenCount == limit { break }
                var isChosen = false
                for j in 0..<chosenCount where chosen[j].node == candidates[i].node { isChosen = true }
                if !isChosen {
                    chosen[chosenCount] = candidates[i]
                    chosenCount += 1
                }
            }
        }
        return chosenCount
    }
}
