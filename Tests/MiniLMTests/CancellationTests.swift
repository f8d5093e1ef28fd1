// Calls that end before they are done. Oracle: how often a call asks, and which rows of the caller's buffer were written.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import MiniLM

@Suite struct CancellationTests {
    /// Of 50 tokens or so each: five fill a slice.
    private static func texts(_ count: Int) -> [String] {
        (0..<count).map { "text \($0) " + String(repeating: "of many words ", count: 15) }
    }

    /// Does what somebody else who has the task would do at this moment.
    private static func cancelTask() { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }

    /// Encodes into a buffer of NaN. Gives what was thrown and how many rows were written.
    private func encode(
        _ texts: [String], _ encoder: SentenceEncoder, progress: ((Int) -> Void)? = nil,
        isCancelled: @escaping () -> Bool
    ) -> (error: EncodingError?, rows: Int) {
        var vectors = [Float](repeating: .nan, count: texts.count * encoder.dimension)
        var error: EncodingError?
        do throws(EncodingError) {
            var span = vectors.mutableSpan
            _ = try encoder.encode(texts, into: &span, progress: progress, isCancelled: isCancelled)
        } catch let thrown {
            error = thrown
        }
        return (error, texts.indices.count { !vectors[$0 * encoder.dimension].isNaN })
    }

    /// Keeps the only worker with another call's tasks, of which it takes one in turn with each other call's: the first until a call
    /// stands in the queue, the third, which comes after one task of that call, until the semaphore is signalled.
    private static func hold(_ workers: WorkerPool<Worker>) -> DispatchSemaphore {
        let (isHeld, hasEnded) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            workers.run(3) { task, _ in
                if task == 0 { isHeld.signal() }
                while task == 0 && workers.queued < 2 { Thread.sleep(forTimeInterval: 0.001) }
                if task == 2 { hasEnded.wait() }
            }
        }
        isHeld.wait()
        return hasEnded
    }

    /// Twelve slices, tokenised by the caller. Somebody cancels the task when it is told of the first.
    @Test(arguments: Engine.all)
    func `a task that is cancelled ends its call of many slices`(engine: Engine) async throws {
        let encoder = try SentenceEncoder(
            modelDirectory: Weights.directory, threads: 1, precision: engine.precision, gemm: engine.gemm)
        let texts = Self.texts(60)
        let hasEnded = Self.hold(encoder.workers)
        let (error, rows) = await Task {
            encode(
                texts, encoder, progress: { _ in Self.cancelTask() },
                isCancelled: { Task.isCancelled })
        }.value
        hasEnded.signal()
        #expect(error == .cancelled && (1...6).contains(rows))
    }

    /// Somebody cancels the task while its text is tokenised: right after the first question.
    @Test(arguments: Engine.all) func `a task that is cancelled ends its call of one slice`(engine: Engine) async throws
    {
        let encoder = try engine.encoder()
        let (error, rows) = await Task {
            encode(
                ["one"], encoder,
                isCancelled: {
                    defer { Self.cancelTask() }
                    return Task.isCancelled
                })
        }.value
        #expect(error == .cancelled && rows == 0)
    }

    @Test(arguments: Engine.all) func `a call that was told so asks no more`(engine: Engine) throws {
        let (encoder, texts) = (try engine.encoder(), Self.texts(400))
        for last in [1, 2, 12] {
            var asked = 0
            let (error, rows) = encode(texts, encoder) {
                asked += 1
                return asked == last
            }
            #expect(error == .cancelled && asked == last)
            // Seven times at least they were asked while texts were tokenised, 64 at a time. How many slices are done until this
            // thread asks is the system's to decide.
            #expect(rows == 0 || last > 7)
        }
    }

    /// Each text is longer than what is tokenised in a turn, and has as many tokens as a slice.
    @Test(arguments: Engine.all) func `a call asks about each text before it is tokenised and computed`(engine: Engine)
        throws
    {
        var asked = 0
        let text = String(repeating: "word ", count: 20_000)
        let (error, rows) = try encode([text, text, text], engine.encoder()) {
            asked += 1
            return false
        }
        #expect(error == nil && rows == 3 && asked >= 6)
    }

    /// By this thread, and by workers.
    @Test(arguments: [1, 2]) func `a long text can be cancelled while it is tokenised`(texts: Int) throws {
        var asked = 0
        let text = String(repeating: "wörd ", count: (8 << 20) / 6)
        let (error, rows) = try encode([String](repeating: text, count: texts), Weights.encoder.get()) {
            asked += 1
            return asked == 3
        }
        #expect(error == .cancelled && rows == 0 && asked == 3)
    }

    /// Ten megabytes: the first is looked at without a question.
    @Test func `a tokenizer asks at every further megabyte`() throws {
        let tokenizer = try Weights.encoder.get().tokenizer
        let text = String(repeating: "a", count: 10 << 20)
        var asked = 0
        func tokenize(until last: Int) -> Tokenization? {
            asked = 0
            return tokenizer.tokenize(text, maxTokens: 256) {
                asked += 1
                return asked == last
            }
        }
        #expect(tokenize(until: 4) == nil && asked == 4)
        #expect(tokenize(until: .max) != nil && asked == 9)
    }

    /// Every second caller ends after some slices, and leaves seats and threads to the others.
    @Test(arguments: Engine.all) func `callers that cancel leave the others their vectors`(engine: Engine) throws {
        let encoder = try engine.encoder()
        let texts = (0..<6).map { caller in Self.texts(40).map { "caller \(caller) \($0)" } }
        let expected = try texts.map { try encoder.encode($0).values }
        let results = Mutex([Int: Result<[Float], any Error>]())
        onThreads(texts.count) { caller in
            var asked = 0
            let values = Result {
                try encoder.encode(
                    texts[caller],
                    isCancelled: {
                        asked += 1
                        return asked > 3 + caller && caller % 2 == 0
                    }
                ).values
            }
            results.withLock { $0[caller] = values }
        }
        for caller in texts.indices {
            let values = try #require(results.withLock { $0[caller] })
            if caller % 2 == 0 {
                #expect(throws: EncodingError.cancelled) { _ = try values.get() }
            } else {
                #expect(try largestDifference(values.get(), expected[caller]) <= engine.tolerance)
            }
        }
    }
}
