// kill -9 at any moment: what was acknowledged is there, and every batch is there whole or not at all.

import Foundation
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

    /// Starts the writer and kills it after so many acknowledgements and microseconds.
    ///
    /// - Returns: The last batch it acknowledged.
    private static func lastAcknowledged(
        in directory: String, from first: Int, killAfter count: Int, microseconds: UInt32,
        beforeKill: (Int32) throws -> Void = { _ in }
    ) throws -> Int {
        let process = Process()
        process.executableURL = writer
        process.arguments = [directory, "\(first)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var output = Data()
        var lines = 0
        while lines < count {
            let read = pipe.fileHandleForReading.availableData
            try #require(!read.isEmpty, "the writer ended by itself")
            output += read
            lines = output.count { $0 == UInt8(ascii: "\n") }
        }
        try beforeKill(process.processIdentifier)
        usleep(microseconds)
        kill(process.processIdentifier, SIGKILL)
        output += try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let numbers = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { Int($0) }
        #expect(numbers == Array(first..<(first + numbers.count)))
        return try #require(numbers.last)
    }

    @Test func `after kill -9 every acknowledged batch is there, and no batch by half`() async throws {
        try await withTemporaryDirectory { directory in
            var generator = SplitMix64(seed: 1789)
            var next = 0
            for _ in 0..<Self.rounds {
                let acknowledged = try Self.lastAcknowledged(
                    in: directory, from: next, killAfter: Int.random(in: 1...30, using: &generator),
                    microseconds: UInt32.random(in: 0..<8000, using: &generator)
                )
                let store = try EmbeddedStore(directory: directory)
                let page = try await store.scroll(ScrollRequest(limit: 1_000_000, withVectors: .all), in: "c")
                var found: [Int: Int] = [:]
                for record in page.points {
                    let batch = try #require(record.payload?["batch"]?.integer)
                    #expect(record.vector == [Float](repeating: Float(batch), count: 64))
                    found[Int(batch), default: 0] += 1
                }
                // The batch under way when the kill came may be there, acknowledged or not.
                let last = try #require(found.keys.max())
                #expect(last == acknowledged || last == acknowledged + 1)
                #expect(found == CrashBatch.points(through: last))

                // The index and the vectors in memory tell the same.
                let hits = try await store.facet("batch", filter: nil, limit: .max, in: "c")
                let counts = hits.map { (Int($0.value.integer ?? -1), $0.count) }
                #expect(Dictionary(counts) { $1 } == found)
                let query = PointsQuery(vector: [Float](repeating: 1, count: 64), limit: .max)
                let scored = try await store.query(query, in: "c")
                #expect(Set(scored.map(\.id)) == Set(page.points.map(\.id)))
                #expect(scored.count == page.points.count)
                try store.close()
                next = last + 1
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
            _ = try Self.lastAcknowledged(in: directory, from: 0, killAfter: 1, microseconds: 0) { process in
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
