// Qdrant's universal query: what points are ranked by, over which of them. QueryEvaluation.swift answers it.

/// A query, possibly over what others found.
///
///     let words = PointsQuery(.nearest(.vector(.sparse(terms))), using: "words", limit: 50)
///     let meaning = PointsQuery(.nearest(.vector(.dense(embedding))), using: "meaning", limit: 50)
///     let hybrid = PointsQuery(.reciprocalRankFusion(), prefetch: [words, meaning], limit: 10)
public struct PointsQuery: Sendable, Equatable {
    /// nil lists points in the order of ids, with a score of 1.
    public var ranking: Ranking?
    /// The candidates of `ranking`; none means all points. Of these queries offsets and selections have no meaning.
    public var prefetch: [PointsQuery]
    /// The name of the vector that is compared.
    public var using: String
    /// Holds for all prefetches, too.
    public var filter: Filter?
    /// Only points strictly nearer than this.
    public var scoreThreshold: Float?
    public var limit: Int
    public var offset: Int
    /// Compares every vector, whatever there is of graphs.
    public var isExact = false
    /// Nodes a graph's search keeps in view, at least `offset + limit`: more is slower and finds more.
    public var ef: Int?
    /// Among which points it is counted how rare an index of a sparse vector is; nil for all.
    public var rarity: Rarity?
    /// Where the vectors of ids are looked up; nil for this collection and `using`.
    public var lookup: VectorLookup?
    public var withPayload: PayloadSelection
    public var withVectors: VectorSelection

    public init(
        _ ranking: Ranking?, prefetch: [PointsQuery] = [], using: String = "", filter: Filter? = nil,
        scoreThreshold: Float? = nil, limit: Int = 10, offset: Int = 0, withPayload: PayloadSelection = .all,
        withVectors: VectorSelection = .none
    ) {
        self.ranking = ranking
        self.prefetch = prefetch
        self.using = using
        self.filter = filter
        self.scoreThreshold = scoreThreshold
        self.limit = limit
        self.offset = offset
        self.withPayload = withPayload
        self.withVectors = withVectors
    }

    /// The points nearest to a vector by the unnamed one.
    public init(
        vector: [Float], filter: Filter? = nil, limit: Int = 10, offset: Int = 0, scoreThreshold: Float? = nil,
        withPayload: PayloadSelection = .all, withVectors: VectorSelection = .none
    ) {
        self.init(
            .nearest(.vector(.dense(vector))), filter: filter, scoreThreshold: scoreThreshold, limit: limit,
            offset: offset,
            withPayload: withPayload, withVectors: withVectors)
    }
}

/// The points among which it is counted how rare an index is, for sparse vectors with `idf`: Qdrant's `params.idf`.
public enum Rarity: Sendable, Equatable {
    case everywhere
    /// Among those that pass, whatever else the query asks of points: one tenant's.
    case among(Filter)
}

/// Another collection whose points are examples here.
public struct VectorLookup: Sendable, Equatable {
    public var collection: String
    /// nil for the name the query uses.
    public var vector: String?

    public init(collection: String, vector: String? = nil) {
        self.collection = collection
        self.vector = vector
    }
}

/// An example: a vector, or the id of the point that has it. Points named by id are not among the results.
public enum VectorInput: Sendable, Equatable {
    case vector(Vector)
    case id(PointID)
}

/// What points are ranked by.
public enum Ranking: Sendable, Equatable {
    case nearest(VectorInput)
    /// Maximal marginal relevance (Carbonell and Goldstein 1998) over the nearest `candidates`: with diversity 0 the order is that
    /// of relevance, with 1 each next point is the one least like those before. The score is the relevance.
    case diverse(VectorInput, diversity: Float, candidates: Int?)
    case recommend(positive: [VectorInput], negative: [VectorInput], RecommendStrategy)
    /// How many pairs a point is on the right side of, then how near the target.
    case discover(target: VectorInput, [ContextPair])
    /// How little a point is on the wrong side of pairs: 0 at best.
    case context([ContextPair])
    /// Relevance feedback: a · likeness to the target + Σ over pairs of items, the first rated higher by d, of
    /// d^b · c · (likeness to the first - likeness to the second). Qdrant's "naive" strategy.
    case feedback(target: VectorInput, [FeedbackItem], FeedbackCoefficients)
    /// Σ 1 / (rank + k) over the prefetches, ranks from 0 (Cormack, Clarke and Büttcher 2009, with Qdrant's k); a weight w makes it
    /// 1 / ((rank + 1) / w + k - 1).
    case reciprocalRankFusion(k: Int = 2, weights: [Float]? = nil)
    /// Σ of the prefetches' scores, each brought to 0…1 between mean - 3σ and mean + 3σ.
    case distributionFusion
    /// By an indexed field's values from one on, a number or a point in time; a point comes once for each.
    case order(PayloadPath, descending: Bool = false, from: JSONValue? = nil)
    case random
    /// By the words of a payload's field, which `using` names.
    case text(TextQuery)
    /// By a formula over the prefetches' scores and payloads.
    case formula(Formula, FormulaDefaults)
}

extension Ranking {
    /// The points that are examples; nil for none.
    var examples: [PointID]? {
        func ids(_ inputs: [VectorInput]) -> [PointID]? {
            let ids = inputs.compactMap { input in if case .id(let id) = input { id } else { nil } }
            return ids.isEmpty ? nil : ids
        }
        func pairs(_ pairs: [ContextPair]) -> [VectorInput] { pairs.flatMap { [$0.positive, $0.negative] } }
        return switch self {
        case .nearest(let input), .diverse(let input, _, _): ids([input])
        case .recommend(let positive, let negative, _): ids(positive + negative)
        case .discover(let target, let context): ids([target] + pairs(context))
        case .context(let context): ids(pairs(context))
        case .feedback(let target, let items, _): ids([target] + items.map(\.example))
        case .reciprocalRankFusion, .distributionFusion, .order, .random, .text, .formula: nil
        }
    }
}

public enum RecommendStrategy: String, Sendable {
    /// Nearest to 2 · mean(positive) - mean(negative).
    case averageVector = "average_vector"
    /// The best likeness to a positive, or minus that to a negative when it is better.
    case bestScore = "best_score"
    /// Σ likeness to positives - Σ likeness to negatives.
    case sumScores = "sum_scores"
}

/// An example and how good someone found it.
public struct FeedbackItem: Sendable, Equatable {
    public var example: VectorInput
    public var score: Float

    public init(example: VectorInput, score: Float) {
        self.example = example
        self.score = score
    }
}

public struct FeedbackCoefficients: Sendable, Equatable {
    public var a: Float
    public var b: Float
    public var c: Float

    public init(a: Float, b: Float, c: Float) {
        self.a = a
        self.b = b
        self.c = c
    }
}

public struct ContextPair: Sendable, Equatable {
    public var positive: VectorInput
    public var negative: VectorInput

    public init(positive: VectorInput, negative: VectorInput) {
        self.positive = positive
        self.negative = negative
    }
}
