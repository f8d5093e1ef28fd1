// Ollama's HTTP routes.

import Foundation
import VectorStore

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// How long to wait for what. None of them is Ollama's: it has no timeouts of its own but one for loading (5 minutes).
struct OllamaDeadlines: Sendable {
    /// Until the connection stands.
    var connect: Duration = .seconds(2)
    /// From the question to the first line of the answer: loading the model and reading the prompt, minutes on a CPU.
    var firstToken: Duration = .seconds(300)
    /// From one line of the answer to the next.
    var betweenTokens: Duration = .seconds(60)
    /// For each step of a question about Ollama itself (version, models).
    var status: Duration = .seconds(10)
}

/// A connection to one Ollama server. Every method throws `ChatError`, or `CancellationError` when its task was
/// cancelled; then the connection is closed at once.
final class OllamaClient: Sendable {
    let endpoint: OllamaEndpoint
    let deadlines: OllamaDeadlines
    private let session = HTTPSession()

    /// A line of an answer or a pull is a few hundred bytes; a chat answer asked for in one piece may be one line.
    private static let lineLimit = 1 << 20
    /// `/api/show` repeats the model's licence and template in one line.
    private static let documentLimit = 16 << 20

    init(endpoint: OllamaEndpoint, deadlines: OllamaDeadlines = OllamaDeadlines()) {
        self.endpoint = endpoint
        self.deadlines = deadlines
    }

    /// Requests whose connection is in use; for tests.
    var openExchanges: Int { session.openExchanges }

    /// Such as "0.33.0": the cheapest sign of life.
    func version() async throws -> String {
        guard let version = try await document("/api/version")["version"]?.string else {
            throw ChatError.malformedReply("/api/version without version")
        }
        return version
    }

    /// The models that were pulled.
    func models() async throws -> [OllamaModel] {
        guard let models = try await document("/api/tags")["models"]?.array else {
            throw ChatError.malformedReply("/api/tags without models")
        }
        return models.compactMap(OllamaModel.init)
    }

    /// The models in memory now: a model shows up once it was asked something, and on which hardware it runs.
    func loadedModels() async throws -> [LoadedModel] {
        guard let models = try await document("/api/ps")["models"]?.array else {
            throw ChatError.malformedReply("/api/ps without models")
        }
        return models.compactMap(LoadedModel.init)
    }

    /// The longest window a model was trained for, in tokens; nil when its file does not say.
    func trainedContextLength(of model: String) async throws -> Int? {
        let info = try await document("/api/show", body: ["model": .string(model)], model: model)["model_info"]?.object
        // The key carries the architecture: "llama.context_length".
        let entry = info?.first { $0.key.hasSuffix(".context_length") }
        return entry?.value.integer.flatMap(Int.init(exactly:))
    }

    /// Fetches a model into Ollama's library; the stream ends when it is there. Letting the stream go stops the
    /// download, and a later pull goes on where it stopped.
    func pull(_ model: String) -> AsyncThrowingStream<PullProgress, any Error> {
        AsyncThrowingStream(runningUntilDropped: { [self] yield in
            let body: JSONObject = ["model": .string(model), "stream": true]
            // Between its lines Ollama may read gigabytes to verify them: the generous deadline for each.
            let limits = (first: deadlines.firstToken, between: deadlines.firstToken)
            do {
                try await lines("/api/pull", body: body, model: model, limits: limits) { json in
                    guard let progress = PullProgress(json) else {
                        throw ChatError.malformedReply("a line of a pull without status")
                    }
                    yield(progress)
                    return progress.status == "success"
                }
            } catch ChatError.failed(let reason) {
                throw ChatError.pullFailed(model: model, reason: reason)
            }
        })
    }

    /// Posts `body` and hands over each line of the answer until `receive` returns true for the last.
    func lines(
        _ route: String, body: JSONObject, model: String, limits: (first: Duration, between: Duration),
        receive: (JSONValue) throws -> Bool
    ) async throws {
        try await exchange(route, body: body, lineLimit: Self.lineLimit) { exchange in
            var limit = deadlines.connect
            var timeout = ChatError.connectTimeout(endpoint: endpoint.description, after: limit)
            while let event = try await exchange.next(within: limit, orThrow: timeout) {
                switch event {
                case .sent, .response(status: 200):
                    limit = limits.first
                    timeout = .firstTokenTimeout(after: limit)
                case .response(let status):
                    throw try await refusal(status, exchange, model: model)
                case .line([]):
                    break
                case .line(let bytes):
                    limit = limits.between
                    timeout = .tokenTimeout(after: limit)
                    let json = try Self.parse(bytes)
                    if let error = json["error"], error != .null { throw ChatError(midStream: Self.text(of: error)) }
                    if try receive(json) { return await Self.awaitEnd(of: exchange) }
                }
            }
            throw ChatError.cutOff("it closed the connection without its last line")
        }
    }

    /// One JSON document: GET, or POST when there is a body.
    private func document(_ route: String, body: JSONObject? = nil, model: String = "") async throws -> JSONValue {
        try await exchange(route, body: body, lineLimit: Self.documentLimit) { exchange in
            // Without a body there is no sign of the connection before the response itself, which comes at once.
            var limit = deadlines.connect
            while let event = try await exchange.next(
                within: limit, orThrow: ChatError.connectTimeout(endpoint: endpoint.description, after: limit))
            {
                switch event {
                case .sent: limit = deadlines.status
                case .response(status: 200): return try Self.parse(try await remainder(of: exchange))
                case .response(let status): throw try await refusal(status, exchange, model: model)
                case .line: break
                }
            }
            throw ChatError.cutOff("no response")
        }
    }

    /// Starts an exchange, closes it in the end, and names its failures.
    private func exchange<Result>(
        _ route: String, body: JSONObject?, lineLimit: Int, read: (HTTPExchange) async throws -> Result
    ) async throws -> Result {
        var request = URLRequest(url: endpoint.url(route))
        if let body {
            request.httpMethod = "POST"
            request.httpBody = Data(body.encoded())
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let exchange = session.start(request, lineLimit: lineLimit)
        defer { exchange.close() }
        do {
            return try await read(exchange)
        } catch let failure as HTTPExchange.Failure {
            switch failure {
            case .notConnected(let reason): throw ChatError.unreachable(endpoint: endpoint.description, reason: reason)
            case .connectionLost(let reason): throw ChatError.cutOff(reason)
            case .lineTooLong(let limit): throw ChatError.malformedReply("a line of more than \(limit) bytes")
            case .tooMuchUnread(let limit): throw ChatError.malformedReply("more than \(limit) bytes at once")
            }
        }
    }

    /// The error that a response with another status than 200 stands for.
    private func refusal(_ status: Int, _ exchange: HTTPExchange, model: String) async throws -> ChatError {
        let body = try await remainder(of: exchange)
        let text: String
        do throws(JSONError) {
            text = Self.text(of: try JSONValue(parsing: body)["error"] ?? .null)
        } catch {
            // Not Ollama's JSON, perhaps a proxy's page: its beginning says most.
            text = String(String(decoding: body, as: UTF8.self).prefix(200))
        }
        return ChatError(status: status, message: text, model: model)
    }

    /// The rest of a response's body, which comes in one go.
    private func remainder(of exchange: HTTPExchange) async throws -> [UInt8] {
        var body: [UInt8] = []
        let timeout = ChatError.firstTokenTimeout(after: deadlines.status)
        while let event = try await exchange.next(within: deadlines.status, orThrow: timeout) {
            guard case .line(let bytes) = event else { continue }
            if !body.isEmpty { body.append(UInt8(ascii: "\n")) }
            body += bytes
            guard body.count <= Self.documentLimit else {
                throw ChatError.malformedReply("a body of more than \(Self.documentLimit) bytes")
            }
        }
        return body
    }

    /// Reads the response's end after its last line, so that the connection can be used again. If it does not come
    /// soon the connection is closed instead; the answer is complete either way.
    private static func awaitEnd(of exchange: HTTPExchange) async {
        do {
            while try await exchange.next(within: .seconds(1), orThrow: CancellationError()) != nil {}
        } catch {
            // Already closed by the failure itself.
        }
    }

    private static func parse(_ bytes: [UInt8]) throws(ChatError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: bytes)
        } catch {
            let start = String(decoding: bytes.prefix(60), as: UTF8.self)
            throw .malformedReply("not JSON, \(error): \(start)")
        }
    }

    /// Ollama's `error` is a string; servers that imitate it send `{"message": …}`.
    private static func text(of error: JSONValue) -> String {
        error.string ?? error["message"]?.string ?? (error == .null ? "" : error.description)
    }
}

extension AsyncThrowingStream where Failure == any Error {
    /// A stream of what `body` yields. Its task is cancelled when the stream's consumer is, or lets the stream go.
    init(runningUntilDropped body: @escaping @Sendable (_ yield: (Element) -> Void) async throws -> Void)
    where Element: Sendable {
        self.init { continuation in
            let task = Task {
                do {
                    try await body { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
