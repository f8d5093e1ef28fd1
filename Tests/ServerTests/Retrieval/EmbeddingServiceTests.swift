// Requests whose clients are gone: nobody embeds their texts. Oracle: the error, and that others' texts are embedded.

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

    /// They are many thousand: whenever the task is cancelled within a second or so, they are not done.
    @Test(.timeLimit(.minutes(1))) func `a caller who goes meanwhile leaves the lane to others`() async throws {
        let service = EmbeddingService(encoder: try TestServer.encoder())
        let texts = (0..<20_000).map { "text \($0) " + String(repeating: "of many words ", count: 15) }
        let task = Task { try await service.embed(questions: texts).count }
        // In the queue or under way by then.
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await service.embed(question: "next").vector.count == service.dimension)
    }
}
