// What encoding gives.

/// One vector a text, in the order of the texts.
public struct Embeddings: Sendable {
    /// Floats a vector: the model's hidden size.
    public let dimension: Int
    /// The vectors, row-major: [count, dimension]. Each has length 1 if the model normalises, as all-MiniLM-L6-v2 does.
    public let values: [Float]
    /// How many tokens of each text the model read, `[CLS]` and `[SEP]` included: [count].
    public let tokenCounts: [Int]
    /// How many tokens of each text were cut because the model reads no more than `SentenceEncoder.maxTokens`: [count].
    public let truncatedTokens: [Int]

    /// Texts.
    public var count: Int { tokenCounts.count }

    /// `values` is [tokenCounts.count, dimension].
    public init(dimension: Int, values: [Float], tokenCounts: [Int], truncatedTokens: [Int]) {
        precondition(values.count == tokenCounts.count * dimension && truncatedTokens.count == tokenCounts.count)
        self.dimension = dimension
        self.values = values
        self.tokenCounts = tokenCounts
        self.truncatedTokens = truncatedTokens
    }

    /// The vector of one text: [dimension].
    public subscript(row: Int) -> ArraySlice<Float> {
        precondition(row >= 0 && row < count, "row \(row) of \(count) embeddings")
        return values[row * dimension..<(row + 1) * dimension]
    }
}

/// How much of each text the model read.
public struct TokenCounts: Sendable, Equatable {
    /// Tokens read of each text, `[CLS]` and `[SEP]` included.
    public private(set) var read: [Int] = []
    /// Tokens of each text that were cut because the model reads no more than `SentenceEncoder.maxTokens`.
    public private(set) var truncated: [Int] = []

    init(capacity: Int) {
        read.reserveCapacity(capacity)
        truncated.reserveCapacity(capacity)
    }

    mutating func append(read: Int, truncated: Int) {
        self.read.append(read)
        self.truncated.append(truncated)
    }
}
