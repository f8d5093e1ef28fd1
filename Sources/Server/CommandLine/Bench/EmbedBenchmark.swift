// The measurements of `minilm bench embed`.

import Foundation
import MiniLM

/// Measures one encoder.
struct EmbedBenchmark {
    let encoder: SentenceEncoder
    let rounds: Int

    /// Tokens a second over `rounds` rounds, each between two measurements of the machine's peaks, and where the time goes.
    func throughput(_ texts: [String], name: String) throws -> SetResult {
        let counts = try encoder.encode(texts).tokenCounts
        let operations = encoder.operations(lengths: counts).values.reduce(0, +)
        var result = SetResult(name: name, texts: texts.count, tokens: counts.reduce(0, +), operations: operations)
        var before = peaks()
        for _ in 0..<rounds {
            let begin = ContinuousClock.now
            _ = try encoder.encode(texts)
            let seconds = begin.duration(to: .now).inSeconds
            let after = peaks()
            // Others' work only lowers a peak: the higher one is nearer to what the machine could do meanwhile.
            result.rounds.append(
                SetResult.Round(
                    seconds: seconds, sgemm: max(before.sgemm, after.sgemm),
                    multiplyAdd: max(before.multiplyAdd, after.multiplyAdd)))
            before = after
        }
        result.profile = encoder.profile(texts)
        result.tokenizerBytesPerSecond = tokenizing(texts)
        return result
    }

    /// The machine's peaks at this moment, all threads together.
    private func peaks() -> (sgemm: Double, multiplyAdd: Double) {
        (Ceilings.sgemm(threads: encoder.threads), Ceilings.multiplyAdd(threads: encoder.threads))
    }

    /// Bytes of text that one thread tokenises in a second: the median of eleven passes.
    private func tokenizing(_ texts: [String]) -> Double {
        let bytes = texts.reduce(0) { $0 + $1.utf8.count }
        let rates = (0..<11).map { _ in
            let begin = ContinuousClock.now
            for text in texts { _ = encoder.tokenizer.tokenize(text, maxTokens: encoder.maxTokens) }
            return Double(bytes) / begin.duration(to: .now).inSeconds
        }
        return rates.median
    }

    /// The time of single calls with one text of so many tokens, tokenisation included.
    func latency(tokens: Int) throws -> LatencyResult {
        let text = text(tokens: tokens)
        let calls = tokens < 64 ? 600 : 150
        for _ in 0..<calls / 10 { _ = try encoder.encode([text]) }
        let times = try (0..<calls).map { _ in
            let begin = ContinuousClock.now
            _ = try encoder.encode([text])
            return begin.duration(to: .now).inSeconds
        }
        return LatencyResult(tokens: tokens, seconds: times.sorted())
    }

    /// How fast the weights can be read, which every text needs once at least.
    func streaming() -> StreamingResult {
        StreamingResult(
            bytes: encoder.weightBytes, perSecondAlone: Ceilings.read(encoder, threads: 1),
            perSecond: Ceilings.read(encoder, threads: encoder.threads))
    }

    /// A text of exactly so many tokens, at least 2 for [CLS] and [SEP]: of those of these words that are one token each.
    func text(tokens: Int) -> String {
        let known = [
            "the", "lamp", "is", "lit", "in", "old", "tower", "by", "night", "and", "day", "for", "ships", "at", "sea",
        ].filter { encoder.tokenizer.countTokens($0) == 1 }
        // Punctuation is one token in any vocabulary, if only [UNK].
        let words = known.isEmpty ? ["."] : known
        return (0..<tokens - 2).map { words[$0 % words.count] }.joined(separator: " ")
    }
}

/// What a set of texts took.
struct SetResult {
    struct Round {
        let seconds: Double
        /// The higher of the peaks measured just before and just after, all threads together, in operations a second.
        let sgemm: Double
        let multiplyAdd: Double
    }

    let name: String
    let texts: Int
    /// Real tokens, [CLS] and [SEP] included.
    let tokens: Int
    /// Of matrix products and attention; a multiply-add is two.
    let operations: Double
    var rounds: [Round] = []
    var profile: EncodingProfile?
    /// Of one thread.
    var tokenizerBytesPerSecond = 0.0

    var tokensPerSecond: [Double] { rounds.map { Double(tokens) / $0.seconds } }
    var textsPerSecond: [Double] { rounds.map { Double(texts) / $0.seconds } }
    var operationsPerSecond: [Double] { rounds.map { operations / $0.seconds } }
    var shareOfSGEMM: [Double] { rounds.map { operations / $0.seconds / $0.sgemm } }
    /// Whether OpenBLAS is so far from what registers reach that its kernels cannot be for this processor: those that are reach
    /// two thirds and more, those for SSE a quarter of AVX2's rate and less.
    var isSGEMMSlow: Bool { rounds.map { $0.sgemm / $0.multiplyAdd }.median < 0.5 }
    var shareOfMultiplyAdd: [Double] { rounds.map { operations / $0.seconds / $0.multiplyAdd } }
}

/// How long single calls took, in order.
struct LatencyResult {
    let tokens: Int
    let seconds: [Double]

    func quantile(_ share: Double) -> Double { seconds[Int(Double(seconds.count - 1) * share)] }
}

/// Reading the weights of the layers and doing nothing with them: the least that one text takes.
struct StreamingResult {
    let bytes: Int
    /// Bytes a second of one thread, and of all together.
    let perSecondAlone: Double
    let perSecond: Double

    var floorSeconds: Double { Double(bytes) / perSecond }
}

extension [Double] {
    /// The middle value; of two, the upper.
    var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}
