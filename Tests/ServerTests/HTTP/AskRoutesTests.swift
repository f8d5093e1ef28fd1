// Questions over a real socket, answered by a stand-in that speaks Ollama's wire format.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct AskRoutesTests {
    private static let text = "The keeper rang the bell for eleven hours. The bread has fennel in it."

    private func withDocument(
        limits: ChatLimits = ChatLimits(), fallback: Answering.Fallback = .auto, withoutOllama: Bool = false,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run(limits: limits, fallback: fallback, withoutOllama: withoutOllama) { server in
            #expect(
                try await server.upload(Self.text, title: "story", extra: [("url", "https://example.org")]).status
                    == 200)
            try await body(server)
        }
    }

    @Test(arguments: ["/llm/ask", "/llm/generate-response"])
    func `an answer comes with its sources, model, usage and timings`(path: String) async throws {
        try await withDocument { server in
            server.ollama.next("/api/chat", .answer("Eleven ", "hours [1]."))
            let response = try await server.post(
                path, json: ["question": "How long did the bell ring?", "title_rag": "story"])
            #expect(response.status == 200)
            let answer = response.json
            #expect(answer["answer"] == "Eleven hours [1].")
            #expect(answer["generator"] == "ollama" && answer["model"] == "llama3.2")
            let source = try #require(answer["sources"]?.array?.first)
            #expect(source["text"] == .string(Self.text) && source["url"] == "https://example.org")
            #expect(source["start"] == 0 && source["end"] == .integer(Int64(Self.text.count)))
            #expect((answer["usage"]?["prompt_tokens"]?.integer ?? 0) > 0)
            #expect((answer["usage"]?["estimated_prompt_tokens"]?.integer ?? 0) > 0)
            #expect(answer["usage"]?["context_length"] == 4096)
            #expect((answer["timings"]?["total_ms"]?.number ?? -1) >= 0)
            #expect(answer["dropped"] == [] && answer["warnings"] == [])

            let sent = try #require(server.ollama.requests("/api/chat").last?.body)
            let prompt = sent["messages"]?.array?.last?["content"]?.string ?? ""
            #expect(prompt.contains(Self.text) && prompt.hasSuffix("How long did the bell ring?"))
        }
    }

    @Test func `a streamed answer is sources, tokens, then the record`() async throws {
        try await withDocument { server in
            server.ollama.next("/api/chat", .answer("Eleven ", "hours."))
            let response = try await server.post(
                "/llm/ask", json: ["question": "How long?", "title_rag": "story", "stream": true])
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == "text/event-stream; charset=utf-8")
            let events = Self.events(response.text)
            #expect(events.map(\.name) == ["sources", "token", "token", "done"])
            #expect(events[0].data["sources"]?.array?.count == 1)
            #expect(events[1].data["token"] == "Eleven " && events[2].data["token"] == "hours.")
            #expect(events[3].data["answer"] == "Eleven hours.")
        }
    }

    @Test func `model, top_k and options are passed on; title_rag left out or null searches everything`() async throws {
        try await withDocument { server in
            _ = try await server.upload("A second document about trains.", title: "trains")
            _ = try await server.post(
                "/llm/ask",
                json: [
                    "question": "Trains?", "title_rag": nil, "model": "mistral", "top_k": 1,
                    "options": ["temperature": 0, "num_ctx": 8192],
                ]
            )
            let sent = try #require(server.ollama.requests("/api/chat").last?.body)
            #expect(sent["model"] == "mistral")
            #expect(sent["options"]?["temperature"] == 0 && sent["options"]?["num_ctx"] == 8192)
            #expect(sent["messages"]?.array?.last?["content"]?.string?.contains("about trains") == true)
            #expect(sent["messages"]?.array?.last?["content"]?.string?.contains("fennel") == false)
            let answer = try await server.post("/llm/ask", json: ["question": "Trains?"]).json
            #expect(answer["sources"]?.array?.count == 2)
        }
    }

    @Test func `an unknown title is 404 and names the nearest`() async throws {
        try await withDocument { server in
            for stream in [true, false] {
                let response = try await server.post(
                    "/llm/ask", json: ["question": "x", "title_rag": "stories", "stream": .bool(stream)])
                #expect(response.status == 404)
                #expect(response.json["detail"]?.string?.contains("Nearest: 'story'") == true)
            }
            #expect(server.ollama.requests("/api/chat").isEmpty)
        }
    }

    @Test func `with nothing stored the refusal comes without asking a model`() async throws {
        try await TestServer.run { server in
            let answer = try await server.post("/llm/ask", json: ["question": "Anything?"]).json
            #expect(answer["answer"] == "Não tenho informações suficientes para responder.")
            #expect(answer["generator"] == "none" && answer["sources"] == [])
            #expect(server.ollama.requests("/api/chat").isEmpty)
        }
    }

    @Test func `without Ollama sentences are quoted and labelled`() async throws {
        try await withDocument(withoutOllama: true) { server in
            let answer = try await server.post("/llm/ask", json: ["question": "How long did the keeper ring the bell?"])
                .json
            #expect(answer["generator"] == "extractive" && answer["model"] == .null)
            #expect(answer["answer"]?.string?.contains("“The keeper rang the bell for eleven hours.” [1]") == true)
            #expect(answer["warnings"]?.array?.first?.string?.contains("ollama serve") == true)
        }
    }

    @Test func `without Ollama and with --generator ollama the answer is 503`() async throws {
        try await withDocument(fallback: .ollama, withoutOllama: true) { server in
            let response = try await server.post("/llm/ask", json: ["question": "How long?"])
            #expect(response.status == 503)
            #expect(response.headers["retry-after"] != nil)
            #expect(response.json["detail"]?.string?.contains("ollama serve") == true)
        }
    }

    @Test func `a model that is not there is 404 and says how to get it`() async throws {
        try await withDocument { server in
            server.ollama.next("/api/chat", .error(404, "model 'llama3.2' not found"))
            let response = try await server.post("/llm/ask", json: ["question": "How long?"])
            #expect(response.status == 404)
            #expect(response.json["detail"]?.string?.contains("ollama pull llama3.2") == true)
        }
    }

    @Test func `an error in the middle of a stream is an event, in the middle of an answer a status`() async throws {
        try await withDocument { server in
            let broken = StandInOllama.Reply(steps: [
                .send(Array(#"{"model":"m","message":{"role":"assistant","content":"Ele"},"done":false}"#.utf8) + [10]),
                .send(Array(#"{"error":"model runner has unexpectedly stopped"}"#.utf8) + [10]),
            ])
            server.ollama.next("/api/chat", broken, broken)
            let streamed = try await server.post("/llm/ask", json: ["question": "How long?", "stream": true])
            let events = Self.events(streamed.text)
            #expect(events.map(\.name) == ["sources", "token", "error"])
            #expect(events[2].data["status"] == 502)
            #expect(try await server.post("/llm/ask", json: ["question": "How long?"]).status == 502)
        }
    }

    @Test func `passages that do not fit are left out, least relevant first, and named`() async throws {
        var limits = ChatLimits()
        limits.contextLength = 1200
        limits.maxAnswerTokens = 100
        try await TestServer.run(limits: limits) { server in
            let filler = String(repeating: "Nothing of interest happened on that day at all. ", count: 18)
            for number in 0..<4 { _ = try await server.upload("Day \(number). \(filler)", title: "log") }
            let answer = try await server.post("/llm/ask", json: ["question": "What happened?", "title_rag": "log"])
                .json
            let sources = try #require(answer["sources"]?.array)
            let dropped = try #require(answer["dropped"]?.array)
            #expect(sources.count == 4 && !dropped.isEmpty && dropped.count < 4)
            #expect(dropped == sources.suffix(dropped.count).compactMap { $0["id"] })
        }
    }

    @Test func `a window smaller than asked for costs the least relevant passage, not the answer`() async throws {
        try await withDocument { server in
            _ = try await server.upload("The boat was red.", title: "boat")
            server.ollama.next("/api/chat", .error(400, "the input length exceeds the context length"), .answer("Red."))
            let answer = try await server.post("/llm/ask", json: ["question": "Colour of the boat?"]).json
            #expect(answer["answer"] == "Red.")
            #expect(answer["dropped"]?.array?.count == 1)
            #expect(answer["warnings"]?.array?.first?.string?.contains("left out") == true)
        }
    }

    @Test(arguments: [true, false])
    func `a caller who hangs up cancels the generation`(stream: Bool) async throws {
        try await withDocument { server in
            server.ollama.next("/api/chat", StandInOllama.Reply(steps: [.headers, .stall]))
            let connection = try await RawConnection(port: server.port)
            let body = Array(#"{"question":"How long?","stream":\#(stream)}"#.utf8)
            let lines = [
                "POST /llm/ask HTTP/1.1", "Host: localhost", "Content-Type: application/json",
                "Content-Length: \(body.count)", "", "",
            ]
            try await connection.write(Array(lines.joined(separator: "\r\n").utf8) + body)
            #expect(try await server.ollama.until { requests in requests.contains { $0.path == "/api/chat" } })
            connection.close()
            #expect(try await server.ollama.until { requests in requests.contains { $0.outcome == .clientLeft } })
        }
    }

    // MARK: What is refused

    @Test(arguments: [
        ("{}", 422, #"{"type":"missing","loc":["body","question"],"msg":"Field required","input":{}}"#),
        (
            #"{"question": }"#, 422,
            #"{"type":"json_invalid","loc":["body",13],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}"#
        ),
        (
            #"{"question":1}"#, 422,
            #"{"type":"string_type","loc":["body","question"],"msg":"Input should be a valid string","input":1}"#
        ),
        (#"{"question":"x","title_rag":["y"]}"#, 422, #""loc":["body","title_rag"]"#),
        (
            #"{"question":"x","top_k":"many"}"#, 422,
            #""msg":"Input should be a valid integer, unable to parse string as an integer""#
        ),
        (#"{"question":"x","top_k":0}"#, 422, #""type":"greater_than_equal""#),
        (#"{"question":"x","stream":"perhaps"}"#, 422, #""type":"bool_parsing""#),
        (#"{"question":"x","options":[]}"#, 422, #""type":"dict_type""#),
        (#"{"question":"  "}"#, 422, #""type":"string_too_short""#),
        (#"{"question":"x","options":{"num_ctx":"big"}}"#, 400, "num_ctx"),
        ("[]", 422, #""type":"model_attributes_type""#),
        ("", 422, #"{"type":"missing","loc":["body"],"msg":"Field required","input":null}"#),
        ("\u{0}", 422, "json_invalid"),
    ])
    func `a bad question is refused as FastAPI would`(body: String, status: Int, says: String) async throws {
        try await withDocument { server in
            let response = try await server.post("/llm/ask", Array(body.utf8), type: "application/json")
            #expect(response.status == status)
            #expect(response.text.contains(says), "\(response.text)")
        }
    }

    @Test func `a question of a megabyte is refused, a body of three not even read`() async throws {
        try await withDocument { server in
            let long = try await server.post(
                "/llm/ask", json: ["question": .string(String(repeating: "why ", count: 250_000))])
            #expect(long.status == 422)
            #expect(long.json["detail"]?.array?.first?["type"] == "string_too_long")
            #expect(
                try await server.post("/llm/ask", json: ["question": .string(String(repeating: "a", count: 3 << 20))])
                    .status == 413)
        }
    }

    @Test func `a question in another content type is no question`() async throws {
        try await withDocument { server in
            let response = try await server.post("/llm/ask", Array(#"{"question":"x"}"#.utf8), type: "text/plain")
            #expect(response.status == 422)
            #expect(response.json["detail"]?.array?.first?["type"] == "model_attributes_type")
        }
    }

    static func events(_ text: String) -> [(name: String, data: JSONValue)] {
        text.components(separatedBy: "\n\n").compactMap { block in
            let lines = block.split(separator: "\n")
            guard lines.count == 2, lines[0].hasPrefix("event: "), lines[1].hasPrefix("data: ") else { return nil }
            return (String(lines[0].dropFirst(7)), (try? JSONValue(parsing: lines[1].dropFirst(6).utf8)) ?? .null)
        }
    }
}
