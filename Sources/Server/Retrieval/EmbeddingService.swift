// The encoder behind an asynchronous door: numeric work on threads of its own, never on Swift's cooperative pool, and in
// two lanes, so that a question does not wait for an upload.

import Dispatch
import MiniLM
import Synchronization

/// Embeds questions and passages.
///
/// Passages are embedded in slices of a few thousand tokens, one upload's slice after the other's; a question waits for
/// the slice under way at most. Each lane takes a bounded number of callers and refuses more.
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
        let embeddings = try await questions.run { [encoder] in try encoder.encode([question]) }
        return (Array(embeddings[0]), embeddings.truncatedTokens[0])
    }

    /// The unit vectors of a few short texts, in the questions' lane: [texts.count][dimension].
    func embed(questions texts: [String]) async throws -> [[Float]] {
        let embeddings = try await questions.run { [encoder] in try encoder.encode(texts) }
        return (0..<texts.count).map { Array(embeddings[$0]) }
    }

    /// The unit vectors of passages: [passages.count][dimension]. Stops between slices when the task is cancelled.
    ///
    /// - Parameter progress: Called with the number of passages done so far.
    func embed(passages texts: [String], progress: @Sendable (Int) -> Void = { _ in }) async throws -> [[Float]] {
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        // Sixteen passages of 256 tokens are about half a second on two cores: how long a question may wait.
        for start in stride(from: 0, to: texts.count, by: 16) {
            try Task.checkCancellation()
            let slice = Array(texts[start..<min(start + 16, texts.count)])
            let embeddings = try await passages.run { [encoder] in try encoder.encode(slice) }
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

    func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let admitted = waiting.withLock { count in
            guard count < capacity else { return false }
            count += 1
            return true
        }
        guard admitted else {
            throw RequestError.overloaded("\(capacity) requests are waiting to be embedded already", retryAfter: 2)
        }
        defer { waiting.withLock { $0 -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: work)) }
        }
    }
}
