// The public interface: what callers may rely on beside the vectors.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import MiniLM

@Suite struct SentenceEncoderTests {
    let encoder: SentenceEncoder
    init() throws { encoder = try Weights.encoder.get() }

    @Test(arguments: Engine.all) func `no texts give no vectors`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let embeddings = try encoder.encode([])
        #expect(embeddings.count == 0 && embeddings.values.isEmpty && embeddings.dimension == 384)
        #expect(try encoder.encode(tokenized: []).count == 0)
    }

    @Test func `the empty text has the vector of its two special tokens`() throws {
        let embeddings = try encoder.encode([""])
        #expect(embeddings.tokenCounts == [2])
        let goldens = try EncoderGoldens()
        #expect(goldens.texts[0].isEmpty)
        #expect(largestDifference(embeddings[0], goldens.vectors.values.prefix(384)) <= 2e-6)
    }

    @Test func `what was cut is told`() throws {
        let text = Array(repeating: "word", count: 300).joined(separator: " ")
        let embeddings = try encoder.encode(["short", text])
        #expect(embeddings.tokenCounts == [3, 256])
        #expect(embeddings.truncatedTokens == [0, 302 - 256])
    }

    @Test(arguments: Engine.all) func `tokenised texts have the vectors of their texts`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let texts = ["One.", "", "Duas palavras."]
        let tokenized = texts.map { encoder.tokenizer.tokenize($0) }
        #expect(try encoder.encode(tokenized: tokenized).values == encoder.encode(texts).values)
    }

    @Test func `ids of one's own have the vectors of the text that has them`() throws {
        let own = [Tokenization(ids: [101, 2028, 1012, 102]), Tokenization(ids: [101, 102])]
        let embeddings = try encoder.encode(tokenized: own)
        #expect(try embeddings.values == encoder.encode(["One.", ""]).values)
        #expect(embeddings.tokenCounts == [4, 2] && embeddings.truncatedTokens == [0, 0])
        #expect(own[0].offsets == Array(repeating: 0..<0, count: 4) && !own[0].isTruncated)
    }

    @Test func `ids that are no tokens of the model are refused`() throws {
        func encode(_ ids: [Int32]) throws(EncodingError) {
            let good = encoder.tokenizer.tokenize("good")
            _ = try encoder.encode(tokenized: [good, Tokenization(ids: ids)])
        }
        #expect(throws: EncodingError.noTokens(text: 1)) { try encode([]) }
        #expect(throws: EncodingError.unknownToken(text: 1, id: 30522, vocabularySize: 30522)) {
            try encode([101, 30522])
        }
        #expect(throws: EncodingError.unknownToken(text: 1, id: -1, vocabularySize: 30522)) { try encode([-1]) }
        #expect(throws: EncodingError.tooManyTokens(text: 1, count: 257, limit: 256)) {
            try encode([Int32](repeating: 101, count: 257))
        }
    }

    /// One slice, and several; each row's neighbours are others' in the order in which they are computed.
    @Test(arguments: Engine.all, [3, 60])
    func `vectors go where the caller wants them`(engine: Engine, count: Int) throws {
        let encoder = try engine.encoder()
        let texts = (0..<count).map { "Number \($0)\(String(repeating: ", or two", count: $0 * 7 % 11))." }
        var vectors = [Float](repeating: .nan, count: count * 384)
        var span = vectors.mutableSpan
        let counts = try encoder.encode(texts, into: &span)
        for (row, text) in texts.enumerated() {
            let alone = try encoder.encode([text])
            #expect(largestDifference(vectors[row * 384..<(row + 1) * 384], alone.values) <= engine.tolerance)
            #expect(counts.read[row] == alone.tokenCounts[0] && counts.truncated[row] == 0)
        }
    }

    @Test(arguments: [0, 383, 385])
    func `a buffer of another size is refused`(floats: Int) throws {
        var vectors = [Float](repeating: 0, count: floats)
        var span = vectors.mutableSpan
        #expect(throws: EncodingError.wrongBufferSize(floats: floats, needed: 384)) {
            _ = try encoder.encode(["one"], into: &span)
        }
    }

    @Test func `texts are cut by number and by bytes`() {
        let texts = [10, 10, 30, 5, 5, 5, 5, 40, 1].map { String(repeating: "a", count: $0) }
        let whole = SentenceEncoder.ranges(of: texts[...], atMost: 3, bytes: 20)
        #expect(whole == [0..<2, 2..<3, 3..<6, 6..<7, 7..<8, 8..<9])
        let rest = SentenceEncoder.ranges(of: texts[4...], atMost: 2, bytes: 20)
        #expect(rest == [4..<6, 6..<7, 7..<8, 8..<9])
        #expect(SentenceEncoder.ranges(of: [], atMost: 3, bytes: 20).isEmpty)
    }

    @Test(arguments: [0, -3, Int.min])
    func `fewer threads than one are one`(threads: Int) throws {
        let encoder = try SentenceEncoder(modelDirectory: Weights.directory, threads: threads)
        #expect(encoder.threads == 1)
        #expect(try encoder.encode(["one"]).count == 1)
    }

    /// A slice has a band for every 32 tokens, and 384 columns are six panels of 64 where registers are widest.
    @Test func `no more threads share a slice than have work in it`() throws {
        let panels = 384 / TileShape.native.columns
        #expect(encoder.mostMembers(tokens: 2) == panels)
        #expect(encoder.mostMembers(tokens: 256) == max(panels, 8))
        let blas = try Weights.blasEncoder.get()
        #expect(blas.mostMembers(tokens: 2) == 1)
        #expect(blas.mostMembers(tokens: 64) == 2)
    }

    /// 4096 texts are the first that are encoded; how often is told in between is the system's to decide.
    @Test(arguments: Engine.all) func `progress grows to the number of texts`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let texts = (0..<4200).map { "text \($0)" }
        var seen: [Int] = []
        _ = try encoder.encode(texts) { seen.append($0) }
        #expect(seen.last == texts.count && seen.contains(4096))
        #expect(zip(seen, seen.dropFirst()).allSatisfy(<))
    }

    @Test(arguments: Engine.all) func `concurrent callers get their own vectors`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let texts = (0..<12).map { caller in (0..<40).map { "caller \(caller) text \($0) of its own" } }
        let expected = try texts.map { try encoder.encode($0).values }
        let results = Mutex([Int: Result<[Float], any Error>]())
        onThreads(texts.count) { caller in
            let values = Result { try encoder.encode(texts[caller]).values }
            results.withLock { $0[caller] = values }
        }
        for caller in texts.indices {
            let values = try #require(results.withLock { $0[caller] }).get()
            #expect(largestDifference(values, expected[caller]) <= engine.tolerance)
        }
    }

    /// A worker takes tasks from callers in turn: a short call behind a long one is done while the long one goes on.
    @Test(arguments: Engine.all) func `a short call does not wait for a long one`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let started = DispatchSemaphore(value: 0)
        let longDone = DispatchSemaphore(value: 0)
        let isLongDone = Mutex(false)
        Thread.detachNewThread {
            let texts = (0..<60).map { "number \($0) " + String(repeating: "of many words ", count: 60) }
            _ = Result {
                try encoder.encode(texts) { _ in started.signal() }
            }
            isLongDone.withLock { $0 = true }
            longDone.signal()
        }
        started.wait()
        #expect(try encoder.encode(["short"]).count == 1)
        #expect(isLongDone.withLock { !$0 })
        longDone.wait()
    }

    #if os(Linux)
    @Test func `an encoder that is let go ends its threads`() throws {
        func threads() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
        func encodeOnce() throws {
            _ = try SentenceEncoder(modelDirectory: Weights.directory, threads: 40).encode(["hello"])
        }
        let before = try threads()
        try encodeOnce()
        // Other tests' threads come and go; forty that stay are ours. A thread needs a moment to end.
        for _ in 0..<200 where try threads() >= before + 30 { Thread.sleep(forTimeInterval: 0.05) }
        #expect(try threads() < before + 30)
    }
    #endif
}
