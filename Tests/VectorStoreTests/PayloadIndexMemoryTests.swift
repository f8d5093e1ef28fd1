// What payload indexes say they take of the memory, against the allocator's own account, and that they give it back.

import Foundation
import HNSW
import TestSupport
import Testing

@testable import VectorStore

#if canImport(Glibc)
import Glibc
#endif

@Suite struct PayloadIndexMemoryTests {
    /// Values as they come: a few words often, keys of their own for every ten points, short and long.
    private static func payload(_ row: Int, _ type: PayloadIndexType) -> JSONValue {
        switch type {
        case .keyword: ["f": [.string("half \(row % 2)"), .string("a key with a long name, \(row / 10)")]]
        case .integer: ["f": .integer(Int64(row * 7919 % 50_000))]
        case .float: ["f": .double(Double(row) / 7)]
        case .bool: ["f": .bool(row % 3 == 0)]
        // So many seconds of a day.
        case .datetime:
            ["f": .string(String(format: "2024-02-03T%02d:%02d:%02dZ", row / 3600, row / 60 % 60, row % 60))]
        case .uuid: ["f": .string(String(format: "550e8400-e29b-41d4-a716-%012x", row))]
        case .geo: ["f": ["lon": .double(Double(row % 360) - 180), "lat": .double(Double(row % 179) - 89)]]
        case .text: ["f": .string("word\(row % 100) another\(row % 5000) averyveryverylongword\(row)")]
        }
    }

    private static let rows = 10_000

    private static func index(_ type: PayloadIndexType) -> PayloadIndex {
        var index = PayloadIndex("f", type)
        for row in 0..<rows { index.insert(payload(row, type), row: UInt32(row)) }
        return index
    }

    @Test(arguments: FilterAnswerTests.types)
    func `when nearly all points have gone an index has given back what it had for them`(type: PayloadIndexType) {
        var index = Self.index(type)
        let whole = index.byteCount
        let empty = PayloadIndex("f", type).byteCount
        for row in 0..<Self.rows where row % 1000 != 0 { index.remove(Self.payload(row, type), row: UInt32(row)) }
        // Bits of rows stay: the greatest row is still there.
        let bits = 5 * Self.rows / 8 * 2
        #expect(index.indexed.count == Self.rows / 1000)
        #expect(index.byteCount < empty + bits + whole / 20, "\(whole) bytes became \(index.byteCount)")
    }

    #if canImport(Glibc)
    /// Bytes that are handed out, in all the allocator's arenas.
    private static func handedOut() throws -> Int {
        // glibc's malloc.h is not among the headers that Swift imports.
        let symbol = unsafe try #require(dlsym(nil, "malloc_info"))
        let tell = unsafe unsafeBitCast(symbol, to: (@convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt).self)
        let path = NSTemporaryDirectory() + "malloc-\(getpid()).xml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = unsafe try #require(fopen(path, "w"))
        _ = unsafe tell(0, file)
        unsafe fclose(file)
        // After those of each arena come the sums.
        let sums = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "</heap>").last ?? ""
        var bytes: [Substring: Int] = [:]
        for match in sums.matches(of: /type="(\w+)"(?: count="\d+")? size="(\d+)"/) { bytes[match.1] = Int(match.2) }
        let (current, mapped) = (try #require(bytes["current"]), try #require(bytes["mmap"]))
        return current + mapped - (try #require(bytes["fast"])) - (try #require(bytes["rest"]))
    }

    private static func expectCounted(_ type: PayloadIndexType) throws {
        // What is made once is made.
        withExtendedLifetime(index(type)) {}
        let before = try handedOut()
        let index = index(type)
        let counted = try handedOut() - before
        let estimate = index.byteCount
        // A twentieth: arrays get more room than they ask for where the allocator has it, and tables of hashes a word or two besides.
        #expect(abs(estimate - counted) <= counted / 20 + 65_536, "\(type): \(estimate) estimated, \(counted) counted")
    }

    @Test func `the bytes an index says it takes are those the allocator has handed out`() async {
        // In a process of its own, where nobody else asks for memory.
        await #expect(processExitsWith: .success) {
            for type in FilterAnswerTests.types { try PayloadIndexMemoryTests.expectCounted(type) }
        }
    }
    #endif

    @Test func `a store tells the bytes of each index`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            #expect(try await store.payloadIndexBytes(in: "c").isEmpty)
            for field in ["a", "b.c"] { try await store.createPayloadIndex(field, .integer, in: "c") }
            let points = (0..<1000).map {
                Point(id: .number(UInt64($0)), vector: [1], payload: ["a": .integer(Int64($0))])
            }
            _ = try await store.update([.upsert(points)], in: "c")
            let bytes = try await store.payloadIndexBytes(in: "c")
            #expect(Set(bytes.keys) == ["a", "b.c"])
            // 8 of a value, 4 of its row, the row again or a bit of it in a set, and as much room at most as is used.
            #expect((12_000...36_000).contains(bytes["a"] ?? 0))
            #expect(bytes["b.c"] ?? .max < 1000)
            await #expect(throws: StoreError.self) { try await store.payloadIndexBytes(in: "d") }
            try store.close()
        }
    }
}
