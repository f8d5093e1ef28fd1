// BM25 (Robertson and Zaragoza 2009) in its two forms: as sparse vectors made of texts, and over a text index.

import HNSW

/// Makes sparse vectors of texts, as Qdrant's model `qdrant/bm25` does: with the `idf` of a sparse vector their dot product is BM25.
///
///     document: index(t) = tf · (k + 1) / (tf + k · (1 - b + b · length / averageLength))
///     query:    index(t) = 1
public struct BM25: Sendable {
    /// How soon more of a word stops to count.
    public var k = 1.2
    /// How much long documents are held back: 0 (not) to 1.
    public var b = 0.75
    /// Of documents, in words: what their lengths are compared with.
    public var averageLength = 256.0
    private let tokenizer: TextTokenizer

    public init(_ parameters: TextIndexParameters) { tokenizer = TextTokenizer(parameters: parameters) }

    /// - Throws: `.badRequest` when `k`, `b` and `averageLength` make numbers that are not finite.
    public func document(_ text: String) throws(StoreError) -> SparseVector {
        let words = tokenizer.tokens(ofQuery: text)
        var counts: [UInt32: Int] = [:]
        for word in words { counts[Self.index(of: word), default: 0] += 1 }
        let norm = k * (1 - b + b * Double(words.count) / averageLength)
        return try Self.vector(counts.mapValues { Float(Double($0) * (k + 1) / (Double($0) + norm)) })
    }

    public func query(_ text: String) throws(StoreError) -> SparseVector {
        try Self.vector(
            Dictionary(tokenizer.tokens(ofQuery: text).map { (Self.index(of: $0), 1) }) { first, _ in first })
    }

    private static func vector(_ values: [UInt32: Float]) throws(StoreError) -> SparseVector {
        try SparseVector(indices: Array(values.keys), values: Array(values.values))
    }

    /// The magnitude of the word's hash: MurmurHash3 (Appleby 2011), 32 bits, seed 0, taken as a signed number.
    static func index(of word: String) -> UInt32 {
        let bytes = Array(word.utf8)
        func mixed(_ block: UInt32) -> UInt32 {
            let product = block &* 0xCC9E_2D51
            return (product << 15 | product >> 17) &* 0x1B87_3593
        }
        func block(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
        var hash: UInt32 = 0
        var place = 0
        while place + 4 <= bytes.count {
            hash ^= mixed(block(bytes[place..<place + 4]))
            hash = (hash << 13 | hash >> 19) &* 5 &+ 0xE654_6B64
            place += 4
        }
        if place < bytes.count { hash ^= mixed(block(bytes[place...])) }
        hash ^= UInt32(truncatingIfNeeded: bytes.count)
        hash = (hash ^ hash >> 16) &* 0x85EB_CA6B
        hash = (hash ^ hash >> 13) &* 0xC2B2_AE35
        hash ^= hash >> 16
        return Int32(bitPattern: hash).magnitude
    }
}

/// A text that points are ranked by: those with a word of it in the field that `PointsQuery.using` names, whose text index must be scored.
public struct TextQuery: Sendable, Equatable {
    public var text: String
    /// As in `BM25`.
    public var k: Double
    public var b: Double

    public init(_ text: String, k: Double = 1.2, b: Double = 0.75) {
        self.text = text
        self.k = k
        self.b = b
    }
}

extension QueryEvaluation {
    /// Every candidate with a word of the text, best first.
    ///
    ///     score = Σ over the text's words of idf(t) · tf · (k + 1) / (tf + k · (1 - b + b · length / average length))
    ///
    /// Lengths, and how rare a word is, are of all points with a text there, whatever the filter.
    ///
    /// - Complexity: candidates with one of the words are read.
    func ranked(by wanted: TextQuery, _ query: PointsQuery, _ rows: RowBits?) throws -> [Hit] {
        let field = try PayloadPath(query.using)
        guard let index = state.index(on: field), let tokenizer = index.tokenizer else {
            throw StoreError.badRequest(
                "A text query needs a text index on the field of `using`, `\(field)`, which has none")
        }
        guard tokenizer.parameters.isScored else {
            throw StoreError.badRequest(
                "The text index on `\(field)` does not score: create it with `\"scoring\": true`")
        }
        try index.checkStemmer()
        let count = Double(index.indexed.count)
        let averageLength = max(1, Double(index.tokensCount) / max(1, count))
        var rarity: [String: Double] = [:]
        var candidates = RowBits(capacity: state.capacity)
        for word in Set(tokenizer.tokens(ofQuery: wanted.text)) {
            let having = index.rows(withToken: word, capacity: state.capacity)
            let frequency = Double(having.count)
            rarity[word] = SparseField.inverseFrequency(frequency, of: count)
            candidates.formUnion(having)
        }
        if let rows { candidates.formIntersection(rows) }
        return try candidates.list.map { row in
            guard let stored = try store.fetch(state.point(row), .all, .none, db) else {
                throw StoreError.damaged(path: store.path, reason: "the point in row \(row) is gone")
            }
            let payload = JSONValue.object(try EmbeddedStore.payload(stored, path: store.path))
            var length = 0
            var counts: [String: Double] = [:]
            for text in field.elements(in: payload).compactMap(\.string) {
                tokenizer.forEachToken(ofDocument: text) { word in
                    length += 1
                    if rarity[word] != nil { counts[word, default: 0] += 1 }
                    return true
                }
            }
            let norm = wanted.k * (1 - wanted.b + wanted.b * Double(length) / averageLength)
            // In one order, so that equal points have equal scores.
            let score = rarity.keys.sorted().reduce(0.0) { sum, word in
                guard let count = counts[word], let rarity = rarity[word] else { return sum }
                return sum + rarity * count * (wanted.k + 1) / (count + norm)
            }
            return Hit(row: row, score: Float(score))
        }.sorted { ($1.score, $0.row) < ($0.score, $1.row) }
    }
}
