// Filters against Qdrant's own client: Scripts/make_filter_goldens.py.

import Foundation
import Testing

@testable import VectorStore

@Suite struct FilterGoldenTests {
    private struct Goldens {
        var points: [Point] = []
        var cases: [(json: JSONValue, passing: Set<PointID>)] = []

        init() throws {
            let url = try #require(Bundle.module.url(forResource: "Goldens/filters", withExtension: "json"))
            let json = try JSONValue(parsing: Data(contentsOf: url))
            for point in try #require(json["points"]?.array) {
                let vectors = try #require(point["vector"]?.object)
                points.append(
                    Point(
                        id: try PointID(json: #require(point["id"])),
                        vectors: Dictionary(
                            uniqueKeysWithValues: vectors.map { name, values in
                                (name, .dense(values.array?.compactMap { $0.number.map(Float.init) } ?? []))
                            }),
                        payload: try #require(point["payload"]?.object)))
            }
            for item in try #require(json["cases"]?.array) {
                let places = try #require(item["points"]?.array).compactMap { $0.integer.map { Int($0) } }
                cases.append((try #require(item["filter"]), Set(places.map { points[$0].id })))
            }
        }
    }

    @Test func `looking at points passes those that the client's local mode passes`() throws {
        let goldens = try Goldens()
        #expect(goldens.cases.count == 1000)
        for (json, passing) in goldens.cases {
            let filter = try Filter(json: json)
            let found = try goldens.points.filter { point in
                try filter.matches(
                    FilterSubject(
                        id: point.id, payload: .object(point.payload), hasVector: { point.vectors[$0] != nil }))
            }
            #expect(Set(found.map(\.id)) == passing, "\(json)")
        }
    }

    /// Every index there is on the fields they fit, and some on fields they do not: none may change an answer.
    private static let indexes: [[(String, PayloadIndexType)]] = [
        [],
        [
            ("city", .keyword), ("n", .integer), ("flag", .bool), ("when", .datetime), ("at", .geo), ("id", .uuid),
            ("text", .text(TextIndexParameters())), ("nested.array[].v", .integer), ("nested.array[].name", .keyword),
            ("odd", .keyword), ("\"a.b\"", .integer), ("0", .float), ("nested.key", .bool), ("missing", .keyword),
        ],
        [
            ("city", .text(TextIndexParameters())), ("n", .float), ("flag", .keyword), ("when", .keyword),
            ("at", .integer), ("id", .keyword), ("text", .keyword), ("odd", .integer), ("nested", .geo),
            ("nested.array", .integer), ("n[2]", .float), ("city[]", .keyword), ("odd[]", .integer),
        ],
    ]

    @Test(arguments: indexes.indices)
    func `with payload indexes and without, the same points pass`(number: Int) async throws {
        let goldens = try Goldens()
        try await withTemporaryDirectory { directory in
            var store = try EmbeddedStore(directory: directory)
            try await store.createCollection(
                "c",
                CollectionConfiguration(vectors: [
                    "left": .init(size: 2, distance: .dot), "right": .init(size: 3, distance: .dot),
                ]))
            // Some before the points come, some after, and all of them once more from the database.
            let indexes = Self.indexes[number]
            for (field, type) in indexes.dropLast(5) { try await store.createPayloadIndex(field, type, in: "c") }
            _ = try await store.update([.upsert(goldens.points.reversed())], in: "c")
            _ = try await store.update([.upsert(goldens.points)], in: "c")
            for (field, type) in indexes.suffix(5) { try await store.createPayloadIndex(field, type, in: "c") }
            for isReopened in [false, true] {
                if isReopened {
                    try store.close()
                    store = try EmbeddedStore(directory: directory)
                }
                for (json, passing) in goldens.cases {
                    let filter = try Filter(json: json)
                    let page = try await store.scroll(
                        ScrollRequest(filter: filter, limit: 1000, withPayload: .none), in: "c")
                    #expect(Set(page.points.map(\.id)) == passing, "\(json)")
                    #expect(page.points.map(\.id) == page.points.map(\.id).sorted())
                }
            }
        }
    }
}
