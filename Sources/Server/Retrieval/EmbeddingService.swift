// The encoder behind an asynchronous door: numeric work on threads of its own, never on Swift's cooperative pool, and in
// two lanes, so that a question does not wait for an upload.

import Dispatch
import MiniLM
import Synchronization

/// Embeds questions and passages.
///
/// Passages are embedded in slices of a few thousand tokens, one upload's slice after the other's; a question waits for
/// the slice under way at most. Each lane takes a bounded number of callers and refuses more. A call whose task is
/// cancelled ends with `CancellationError`: in its turn or, where it is under way, when the encoder's slices in hand are done.
final class EmbeddingService: Sendable {
    private let encoder: SentenceEncoder
    private let questions = Lane(label: "minilm.embed.questions", quality: .userInitiated, capacity: 256)
    private let passages = Lane(label: "minilm.embed.passages", quality: .utility, capacity: 64)

    init(encoder: SentenceEncoder) { self.encoder = encoder }

    var tokenizer: WordPieceTokenizer { encoder.tokenizer }
    var dimension: Int { encoder.dimension }
    /// The longest text the model reads whole, specials included.
    var maxTokens: Int { encoder.maxTokens }

    /// The unit vector of a question: [dimension], and how many of its tokens the model could not read.
    func embed(question: String) async throws -> (vector: [Float], truncatedTokens: Int) {
        let embeddings = try await questions.run { [encoder] caller in
            try encoder.encode([question], isCancelled: { caller.isCancelled })
        }
        return (Array(embeddings[0]), embeddings.truncatedTokens[0])
    }

    /// The unit vectors of a few short texts, in the questions' lane: [texts.count][dimension].
    func embed(questions texts: [String]) async throws -> [[Float]] {
        let embeddings = try await questions.run { [encoder] caller in
            try encoder.encode(texts, isCancelled: { caller.isCancelled })
        }
        return (0..<texts.count).map { Array(embeddings[$0]) }
    }

    /// The unit vectors of passages: [passages.count][dimension].
    ///
    /// - Parameter progress: Called with the number of passages done so far.
    func embed(passages texts: [String], progress: @Sendable (Int) -> Void = { _ in }) async throws -> [[Float]] {
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        // Sixteen passages of 256 tokens are about half a second on two cores: how long a question may wait.
        for start in stride(from: 0, to: texts.count, by: 16) {
            try Task.checkCancellation()
            let slice = Array(texts[start..<min(start + 16, texts.count)])
            let embeddings = try await passages.run { [encoder] caller in
                try encoder.encode(slice, isCancelled: { caller.isCancelled })
            }
            for row in 0..<slice.count { vectors.append(Array(embeddings[row])) }
            progress(vectors.count)
        }
        return vectors
    }
}

/// A serial queue of blocking work that callers await, with room for so many of them.
private final class Lane: Sendable {
    private let queue: DispatchQueue
    private let waiting = Mutex(0)
    private let capacity: Int

    init(label: String, quality: DispatchQoS, capacity: Int) {
        queue = DispatchQueue(label: label, qos: quality)
        self.capacity = capacity
    }

    /// Runs `work` in its turn, unless its caller has been cancelled by then.
    func run<Value: Sendable>(_ work: @escaping @Sendable (Caller) throws -> Value) async throws -> Value {
        let admitted = waiting.withLock { count in
            guard count < capacity else { return false }
            count += 1
            return true
        }
        guard admitted else {
            throw RequestError.overloaded("\(capacity) requests are waiting to be embedded already", retryAfter: 2)
        }
        defer { waiting.withLock { $0 -= 1 } }
        let caller = Caller()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Result { try caller.run(work) }) }
            }
        } onCancel: {
            caller.cancel()
        }
    }
}

/// Who waits for work, as the thread that does it sees them: that thread has no task to ask.
private final class Caller: Sendable {
    private let cancelled = Atomic<Bool>(false)

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func cancel() { cancelled.store(true, ordering: .relaxed) }

    func run<Value>(_ work: (Caller) throws -> Value) throws -> Value {
        guard !isCancelled else { throw CancellationError() }
        do {
            return try work(self)
        } catch MiniLM.EncodingError.cancelled {
            throw CancellationError()
        }
    }
}
