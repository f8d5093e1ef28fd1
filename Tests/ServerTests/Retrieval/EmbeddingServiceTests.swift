// Requests whose clients are gone: nobody embeds their texts. Oracle: the error, and that others' texts are embedded.

import Foundation
import Testing

@testable import Server

@Suite struct EmbeddingServiceTests {
    /// Embeds in a task of its own that is cancelled before it has begun.
    private func cancelled(_ body: @escaping @Sendable (EmbeddingService) async throws -> Int) async throws -> Int {
        let service = EmbeddingService(encoder: try TestServer.encoder())
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await body(service)
        }
        task.cancel()
        return try await task.value
    }

    @Test func `a caller who is gone before its turn has nothing embedded`() async throws {
        await #expect(throws: CancellationError.self) {
            try await cancelled { try await $0.embed(question: "one").vector.count }
        }
        await #expect(throws: CancellationError.self) {
            try await cancelled { try await $0.embed(questions: ["one", "two"]).count }
        }
        await #expect(throws: CancellationError.self) {
            try await cancelled { try await $0.embed(passages: ["one", "two"]).count }
        }
    }

    /// For which the thread is kept: a task that sleeps may be given it back when other tests have had it for a minute.
    private func sleep() { Thread.sleep(forTimeInterval: 0.05) }

    /// They take seconds: whether the call waits or is under way when it is cancelled, they are not done.
    @Test func `a caller who goes meanwhile leaves the lane to others`() async throws {
        let service = EmbeddingService(encoder: try TestServer.encoder())
        let texts = (0..<4000).map { "text \($0) " + String(repeating: "of many words ", count: 15) }
        let task = Task { try await service.embed(questions: texts).count }
        sleep()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await service.embed(question: "next").vector.count == service.dimension)
    }
}
