// Ollama's other routes, and what a thousand conversations leave behind.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct OllamaClientTests {
    func client(_ ollama: StandInOllama, deadlines: OllamaDeadlines = .patient) throws -> OllamaClient {
        OllamaClient(endpoint: try OllamaEndpoint(ollama.host), deadlines: deadlines)
    }

    @Test func `a healthy server tells its version, its models and their windows`() async throws {
        try await StandInOllama.run(models: ["llama3.2:latest", "phi3:mini"]) { ollama in
            let client = try client(ollama)
            #expect(try await client.version() == "0.33.0")
            let models = try await client.models()
            #expect(models.map(\.name) == ["llama3.2:latest", "phi3:mini"])
            #expect(models.first?.size == 2_019_393_189)
            #expect(models.first?.parameterSize == "3.2B")
            #expect(models.first?.quantization == "Q4_K_M")
            let loaded = try await client.loadedModels()
            #expect(loaded.first?.processor == .cpu)
            #expect(loaded.first?.contextLength == 4096)
            #expect(try await client.trainedContextLength(of: "llama3.2") == 131_072)
            #expect(ollama.requests.map(\.method) == ["GET", "GET", "GET", "POST"])
        }
    }

    // Oracle: the column PROCESSOR of `ollama ps`.
    @Test(
        arguments: [
            (100, 0, LoadedModel.Processor.cpu, "100% CPU"),
            (100, 100, .gpu, "100% GPU"),
            (1000, 250, .split(cpuPercent: 75), "75%/25% CPU/GPU"),
            (1000, 996, .split(cpuPercent: 0), "0%/100% CPU/GPU"),
            (100, 101, .unknown, "unknown"),
            (0, 5, .unknown, "unknown"),
            (100, nil, .unknown, "unknown"),
            (nil, 100, .unknown, "unknown"),
        ] as [(Int64?, Int64?, LoadedModel.Processor, String)])
    func `where a model runs follows from its sizes`(
        size: Int64?, sizeVRAM: Int64?, processor: LoadedModel.Processor, words: String
    ) {
        #expect(LoadedModel.Processor(size: size, sizeVRAM: sizeVRAM) == processor)
        #expect(processor.description == words)
    }

    @Test(arguments: [
        ("llama3.2", "llama3.2:latest", true), ("llama3.2:latest", "llama3.2", true),
        ("llama3.2:1b", "llama3.2", false),
        ("Mistral", "mistral", true), ("hf.co/a/b", "hf.co/a/b:latest", true), ("host:80/m", "host:80/m:latest", true),
    ])
    func `a name without a tag means the latest`(one: String, other: String, same: Bool) {
        #expect(OllamaModel.isSame(one, other) == same)
    }

    @Test func `a pull shows its progress line by line`() async throws {
        try await StandInOllama.run { ollama in
            let progress = try await collect(client(ollama).pull("llama3.2"))
            #expect(progress.map(\.status).first == "pulling manifest")
            #expect(progress.map(\.completed) == [nil, 0, 1000, nil, nil, nil])
            #expect(progress.map(\.total) == [nil, 1000, 1000, nil, nil, nil])
            #expect(progress.last?.status == "success")
            #expect(ollama.requests.first?.body == ["model": "llama3.2", "stream": true])
        }
    }

    @Test func `a pull that fails says why, whether at once or inline`() async throws {
        try await StandInOllama.run { ollama in
            let client = try client(ollama)
            ollama.next(
                "/api/pull",
                .lines([["status": "pulling manifest"], ["error": "pull model manifest: file does not exist"]]),
                .error(500, "no space left on device"), .lines([["status": "pulling manifest"]]))
            let reasons = ["pull model manifest: file does not exist", "no space left on device"]
            for reason in reasons {
                await #expect(throws: ChatError.pullFailed(model: "nope", reason: reason)) {
                    try await collect(client.pull("nope"))
                }
            }
            await #expect(throws: ChatError.cutOff("it closed the connection without its last line")) {
                try await collect(client.pull("nope"))
            }
        }
    }

    @Test func `leaving a pull stops it`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/pull", .init(steps: [.line(["status": "pulling manifest"]), .stall]))
            for try await _ in try client(ollama).pull("llama3.2") { break }
            #expect(try await ollama.until { $0.first?.outcome == .clientLeft })
        }
    }

    @Test func `another server's answers are refused as such`() async throws {
        try await StandInOllama.run { ollama in
            let client = try client(ollama)
            ollama.next("/api/version", .text("<html>"), .json(["release": 1]), .json([]))
            ollama.next("/api/tags", .json(["models": nil]))
            ollama.next("/api/ps", .json([:]))
            for _ in 0..<3 { await expectMalformed { _ = try await client.version() } }
            await expectMalformed { _ = try await client.models() }
            await expectMalformed { _ = try await client.loadedModels() }
        }
    }

    private func expectMalformed(_ body: () async throws -> Void) async {
        let error = await #expect(throws: ChatError.self) { try await body() }
        guard case .malformedReply = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a question about Ollama itself has a deadline`() async throws {
        try await StandInOllama.run { ollama in
            ollama.next("/api/version", .init(steps: [.stall]))
            ollama.next("/api/show", .init(steps: [.headers, .stall]))
            let client = try client(
                ollama, deadlines: OllamaDeadlines(connect: .milliseconds(100), status: .milliseconds(100)))
            let error = await #expect(throws: ChatError.self) { try await client.version() }
            #expect(error == .connectTimeout(endpoint: "http://\(ollama.host)", after: .milliseconds(100)))
            await #expect(throws: ChatError.self) { try await client.trainedContextLength(of: "llama3.2") }
            #expect(try await ollama.until { $0.allSatisfy { $0.outcome == .clientLeft } })
        }
    }

    @Test func `a proxy in the environment is not asked for this machine`() async throws {
        // In a process of its own: the environment belongs to all threads.
        await #expect(processExitsWith: .success) {
            _ = unsafe setenv("http_proxy", "http://127.0.0.1:9", 1)
            _ = unsafe setenv("NO_PROXY", "example.org", 1)
            try await StandInOllama.run { ollama in
                let client = OllamaClient(endpoint: try OllamaEndpoint(ollama.host), deadlines: .patient)
                #expect(try await client.version() == "0.33.0")
            }
        }
    }

    #if os(Linux)
    @Test func `a thousand conversations, ended in every way, leave nothing open`() async throws {
        // In a process of its own, where nobody else opens descriptors.
        await #expect(processExitsWith: .success) {
            try await StandInOllama.run { ollama in
                let model = OllamaChatModel(
                    client: OllamaClient(endpoint: try OllamaEndpoint(ollama.host), deadlines: .patient))
                ollama.onChat { request in
                    switch request.body["options"]?["seed"]?.integer.map({ $0 % 4 }) {
                    case 1: .chat([.piece("a"), .stall])
                    case 2: .error(500, "x")
                    case 3: .chat([.piece("a"), .reset])
                    default: .answer("a", "b")
                    }
                }
                func converse(_ count: Int) async throws {
                    for seed in 0..<count {
                        let request = ChatRequest(
                            model: "m", messages: OllamaChatModelTests.question, contextLength: 4096,
                            maxAnswerTokens: 16,
                            options: ["seed": .integer(Int64(seed))])
                        do {
                            for try await _ in model.chat(request) where seed % 4 == 1 { break }
                        } catch is ChatError {
                            continue
                        }
                    }
                    // The last connection may still be on its way down.
                    #expect(try await ollama.until { $0.allSatisfy { $0.outcome != nil } })
                    #expect(try await ollama.until { _ in model.client.openExchanges == 0 })
                }
                try await converse(40)
                let before = try descriptors()
                try await converse(1000)
                // Idle connections are kept for the next question; their number does not grow with the questions.
                let after = try descriptors()
                #expect(after <= before + 4, "\(before) descriptors, then \(after)")
            }
        }
    }
    #endif
}

#if os(Linux)
private func descriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
}
#endif
