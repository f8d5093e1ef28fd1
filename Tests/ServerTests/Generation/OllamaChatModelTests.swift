// Chat over a real socket: what is sent, what is made of every kind of reply, and that leaving closes the connection.
//
// Deadlines are injected: those that must expire are short, all others far longer than any test. No test asserts how
// long something took.

import Testing
import VectorStore

@testable import Server

@Suite struct OllamaChatModelTests {
    static let question = [
        ChatMessage(role: .system, content: "Responda com as fontes."), ChatMessage(role: .user, content: "Onde fica?"),
    ]

    func request(model: String = "llama3.2", options: JSONObject = [:]) -> ChatRequest {
        ChatRequest(
            model: model, messages: Self.question, contextLength: 4096, maxAnswerTokens: 512, options: options)
    }

    // MARK: What is sent

    @Test func `a question is sent whole, streamed, without thinking and never to be truncated`() async throws {
        try await StandInOllama.run { ollama in
            _ = try await collect(chatModel(ollama).chat(request(options: ["temperature": 0, "seed": 42])))
            let sent = try #require(ollama.requests.first)
            #expect(sent.method == "POST")
            #expect(sent.path == "/api/chat")
            #expect(
                sent.body == [
                    "model": "llama3.2", "stream": true, "think": false, "truncate": false, "shift": false,
                    "messages": [
                        ["role": "system", "content": "Responda com as fontes."],
                        ["role": "user", "content": "Onde fica?"],
                    ],
                    "options": ["temperature": 0, "seed": 42, "num_ctx": 4096, "num_predict": 512],
                ])
        }
    }

    @Test func `what makes Ollama reload the model is the same in every request`() async throws {
        try await StandInOllama.run { ollama in
            let model = try chatModel(ollama, cpuOnly: true)
            for _ in 0..<3 { _ = try await collect(model.chat(request())) }
            #expect(ollama.requests.count == 3)
            for sent in ollama.requests {
                #expect(sent.body["options"] == ["num_ctx": 4096, "num_predict": 512, "num_gpu": 0])
            }
        }
    }

    @Test func `questions one after the other share a connection`() async throws {
        try await StandInOllama.run { ollama in
            let model = try chatModel(ollama)
            for _ in 0..<5 { try await collect(model.chat(request())) }
            #expect(ollama.connectionCount == 1)
        }
    }

    @Test func `what the caller spells out is passed on as it is`() throws {
        let model = OllamaChatModel(client: OllamaClient(endpoint: try OllamaEndpoint()), cpuOnly: true)
        let body = model.body(request(options: ["num_gpu": 20, "num_predict": -1, "stop": ["\n\n"]]))
        #expect(body["options"] == ["num_gpu": 20, "num_predict": -1, "stop": ["\n\n"], "num_ctx": 4096])
    }

    // MARK: What comes back

    @Test func `tokens arrive in order, then the numbers`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .answer("Fica ", "em ", "Faro ❤️.", promptTokens: 31))
            let events = try await collect(try chatModel(ollama).chat(request()))
            #expect(
                events == [
                    .token("Fica "), .token("em "), .token("Faro ❤️."),
                    .finished(
                        ChatUsage(
                            promptTokens: 31, answerTokens: 9, finishReason: "stop", loadSeconds: 1,
                            promptSeconds: 1.5, answerSeconds: 2.5)),
                ])
        }
    }

    @Test func `a token is delivered while the model still thinks about the next`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("Fica"), .stall]))
            var tokens = try chatModel(ollama).chat(request()).makeAsyncIterator()
            // The stand-in says nothing more until we leave, so this only returns if lines are not held back.
            #expect(try await tokens.next() == .token("Fica"))
        }
    }

    @Test func `chunks may be cut anywhere`() async throws {
        let steps: [StandInOllama.Reply.Step] = [.piece("São João é já ❤️"), .piece("."), .done()]
        let bytes: [UInt8] = steps.reduce(into: []) { all, step in
            if case .send(let bytes) = step { all += bytes }
        }
        try await StandInOllama.run { ollama in
            ollama.next(
                "/api/chat", .chat(bytes.map { .send([$0]) }),
                .chat(
                    stride(from: 0, to: bytes.count, by: 7).map { .send(Array(bytes[$0..<min($0 + 7, bytes.count)])) }),
                .chat([.send(bytes)]))
            for _ in 0..<3 {
                let text = try await answerText(chatModel(ollama).chat(request()))
                #expect(text == "São João é já ❤️.")
            }
        }
    }

    @Test func `a reply in one piece, thinking and unknown members are read too`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next(
                "/api/chat",
                .lines([["message": ["role": "assistant", "content": "Faro."], "done": true, "done_reason": "stop"]]),
                .lines([
                    ["message": ["role": "assistant", "content": "", "thinking": "Hmm"], "done": false, "new": [1]],
                    ["message": ["role": "assistant", "content": "Faro."], "done": false], ["done": true],
                ]))
            for _ in 0..<2 {
                let text = try await answerText(chatModel(ollama).chat(request()))
                #expect(text == "Faro.")
            }
        }
    }

    @Test func `a model that cannot switch thinking off is asked again without the word`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .error(400, #""llama3.2" does not support thinking"#))
            let text = try await answerText(chatModel(ollama).chat(request()))
            #expect(text == "Resposta de teste.")
            #expect(ollama.requests.map { $0.body["think"] } == [false, nil])
        }
    }

    @Test func `being refused twice for thinking is an error, not a loop`() async throws {
        try await StandInOllama.run { ollama in
            let refusal = StandInOllama.Reply.error(400, #""m" does not support thinking"#)
            ollama.next("/api/chat", refusal, refusal)
            await #expect(throws: ChatError.rejected(#""m" does not support thinking"#)) {
                try await collect(try chatModel(ollama).chat(request()))
            }
        }
    }

    // Oracle: the table of Ollama's errors in its API documentation and source (0.33).
    @Test(arguments: [
        (400, "missing request body", ChatError.rejected("missing request body"), 400),
        (400, #""llama3.2" does not support chat"#, .notAChatModel(model: "llama3.2"), 400),
        (
            400, "the input length exceeds the context length",
            .contextExceeded("the input length exceeds the context length"), 413
        ),
        (
            500, "the request exceeds the available context size, try increasing it",
            .contextExceeded("the request exceeds the available context size, try increasing it"), 413
        ),
        (401, "unauthorized", .signInRequired("unauthorized"), 502),
        (403, "", .forbidden("no message"), 502),
        (404, "model 'llama3.2' not found", .modelNotFound(model: "llama3.2"), 404),
        (404, "404 page not found", .malformedReply("HTTP 404: 404 page not found"), 502),
        (429, "too many requests", .busy("too many requests"), 503),
        (499, "request canceled", .busy("request canceled"), 503),
        (500, "model runner has unexpectedly stopped", .failed("model runner has unexpectedly stopped"), 502),
        (502, "bad gateway", .failed("bad gateway"), 502),
        (
            503, "server busy, please try again.  maximum pending requests exceeded",
            .busy("server busy, please try again.  maximum pending requests exceeded"), 503
        ),
        (307, "", .malformedReply("HTTP 307: no message"), 502),
    ])
    func `an HTTP error has its own meaning`(status: Int, message: String, error: ChatError, ours: Int) async throws {
        try await StandInOllama.run { ollama in
            var reply = StandInOllama.Reply.error(status, message)
            if message.isEmpty { reply.steps = [] }
            ollama.next("/api/chat", reply)
            await #expect(throws: error) { try await collect(try chatModel(ollama).chat(request())) }
            #expect(error.failure.status == ours)
        }
    }

    @Test func `an error page that is no JSON is quoted`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next(
                "/api/chat", .init(status: 502, contentType: "text/html", steps: [.send(Array("<h1>Oops</h1>".utf8))]))
            await #expect(throws: ChatError.failed("<h1>Oops</h1>")) {
                try await collect(try chatModel(ollama).chat(request()))
            }
        }
    }

    @Test(
        arguments: [
            ([.piece("Fica"), .error("llama runner crashed")], ChatError.failed("llama runner crashed")),
            ([.error("exceeds the context length")], .contextExceeded("exceeds the context length")),
            ([.piece("Fica")], .cutOff("it closed the connection without its last line")),
            (
                [.piece("Fica"), .line(["hello": 1])],
                .malformedReply("a line of a chat with neither message nor error")
            ),
            ([], .cutOff("it closed the connection without its last line")),
        ] as [([StandInOllama.Reply.Step], ChatError)])
    func `a stream that ends badly is an error, however good it began`(
        steps: [StandInOllama.Reply.Step], error: ChatError
    ) async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat(steps))
            await #expect(throws: error) { try await collect(try chatModel(ollama).chat(request())) }
        }
    }

    @Test(arguments: ["{\"message\":", "<html>", "[", "\u{0}"])
    func `a line that is no JSON is an error that shows it`(line: String) async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("Fica"), .send(Array("\(line)\n".utf8)), .done()]))
            let error = await #expect(throws: ChatError.self) {
                try await collect(try chatModel(ollama).chat(request()))
            }
            guard case .malformedReply(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.hasSuffix(line))
        }
    }

    @Test func `an endless line is refused before it fills the memory`() async throws {
        try await StandInOllama.run { ollama in
            let chunk = StandInOllama.Reply.Step.send([UInt8](repeating: UInt8(ascii: "a"), count: 1 << 18))
            ollama.next("/api/chat", .chat(Array(repeating: chunk, count: 8) + [.stall]))
            await #expect(throws: ChatError.malformedReply("a line of more than \(1 << 20) bytes")) {
                try await collect(try chatModel(ollama).chat(request()))
            }
        }
    }

    @Test(arguments: [StandInOllama.Reply.Step.disconnect, .reset])
    func `a lost connection is told from a server that is not there`(loss: StandInOllama.Reply.Step) async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("Fica"), .pause(.milliseconds(50)), loss]))
            let error = await #expect(throws: ChatError.self) {
                try await collect(try chatModel(ollama).chat(request()))
            }
            guard case .cutOff = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `nobody at the address is unreachable`() async throws {
        // A port that was free a moment ago.
        let ollama = try StandInOllama()
        ollama.stop()
        let error = await #expect(throws: ChatError.self) { try await collect(try chatModel(ollama).chat(request())) }
        #expect(error == .unreachable(endpoint: "http://\(ollama.host)", reason: "connection refused"))
        #expect(error?.isUnreachable == true)
    }

    // MARK: Deadlines

    @Test func `no connection within the deadline`() async throws {
        // One place in the listener's queue, taken by us and never accepted: the kernel ignores whoever comes next.
        let full = try FullListener()
        defer { full.close() }
        let client = OllamaClient(
            endpoint: try OllamaEndpoint(full.host), deadlines: OllamaDeadlines(connect: .milliseconds(200)))
        await #expect(throws: ChatError.connectTimeout(endpoint: "http://\(full.host)", after: .milliseconds(200))) {
            try await collect(OllamaChatModel(client: client).chat(request()))
        }
    }

    @Test(arguments: [[.stall], [.headers, .stall]] as [[StandInOllama.Reply.Step]])
    func `no token within the deadline`(steps: [StandInOllama.Reply.Step]) async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat(steps))
            let model = try chatModel(
                ollama, deadlines: OllamaDeadlines(connect: .seconds(600), firstToken: .milliseconds(100)))
            await #expect(throws: ChatError.firstTokenTimeout(after: .milliseconds(100))) {
                try await collect(model.chat(request()))
            }
            #expect(try await ollama.until { $0.first?.outcome == .clientLeft })
        }
    }

    @Test func `a stall between tokens`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("Fica"), .stall]))
            let model = try chatModel(
                ollama, deadlines: OllamaDeadlines(connect: .seconds(600), betweenTokens: .milliseconds(100)))
            await #expect(throws: ChatError.tokenTimeout(after: .milliseconds(100))) {
                try await collect(model.chat(request()))
            }
            #expect(try await ollama.until { $0.first?.outcome == .clientLeft })
        }
    }

    @Test func `loading a model takes longer than the deadline between tokens, and may`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.pause(.milliseconds(400)), .piece("Faro."), .done()]))
            let deadlines = OllamaDeadlines(connect: .seconds(600), betweenTokens: .milliseconds(300))
            let text = try await answerText(chatModel(ollama, deadlines: deadlines).chat(request()))
            #expect(text == "Faro.")
        }
    }

    // MARK: Leaving

    @Test(arguments: [[.stall], [.headers, .stall], [.piece("Fica"), .stall]] as [[StandInOllama.Reply.Step]])
    func `cancelling the reader closes the connection, whatever is being waited for`(
        steps: [StandInOllama.Reply.Step]
    ) async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat(steps))
            let stream = try chatModel(ollama).chat(request())
            let reader = Task { try await collect(stream) }
            #expect(try await ollama.until { $0.count == 1 })
            reader.cancel()
            #expect(try await ollama.until { $0.first?.outcome == .clientLeft })
            _ = await reader.result
        }
    }

    @Test func `letting go of the stream closes the connection`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("Fica"), .stall]))
            for try await _ in try chatModel(ollama).chat(request()) { break }
            #expect(try await ollama.until { $0.first?.outcome == .clientLeft })
        }
    }

    @Test func `a question waits for its turn, and leaves the line when its reader does`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/chat", .chat([.piece("1"), .stall]))
            let queue = ChatQueue(width: 1, capacity: 1)
            let model = try chatModel(ollama, queue: queue)
            let (first, second) = (model.chat(request()), model.chat(request()))
            let reader = Task { try await collect(first) }
            #expect(try await ollama.until { $0.count == 1 })
            let waiter = Task { try await collect(second) }
            #expect(try await ollama.until { _ in queue.waiting == 1 })
            await #expect(throws: ChatError.overloaded(waiting: 1)) { try await collect(model.chat(request())) }
            waiter.cancel()
            #expect(try await ollama.until { _ in queue.waiting == 0 })
            reader.cancel()
            let text = try await answerText(model.chat(request()))
            #expect(text == "Resposta de teste.")
            #expect(ollama.requests.count == 2)
            _ = await (reader.result, waiter.result)
        }
    }

    @Test func `an answer after a failure uses the same client`() async throws {
        try await StandInOllama.run { ollama in
            let model = try chatModel(ollama)
            ollama.next("/api/chat", .error(500, "x"), .chat([.piece("a"), .reset]), .chat([.send([0xFF, 0x0A])]))
            for _ in 0..<3 {
                await #expect(throws: ChatError.self) { try await collect(model.chat(request())) }
            }
            let text = try await answerText(model.chat(request()))
            #expect(text == "Resposta de teste.")
        }
    }
}

// MARK: - Helpers

func chatModel(
    _ ollama: StandInOllama, deadlines: OllamaDeadlines = .patient, queue: ChatQueue = ChatQueue(),
    cpuOnly: Bool = false
) throws -> OllamaChatModel {
    let client = OllamaClient(endpoint: try OllamaEndpoint(ollama.host), deadlines: deadlines)
    return OllamaChatModel(client: client, queue: queue, cpuOnly: cpuOnly)
}

extension OllamaDeadlines {
    /// Far longer than any test: with hundreds of tests on two cores a connection has taken more than a minute.
    static let patient = OllamaDeadlines(
        connect: .seconds(600), firstToken: .seconds(600), betweenTokens: .seconds(600), status: .seconds(600))
}

@discardableResult
func collect<Element>(_ stream: AsyncThrowingStream<Element, any Error>) async throws -> [Element] {
    var elements: [Element] = []
    for try await element in stream { elements.append(element) }
    return elements
}

func answerText(_ stream: AsyncThrowingStream<ChatEvent, any Error>) async throws -> String {
    try await collect(stream).reduce(into: "") { text, event in
        if case .token(let token) = event { text += token }
    }
}
