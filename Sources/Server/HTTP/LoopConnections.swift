// Connections whose tasks run on the thread that reads and writes their socket.
//
// Hummingbird runs a connection's task on Swift's cooperative pool: each piece that arrives and each answer changes the thread, and
// where a search takes 100 µs the changes take longer. Here the task of a connection is run by its event loop. What may take
// longer than a glance must leave it (`offLoop`), because other connections of the same loop wait meanwhile. A body that is written
// piece by piece is written by the same task, after its handler has ended.

import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// HTTP/1.1 as Hummingbird speaks it, on the event loops.
struct LoopConnections: ServerChildChannel {
    let http: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await withTaskExecutorPreference(LoopExecutor(loop: value.channel.eventLoop)) {
            await http.handle(value: value, logger: logger)
        }
    }
}

extension HTTPServerBuilder {
    static func http1OnLoops(configuration: HTTP1Channel.Configuration) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            LoopConnections(http: HTTP1Channel(responder: responder, configuration: configuration))
        }
    }
}

/// An event loop as what runs tasks.
private final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Runs `work` on Swift's cooperative pool, wherever the caller is.
func offLoop<Value>(_ work: () async throws -> Value) async rethrows -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor, operation: work)
}
