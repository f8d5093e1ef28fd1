// The program itself, as users run it: a process with arguments, files and signals.

import ArgumentParser
import Foundation
import HNSW
import MiniLM
import Synchronization
import TestSupport
import Testing
import VectorStore

@testable import Server

/// The built program, beside the test bundle.
struct Program {
    static let path: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "minilm").path
    }()

    struct Result: Sendable { var status: Int32, output: String, errors: String }

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        try await blocking { try runToEnd(arguments, input: input, environment: environment) }
    }

    private static func runToEnd(_ arguments: [String], input: String, environment: [String: String]) throws -> Result {
        let process = process(arguments, environment)
        let (inputPipe, outputPipe, errorPipe) = (Pipe(), Pipe(), Pipe())
        process.standardInput = inputPipe
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        try uninterrupted { try process.run() }
        try uninterrupted { try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try inputPipe.fileHandleForWriting.close()
        let output = try readToEnd(outputPipe)
        let errors = try readToEnd(errorPipe)
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self)
        )
    }

    private static func readToEnd(_ pipe: Pipe) throws -> Data {
        var data = Data()
        while let piece = try uninterrupted({ try pipe.fileHandleForReading.read(upToCount: 1 << 16) }), !piece.isEmpty
        {
            data += piece
        }
        return data
    }

    /// Foundation on Linux does not try again when a signal for somebody else interrupts a system call, as happens when
    /// several processes end at once.
    private static func uninterrupted<Value>(_ body: () throws -> Value) throws -> Value {
        while true {
            do { return try body() } catch let error as CocoaError {
                guard (error.underlying as NSError?)?.code == Int(EINTR) else {
                    throw error
                }
            }
        }
    }

    static func process(_ arguments: [String], _ environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        // Variables of the developer's own shell must not change what is tested.
        let kept = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR"].contains($0.key)
        }
        process.environment = kept.merging(["WEIGHTS": Weights.directory, "OLLAMA_HOST": "127.0.0.1:9"]) { $1 }
            .merging(environment) { $1 }
        return process
    }
}

/// One process after another: two dozen at once on two cores only wait for each other.
@Suite(.serialized) final class CommandTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "program-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: directory) }

    private func file(_ name: String, _ content: String) throws -> String {
        let url = directory.appending(path: name)
        try Data(content.utf8).write(to: url)
        return url.path
    }

    @Test func `embed writes the vectors of every line, blank ones too, as NumPy reads them`() async throws {
        let input = try file("lines.txt", "Olá mundo\n\nThe last line has no end")
        let output = directory.appending(path: "v.npy")
        #expect(try await Program.run(["embed", "--input", input, "--output", output.path]).status == 0)
        let data = try Data(contentsOf: output)
        #expect(data.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
        let header = String(decoding: data[10..<128], as: UTF8.self)
        #expect(
            header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }") && header.hasSuffix("\n"))
        #expect(data.count == 128 + 3 * 384 * 4)
        let expected = try TestServer.encoder().encode(["Olá mundo", "", "The last line has no end"])
        let words = stride(from: 128, to: data.count, by: 4).map { start in
            data[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        let floats = words.map { Float(bitPattern: $0) }
        #expect(floats == expected.values)
    }

    @Test func `embed reads JSON lines and says what was cut`() async throws {
        let long = String(repeating: "word ", count: 300)
        let input = try file("in.jsonl", "\"a \\u00e9\"\n\n{\"text\": \"\(long)\", \"other\": 1}\n")
        let result = try await Program.run(["embed", "--input", input, "--output", "-"])
        #expect(result.status == 0)
        let records = try result.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
        #expect(records.map { $0["index"] } == [0, 1])
        #expect(records[0]["embedding"]?.array?.count == 384)
        #expect(records[1]["tokens"] == 256 && records[1]["truncated_tokens"] == 46)
        #expect(result.errors.contains("1 of 2 texts") && result.errors.contains("46 tokens"))
    }

    @Test(arguments: [["--gemm", "swift"], ["--gemm", "openblas"], ["--precision", "i16"], ["--precision", "i8"]])
    func `bench embed counts tokens, and writes its report for people, programs and slides`(
        options: [String]
    ) async throws {
        let input = try file("lines.txt", "Olá mundo\nthe lamp is lit\n")
        let arguments = ["bench", "embed", "--texts", input, "--rounds", "1", "--no-latency", "--json"]
        let result = try await Program.run(arguments + ["--out", directory.path] + options)
        let record = try JSONValue(parsing: result.output.utf8)
        #expect(record["texts"] == 2)
        // [CLS] ol ##a mundo [SEP] and [CLS] the lamp is lit [SEP]: what `tokenize` prints.
        #expect(record["tokens"] == 11)
        let rate = try #require(record["tokens_per_second"]?.number)
        let seconds = try #require(record["rounds"]?.array?.first?["seconds"]?.number)
        #expect(abs(rate * seconds - 11) < 1e-6)
        #expect(
            record["stages"]?["attention"] != nil
                && record["precision"]?.string == (options[0] == "--precision" ? options[1] : "f32"))
        for name in ["embed.md", "embed.json", "embed.svg"] {
            #expect(FileManager.default.fileExists(atPath: directory.appending(path: name).path))
        }
    }

    @Test func `embed in 16 bits is near embed in 32`() async throws {
        let input = "Olá mundo\nthe lamp is lit\n"
        let arguments = ["embed", "--input", "-", "--output", "-"]
        let exact = try await Program.run(arguments, input: input).output
        let fixed = try await Program.run(arguments, input: input, environment: ["PRECISION": "i16"]).output
        #expect(exact != fixed)
        for (a, b) in zip(exact.split(separator: "\n"), fixed.split(separator: "\n")) {
            let x = try #require(JSONValue(parsing: a.utf8)["embedding"]?.array).compactMap(\.number)
            let y = try #require(JSONValue(parsing: b.utf8)["embedding"]?.array).compactMap(\.number)
            let cosine = zip(x, y).reduce(0.0) { sum, pair in sum + pair.0 * pair.1 }
            #expect(x.count == 384 && y.count == 384)
            #expect(cosine >= 0.99998)
        }
    }

    @Test(arguments: ["cosine", "dot"])
    func `bench index looks for directions by cosine, for products by dot, and opens its snapshot in a new process`(
        distance: String
    ) async throws {
        // 200 directions with three lengths each, which are powers of two, so that dividing by them is exact: one vector or three.
        var generator = SplitMix64(seed: 90)
        let directions = (0..<200).map { _ in (0..<8).map { _ in Float.random(in: -1...1, using: &generator) } }
        let base = directory.appending(path: "base.npy").path
        var file = try NumPyFile(path: base, rows: 600, columns: 8)
        for length: Float in [1, 0.25, 8] { try file.append(directions.flatMap { $0.map { $0 * length } }) }
        try file.close()
        let queries = directory.appending(path: "queries.npy").path
        file = try NumPyFile(path: queries, rows: 50, columns: 8)
        try file.append(directions.prefix(50).flatMap { $0 })
        try file.close()
        let result = try await Program.run(
            [
                "bench", "index", "--vectors", base, "--queries", queries, "--distance", distance, "--ef", "600",
                "--json",
            ])
        let record = try JSONValue(parsing: result.output.utf8)
        #expect(record["rows"] == 600)
        #expect(record["distinct"] == (distance == "cosine" ? 200 : 600))
        #expect(record["normalised"] == (distance == "cosine" ? 650 : nil))
        #expect(record["points"]?.array?.first?["recallAt10"]?.number == 1, "a view of every node misses nothing")
        #expect(record["reopening"]?["queries"] == 50)
        #expect(try #require(record["reopening"]?["milliseconds"]?.number) > 0)
        #if os(Linux)
        #expect(try #require(record["reopening"]?["settled"]?["anonymous"]?.number) > 0)
        #expect(try #require(record["reopening"]?["opened"]?["file"]?.number) > 0)
        #endif
    }

    @Test func `bench index makes the index its options ask for`() throws {
        let plain = try #require(
            try Minilm.parseAsRoot(["bench", "index", "--vectors", "x.npy"]) as? BenchIndexCommand)
        #expect(plain.configuration(dimension: 3) == HNSWConfiguration(dimension: 3))
        let options = [
            "--keep-pruned", "--m", "5", "--ef-construction", "7", "--codes", "f32", "--distance", "manhattan",
        ]
        let other = try #require(
            try Minilm.parseAsRoot(["bench", "index", "--vectors", "x.npy"] + options) as? BenchIndexCommand)
        #expect(
            other.configuration(dimension: 3)
                == HNSWConfiguration(
                    dimension: 3, distance: .manhattan, M: 5, efConstruction: 7, codes: .float32, keepPruned: true))
    }

    @Test func `bench store fills a store, asks it and leaves nothing behind`() async throws {
        let folder = directory.appending(path: "store").path
        let arguments = ["bench", "store", "--points", "300", "--dimension", "3", "--directory", folder, "--json"]
        let record = try JSONValue(parsing: try await Program.run(arguments).output.utf8)
        #expect(record["points"] == 300)
        // Too few for a graph, so that none is waited for.
        #expect(record["while_building"]?["queries"] == 0 && record["while_building"]?["p50_us"] == .null)
        #expect(record["after_building"]?["queries"] == 200)
        #expect(try #require(record["after_building"]?["p95_us"]?.number) > 0)
        let filters = try #require(record["filters"]?.array)
        #expect(filters.compactMap { $0["matching"]?.integer } == [300, 150, 150, 3, 3, 10, 10])
        #expect(filters.allSatisfy { $0["recall_at_10"] == 1.0 })
        #if os(Linux)
        // What opening touches is read from a new process, and no process grows by nothing.
        #expect(try #require(record["resident_anonymous_bytes_per_point"]?.number) > 0)
        #expect(try #require(record["resident_file_bytes_per_point"]?.number) > 0)
        #endif
        #expect(!FileManager.default.fileExists(atPath: folder))
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let refused = try await Program.run(arguments)
        #expect(refused.status != 0 && refused.errors.contains("is there already"))
        #expect(FileManager.default.fileExists(atPath: folder))
    }

    @Test func `backup copies what a store holds`() async throws {
        let folder = directory.appending(path: "data").path
        let store = try EmbeddedStore(directory: folder)
        try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
        _ = try await store.update([.upsert([Point(id: .number(7), vector: [1])])], in: "c")
        let copies = directory.appending(path: "copies").path
        try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
        let copy = copies + "/points.sqlite"
        #expect(try await Program.run(["backup", copy, "--data-dir", folder]).status == 0)
        let again = try await Program.run(["backup", copy], environment: ["DATA_DIR": folder])
        #expect(again.status != 0 && again.errors.contains(copy))
        #expect(try await EmbeddedStore(directory: copies).count(nil, in: "c") == 1)
        #expect(try await store.count(nil, in: "c") == 1)
    }

    @Test func `tokenize prints an array of ids a line`() async throws {
        let result = try await Program.run(["tokenize", "--input", "-"], input: "Olá, mundo!\n\n")
        #expect(result.output == "[101, 19330, 2050, 1010, 25989, 999, 102]\n[101, 102]\n")
        let cut = try await Program.run(["tokenize", "--input", "-", "--max-tokens", "4"], input: "Olá, mundo!\n")
        #expect(cut.output == "[101, 19330, 2050, 102]\n")
        let whole = try await Program.run(
            ["tokenize", "--input", "-", "--max-tokens", "none"], input: String(repeating: "a ", count: 300)
        )
        #expect(whole.output.split(separator: ",").count == 302)
    }

    @Test(arguments: [
        (["embed", "--input", "/nowhere", "--output", "x.npy"], "Cannot read /nowhere"),
        (["embed", "--input", "-", "--output", "x.csv"], "must end in .npy or .jsonl"),
        (["tokenize", "--input", "-", "--max-tokens", "1"], "at least 2"),
        (["info", "--weights", "/nowhere"], "/nowhere"),
        (["ask", "x", "--server", "http://127.0.0.1:9"], "No minilm server answers"),
        (["ask"], "Give a question"),
        (["serve", "--host", "0.0.0.0", "--data-dir", "/dev/null/x"], "API_KEY"),
        (["serve", "--chunk-tokens", "3", "--data-dir", "/dev/null/x"], "/dev/null/x"),
        (["bench", "embed"], "make bench-texts"),
        (["bench", "embed", "--latency-only", "--no-latency"], "nothing to measure"),
        (["bench", "index", "--vectors", "/nowhere.npy"], "nowhere"),
        (["embed", "--input", "-", "--output", "-", "--precision", "i16", "--gemm", "openblas"], "f32 only"),
        (["embed", "--input", "-", "--output", "-", "--precision", "i4"], "i4"),
        (["embed", "--input", "-", "--output", "-", "--threads", "100000"], "1 to 1024, not 100000"),
        (["frobnicate"], "Usage"),
    ])
    func `mistakes are named on standard error and end with a failure`(arguments: [String], says: String) async throws {
        let result = try await Program.run(arguments)
        #expect(result.status != 0 && result.output.isEmpty)
        #expect((result.errors).contains(says), "\(result.errors)")
    }

    @Test func `every command has help with an example, and every option names its variable`() async throws {
        for command in [
            ["serve"], ["index"], ["ask"], ["embed"], ["tokenize"], ["pull"], ["info"], ["bench", "embed"],
            ["bench", "index"],
        ] {
            let help = try await Program.run(command + ["--help"]).output
            #expect(help.contains("EXAMPLES"), "\(command)")
        }
        let help = try await Program.run(["serve", "--help"]).output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        for variable in [
            "PORT", "LLM_PORT", "QDRANT_PORT", "DATA_DIR", "WEIGHTS", "MODEL", "OLLAMA_HOST", "API_KEY", "CHUNK_TOKENS",
        ] {
            #expect(help.contains("env \(variable)"), "\(variable)")
        }
    }

    @Test func `a variable with a bad value is named`() async throws {
        let result = try await Program.run(["serve", "--data-dir", "/dev/null/x"], environment: ["PORT": "many"])
        #expect(result.status != 0 && result.errors.contains("PORT='many'"))
    }
}

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
