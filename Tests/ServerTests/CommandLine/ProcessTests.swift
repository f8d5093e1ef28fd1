// The server as a process: killed, started twice, asked by the program's other commands.

import Foundation
import Synchronization
import TestSupport
import Testing
import VectorStore

@testable import Server

/// Serial: each test has a server process of its own.
@Suite(.serialized) struct ProcessTests {
    private struct Client: Sendable {
        let port: Int

        func send(_ head: String, _ body: [UInt8] = []) async throws -> RawResponse {
            let connection = try await RawConnection(port: port)
            defer { connection.close() }
            try await connection.write(Array("\(head)\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8) + body)
            return try await connection.readResponse()
        }

        func upload(_ text: String, title: String) async throws -> RawResponse {
            let body = Form.body([("title", title)], file: Array(text.utf8))
            let lengths = "Content-Type: \(Form.type)\r\nContent-Length: \(body.count)"
            return try await send("POST /vector/text-to-vector HTTP/1.1\r\n\(lengths)", body)
        }

        func isReady() async -> Bool { (try? await send("GET /readyz HTTP/1.1").status) == 200 }
    }

    /// A served data directory.
    private final class ServerProcess {
        let client: Client
        private let process: Process

        init(directory: String, qdrantPort: String = "off") async throws {
            let port = try Self.freePort()
            client = Client(port: port)
            process = Program.process([
                "serve", "--data-dir", directory, "--port", "\(port)", "--llm-port", "off", "--qdrant-port", qdrantPort,
            ])
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            for _ in 0..<600 {
                if await client.isReady() { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            throw RawConnection.Failure(call: "the server did not become ready", code: 0)
        }

        func terminate() { process.terminate() }

        func kill(_ signal: Int32) async throws -> Int32 {
            let process = process
            Foundation.kill(process.processIdentifier, signal)
            return try await blocking {
                process.waitUntilExit()
                return process.terminationStatus
            }
        }

        private static func freePort() throws -> Int {
            let listener = try ListeningSocket()
            defer { listener.close() }
            return Int(listener.port)
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func increment() { count.withLock { $0 += 1 } }
    }

    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "process-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }

    @Test func `after kill -9 in the middle of uploads everything acknowledged is there, and nothing is there by half`()
        async throws
    {
        try await Self.withDirectory { directory in
            var generator = SplitMix64(seed: 9)
            var acknowledged: [String: Int] = [:]
            for round in 0..<5 {
                let server = try await ServerProcess(directory: directory)
                let client = server.client
                // Killed after so many acknowledgements, with two or three uploads under way.
                let enough = Int.random(in: 1...12, using: &generator)
                let count = Counter()
                let stored = try await withThrowingTaskGroup(of: [String: Int].self) { group in
                    for writer in 0..<3 {
                        group.addTask {
                            var stored: [String: Int] = [:]
                            for number in 0..<10_000 {
                                let title = "\(round)-\(writer)-\(number)"
                                let text = (0..<40).map { "Sentence \($0) of \(title) is here. " }.joined()
                                // The kill ends the loop: the connection breaks, or is refused.
                                guard let response = try? await client.upload(text, title: title),
                                    response.status == 200,
                                    let chunks = response.json["chunks"]?.integer
                                else { return stored }
                                stored[title] = Int(chunks)
                                count.increment()
                            }
                            return stored
                        }
                    }
                    while count.value < enough { try await Task.sleep(for: .milliseconds(1)) }
                    _ = try await server.kill(SIGKILL)
                    return try await group.reduce(into: [:]) { $0.merge($1) { $1 } }
                }
                acknowledged.merge(stored) { $1 }
            }
            #expect(acknowledged.count >= 5)

            let store = try EmbeddedStore(directory: directory)
            var chunks: [String: [Int64]] = [:]
            var expected: [String: Int] = [:]
            let page = try await store.scroll(ScrollRequest(limit: 1_000_000), in: Library.collection)
            for payload in page.points.compactMap(\.payload) {
                let title = payload[Library.Field.title]?.string ?? ""
                chunks[title, default: []].append(payload[Library.Field.chunkIndex]?.integer ?? -1)
                expected[title] = Int(payload[Library.Field.chunkCount]?.integer ?? -1)
            }
            for (title, count) in acknowledged { #expect(chunks[title]?.count == count, "\(title)") }
            for (title, indexes) in chunks {
                #expect(indexes.sorted() == (0..<Int64(expected[title] ?? 0)).map { $0 }, "\(title)")
            }
        }
    }

    @Test func `a Qdrant port that is taken does not stop the rest`() async throws {
        try await Self.withDirectory { directory in
            let first = try await ServerProcess(directory: directory)
            let second = try await ServerProcess(directory: directory + "-2", qdrantPort: "\(first.client.port)")
            defer { try? FileManager.default.removeItem(atPath: directory + "-2") }
            try await Task.sleep(for: .milliseconds(300))
            #expect(await second.client.isReady())
            #expect(try await second.kill(SIGTERM) == 0)
            #expect(try await first.kill(SIGTERM) == 0)
        }
    }

    @Test func `a second server on the directory is refused, and SIGTERM ends the first with success`() async throws {
        try await Self.withDirectory { directory in
            let server = try await ServerProcess(directory: directory)
            #expect(try await server.client.upload("A text.", title: "t").status == 200)
            let second = try await Program.run([
                "serve", "--data-dir", directory, "--port", "0", "--llm-port", "off", "--qdrant-port", "off",
            ])
            #expect(second.status != 0)
            #expect(second.errors.contains("in use by process") && second.errors.contains(directory))
            let port = try await Program.run([
                "serve", "--data-dir", directory + "-2", "--port", "\(server.client.port)", "--llm-port", "off",
                "--qdrant-port", "off",
            ])
            try? FileManager.default.removeItem(atPath: directory + "-2")
            #expect(port.status != 0 && port.errors.contains("is in use"), "\(port.errors)")

            // An idle kept-alive connection must not hold the shutdown up.
            let idle = try await RawConnection(port: server.client.port)
            defer { idle.close() }
            try await idle.write(Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            #expect(String(decoding: try await idle.read(once: true), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            #expect(try await server.kill(SIGTERM) == 0)
        }
    }

    @Test func `index and ask talk to the running server`() async throws {
        try await Self.withDirectory { directory in
            let server = try await ServerProcess(directory: directory)
            defer { server.terminate() }
            let file = directory + "/note.md"
            try Data("The keeper rang the bell for eleven hours.".utf8).write(to: URL(filePath: file))
            let address = ["--server", "http://127.0.0.1:\(server.client.port)"]
            let index = try await Program.run(["index", file, "--title", "note"] + address)
            #expect(index.output == "\(file): created (chunks: 1, tokens: 9)\n", "\(index.errors)")
            #expect(try await Program.run(["index", file, "--title", "note"] + address).output.contains("unchanged"))
            let ask = try await Program.run(
                ["ask", "How long did the keeper ring the bell?", "--title", "note"] + address)
            #expect(ask.output.contains("eleven hours") && ask.output.contains("[1] note 0–42"))
            #expect(ask.errors.contains("warning: No chat model wrote this answer"))
            let questions = directory + "/questions.txt"
            try Data("How long?\n\nWho rang the bell?\n".utf8).write(to: URL(filePath: questions))
            let script = try await Program.run(["ask", "--questions", questions, "--title", "note"] + address).output
            #expect(script.components(separatedBy: "P: ").count == 3 && script.contains("\nR: "))
            let unknown = try await Program.run(["ask", "x", "--title", "nota"] + address)
            #expect(unknown.status != 0 && unknown.errors.contains("Nearest: 'note'"))
        }
    }
}
