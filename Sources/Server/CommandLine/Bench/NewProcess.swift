// What an index or a store keeps in memory, measured where nothing is left over from making it: this program, started again.

import ArgumentParser
import Cores
import Foundation
import HNSW
import VectorStore

enum NewProcess {
    /// Opens a snapshot in a new process and asks it at most 200 queries, as often as `Scripts/bench_index_peers.py` asks others.
    ///
    /// - Parameter queries: [count, dimension], row-major
    /// - Returns: nil when that failed, after a warning: what was measured before is not lost for it.
    static func opening(_ snapshot: String, queries: [Float], dimension: Int) -> IndexBenchmark.Reopening? {
        run(["bench", "open-index", snapshot], queries: queries.prefix(200 * dimension), dimension: dimension)
    }

    /// What a new process grows by that opens the store of a directory, which nobody else has open, and asks for the points nearest
    /// to the queries.
    ///
    /// - Returns: Bytes; nil where the system does not tell, and when that failed, after a warning.
    static func opening(store directory: String, queries: [Float], dimension: Int) -> MemoryGrowth? {
        let answer: MemoryGrowth?? = run(
            ["bench", "open-store", directory], queries: queries[...], dimension: dimension)
        return answer ?? nil
    }

    private static func run<Answer: Decodable>(
        _ arguments: [String], queries: ArraySlice<Float>, dimension: Int
    ) -> Answer? {
        do {
            return try runToEnd(arguments, queries: queries, dimension: dimension)
        } catch {
            Terminal.warn("what is resident in a new process was not measured: \(error)")
            return nil
        }
    }

    private static func runToEnd<Answer: Decodable>(
        _ arguments: [String], queries: ArraySlice<Float>, dimension: Int
    ) throws -> Answer {
        let path = FileManager.default.temporaryDirectory.appending(path: "minilm-bench-\(UUID().uuidString).npy").path
        defer { unsafe _ = unlink(path) }
        var file = try NumPyFile(path: path, rows: queries.count / dimension, columns: dimension)
        try file.append(queries)
        try file.close()
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = arguments + ["--queries", path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
        return try JSONDecoder().decode(Answer.self, from: data)
    }

    /// What the new process says at its end, to the one that started it.
    static func answer(_ value: some Encodable) throws {
        print(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}

/// Bytes that became resident since a moment.
struct MemoryGrowth: Codable {
    /// The process's own.
    var anonymous: Int
    /// Of mapped files.
    var file: Int

    /// nil where the system does not tell.
    init?(since before: (anonymous: Int, file: Int)?) {
        guard let before, let now = ProcessMemory.parts else { return nil }
        (anonymous, file) = (now.anonymous - before.anonymous, now.file - before.file)
    }
}

/// What `bench index` starts.
struct BenchOpenIndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open-index", abstract: "Open a snapshot, answer queries, say what is resident: for bench index.",
        shouldDisplay: false)

    @Argument var snapshot: String
    @Option var queries: String

    func run() throws {
        let asked = try NumPyMatrix(path: queries)
        let before = ProcessMemory.parts
        let clock = ContinuousClock()
        let begin = clock.now
        let index = try HNSWIndex.restore(from: snapshot, threads: Cores.usable).index
        var found: [Neighbour] = []
        func ask(_ rows: Range<Int>) throws {
            for row in rows {
                try index.search(asked[row].span, count: 10, ef: 64, into: &found)
            }
        }
        try ask(0..<1)
        let milliseconds = (clock.now - begin).inSeconds * 1000
        func growth() throws -> IndexBenchmark.Reopening.Growth? {
            try ask(0..<asked.rows)
            let vectors = Double(max(1, index.count))
            return MemoryGrowth(since: before).map {
                .init(anonymous: Double($0.anonymous) / vectors, file: Double($0.file) / vectors)
            }
        }
        let opened = try growth()
        try index.settle()
        try NewProcess.answer(
            IndexBenchmark.Reopening(
                milliseconds: milliseconds, queries: asked.rows, opened: opened, settled: try growth()))
    }
}

/// What `bench store` starts.
struct BenchOpenStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open-store", abstract: "Open a store, answer queries, say what is resident: for bench store.",
        shouldDisplay: false)

    @Argument var directory: String
    @Option var queries: String

    func run() async throws {
        let asked = try NumPyMatrix(path: queries)
        let before = ProcessMemory.parts
        let store = try EmbeddedStore(directory: directory)
        for row in 0..<asked.rows {
            _ = try await store.query(PointsQuery(vector: Array(asked[row]), withPayload: .none), in: "points")
        }
        // A graph that was opened is checked and copied into huge pages behind the first queries: until a second has changed nothing.
        var growth = MemoryGrowth(since: before)
        var quiet = 0
        while let last = growth, quiet < 4 {
            try await Task.sleep(for: .milliseconds(250))
            growth = MemoryGrowth(since: before)
            let change = abs((growth?.anonymous ?? 0) - last.anonymous) + abs((growth?.file ?? 0) - last.file)
            quiet = change < 1 << 20 ? quiet + 1 : 0
        }
        try store.close()
        try NewProcess.answer(growth)
    }
}
