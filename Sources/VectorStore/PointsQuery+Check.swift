// Which queries make sense, whatever is stored.

extension PointsQuery {
    /// Refuses what makes no sense, whatever is stored.
    func check(_ configuration: CollectionConfiguration) throws(StoreError) {
        guard limit >= 0, offset >= 0 else { throw .badRequest("limit and offset must not be negative") }
        if rarity != nil, configuration.sparseVectors[using]?.idf != true {
            throw .badRequest("params.idf needs a sparse vector with the `idf` modifier, which `\(using)` is not")
        }
        switch ranking {
        case .nearest(.vector(let vector)): try configuration.check([using: vector])
        case nil where !prefetch.isEmpty:
            throw .badRequest(
                "A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
        case nil where scoreThreshold != nil:
            throw .badRequest(
                "A query is needed to use the score_threshold. Can't have score_threshold without defining a query.")
        case .order where scoreThreshold != nil:
            throw .badRequest("Can't use score_threshold with an order_by query.")
        case .reciprocalRankFusion where prefetch.isEmpty && !using.isEmpty,
            .distributionFusion where prefetch.isEmpty && !using.isEmpty:
            throw Self.fusionOfOneVector
        case .reciprocalRankFusion(let k, let weights):
            guard !prefetch.isEmpty else { throw .badRequest("cannot apply Fusion without prefetches") }
            guard k >= 1 else { throw .badRequest("rrf: k must be 1 or larger") }
            if let weights {
                guard weights.count == prefetch.count else {
                    throw .badRequest("rrf: there are \(weights.count) weights for \(prefetch.count) prefetches")
                }
                guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                    throw .badRequest("rrf: weights must not be negative")
                }
            }
        case .text(let wanted):
            guard !using.isEmpty else {
                throw .badRequest("A text query needs `using` to name the payload field it is ranked by")
            }
            guard wanted.k >= 0, 0...1 ~= wanted.b else {
                throw .invalid("query.text: k must be 0 or larger, b from 0 to 1")
            }
        case .distributionFusion where prefetch.isEmpty: throw .badRequest("cannot apply Fusion without prefetches")
        case .formula where prefetch.isEmpty: throw .badRequest("cannot apply Formula without prefetches")
        case .diverse(_, let diversity, let candidates):
            guard 0...1 ~= diversity else { throw .badRequest("mmr: diversity must be 0 to 1, not \(diversity)") }
            guard candidates ?? 1 >= 1 else { throw .badRequest("mmr: candidates_limit must be 1 or larger") }
        case .recommend(let positive, let negative, let strategy):
            if positive.isEmpty && (strategy == .averageVector || negative.isEmpty) {
                throw .badRequest(
                    strategy == .averageVector
                        ? "At least one positive vector ID required with this strategy"
                        : "At least one positive or negative vector ID required with this strategy")
            }
        default: break
        }
        for query in prefetch { try query.check(configuration) }
    }

    static let fusionOfOneVector = StoreError.badRequest(
        "Fusion queries cannot be combined with the 'using' field.")
}
