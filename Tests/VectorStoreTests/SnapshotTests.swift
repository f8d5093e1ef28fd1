// Collections to files and back, whole or not at all.

import Foundation
import HNSW
import TestSupport
import Testing

@testable import VectorStore

@Suite struct SnapshotTests {
    private static let configuration = CollectionConfiguration(
        vectors: [
            "": .init(size: 3, distance: .cosine), "tokens": .init(size: 2, distance: .dot, isMulti: true),
        ],
        sparseVectors: ["words": .init(idf: true)], metadata: ["kept": ["as": "it is"]])

    private static func points(_ count: Int) throws -> [Point] {
        var generator = SplitMix64(seed: 40)
        return try (0..<count).map { number in
            var vectors: NamedVectors = [
                "": .dense((0..<3).map { _ in .random(in: -1...1, using: &generator) }),
                "words": .sparse(try SparseVector(indices: [UInt32(number)], values: [0.5])),
            ]
            if number % 2 == 0 { vectors["tokens"] = .multi([[1, 2], [3, Float(number)]]) }
            let id: PointID =
                number % 3 == 0
                ? .uuid(try #require(UUID(uuidString: "00000000-0000-0000-0000-\(100_000_000_000 + number)")))
                : .number(UInt64(number))
            return Point(id: id, vectors: vectors, payload: ["n": .integer(Int64(number)), "text": "é\u{0}\n"])
        }
    }

    private static func everything(_ store: EmbeddedStore, _ name: String) async throws -> [Record] {
        let request = ScrollRequest(limit: 100_000, withPayload: .all, withVectors: .all)
        return try await store.scroll(request, in: name).points
    }

    @Test func `a restored collection is the one that was written, indexes and configuration included`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory + "/a")
            try await store.createCollection("c", Self.configuration)
            try await store.createPayloadIndex("n", .integer, in: "c")
            _ = try await store.update([.upsert(try Self.points(3000))], in: "c")
            let before = try await Self.everything(store, "c")
            let info = try await store.snapshot(of: "c", to: directory + "/c.snapshot")
            #expect(try EmbeddedStore.snapshotInfo(directory + "/c.snapshot") == info)

            // Elsewhere, and over what the collection has become, whose alias stays.
            let other = try EmbeddedStore(directory: directory + "/b")
            try await other.restore("d", from: directory + "/c.snapshot")
            try await store.updateAliases([.create(alias: "alias", collection: "c")])
            _ = try await store.update([.delete(.filter(Filter()))], in: "c")
            try await store.restore("c", from: directory + "/c.snapshot")
            for (store, name) in [(store, "alias"), (other, "d")] {
                #expect(try await Self.everything(store, name) == before)
                let restored = try await store.collection(name)
                #expect(restored.configuration == Self.configuration)
                #expect(restored.payloadIndexes["n"]?.pointsCount == 3000)
            }
            try other.close()
            let again = try EmbeddedStore(directory: directory + "/b")
            #expect(try await Self.everything(again, "d") == before)
        }
    }

    @Test func `a file cut off or changed anywhere is refused, and the collection stays what it was`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory + "/a")
            try await store.createCollection("c", Self.configuration)
            _ = try await store.update([.upsert(try Self.points(20))], in: "c")
            let file = directory + "/c.snapshot"
            _ = try await store.snapshot(of: "c", to: file)
            let whole = try Data(contentsOf: URL(filePath: file))
            _ = try await store.update([.upsert([Point(id: .number(99), vectors: [:])])], in: "c")
            let before = try await Self.everything(store, "c")

            var generator = SplitMix64(seed: 41)
            var odd: [Data] = [Data(), whole + Data([0])]
            for _ in 0..<60 { odd.append(whole.prefix(Int.random(in: 0..<whole.count, using: &generator))) }
            for _ in 0..<200 {
                var changed = whole
                let place = Int.random(in: 0..<changed.count, using: &generator)
                changed[place] ^= UInt8.random(in: 1...255, using: &generator)
                odd.append(changed)
            }
            for data in odd {
                try data.write(to: URL(filePath: file))
                await #expect(throws: StoreError.self) { try await store.restore("c", from: file) }
                await #expect(throws: StoreError.self) { try await store.restore("new", from: file) }
            }
            #expect(try await Self.everything(store, "c") == before)
            #expect(try await store.collections() == ["c"])
        }
    }

    @Test func `a snapshot that is gone, or no file, is said by its name and changes nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory + "/a")
            try await store.createCollection("c", Self.configuration)
            _ = try await store.update([.upsert(try Self.points(20))], in: "c")
            let before = try await Self.everything(store, "c")
            let file = directory + "/c.snapshot"
            _ = try await store.snapshot(of: "c", to: file)
            try FileManager.default.removeItem(atPath: file)
            for isFolder in [false, true] {
                if isFolder {
                    try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: true)
                }
                for name in ["c", "new"] {
                    let error = await #expect(throws: StoreError.self) { try await store.restore(name, from: file) }
                    #expect(error.map { "\($0)" }?.contains("c.snapshot") == true, "\(String(describing: error))")
                }
                #expect(throws: StoreError.self) { try EmbeddedStore.snapshotInfo(file) }
            }
            #expect(try await store.collections() == ["c"])
            #expect(try await Self.everything(store, "c") == before)
        }
    }

    @Test func `what a process left that ended while it wrote a snapshot or a backup is in nobody's way`() async throws
    {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory + "/a")
            try await store.createCollection("c", Self.configuration)
            _ = try await store.update([.upsert(try Self.points(20))], in: "c")
            let (snapshot, backup) = (directory + "/c.snapshot", directory + "/b/points.sqlite")
            try FileManager.default.createDirectory(atPath: directory + "/b", withIntermediateDirectories: true)
            let left = [snapshot, backup].map { $0 + ".c0ffee.partial" }
            for file in left { try Data(repeating: 7, count: 1 << 20).write(to: URL(filePath: file)) }
            let info = try await store.snapshot(of: "c", to: snapshot)
            #expect(try EmbeddedStore.snapshotInfo(snapshot) == info)
            try await store.backup(to: backup)
            let copy = try EmbeddedStore(directory: directory + "/b")
            #expect(try await Self.everything(copy, "c") == (try await Self.everything(store, "c")))
            try await copy.restore("d", from: snapshot)
            #expect(try await Self.everything(copy, "d") == (try await Self.everything(store, "c")))
            #expect(!left.contains(where: FileManager.default.fileExists))
            try copy.close()
        }
    }

    /// The examples of FIPS 180-2, appendix B, and what sha256sum says of a million and one bytes.
    @Test func `SHA-256 gives the standard's digests, whatever pieces the bytes come in`() {
        func digest(_ bytes: [UInt8], _ piece: Int) -> String {
            var hash = SHA256()
            for start in stride(from: 0, to: bytes.count, by: piece) { hash.update(bytes[start...].prefix(piece)) }
            return hash.hexDigest
        }
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        for piece in [1, 3, 63, 64, 65, 1000] {
            #expect(
                digest([], piece) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            #expect(
                digest(Array("abc".utf8), piece) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            #expect(
                digest(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8), piece)
                    == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        }
        #expect(digest(million, 4096) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    // MARK: Names of vectors

    @Test func `a deleted vector is gone from every point; made anew, it is another, after reopening, too`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            var options = EmbeddedStore.Options()
            options.indexingThreshold = 1
            var store = try EmbeddedStore(directory: directory, options: options)
            try await store.createCollection("c", Self.configuration)
            _ = try await store.update([.upsert(try Self.points(500))], in: "c")
            while try await store.collection("c").vectors[""]?.indexedCount != 500 {
                try await Task.sleep(for: .milliseconds(10))
            }
            try await store.createVector(
                "late", CollectionConfiguration.VectorParameters(size: 2, distance: .dot), in: "c")
            for name in ["", "tokens", "words"] { try await store.deleteVector(name, in: "c") }
            await #expect(throws: StoreError.unknownVector("words")) { try await store.deleteVector("words", in: "c") }
            try await store.createVector(
                "", CollectionConfiguration.VectorParameters(size: 3, distance: .cosine), in: "c")
            await #expect(throws: StoreError.self) {
                try await store.createVector("", CollectionConfiguration.SparseVectorParameters(), in: "c")
            }
            let some = (0..<100).map { Point(id: .number(10_000 + $0), vectors: ["": .dense([1, Float($0), 0])]) }
            _ = try await store.update([.upsert(some)], in: "c")
            for isReopened in [false, true] {
                if isReopened {
                    try store.close()
                    store = try EmbeddedStore(directory: directory, options: options)
                }
                let hits = try await store.query(PointsQuery(vector: [1, 1, 0], limit: 1000), in: "c")
                #expect(hits.count == 100)
                #expect(hits.first?.id == .number(10_001))
                let records = try await Self.everything(store, "c")
                #expect(records.count == 600)
                #expect(records.count { $0.vectors?.isEmpty == true } == 500)
            }
        }
    }
}
