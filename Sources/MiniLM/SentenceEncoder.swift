// What users call: texts in, vectors out.

import CBLASShim
import Foundation
import Synchronization

/// A BERT sentence encoder, such as all-MiniLM-L6-v2, loaded from a sentence-transformers model directory.
///
/// Thread-safe: any number of threads may encode at once; they share the workers, slice by slice. Calls are synchronous and
/// compute for as long as it takes, so do not make them on Swift's cooperative pool.
///
/// Vectors equal sentence-transformers' in float32 to 2e-6 a component (2.5e-7 at most over the tests' 250 texts).
///
/// A text's vector does not depend on the other texts of the call, their order or the number of threads: to the bit where
/// the BLAS sums each row of a product alike wherever it stands, as OpenBLAS's kernels for AVX-512, AVX and SSE do. Its
/// kernels for AVX2 without AVX-512 (Haswell, Zen) do not; there vectors differ by 1e-7 or so, never by more than 6e-7.
/// Another BLAS or another processor may differ by as much.
public final class SentenceEncoder: Sendable {
    /// The model's tokenizer.
    public let tokenizer: WordPieceTokenizer
    private let model: BertModel
    private let workers: WorkerPool

    /// Tokens computed together, at most: the activations of as many stay in a core's cache beside a panel of weights.
    private static let sliceTokens = 256
    /// Texts tokenised ahead of being encoded, which bounds the memory of a call beyond its input and its result.
    private static let windowTexts = 4096

    /// Floats of a vector: the model's hidden size.
    public var dimension: Int { model.configuration.hiddenSize }
    /// Tokens of a text the model reads, `[CLS]` and `[SEP]` included; what is beyond is cut and counted in
    /// `Embeddings.truncatedTokens`.
    public var maxTokens: Int { model.configuration.maxTokens }
    /// Threads that compute.
    public var threads: Int { workers.threads }

    /// The BLAS that multiplies, in its own words: version, build and the kernels it chose for this processor.
    public static var blasDescription: String { unsafe String(cString: cblas_shim_description()) }

    /// Loads a model: config.json, modules.json and what it names, sentence_bert_config.json, tokenizer_config.json,
    /// vocab.txt and model.safetensors, which stays mapped as long as the encoder lives and must not be overwritten in place.
    ///
    /// Sets the process's BLAS to one thread a call.
    ///
    /// - Parameter threads: Worker threads, at least 1; nil for one a core this process may use.
    public init(modelDirectory path: String, threads: Int? = nil) throws(ModelError) {
        let configuration = try EncoderConfiguration(modelDirectory: path)
        let weightsPath = "\(path)/model.safetensors"
        let file = try MappedFile(path: weightsPath)
        do {
            let weights = try EncoderWeights(SafetensorsFile(file), configuration)
            model = BertModel(configuration: configuration, weights: weights)
        } catch {
            throw .weights(path: weightsPath, error)
        }
        do {
            tokenizer = try WordPieceTokenizer(modelDirectory: path)
        } catch {
            throw .tokenizer(error)
        }
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw .malformed(
                path: "\(path)/vocab.txt",
                reason: "it has \(tokenizer.vocabularySize) tokens, the model \(configuration.vocabularySize)")
        }
        useSingleThreadedBLAS()
        let capacity = max(Self.sliceTokens, configuration.maxTokens)
        workers = WorkerPool(threads: max(threads ?? ProcessInfo.processInfo.activeProcessorCount, 1)) {
            EncoderScratch(configuration, capacity: capacity)
        }
    }

    /// The vectors of texts. A text longer than `maxTokens` is cut, which `Embeddings.truncatedTokens` tells; the empty
    /// text has a vector too.
    ///
    /// - Parameter progress: Called on this thread, from time to time, with the number of texts done so far.
    public func encode(_ texts: [String], progress: ((Int) -> Void)? = nil) throws(EncodingError) -> Embeddings {
        var result = EmbeddingsBuilder(dimension: dimension, capacity: texts.count)
        for start in stride(from: 0, to: texts.count, by: Self.windowTexts) {
            let sequences = tokenize(texts[start..<min(start + Self.windowTexts, texts.count)])
            result.append(sequences, encode(sequences) { progress?(start + $0) })
        }
        return result.embeddings
    }

    /// The vectors of texts that have been tokenised with `tokenizer`, each to at most `maxTokens`.
    ///
    /// - Parameter progress: As in `encode(_:progress:)`.
    public func encode(tokenized: [Tokenization], progress: ((Int) -> Void)? = nil) throws(EncodingError) -> Embeddings
    {
        for (text, tokenization) in tokenized.enumerated() { try check(tokenization.ids, text: text) }
        var result = EmbeddingsBuilder(dimension: dimension, capacity: tokenized.count)
        let sequences = tokenized.map(Input.init)
        result.append(sequences, encode(sequences) { progress?($0) })
        return result.embeddings
    }

    private func check(_ ids: [Int32], text: Int) throws(EncodingError) {
        guard !ids.isEmpty else { throw .noTokens(text: text) }
        guard ids.count <= maxTokens else { throw .tooManyTokens(text: text, count: ids.count, limit: maxTokens) }
        let vocabularySize = model.configuration.vocabularySize
        for id in ids where id < 0 || id >= vocabularySize {
            throw .unknownToken(text: text, id: id, vocabularySize: vocabularySize)
        }
    }

    /// Tokenises on the workers; a few texts are done before a worker would have woken.
    private func tokenize(_ texts: ArraySlice<String>) -> [Input] {
        let (tokenizer, maxTokens) = (tokenizer, maxTokens)
        let chunk = 64
        if texts.count <= chunk {
            return texts.map { Input(tokenizer.tokenize($0, maxTokens: maxTokens)) }
        }
        let count = (texts.count + chunk - 1) / chunk
        let chunks = Shared([[Input]](repeating: [], count: count))
        workers.run(count) { index, _ in
            let sequences = texts.dropFirst(index * chunk).prefix(chunk)
                .map { Input(tokenizer.tokenize($0, maxTokens: maxTokens)) }
            chunks.withLock { $0[index] = sequences }
        }
        return chunks.withLock { $0.flatMap(\.self) }
    }

    /// Computes the vectors, [sequences.count, dimension], slice by slice on the workers.
    private func encode(_ sequences: [Input], progress: (Int) -> Void) -> [Float] {
        let slices = SlicePlan(
            lengths: sequences.map(\.ids.count), workers: workers.threads, capacity: max(Self.sliceTokens, maxTokens)
        ).slices
        let (model, dimension) = (model, dimension)
        let result = Shared(
            (values: [Float](repeating: 0, count: sequences.count * dimension), texts: 0))
        workers.run(slices.count) { _ in
            progress(result.withLock(\.texts))
        } body: { slice, scratch in
            scratch.sequences.removeAll()
            for text in slices[slice] { scratch.sequences.append(sequences[text].ids) }
            model.forward(&scratch)
            result.withLock { result in
                for (row, text) in slices[slice].enumerated() {
                    result.values.replaceSubrange(
                        text * dimension..<(text + 1) * dimension,
                        with: scratch.vectors[row * dimension..<(row + 1) * dimension])
                }
                result.texts += slices[slice].count
            }
        }
        return result.withLock(\.values)
    }
}

/// What is kept of a tokenised text: a text's offsets would take four times the room of its ids.
private struct Input: Sendable {
    let ids: [Int32]
    let truncatedTokens: Int

    init(_ tokenization: Tokenization) {
        ids = tokenization.ids
        truncatedTokens = max(tokenization.untruncatedCount - tokenization.ids.count, 0)
    }
}

/// Results so far.
private struct EmbeddingsBuilder {
    private let dimension: Int
    private var values: [Float] = []
    private var tokenCounts: [Int] = []
    private var truncatedTokens: [Int] = []

    init(dimension: Int, capacity: Int) {
        self.dimension = dimension
        values.reserveCapacity(capacity * dimension)
        tokenCounts.reserveCapacity(capacity)
        truncatedTokens.reserveCapacity(capacity)
    }

    mutating func append(_ sequences: [Input], _ vectors: [Float]) {
        values += vectors
        tokenCounts += sequences.map(\.ids.count)
        truncatedTokens += sequences.map(\.truncatedTokens)
    }

    var embeddings: Embeddings {
        Embeddings(
            dimension: dimension, values: values, tokenCounts: tokenCounts, truncatedTokens: truncatedTokens)
    }
}

/// A value workers fill together.
private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
