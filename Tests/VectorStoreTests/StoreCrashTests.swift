// kill -9 at any moment: what was acknowledged is there, and every update is there whole or not at all.

import Foundation
import StoreCrashWriter
import TestSupport
import Testing
import VectorStore

/// Its tests start and kill processes: one after the other.
@Suite(.serialized) struct StoreCrashTests {
    /// More for a long night: STORE_CRASH_ROUNDS=5000.
    private static let rounds = ProcessInfo.processInfo.environment["STORE_CRASH_ROUNDS"].flatMap { Int($0) } ?? 200

    /// Beside the test bundle.
    private static var writer: URL {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "StoreCrashWriter")
    }

    /// Starts the writers and kills them after so many acknowledgements of all together and microseconds.
    ///
    /// - Parameter firsts: The update that each writer begins with.
    /// - Returns: By writer what it acknowledged.
    private static func acknowledged(
        in directory: String, from firsts: [Int], killAfter count: Int, microseconds: UInt32,
        beforeKill: (Int32) throws -> Void = { _ in }
    ) throws -> [[CrashModel.Acknowledgement]] {
        let process = Process()
        process.executableURL = writer
        process.arguments = [directory, firsts.map(String.init).joined(separator: ",")]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var output = Data()
        var lines = 0
        while lines < count {
            let read = pipe.fileHandleForReading.availableData
            try #require(!read.isEmpty, "the writer ended by itself: \(String(decoding: output, as: UTF8.self))")
            output += read
            lines = output.count { $0 == UInt8(ascii: "\n") }
        }
        try beforeKill(process.processIdentifier)
        usleep(microseconds)
        kill(process.processIdentifier, SIGKILL)
        output += try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL)

        var acknowledged = [[CrashModel.Acknowledgement]](repeating: [], count: firsts.count)
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            try #require(numbers.count == 3 && firsts.indices.contains(numbers[0]), "\(line)")
            acknowledged[numbers[0]].append(.init(update: numbers[1], operation: UInt64(numbers[2])))
        }
        for (first, own) in zip(firsts, acknowledged) {
            #expect(own.map(\.update) == Array(first..<(first + own.count)))
            #expect(zip(own, own.dropFirst()).allSatisfy { $0.operation < $1.operation })
        }
        return acknowledged
    }

    /// The writers begin graphs, too, but seldom live long enough to write one.
    private static func buildGraph(in directory: String) async throws {
        var options = EmbeddedStore.Options()
        options.indexingThreshold = 1
        let store = try EmbeddedStore(directory: directory, options: options)
        try await GraphFixture.untilIndexed(store, CrashLoad.collection)
        _ = try await GraphFixture.untilSaved(directory)
        try store.close()
    }

    /// The oracle is `CrashModel`: every writer's own updates, replayed.
    @Test func `after kill -9 every acknowledged update of every writer is there, and no update by half`() async throws
    {
        try await withTemporaryDirectory { directory in
            var generator = SplitMix64(seed: 1789)
            var model = CrashModel()
            var graphs = 0
            for round in 0..<Self.rounds {
                // Every eighth time while the store is being made, opened and given its indexes.
                let isEarly = round % 8 == 0
                let acknowledged = try Self.acknowledged(
                    in: directory, from: model.next, killAfter: isEarly ? 0 : .random(in: 1...60, using: &generator),
                    microseconds: .random(in: 0..<(isEarly ? 100_000 : 8000), using: &generator)
                )
                let store = try EmbeddedStore(directory: directory)
                if try await store.collections().isEmpty {
                    #expect(model.points.isEmpty && acknowledged.joined().isEmpty)
                } else {
                    if try await store.collection(CrashLoad.collection).vectors[""]?.indexedCount ?? 0 > 0 {
                        graphs += 1
                    }
                    try await model.check(store, acknowledged)
                }
                try store.close()
                if round % 20 == 10 { try await Self.buildGraph(in: directory) }
            }
            #expect(graphs > 0 || Self.rounds < 20, "no kill ever came beside a graph")
        }
    }

    @Test func `after kill -9 while an older directory is brought to today's tables all that was in it is there`()
        async throws
    {
        var generator = SplitMix64(seed: 1804)
        let older = OlderSchemaTests.schemas.dropLast()
        for round in 0..<(Self.rounds / 5) {
            let schema = older[older.index(older.startIndex, offsetBy: round % older.count)]
            try await withTemporaryDirectory { directory in
                try OlderSchemaTests.make(directory, schema: schema)
                // Programs of debug builds take some 50 ms to come to it.
                _ = try Self.acknowledged(
                    in: directory, from: [], killAfter: 0, microseconds: .random(in: 0..<100_000, using: &generator))
                let store = try EmbeddedStore(directory: directory)
                try await OlderSchemaTests.check(store, schema: schema)
                try store.close()
            }
        }
    }

    /// By another process, because root may write where nobody may.
    @Test(arguments: [true, false])
    func `a directory or a database that may not be written is named and left as it is`(isDirectory: Bool) async throws
    {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 64, distance: .dot))
            try store.close()
            let database = directory + "/points.sqlite"
            let before = try Data(contentsOf: URL(filePath: database))
            let isRoot = geteuid() == 0
            // The lock may be taken in both cases: what cannot be written is found after it.
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: directory + "/.lock")
            try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: database)
            try FileManager.default.setAttributes(
                [.posixPermissions: isDirectory ? 0o555 : 0o777], ofItemAtPath: directory)
            defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory) }
            let (status, output) = try Self.run([directory, "0"] + (isRoot ? ["65534"] : []))
            #expect(status == 1)
            #expect(output.contains(database) && output.contains("cannot be used"), "\(output)")
            #expect(try Data(contentsOf: URL(filePath: database)) == before)
        }
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = writer
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    @Test func `another process keeps the directory until it ends, however it ends`() async throws {
        try await withTemporaryDirectory { directory in
            _ = try Self.acknowledged(in: directory, from: [0], killAfter: 1, microseconds: 0) { process in
                let error = #expect(throws: StoreError.self) { try EmbeddedStore(directory: directory) }
                #expect(error == .locked(directory: directory, holder: process))
                let message = "\(error.map { "\($0)" } ?? "")"
                #expect(message.contains(directory) && message.contains("process \(process)"))
            }
            let store = try EmbeddedStore(directory: directory)
            #expect(try await store.count(nil, in: "c") > 0)
        }
    }
}
