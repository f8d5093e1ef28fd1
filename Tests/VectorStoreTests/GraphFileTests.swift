// Graph files that cannot be taken over: which are built again, and which are kept because nothing is wrong with them.

import Foundation
import HNSW
import TestSupport
import Testing

@testable import VectorStore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct GraphFileTests {
    private typealias Fixture = GraphFixture

    /// A directory of a closed store whose graph of 200 points has its file.
    private static func withFile(_ body: (_ directory: String, _ file: URL) async throws -> Void) async throws {
        try await Fixture.withStore(Fixture.options(from: 100, isQuick: true)) { store, directory in
            var generator = SplitMix64(seed: 51)
            _ = try await store.update([.upsert(Fixture.points(0..<200, &generator))], in: "c")
            try await Fixture.untilIndexed(store)
            let file = try await Fixture.untilSaved(directory)
            try store.close()
            try await body(directory, file)
        }
    }

    @Test(
        arguments: [
            (.outOfMemory(bytes: 1), true), (.file("opening", errno: EMFILE), true),
            (.file("mapping", errno: ENOMEM), true),
            (.file("opening", errno: EACCES), true), (.file("reading", errno: EISDIR), false),
            (.file("reading", errno: EIO), false), (.invalidSnapshot("damaged"), false),
            (.olderSnapshot(version: 1), false),
        ] as [(HNSWError, Bool)])
    func `want of memory, descriptors and permission pass, damage does not`(error: HNSWError, passes: Bool) {
        #expect(error.isOfTheMoment == passes)
    }

    @Test func `a graph of an older format is built again, and not called damaged`() async throws {
        try await Self.withFile { directory, file in
            var bytes = try Data(contentsOf: file)
            // The second word is the version.
            bytes.replaceSubrange(8..<16, with: [3, 0, 0, 0, 0, 0, 0, 0])
            try bytes.write(to: file)
            #expect(throws: HNSWError.olderSnapshot(version: 3)) { try HNSWIndex.restore(from: file.path) }
            let store = try EmbeddedStore(directory: directory, options: Fixture.withoutNewGraphs)
            let told = try #require(try await store.collection("c").indexingError)
            #expect(told.contains("is built again: the snapshot is of version 3, an older format"))
            #expect(told.contains("not damaged"))
            #expect(try Fixture.field(store).indexed.count == 0)
            try store.close()
            let again = try EmbeddedStore(directory: directory, options: Fixture.options(from: 100, isQuick: true))
            try await Fixture.untilIndexed(again)
            try await Fixture.until("the file stayed as it was") {
                try await again.collection("c").indexingError == nil
            }
            try again.close()
        }
    }

    /// Opened with none to spare, with one, and so on: whatever it is that finds no descriptor, the graph is not what pays for it.
    private static func openWithFewDescriptors() async throws {
        try await withFile { directory, file in
            let before = try Data(contentsOf: file)
            var limits = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            try #require(unsafe getrlimit(resource, &limits) == 0)
            var (isNamed, isOpened) = (false, false)
            for spare in 0..<64 where !isOpened {
                let next = unsafe open("/dev/null", O_RDONLY)
                close(next)
                var few = limits
                few.rlim_cur = rlim_t(Int(next) + spare)
                try #require(unsafe setrlimit(resource, &few) == 0)
                let opened = Result { try EmbeddedStore(directory: directory, options: Fixture.withoutNewGraphs) }
                try #require(unsafe setrlimit(resource, &limits) == 0)
                switch opened {
                case .success(let store):
                    isOpened = true
                    try #require(try Fixture.field(store).indexed.count == 200)
                    let told = try await store.collection("c").indexingError
                    try #require(told == nil)
                    try store.close()
                case .failure(let error):
                    if case .unusable(file.path, let reason) = error as? StoreError {
                        isNamed = true
                        try #require(reason.contains("It was left as it is"))
                    }
                }
                try #require(try Data(contentsOf: file) == before)
            }
            try #require(isNamed && isOpened)
        }
    }

    @Test func `a graph that no descriptor is left for is kept, and the opening says so`() async {
        // The limit is a process's.
        await #expect(processExitsWith: .success) { try await GraphFileTests.openWithFewDescriptors() }
    }
}
