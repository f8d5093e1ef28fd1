// Stores of few short vectors that have graphs all the same, and ways to wait for their builder.

import Foundation
import HNSW
import TestSupport
import Testing

@testable import VectorStore

enum GraphFixture {
    static let size = 16

    /// A graph from so many vectors on.
    ///
    /// - Parameter isQuick: Whether it is built quickly, and finds the less.
    static func options(from count: Int, isQuick: Bool) -> EmbeddedStore.Options {
        var options = EmbeddedStore.Options()
        options.indexingThreshold = count * size * 4
        if isQuick {
            options.M = 8
            options.efConstruction = 20
        }
        return options
    }

    /// The same store opened again, in which no graph is begun.
    static var withoutNewGraphs: EmbeddedStore.Options {
        var options = options(from: 0, isQuick: true)
        options.indexingThreshold = .max
        return options
    }

    static func vector(_ generator: inout SplitMix64) -> [Float] {
        (0..<size).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    static func point(_ number: Int, _ generator: inout SplitMix64) -> Point {
        Point(
            id: .number(UInt64(number)), vector: vector(&generator),
            payload: ["tenth": .integer(Int64(number % 10)), "n": .integer(Int64(number))])
    }

    static func points(_ numbers: Range<Int>, _ generator: inout SplitMix64) -> [Point] {
        numbers.map { point($0, &generator) }
    }

    static func withStore(
        _ options: EmbeddedStore.Options, names: [String] = ["c"],
        _ body: (EmbeddedStore, String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let store = try EmbeddedStore(directory: directory, options: options)
            for name in names {
                try await store.createCollection(name, CollectionConfiguration(size: size, distance: .euclid))
            }
            try await body(store, directory)
        }
    }

    /// Until something holds. The limit is there for what never does, not for a slow machine.
    static func until(_ what: Comment, _ holds: () async throws -> Bool) async throws {
        for _ in 0..<6000 {
            if try await holds() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record(what)
    }

    static func field(_ store: EmbeddedStore, _ name: String = "c") throws -> DenseField {
        try #require(try store.collectionState(name).dense[""])
    }

    /// Until the graph has every point.
    static func untilIndexed(_ store: EmbeddedStore, _ name: String = "c") async throws {
        try await until("the graph was never finished") {
            let field = try field(store, name)
            return field.present == field.indexed
        }
    }

    /// Until the first collection's graph has its file.
    static func untilSaved(_ directory: String) async throws -> URL {
        let path = GraphFile(1, "", in: directory).path
        try await until("the graph was never saved") { FileManager.default.fileExists(atPath: path) }
        return URL(filePath: path)
    }

    /// Whether each of these is found as the nearest to itself.
    static func expectFound(_ points: [Point], in store: EmbeddedStore) async throws {
        for point in points {
            let query = PointsQuery(vector: try #require(point.vectors[""]?.dense), limit: 1)
            let hits = try await store.query(query, in: "c")
            #expect(hits.map(\.id) == [point.id])
            #expect(hits.first?.score == 0)
        }
    }
}
