// A stand-in for Ollama, for tests: a real TCP server on loopback that speaks Ollama's wire format (as of 0.33) and
// misbehaves where told to.
//
//     try await StandInOllama.run { ollama in
//         ollama.next("/api/chat", .answer("Olá ", "mundo"))            // for one request; several are used in order
//         … talk to ollama.host …
//         #expect(ollama.requests.last?.body["stream"] == true)          // what arrived
//     }
//
// Without instructions it answers /, /api/version, /api/tags, /api/ps, /api/show, /api/pull and /api/chat like a
// healthy server that has `models`. It uses plain sockets and threads, so that nothing of what it tests is part of
// it; when `stop` (or `run`) returns, every thread has ended and every descriptor is closed.

import Foundation
import Synchronization
import VectorStore

final class StandInOllama: Sendable {
    /// A request as it arrived.
    struct Request: Sendable {
        var method: String
        var path: String
        /// `.null` when there was none.
        var body: JSONValue
        /// How the exchange ended; nil while it goes on.
        var outcome: Outcome?
    }

    enum Outcome: Sendable, Equatable {
        /// The whole reply was sent, or broken off as the reply demanded.
        case replied
        /// The client closed the connection before the end of the reply.
        case clientLeft
        /// The stand-in was stopped meanwhile.
        case stopped
    }

    /// What a request is answered.
    struct Reply: Sendable {
        enum Step: Sendable {
            /// These bytes, as one HTTP chunk in one write.
            case send([UInt8])
            /// Status line and headers now; otherwise they go with the first `send` or the end.
            case headers
            case pause(Duration)
            /// Nothing more until the client leaves.
            case stall
            /// Closes the connection in the middle of the body.
            case disconnect
            /// Breaks the connection with a TCP reset.
            case reset
        }

        var status = 200
        var contentType = "application/x-ndjson"
        var steps: [Step] = []
    }

    /// Host and port, as OLLAMA_HOST takes them.
    let host: String
    let models: [String]

    private struct State {
        var connections = 0
        var requests: [Request] = []
        var replies: [String: [Reply]] = [:]
        var chat: (@Sendable (Request) -> Reply)?
    }

    private let state = Mutex(State())
    private let listener: ListeningSocket
    private let connections = DispatchGroup()

    /// Starts at a free port.
    init(models: [String] = ["llama3.2:latest"]) throws {
        self.models = models
        listener = try ListeningSocket()
        host = "127.0.0.1:\(listener.port)"
        connections.enter()
        Thread.detachNewThread { [self] in
            while let connection = listener.accept() {
                connections.enter()
                state.withLock { $0.connections += 1 }
                Thread.detachNewThread { [self] in
                    serve(connection)
                    connection.close()
                    connections.leave()
                }
            }
            connections.leave()
        }
    }

    /// Runs `body` with a stand-in that is stopped when it returns or throws.
    static func run<Result>(
        models: [String] = ["llama3.2:latest"], _ body: (StandInOllama) async throws -> Result
    ) async throws -> Result {
        let ollama = try StandInOllama(models: models)
        defer { ollama.stop() }
        return try await body(ollama)
    }

    /// Ends every exchange and waits for the threads. May be called again.
    func stop() {
        listener.stop()
        connections.wait()
        listener.close()
    }

    /// Answers the next requests for `path` so, one each, before the healthy answers go on.
    func next(_ path: String, _ replies: Reply...) {
        state.withLock { $0.replies[path, default: []] += replies }
    }

    /// Answers every later chat so, unless `next` says otherwise.
    func onChat(_ reply: @escaping @Sendable (Request) -> Reply) {
        state.withLock { $0.chat = reply }
    }

    /// Every request so far, in the order of arrival.
    var requests: [Request] { state.withLock { $0.requests } }

    /// How many connections were accepted so far.
    var connectionCount: Int { state.withLock { $0.connections } }

    /// The requests for one path.
    func requests(_ path: String) -> [Request] { requests.filter { $0.path == path } }

    /// Waits until `condition` holds for the requests so far; false after `limit`, which only a failing test reaches.
    func until(limit: Duration = .seconds(600), _ condition: ([Request]) -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while !condition(requests) {
            if ContinuousClock.now > end { return false }
            try await Task.sleep(for: .milliseconds(2))
        }
        return true
    }

    // MARK: Serving

    private func serve(_ connection: Connection) {
        while let (method, path, body) = connection.readRequest() {
            let request = Request(method: method, path: path, body: body)
            let (index, scripted, chat) = state.withLock { state in
                state.requests.append(request)
                let scripted = state.replies[path]?.isEmpty == false ? state.replies[path]?.removeFirst() : nil
                return (state.requests.count - 1, scripted, state.chat)
            }
            let reply = scripted ?? (path == "/api/chat" ? chat?(request) : nil) ?? healthy(request)
            let outcome = connection.send(reply, headOnly: method == "HEAD")
            state.withLock { $0.requests[index].outcome = outcome.outcome }
            if !outcome.keepAlive { return }
        }
    }

    /// What a healthy server answers.
    private func healthy(_ request: Request) -> Reply {
        let model = request.body["model"]?.string ?? ""
        let isKnown = models.contains { $0 == model || $0 == model + ":latest" }
        switch request.path {
        case "/": return .text("Ollama is running")
        case "/api/version": return .json(["version": "0.33.0"])
        case "/api/tags":
            return .json([
                "models": .array(
                    models.map {
                        [
                            "name": .string($0), "model": .string($0), "modified_at": "2026-01-02T03:04:05.678901234Z",
                            "size": 2_019_393_189, "digest": "a80c4f17acd5",
                            "details": [
                                "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
                                "parameter_size": "3.2B", "quantization_level": "Q4_K_M",
                            ],
                        ]
                    })
            ])
        case "/api/ps":
            return .json([
                "models": .array(
                    models.map {
                        [
                            "name": .string($0), "model": .string($0), "size": 5_137_025_024, "digest": "a80c4f17acd5",
                            "details": [:], "expires_at": "2026-01-02T03:09:05Z", "size_vram": 0,
                            "context_length": 4096,
                        ]
                    })
            ])
        case "/api/show" where isKnown:
            return .json([
                "modelfile": "FROM llama3.2", "parameters": "", "template": "{{ .Prompt }}", "details": [:],
                "model_info": ["general.architecture": "llama", "llama.context_length": 131_072],
                "capabilities": ["completion"],
            ])
        case "/api/pull":
            return .lines([
                ["status": "pulling manifest"],
                ["status": "pulling dde5aa3fc5ff", "digest": "sha256:dde5aa3fc5ff", "total": 1000],
                ["status": "pulling dde5aa3fc5ff", "digest": "sha256:dde5aa3fc5ff", "total": 1000, "completed": 1000],
                ["status": "verifying sha256 digest"], ["status": "writing manifest"], ["status": "success"],
            ])
        case "/api/chat" where isKnown: return .answer("Resposta ", "de ", "teste.", model: model)
        case "/api/chat", "/api/show": return .error(404, "model '\(model)' not found")
        default: return Reply(status: 404, contentType: "text/plain", steps: [.send(Array("404 page not found".utf8))])
        }
    }
}

// MARK: - Replies

extension StandInOllama.Reply {
    /// A whole chat answer, a line a piece, then the last line.
    static func answer(_ pieces: String..., model: String = "llama3.2", promptTokens: Int = 26) -> Self {
        chat(pieces.map { .piece($0, model: model) } + [.done(model: model, promptTokens: promptTokens)])
    }

    /// A chat answer step by step.
    static func chat(_ steps: [Step]) -> Self { Self(steps: steps) }

    static func lines(_ lines: [JSONValue]) -> Self { Self(steps: lines.map(Step.line)) }

    static func json(_ value: JSONValue) -> Self {
        Self(contentType: "application/json; charset=utf-8", steps: [.send(value.encoded())])
    }

    static func text(_ text: String) -> Self {
        Self(contentType: "text/plain; charset=utf-8", steps: [.send(Array(text.utf8))])
    }

    /// `{"error": …}` with a status.
    static func error(_ status: Int, _ message: String) -> Self {
        var reply = json(["error": .string(message)])
        reply.status = status
        return reply
    }

    /// The check of the Host header: 403 with nothing in it.
    static let forbidden = Self(status: 403, contentType: "text/plain", steps: [])
}

extension StandInOllama.Reply.Step {
    static func line(_ value: JSONValue) -> Self { .send(value.encoded() + [UInt8(ascii: "\n")]) }

    /// A piece of a chat answer.
    static func piece(_ text: String, model: String = "llama3.2") -> Self {
        .line([
            "model": .string(model), "created_at": "2026-01-02T03:04:05.678901234Z",
            "message": ["role": "assistant", "content": .string(text)], "done": false,
        ])
    }

    /// The last line of a chat answer.
    static func done(model: String = "llama3.2", reason: String = "stop", promptTokens: Int = 26) -> Self {
        .line([
            "model": .string(model), "created_at": "2026-01-02T03:04:05.678901234Z",
            "message": ["role": "assistant", "content": ""], "done": true, "done_reason": .string(reason),
            "total_duration": 5_000_000_000, "load_duration": 1_000_000_000,
            "prompt_eval_count": .integer(Int64(promptTokens)), "prompt_eval_duration": 1_500_000_000,
            "eval_count": 9, "eval_duration": 2_500_000_000,
        ])
    }

    /// An error in the middle of a reply; HTTP's status stays 200.
    static func error(_ message: String) -> Self { .line(["error": .string(message)]) }
}
