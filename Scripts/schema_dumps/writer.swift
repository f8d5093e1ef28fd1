// Writes the data directory that Scripts/make_schema_dumps.sh dumps, through the store of the commit it is built with.
//
//     writer DIRECTORY
//
// What it writes is what OlderSchemaTests expects. NAMED_VECTORS is set from schema 3 on, which has them; ALIASES from 4 on.

import Foundation
import HNSW
import VectorStore

@main
struct Writer {
    /// Numbers and UUIDs.
    static func id(_ number: Int) throws -> PointID {
        guard number % 4 == 0 else { return .number(UInt64(number)) }
        guard let id = PointID("00000000-0000-4000-8000-\(100_000_000_000 + number)") else {
            throw CocoaError(.coderInvalidValue)
        }
        return id
    }

    /// [4], each a number that floats have.
    static func vector(_ number: Int) -> [Float] {
        [Float(number), Float(number % 5) - 2, Float(number % 3) / 2, 0.125]
    }

    static func payload(_ number: Int) -> JSONObject {
        var payload: JSONObject = [
            "n": .integer(Int64(number)), "text": "line \(number)\n\"quoted\" é\u{0}end",
            "nested": ["list": [.integer(Int64(number)), nil, 1.5], "is": .bool(number % 2 == 0)],
        ]
        if number % 7 != 0 { payload["k"] = .string(["red", "green", "blé"][number % 3]) }
        if number % 11 == 0 { payload["k"] = ["red", "blue"] }
        return payload
    }

    static func point(_ number: Int) throws -> Point {
        var point = Point(id: try id(number), vector: vector(number), payload: payload(number))
        #if NAMED_VECTORS
        if number % 2 == 0 { point.vectors["side"] = .dense([Float(number), 1, -1]) }
        let words = try SparseVector(indices: [UInt32(number), UInt32(number) + 100], values: [0.5, Float(number)])
        point.vectors["words"] = .sparse(words)
        #endif
        return point
    }

    static func main() async throws {
        let directory = CommandLine.arguments[1]
        #if NAMED_VECTORS
        // A graph as soon as there is a vector.
        var options = EmbeddedStore.Options()
        options.indexingThreshold = 1
        let store = try EmbeddedStore(directory: directory, options: options)
        let configuration = CollectionConfiguration(
            vectors: ["": .init(size: 4, distance: .dot), "side": .init(size: 3, distance: .cosine)],
            sparseVectors: ["words": .init(idf: true)], metadata: ["kept": ["as": "it is"]])
        #else
        let store = try EmbeddedStore(directory: directory)
        let configuration = CollectionConfiguration(size: 4, distance: .dot)
        #endif
        try await store.createCollection("c", configuration)
        try await store.createCollection("empty", CollectionConfiguration(size: 3, distance: .cosine))
        try await store.createPayloadIndex("k", .keyword, in: "c")
        try await store.createPayloadIndex("n", .integer, in: "c")
        #if NAMED_VECTORS
        try await store.createPayloadIndex("nested.is", .bool, in: "c")
        #endif
        _ = try await store.update([.upsert(try (1...24).map(point))], in: "c")
        // Rows that are free, rows used again, and a point written twice.
        _ = try await store.update([.delete(.ids(try [5, 12].map(id)))], in: "c")
        var again = try point(3)
        again.payload["again"] = true
        _ = try await store.update([.upsert([try point(25), again])], in: "c")
        #if ALIASES
        try await store.updateAliases([.create(alias: "also", collection: "c")])
        #endif
        #if NAMED_VECTORS
        for _ in 0..<1000 where !FileManager.default.fileExists(atPath: directory + "/graphs/1-.hnsw") {
            try await Task.sleep(for: .milliseconds(10))
        }
        #endif
        try store.close()
    }
}
