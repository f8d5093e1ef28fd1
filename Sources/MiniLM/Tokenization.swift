// What the tokenizer makes of a text.

/// A text as token ids, and where in the text each of them comes from.
public struct Tokenization: Sendable, Equatable {
    /// `[CLS] … [SEP]`: [count].
    public var ids: [Int32]
    /// The UTF-8 range of each token in the source text: [count]. `[CLS]` is empty at 0, `[SEP]` empty behind the last
    /// token.
    ///
    /// Ranges ascend and never end inside a scalar; the pieces of one scalar, such as a Hangul syllable's, share its range.
    /// They include what the normaliser removed inside a word (an accent, a soft hyphen) and nothing of what it removed
    /// around one. They equal Hugging Face's `offset_mapping` but for `[UNK]` words in which decomposition puts combining
    /// marks in another order: these have the range of the word here, there one that moved with the marks.
    public var offsets: [Range<Int>]
    /// How many ids there would be had nothing been cut.
    public var untruncatedCount: Int

    /// Whether tokens were cut to stay within the limit asked for.
    public var isTruncated: Bool { ids.count < untruncatedCount }
}
