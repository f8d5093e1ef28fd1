// What the tokenizer makes of a text.

/// A text as token ids, and where in the text each of them comes from.
public struct Tokenization: Sendable, Equatable {
    /// `[CLS] … [SEP]`: [count].
    public let ids: [Int32]
    /// The UTF-8 range of each token in the source text: [count]. `[CLS]` is empty at 0, `[SEP]` empty behind the last
    /// token.
    ///
    /// Ranges ascend and never end inside a scalar; the pieces of one scalar, such as a Hangul syllable's, share its range.
    /// They include what the normaliser removed inside a word (an accent, a soft hyphen) and nothing of what it removed
    /// around one. They equal Hugging Face's `offset_mapping` but for `[UNK]` words in which decomposition puts combining
    /// marks in another order: these have the range of the word here, there one that moved with the marks.
    public let offsets: [Range<Int>]
    /// How many ids there would be had nothing been cut.
    public let untruncatedCount: Int

    /// Whether tokens were cut to stay within the limit asked for.
    public var isTruncated: Bool { ids.count < untruncatedCount }

    /// Ids of your own for `SentenceEncoder.encode(tokenized:)`, which reads them as they are: another tokenizer's of the same
    /// vocabulary, say. They come from no text: their ranges are empty at 0, and nothing was cut.
    ///
    /// Any ids are taken here. `encode(tokenized:)` throws `EncodingError.noTokens` for none, `.tooManyTokens` for more than
    /// `maxTokens`, and `.unknownToken` for one that is no row of the model's embeddings.
    ///
    /// - Parameter ids: `[CLS] … [SEP]`, those two included: [count].
    public init(ids: [Int32]) {
        self.init(ids: ids, offsets: Array(repeating: 0..<0, count: ids.count), untruncatedCount: ids.count)
    }

    init(ids: [Int32], offsets: [Range<Int>], untruncatedCount: Int) {
        self.ids = ids
        self.offsets = offsets
        self.untruncatedCount = untruncatedCount
    }
}
