// Strings are compared byte for byte, as Qdrant does, with a payload index and without.

import Testing
import VectorStore

@Suite struct KeywordTests {
    /// Pairs that a C string or Unicode's canonical equivalence would take for one another.
    static let lookAlikes: [String] = [
        "a", "a\0", "a\0b", "a\0c", "", "\0", "\u{E9}", "e\u{301}", "\u{212B}", "\u{C5}",
    ]

    @Test(arguments: [false, true])
    func `look-alikes are different values`(isIndexed: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            if isIndexed { try await store.createPayloadIndex("k", .keyword, in: "c") }
            let points = Self.lookAlikes.enumerated().map { number, text in
                Point(id: .number(UInt64(number)), vector: [1], payload: ["k": .string(text)])
            }
            let all = Point(id: .number(99), vector: [1], payload: ["k": .array(Self.lookAlikes.map(JSONValue.string))])
            _ = try await store.update([.upsert(points + [all])], in: "c")
            for (number, text) in Self.lookAlikes.enumerated() {
                for match in [MatchValue.value(.string(text)), .any([JSONKey(stringLiteral: text)])] {
                    let filter = Filter(must: [.match(key: "k", match)])
                    let page = try await store.scroll(ScrollRequest(filter: filter, limit: 99), in: "c")
                    #expect(page.points.map(\.id) == [.number(UInt64(number)), .number(99)])
                }
                let others = Filter(must: [.match(key: "k", .except([JSONKey(stringLiteral: text)]))])
                #expect(try await store.count(others, in: "c") == Self.lookAlikes.count)
            }
            if isIndexed {
                for filter in [nil, Filter(mustNot: [.hasID([])])] {
                    let hits = try await store.facet("k", filter: filter, limit: 99, in: "c")
                    #expect(hits.count == Self.lookAlikes.count)
                    #expect(hits.allSatisfy { $0.count == 2 })
                }
            }
        }
    }

    /// The index of one is not asked about the other.
    @Test func `fields whose keys look alike are different, each with its own index`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            let keys = ["\"\u{E9}\"", "\"e\u{301}\""]
            try await store.createPayloadIndex(keys[0], .keyword, in: "c")
            let points = ["\u{E9}", "e\u{301}"].enumerated().map { number, key in
                Point(id: .number(UInt64(number)), vector: [1], payload: JSONObject([(key, "x")]))
            }
            _ = try await store.update([.upsert(points)], in: "c")
            for isEach in [false, true] {
                if isEach { try await store.createPayloadIndex(keys[1], .integer, in: "c") }
                for (number, key) in keys.enumerated() {
                    let filter = Filter(must: [.match(key: try PayloadPath(key), .value("x"))])
                    let page = try await store.scroll(ScrollRequest(filter: filter, limit: 9), in: "c")
                    #expect(page.points.map(\.id) == [.number(UInt64(number))])
                }
            }
        }
    }

    /// Indexes are changed only where the value of their field is another, to the scalar.
    @Test func `a value that is replaced by one that looks alike is replaced in its index`() async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory)
            try await store.createCollection("c", CollectionConfiguration(size: 1, distance: .dot))
            try await store.createPayloadIndex("k", .keyword, in: "c")
            try await store.createPayloadIndex("other", .keyword, in: "c")
            let (old, new): (JSONValue, JSONValue) = (["v", ["\u{E9}"]], ["v", "e\u{301}"])
            let point = Point(id: .number(1), vector: [1], payload: ["k": "\u{E9}", "other": "o", "deep": old])
            _ = try await store.update([.upsert([point])], in: "c")
            _ = try await store.update([.setPayload(["k": "e\u{301}", "deep": new], .ids([.number(1)]))], in: "c")
            for (value, count) in [("\u{E9}", 0), ("e\u{301}", 1)] {
                let filter = Filter(must: [.match(key: "k", .value(.string(value)))])
                #expect(try await store.count(filter, in: "c") == count)
            }
            #expect(try await store.count(Filter(must: [.match(key: "other", .value("o"))]), in: "c") == 1)
        }
    }
}
