// A process whose tasks write until it is killed. StoreCrashTests starts it, kills it and looks at what it left.
//
//     StoreCrashWriter DIRECTORY FIRST,FIRST,… [USER]
//
// Each writer begins with its first update of those named and goes on with the next, all at once in one store: updates that wait while
// another is synced share a commit. With none ("") the store is only opened. A line with the writer, the update's number and its last operation goes out once the update has
// returned. With USER, a number, the process gives up the rights it has and works with that user's; an error goes out as a line, too,
// and ends it. CrashLoad.swift says what the updates are.

import Foundation
import VectorStore

@main
struct StoreCrashWriter {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { exit(64) }
        let firsts = arguments[2].split(separator: ",").compactMap { Int($0) }
        if arguments.count > 3, let user = UInt32(arguments[3]), setuid(user) != 0 { exit(77) }
        do {
            try await write(to: arguments[1], from: firsts)
        } catch {
            print(error)
            exit(1)
        }
    }

    private static func write(to directory: String, from firsts: [Int]) async throws {
        // A graph from 300 vectors on: kills come while it is built and written, too.
        var options = EmbeddedStore.Options()
        options.indexingThreshold = 300 * CrashLoad.size * 4
        let store = try EmbeddedStore(directory: directory, options: options)
        while firsts.isEmpty { try await Task.sleep(for: .seconds(1)) }
        if try await store.collections().isEmpty {
            try await store.createCollection(CrashLoad.collection, CrashLoad.configuration)
        }
        // Whoever was killed between them goes on with the next.
        for (field, type) in CrashLoad.indexes {
            try await store.createPayloadIndex(field, type, in: CrashLoad.collection)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (writer, first) in firsts.enumerated() {
                group.addTask {
                    for number in first... {
                        let operations = CrashLoad.update(number, by: writer).map(\.operation)
                        let result = try await store.update(operations, in: CrashLoad.collection)
                        // Unbuffered, and short enough to be one write: what was acknowledged is with the parent when the kill comes.
                        let line = Data("\(writer) \(number) \(result.operationID)\n".utf8)
                        try FileHandle.standardOutput.write(contentsOf: line)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
