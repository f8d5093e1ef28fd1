// An answer as server-sent events (WHATWG HTML §9.2): `sources`, then `token`s, then `done`; or `error` at any point.

import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import VectorStore

enum ServerSentEvents {
    /// The response that streams `events`.
    ///
    /// What goes wrong before the first event is thrown, so that it has its own status; later it is the event `error`.
    /// Whoever hangs up cancels what is being streamed.
    static func response(
        _ events: AsyncThrowingStream<AnswerEvent, any Error>, to call: Call
    ) async throws -> Response {
        var iterator = events.makeAsyncIterator()
        guard let first = try await iterator.next() else { throw CancellationError() }
        let request = call.request
        let logger = call.logger
        let body = ResponseBody { writer in
            try await writer.write(buffer(first))
            try await request.body.consumeWithCancellationOnInboundClose { _ in
                var iterator = events.makeAsyncIterator()
                var isOver = false
                while !isOver, let bytes = await next(&iterator, &isOver, logger) { try await writer.write(bytes) }
            }
            try await writer.finish(nil)
        }
        // Watching for the hang-up uses the connection up.
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store", .connection: "close",
            ],
            body: body
        )
    }

    /// The next event; an error is one too, and the last.
    private static func next(
        _ iterator: inout AsyncThrowingStream<AnswerEvent, any Error>.AsyncIterator, _ isOver: inout Bool,
        _ logger: Logger
    ) async -> ByteBuffer? {
        do {
            return try await iterator.next().map(buffer)
        } catch is CancellationError {
            return nil
        } catch {
            isOver = true
            return buffer(error, logger)
        }
    }

    private static func buffer(_ event: AnswerEvent) -> ByteBuffer {
        switch event {
        case .sources(let sources): buffer("sources", ["sources": .array(sources.map { .object($0.json) })])
        case .token(let token): buffer("token", ["token": .string(token)])
        case .finished(let answer): buffer("done", answer.json)
        }
    }

    private static func buffer(_ error: any Error, _ logger: Logger) -> ByteBuffer {
        guard let answer = ErrorAnswer(error) else {
            logger.error("Unforeseen: \(error)")
            return buffer("error", ["status": 500, "detail": "Internal Server Error"])
        }
        return buffer("error", ["status": .integer(Int64(answer.status.code)), "detail": answer.detail])
    }

    /// One event. Compact JSON holds no line break, so one `data` line holds it.
    private static func buffer(_ name: String, _ data: JSONObject) -> ByteBuffer {
        ByteBuffer(string: "event: \(name)\ndata: \(data)\n\n")
    }
}
