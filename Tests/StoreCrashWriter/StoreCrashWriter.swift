// A process that writes until it is killed. StoreCrashTests starts it, kills it and looks at what it left.
//
//     StoreCrashWriter DIRECTORY FIRST-BATCH [USER]
//
// Batch n upserts `CrashBatch.count(n)` points with the payload {"batch": n}; it deletes, in the same transaction, the batches
// `CrashBatch.deleted(by:)`. A line with n goes out once the update has returned. With USER, a number, it gives up the rights it has
// and works with that user's; an error goes out as a line, too, and ends it.

import Foundation
import TestSupport
import VectorStore

@main
struct StoreCrashWriter {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let first = Int(arguments[2]) else { exit(64) }
        if arguments.count > 3, let user = UInt32(arguments[3]), setuid(user) != 0 { exit(77) }
        do {
            try await write(to: arguments[1], from: first)
        } catch {
            print(error)
            exit(1)
        }
    }

    private static func write(to directory: String, from first: Int) async throws {
        // A graph from 300 vectors on: kills come while it is built and written, too.
        var options = EmbeddedStore.Options()
        options.indexingThreshold = 300 * 64 * 4
        let store = try EmbeddedStore(directory: directory, options: options)
        if try await store.collections().isEmpty {
            try await store.createCollection("c", CollectionConfiguration(size: 64, distance: .dot))
            try await store.createPayloadIndex("batch", .integer, in: "c")
        }
        for number in first... {
            var operations: [PointOperation] = []
            for old in CrashBatch.deleted(by: number) {
                let filter = Filter(must: [.match(key: "batch", .value(.integer(Int64(old))))])
                operations.append(.delete(.filter(filter)))
            }
            let points = (0..<CrashBatch.count(number)).map { index in
                Point(
                    id: .number(UInt64(number * 1000 + index)), vector: [Float](repeating: Float(number), count: 64),
                    payload: ["batch": .integer(Int64(number))]
                )
            }
            _ = try await store.update(operations + [.upsert(points)], in: "c")
            // Unbuffered: what was acknowledged is with the parent when the kill comes.
            try FileHandle.standardOutput.write(contentsOf: Data("\(number)\n".utf8))
        }
    }
}
