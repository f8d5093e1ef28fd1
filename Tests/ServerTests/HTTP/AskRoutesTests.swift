// Questions over real sockets: whole answers, streamed ones, refusals, and callers who hang up.

import Foundation
import Testing
import VectorStore

@testable import Server

@Suite struct AskRoutesTests {
    @Test(arguments: ["/llm/ask", "/llm/generate-response"])
    func answersWithSources(path: String) async throws {
        try await RunningServer.run(chat: ScriptedChat("Em ", "1887.")) { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let response = try await ask(#"{"question": "Quando?", "title_rag": "faro"}"#, port, path: path)
            #expect(response.status == 200)
            let answer = try json(response)
            #expect(answer["answer"] == "Em 1887.")
            #expect(answer["generator"] == "scripted")
            #expect(answer["model"] == "llama3.2")
            #expect(answer["sources"]?.array?.first?["title"] == "faro")
            #expect(answer["usage"]?["prompt_tokens"] == 20)
            #expect(answer["usage"]?["completion_tokens"] == 5)
            #expect(answer["timings"]?["total_ms"]?.number != nil)
            #expect(
                answer.object?.keys == [
                    "answer", "sources", "model", "generator", "usage", "timings", "dropped", "warnings",
                ])
        }
    }

    @Test func streamsSourcesThenTokensThenTheRecord() async throws {
        try await RunningServer.run(chat: ScriptedChat("Em ", "1887.")) { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let response = try await ask(#"{"question": "Quando?", "stream": true}"#, port)
            #expect(response.headers["content-type"] == "text/event-stream; charset=utf-8")
            let events = try events(response.body)
            #expect(events.map(\.name) == ["sources", "token", "token", "done"])
            #expect(events[0].data["sources"]?.array?.count == 1)
            #expect(events[1].data == ["token": "Em "])
            #expect(events[3].data["answer"] == "Em 1887.")
        }
    }

    @Test func anErrorInTheMiddleIsAnEvent() async throws {
        let chat = ScriptedChat("Em ", failure: .cutOff("the pipe broke"))
        try await RunningServer.run(chat: chat) { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let events = try events(try await ask(#"{"question": "Quando?", "stream": true}"#, port).body)
            #expect(events.map(\.name) == ["sources", "token", "error"])
            #expect(events[2].data["status"] == 502)
            #expect(events[2].data["detail"]?.string?.contains("the pipe broke") == true)
        }
    }

    /// What goes wrong before the first event has a status of its own, streamed or not.
    @Test(arguments: ["false", "true"])
    func anUnknownTitleIs404AndNamesTheNearest(stream: String) async throws {
        try await RunningServer.run { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let response = try await ask(#"{"question": "x", "title_rag": "fare", "stream": \#(stream)}"#, port)
            #expect(response.status == 404)
            #expect(try json(response)["detail"]?.string?.contains("faro") == true)
        }
    }

    @Test func aChatErrorHasItsStatusAndRetryAfter() async throws {
        try await RunningServer.run(chat: ScriptedChat(failure: .busy("loading"))) { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let response = try await ask(#"{"question": "Quando?"}"#, port)
            #expect(response.status == 503)
            #expect(response.headers["retry-after"] == "10")
        }
    }

    @Test(arguments: ["false", "true"])
    func hangingUpCancelsTheGeneration(stream: String) async throws {
        let chat = ScriptedChat("Em ", isEndless: true)
        try await RunningServer.run(chat: chat) { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            let client = try RawClient(port: port)
            try await client.send(request(#"{"question": "Quando?", "stream": \#(stream)}"#))
            if stream == "true" { _ = try await client.read(through: "event: token") }
            #expect(try await chat.hasBegun())
            client.close()
            #expect(try await chat.wasCancelled())
            #expect(try await fetch("GET", "/healthz", port: port).status == 200)
        }
    }

    @Test(arguments: [
        ("", #"[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]"#),
        (
            #"{"title_rag": "x"}"#,
            #"[{"type":"missing","loc":["body","question"],"msg":"Field required","input":{"title_rag":"x"}}]"#
        ),
        (
            #"{"question": 5}"#,
            #"[{"type":"string_type","loc":["body","question"],"msg":"Input should be a valid string","input":5}]"#
        ),
        (
            #"{"question": "x", "title_rag": ["y"]}"#,
            #"[{"type":"string_type","loc":["body","title_rag"],"msg":"Input should be a valid string","input":["y"]}]"#
        ),
        (
            #"{"question": "x", "top_k": "many"}"#,
            #"[{"type":"int_parsing","loc":["body","top_k"],"msg":"Input should be a valid integer, unable to parse "#
                + #"string as an integer","input":"many"}]"#
        ),
        (
            #"{"question": "x", "top_k": 2.5}"#,
            #"[{"type":"int_from_float","loc":["body","top_k"],"msg":"Input should be a valid integer, got a number "#
                + #"with a fractional part","input":2.5}]"#
        ),
        (
            #"{"question": x"}"#,
            #"[{"type":"json_invalid","loc":["body",13],"msg":"JSON decode error","input":{},"#
                + #""ctx":{"error":"Expecting value"}}]"#
        ),
        (
            #"["question"]"#,
            #"[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to "#
                + #"extract fields from","input":["question"]}]"#
        ),
    ])
    func refusesAsFastAPIDoes(body: String, detail: String) async throws {
        try await RunningServer.run { port in
            let response = try await ask(body, port)
            #expect(response.status == 422)
            #expect(response.body == #"{"detail":\#(detail)}"#)
        }
    }

    /// A page of another site can send any type but this one without asking.
    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", ""])
    func jsonOfAnotherTypeIsRefused(contentType: String) async throws {
        try await RunningServer.run { port in
            let response = try await ask(#"{"question": "x"}"#, port, contentType: contentType)
            #expect(response.status == 422)
            #expect(try json(response)["detail"]?.array?.first?["type"] == "model_attributes_type")
        }
    }

    @Test(arguments: ["application/json; charset=utf-8", "application/geo+json"])
    func jsonMayHaveParametersAndRelatives(contentType: String) async throws {
        try await RunningServer.run { port in
            _ = try await post(Form(title: "faro", file: "O farol foi aceso em 1887."), port)
            #expect(
                try await ask(#"{"question": "Quando?", "extra": 1}"#, port, contentType: contentType).status == 200)
        }
    }

    @Test func aLongQuestionIsRefusedNotCut() async throws {
        try await RunningServer.run { port in
            let megabyte = String(repeating: "a ", count: 500_000)
            let long = try await ask(#"{"question": "\#(megabyte)"}"#, port)
            #expect(long.status == 422)
            #expect(try json(long)["detail"]?.array?.first?["type"] == "string_too_long")
            let longer = try await ask(#"{"question": "\#(megabyte + megabyte + megabyte)"}"#, port)
            #expect(longer.status == 413)
        }
    }
}

private func request(_ body: String, path: String = "/llm/ask") -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

private func ask(
    _ body: String, _ port: Int, path: String = "/llm/ask", contentType: String = "application/json"
) async throws -> RawResponse {
    let headers = contentType.isEmpty ? [:] : ["Content-Type": contentType]
    return try await fetch("POST", path, port: port, headers: headers, body: Array(body.utf8))
}

/// The events of a stream.
private func events(_ text: String) throws -> [(name: String, data: JSONValue)] {
    try text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { block in
        let lines = block.components(separatedBy: "\n")
        #expect(lines.count == 2)
        return (String(lines[0].dropFirst(7)), try JSONValue(parsing: lines[1].dropFirst(6).utf8))
    }
}
