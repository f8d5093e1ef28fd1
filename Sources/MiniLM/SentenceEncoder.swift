// What users call: texts in, vectors out.

import CBLASShim
import CIntrinsics
import Cores
import Foundation
import Synchronization

/// A BERT sentence encoder, such as all-MiniLM-L6-v2, loaded from a sentence-transformers model directory.
///
/// Thread-safe: any number of threads may encode at once; they share the workers, slice by slice. Calls are synchronous and
/// compute for as long as it takes, so do not make them on Swift's cooperative pool.
///
/// In `Precision.f32` vectors equal sentence-transformers' in float32 to 2e-6 a component (3e-7 at most over the tests' 250
/// texts). With `GEMMBackend.swift` a text's vector does not depend on the other texts of the call, their order or the
/// number of threads: it is the same to the bit. OpenBLAS keeps that promise with its kernels for AVX-512, AVX and SSE;
/// with those for AVX2 without AVX-512 (Haswell, Zen) vectors differ by 1e-7 or so, never by more than 6e-7.
///
/// ```swift
/// let encoder = try SentenceEncoder(modelDirectory: "weights/all-MiniLM-L6-v2", precision: .i16)
/// var vectors = [Float](repeating: 0, count: texts.count * encoder.dimension)
/// var span = vectors.mutableSpan
/// let counts = try encoder.encode(texts, into: &span, progress: { print($0, "of", texts.count) })
/// ```
public final class SentenceEncoder: Sendable {
    /// The model's tokenizer.
    public let tokenizer: WordPieceTokenizer
    /// Who multiplies matrices.
    public let gemm: GEMMBackend
    /// How numbers are represented within matrix products.
    public let precision: Precision
    let model: BertModel
    let workers: WorkerPool<Worker>

    /// Most threads of an encoder. Each that has computed keeps memory for it, of all-MiniLM-L6-v2 some 4 MB.
    public static let mostThreads = 1024

    /// Tokens computed together, at most: the activations of as many stay in a core's cache beside a panel of weights.
    private static let sliceTokens = 256
    /// Room of a slice, in tokens: a text of the greatest length fits.
    var sliceCapacity: Int { max(Self.sliceTokens, maxTokens) }
    /// Texts tokenised ahead of being encoded, at most, and their bytes, which bounds the memory of a call beyond its input and its
    /// result, and how long it makes no progress.
    private static let windowTexts = 4096
    private static let windowBytes = 16 << 20
    /// Texts a worker tokenises in a turn, at most, and their bytes: about a millisecond.
    private static let chunkTexts = 64
    private static let chunkBytes = 64 << 10

    /// Floats of a vector: the model's hidden size.
    public var dimension: Int { model.configuration.hiddenSize }
    /// Tokens of a text the model reads, `[CLS]` and `[SEP]` included; what is beyond is cut and counted in
    /// `TokenCounts.truncated`.
    public var maxTokens: Int { model.configuration.maxTokens }
    /// Threads that compute; those the system refuses to start are counted, too, and leave their work to the others.
    public var threads: Int { workers.threads }

    /// Our own kernels in this build: the tile of a product that is summed in registers, and the instructions used.
    public static var kernelDescription: String {
        "6 x \(TileShape.native.columns) tiles, \(unsafe String(cString: cintrinsics_instructions()))"
    }

    /// The BLAS beside our own kernels, in its own words: version, build and the kernels it chose for this processor.
    public static var blasDescription: String { unsafe String(cString: cblas_shim_description()) }

    /// Loads a model: config.json, modules.json and what it names, sentence_bert_config.json, tokenizer_config.json, tokenizer.json
    /// or vocab.txt, and model.safetensors, which stays mapped as long as the encoder lives and must not be overwritten in place.
    ///
    /// Weights that hold NaN or infinity are refused by name (`ModelError.weights` of `.invalidTensor`); only words' embeddings
    /// are not looked at: a text with such a word has a vector of NaN, in every precision.
    ///
    /// With `GEMMBackend.openblas` it sets the process's BLAS to one thread a call.
    ///
    /// A build for another processor is refused (`ModelError.processor`) instead of ending the process at its first instruction
    /// that this one has not.
    ///
    /// - Parameters:
    ///   - threads: Worker threads: 1 for numbers below, `mostThreads` for numbers above it; nil for one a core this process
    ///     may use: those it is bound to, fewer where its control groups have a quota of processor time for fewer (Linux).
    ///   - precision: `.i16` is faster, needs half the memory and gives vectors with a cosine of 0.99999 to the reference's,
    ///     `.i8` is the fastest with VNNI, with 0.9998; always by our own kernels.
    ///   - gemm: Who multiplies in `.f32`.
    public init(
        modelDirectory path: String, threads: Int? = nil, precision: Precision = .f32, gemm: GEMMBackend = .swift
    ) throws(ModelError) {
        if let instructions = Processor.missingInstructions { throw .processor(missing: instructions) }
        let configuration = try EncoderConfiguration(modelDirectory: path)
        let weightsPath = "\(path)/model.safetensors"
        let file = try MappedFile(path: weightsPath)
        do {
            let weights = try EncoderWeights(
                SafetensorsFile(file), configuration, backend: gemm, precision: precision)
            model = BertModel(configuration: configuration, weights: weights)
        } catch {
            throw .weights(path: weightsPath, error)
        }
        file.releasePages()
        do {
            tokenizer = try WordPieceTokenizer(modelDirectory: path)
        } catch {
            throw .tokenizer(error)
        }
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw .malformed(
                path: "\(path)/config.json",
                reason: "vocab_size is \(configuration.vocabularySize), its tokens are \(tokenizer.vocabularySize)")
        }
        (self.gemm, self.precision) = (precision == .f32 ? gemm : .swift, precision)
        if self.gemm == .openblas { useSingleThreadedBLAS() }
        let capacity = max(Self.sliceTokens, configuration.maxTokens)
        let threads = min(max(threads ?? Cores.usable, 1), Self.mostThreads)
        workers = WorkerPool(threads: threads) {
            Worker(
                activations: Activations(configuration, capacity: capacity),
                workspace: Workspace(configuration, precision: precision))
        }
        // A thread starts in less than a millisecond, where the system has any left.
        guard workers.hasThreads(within: .seconds(10)) else { throw .noThreads }
    }

    /// The vectors of texts. A text longer than `maxTokens` is cut, which `Embeddings.truncatedTokens` tells; the empty
    /// text has a vector too.
    ///
    /// - Parameters:
    ///   - progress: Called on this thread, from time to time, with the number of texts done so far; never twice with the same one, and
    ///     not after true from `isCancelled`.
    ///   - isCancelled: Asked on this thread only, so that `{ Task.isCancelled }` means the task that calls: before texts are tokenised,
    ///     before a slice of some hundred tokens is computed on this thread and, while it waits for workers, whenever one has done its
    ///     part and every 10 ms. After true no slice is begun, a long text is left within a megabyte, and when the slices in hand are
    ///     done the call throws `.cancelled`.
    public func encode(
        _ texts: [String], progress: ((Int) -> Void)? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(EncodingError) -> Embeddings {
        var values = [Float](repeating: 0, count: texts.count * dimension)
        var span = values.mutableSpan
        let counts = try encode(texts, into: &span, progress: progress, isCancelled: isCancelled)
        return Embeddings(
            dimension: dimension, values: values, tokenCounts: counts.read, truncatedTokens: counts.truncated)
    }

    /// The same into memory of the caller: `vectors` is [texts.count, dimension], row-major.
    ///
    /// After `.cancelled` a row holds its text's vector or what it held before.
    public func encode(
        _ texts: [String], into vectors: inout MutableSpan<Float>, progress: ((Int) -> Void)? = nil,
        isCancelled: (() -> Bool)? = nil
    ) throws(EncodingError) -> TokenCounts {
        guard vectors.count == texts.count * dimension else {
            throw .wrongBufferSize(floats: vectors.count, needed: texts.count * dimension)
        }
        return try unsafe vectors.withUnsafeMutableBufferPointer { vectors throws(EncodingError) in
            let rows = unsafe VectorRows(vectors, dimension: dimension)
            var counts = TokenCounts(capacity: texts.count)
            for window in Self.ranges(of: texts[...], atMost: Self.windowTexts, bytes: Self.windowBytes) {
                let start = window.lowerBound
                let inputs = try tokenize(texts[window], isCancelled: isCancelled)
                try encode(inputs, into: rows, from: start, isCancelled: isCancelled) { progress?(start + $0) }
                for input in inputs { counts.append(read: input.ids.count, truncated: input.truncatedTokens) }
            }
            return counts
        }
    }

    /// The vectors of texts that have been tokenised with `tokenizer`, each to at most `maxTokens`, or of ids of your own.
    ///
    /// Parameters as of `encode(_:progress:isCancelled:)`.
    public func encode(
        tokenized: [Tokenization], progress: ((Int) -> Void)? = nil, isCancelled: (() -> Bool)? = nil
    ) throws(EncodingError) -> Embeddings {
        for (text, tokenization) in tokenized.enumerated() { try check(tokenization.ids, text: text) }
        let inputs = tokenized.map(Input.init)
        var values = [Float](repeating: 0, count: tokenized.count * dimension)
        try unsafe values.withUnsafeMutableBufferPointer { values throws(EncodingError) in
            let rows = unsafe VectorRows(values, dimension: dimension)
            try encode(inputs, into: rows, from: 0, isCancelled: isCancelled) { progress?($0) }
        }
        return Embeddings(
            dimension: dimension, values: values, tokenCounts: inputs.map(\.ids.count),
            truncatedTokens: inputs.map(\.truncatedTokens))
    }

    private func check(_ ids: [Int32], text: Int) throws(EncodingError) {
        guard !ids.isEmpty else { throw .noTokens(text: text) }
        guard ids.count <= maxTokens else { throw .tooManyTokens(text: text, count: ids.count, limit: maxTokens) }
        let vocabularySize = model.configuration.vocabularySize
        for id in ids where id < 0 || id >= vocabularySize {
            throw .unknownToken(text: text, id: id, vocabularySize: vocabularySize)
        }
    }

    /// Cuts texts into ranges of at most so many texts and bytes; a text that has more is a range of its own.
    static func ranges(of texts: ArraySlice<String>, atMost count: Int, bytes limit: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var (start, bytes) = (texts.startIndex, 0)
        for index in texts.indices {
            let length = texts[index].utf8.count
            if index > start && (index - start == count || bytes + length > limit) {
                ranges.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += length
        }
        if start < texts.endIndex { ranges.append(start..<texts.endIndex) }
        return ranges
    }

    /// Tokenises on the workers; a few short texts are done before a worker would have woken.
    private func tokenize(
        _ texts: ArraySlice<String>, isCancelled: (() -> Bool)?
    ) throws(EncodingError) -> [Input] {
        let (tokenizer, maxTokens) = (tokenizer, maxTokens)
        let chunks = Self.ranges(of: texts, atMost: Self.chunkTexts, bytes: Self.chunkBytes)
        guard chunks.count > 1 else {
            let isCancelled = isCancelled ?? { false }
            guard !isCancelled(),
                let inputs = Self.tokenize(texts, tokenizer, maxTokens, isCancelled: isCancelled)
            else { throw .cancelled }
            return inputs
        }
        let inputs = Locked([[Input]](repeating: [], count: chunks.count))
        let call = CallState()
        let isDone = workers.run(chunks.count, isCancelled: call.noting(isCancelled)) { chunk, _ in
            // One that was handed out before the call was cancelled ends within a long text, too.
            let some = Self.tokenize(texts[chunks[chunk]], tokenizer, maxTokens) { call.isCancelled }
            if let some { inputs.withLock { $0[chunk] = some } }
        }
        guard isDone else { throw .cancelled }
        return inputs.withLock { $0.flatMap(\.self) }
    }

    /// Tokenises on this thread; nil if the call was cancelled within a long text.
    private static func tokenize(
        _ texts: ArraySlice<String>, _ tokenizer: WordPieceTokenizer, _ maxTokens: Int, isCancelled: () -> Bool
    ) -> [Input]? {
        var inputs: [Input] = []
        for text in texts {
            guard let tokens = tokenizer.tokenize(text, maxTokens: maxTokens, isCancelled: isCancelled) else {
                return nil
            }
            inputs.append(Input(tokens))
        }
        return inputs
    }

    /// Computes the vectors of `inputs` into the rows from `first` on.
    private func encode(
        _ inputs: [Input], into rows: VectorRows, from first: Int, isCancelled: (() -> Bool)?, progress: (Int) -> Void
    ) throws(EncodingError) {
        let lengths = inputs.map(\.ids.count)
        guard lengths.reduce(0, +) > Self.sliceTokens else {
            _ = try encodeTogether(
                Array(inputs.indices)[...], of: inputs, into: rows, from: first, isCancelled: isCancelled)
            return progress(inputs.count)
        }
        let slices = SlicePlan(lengths: lengths, workers: workers.threads, capacity: sliceCapacity).slices
        let tokens = slices.map { $0.reduce(0) { $0 + lengths[$1] } }
        let shared = SlicePlan.sharedSlices(
            tokens: tokens, workers: workers.threads, mostMembers: mostMembers(tokens:))
        var (next, done) = (0, 0)
        var areFree = true
        // Where workers are busy with another call, slices that are computed together would wait for each other in vain.
        while next < shared && areFree {
            let members = try encodeTogether(
                slices[next], of: inputs, into: rows, from: first, isCancelled: isCancelled)
            areFree = members >= min(workers.threads, mostMembers(tokens: tokens[next]))
            done += slices[next].count
            progress(done)
            next += 1
        }
        try encodeApart(
            slices[next...], of: inputs, into: rows, from: first, isCancelled: isCancelled
        ) { progress(done + $0) }
    }

    /// Computes each slice on one worker, as many at a time as there are workers.
    private func encodeApart(
        _ slices: ArraySlice<ArraySlice<Int>>, of inputs: [Input], into rows: VectorRows, from first: Int,
        isCancelled: (() -> Bool)?, progress: (Int) -> Void
    ) throws(EncodingError) {
        let model = model
        let call = CallState()
        var told = 0
        // Two slices may be done before this thread hears of the first.
        func tell(_: Int) {
            let done = call.done
            guard done > told else { return }
            told = done
            progress(done)
        }
        let isDone = workers.run(
            slices.count, progress: tell, isCancelled: call.noting(isCancelled)
        ) { number, worker in
            if call.isCancelled { return }
            let slice = slices[slices.startIndex + number]
            worker.activations.begin(count: slice.count) { inputs[slice[slice.startIndex + $0]].ids }
            model.forward(worker.activations, &worker.workspace)
            for (sequence, text) in slice.enumerated() {
                unsafe model.pool(rows[first + text], worker.activations, sequence: sequence)
            }
            call.add(slice.count)
        }
        guard isDone else { throw .cancelled }
    }

    /// Most threads that a slice of so many tokens is worth: of bands, or of columns where there are fewer bands.
    func mostMembers(tokens: Int) -> Int {
        // A BLAS call is not worth splitting by columns: it would pack all of x in every thread.
        let columns = Share.mostByColumns(hiddenSize: dimension, columns: TileShape.native.columns)
        return max(tokens / Share.leastBand, gemm == .swift ? columns : 1)
    }

    /// Computes the texts of one slice on this thread and as many workers as are free.
    ///
    /// - Returns: How many threads that was.
    private func encodeTogether(
        _ slice: ArraySlice<Int>, of inputs: [Input], into rows: VectorRows, from first: Int, isCancelled: (() -> Bool)?
    ) throws(EncodingError) -> Int {
        guard !slice.isEmpty else { return 0 }
        let tokens = slice.reduce(0) { $0 + inputs[$1].ids.count }
        let model = model
        let bands = tokens / Share.leastBand
        let members = workers.runTogether(atMost: mostMembers(tokens: tokens), isCancelled: isCancelled) {
            members, leader in
            let activations = leader.activations
            activations.begin(count: slice.count) { inputs[slice[slice.startIndex + $0]].ids }
            let barrier = members > 1 ? SpinBarrier(members: members) : nil
            let split: Share.Split = members <= bands ? .rows : .columns
            return { member, worker in
                let share = Share(member: member, members: members, split: split, barrier: barrier)
                model.forward(activations, &worker.workspace, share)
                share.synchronize()
                for (sequence, text) in slice.enumerated() where sequence % members == member {
                    unsafe model.pool(rows[first + text], activations, sequence: sequence)
                }
            }
        }
        guard let members else { throw .cancelled }
        return members
    }
}

/// The rows of the caller's buffer: [count, dimension].
///
/// `@unchecked Sendable`: each row is written by the one worker that computes its text, and the caller reads after all are done.
@safe private struct VectorRows: @unchecked Sendable {
    private let buffer: UnsafeMutableBufferPointer<Float>
    private let dimension: Int

    init(_ buffer: UnsafeMutableBufferPointer<Float>, dimension: Int) {
        unsafe self.buffer = unsafe buffer
        self.dimension = dimension
    }

    subscript(row: Int) -> UnsafeMutablePointer<Float> {
        unsafe precondition(row >= 0 && (row + 1) * dimension <= buffer.count)
        return unsafe buffer.baseAddress! + row * dimension
    }
}

/// What the workers know of a call that is under way, and its caller of them.
private final class CallState: Sendable {
    private let texts = Atomic<Int>(0)
    private let cancelled = Atomic<Bool>(false)

    /// Texts whose vectors are computed.
    var done: Int { texts.load(ordering: .relaxed) }

    func add(_ count: Int) { texts.add(count, ordering: .relaxed) }

    /// Whether its caller has been told to end it.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// The caller's question, whose answer is noted for the workers; nil where there is none.
    func noting(_ isCancelled: (() -> Bool)?) -> (() -> Bool)? {
        guard let isCancelled else { return nil }
        return {
            let answer = isCancelled()
            if answer { self.cancelled.store(true, ordering: .relaxed) }
            return answer
        }
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
