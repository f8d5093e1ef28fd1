// minilm backup: a copy of a store that others may have open.

import Foundation
import TestSupport
import Testing
import VectorStore

@testable import Server

extension ProgramTests {
    @Suite struct BackupCommandTests {
        private let folder: ProgramFolder
        init() throws { folder = try ProgramFolder() }

        @Test func `backup copies what a store holds`() async throws {
            let data = folder.url.appending(path: "data").path
            let store = try EmbeddedStore(directory: data)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            _ = try await store.update([.upsert([Point(id: .number(7), vector: [1])])], in: "c")
            let copies = folder.url.appending(path: "copies").path
            try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
            let copy = copies + "/points.sqlite"
            #expect(try await Program.run(["backup", copy, "--data-dir", data]).status == 0)
            let again = try await Program.run(["backup", copy], environment: ["DATA_DIR": data])
            #expect(again.status != 0 && again.errors.contains(copy))
            #expect(try await EmbeddedStore(directory: copies).count(nil, in: "c") == 1)
            #expect(try await store.count(nil, in: "c") == 1)
        }
    }
}
