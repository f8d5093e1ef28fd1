// minilm bench: what its reports say of what it was given.

import ArgumentParser
import Foundation
import HNSW
import TestSupport
import Testing
import VectorStore

@testable import Server

extension ProgramTests {
    @Suite struct BenchCommandTests {
        private let folder: ProgramFolder
        init() throws { folder = try ProgramFolder() }

        @Test(arguments: [
            ["--gemm", "swift"], ["--gemm", "openblas"], ["--precision", "i16"], ["--precision", "i8"],
        ])
        func `bench embed counts tokens, and writes its report for people, programs and slides`(
            options: [String]
        ) async throws {
            let input = try folder.write("lines.txt", "Olá mundo\nthe lamp is lit\n")
            let arguments = ["bench", "embed", "--texts", input, "--rounds", "1", "--no-latency", "--json"]
            let result = try await Program.run(arguments + ["--out", folder.path] + options)
            let record = try JSONValue(parsing: result.output.utf8)
            #expect(record["texts"] == 2)
            // [CLS] ol ##a mundo [SEP] and [CLS] the lamp is lit [SEP]: what `tokenize` prints.
            #expect(record["tokens"] == 11)
            let rate = try #require(record["tokens_per_second"]?.number)
            let seconds = try #require(record["rounds"]?.array?.first?["seconds"]?.number)
            #expect(abs(rate * seconds - 11) < 1e-6)
            #expect(
                record["stages"]?["attention"] != nil
                    && record["precision"]?.string == (options[0] == "--precision" ? options[1] : "f32"))
            for name in ["embed.md", "embed.json", "embed.svg"] {
                #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: name).path))
            }
        }

        @Test(arguments: ["cosine", "dot"])
        func `bench index looks for directions by cosine, for products by dot, and opens its snapshot in a new process`(
            distance: String
        ) async throws {
            // 200 directions with three lengths each, which are powers of two, so that dividing by them is exact: one vector or three.
            var generator = SplitMix64(seed: 90)
            let directions = (0..<200).map { _ in (0..<8).map { _ in Float.random(in: -1...1, using: &generator) } }
            let base = folder.url.appending(path: "base.npy").path
            var file = try NumPyFile(path: base, rows: 600, columns: 8)
            for length: Float in [1, 0.25, 8] { try file.append(directions.flatMap { $0.map { $0 * length } }) }
            try file.close()
            let queries = folder.url.appending(path: "queries.npy").path
            file = try NumPyFile(path: queries, rows: 50, columns: 8)
            try file.append(directions.prefix(50).flatMap { $0 })
            try file.close()
            let result = try await Program.run(
                [
                    "bench", "index", "--vectors", base, "--queries", queries, "--distance", distance, "--ef", "600",
                    "--json",
                ])
            let record = try JSONValue(parsing: result.output.utf8)
            #expect(record["rows"] == 600)
            #expect(record["distinct"] == (distance == "cosine" ? 200 : 600))
            #expect(record["normalised"] == (distance == "cosine" ? 650 : nil))
            #expect(record["points"]?.array?.first?["recallAt10"]?.number == 1, "a view of every node misses nothing")
            #expect(record["reopening"]?["queries"] == 50)
            #expect(try #require(record["reopening"]?["milliseconds"]?.number) > 0)
            #if os(Linux)
            #expect(try #require(record["reopening"]?["settled"]?["anonymous"]?.number) > 0)
            #expect(try #require(record["reopening"]?["opened"]?["file"]?.number) > 0)
            #endif
        }

        @Test func `bench index makes the index its options ask for`() throws {
            let plain = try #require(
                try Minilm.parseAsRoot(["bench", "index", "--vectors", "x.npy"]) as? BenchIndexCommand)
            #expect(plain.configuration(dimension: 3) == HNSWConfiguration(dimension: 3))
            let options = [
                "--keep-pruned", "--m", "5", "--ef-construction", "7", "--codes", "f32", "--distance", "manhattan",
            ]
            let other = try #require(
                try Minilm.parseAsRoot(["bench", "index", "--vectors", "x.npy"] + options) as? BenchIndexCommand)
            #expect(
                other.configuration(dimension: 3)
                    == HNSWConfiguration(
                        dimension: 3, distance: .manhattan, M: 5, efConstruction: 7, codes: .float32, keepPruned: true))
        }

        @Test func `bench store fills a store, asks it and leaves nothing behind`() async throws {
            let directory = folder.url.appending(path: "store").path
            let arguments = [
                "bench", "store", "--points", "300", "--dimension", "3", "--directory", directory, "--json",
            ]
            let record = try JSONValue(parsing: try await Program.run(arguments).output.utf8)
            #expect(record["points"] == 300)
            // Too few for a graph, so that none is waited for.
            #expect(record["while_building"]?["queries"] == 0 && record["while_building"]?["p50_us"] == .null)
            #expect(record["after_building"]?["queries"] == 200)
            #expect(try #require(record["after_building"]?["p95_us"]?.number) > 0)
            let filters = try #require(record["filters"]?.array)
            #expect(filters.compactMap { $0["matching"]?.integer } == [300, 150, 150, 3, 3, 10, 10])
            #expect(filters.allSatisfy { $0["recall_at_10"] == 1.0 })
            #if os(Linux)
            // What opening touches is read from a new process, and no process grows by nothing.
            #expect(try #require(record["resident_anonymous_bytes_per_point"]?.number) > 0)
            #expect(try #require(record["resident_file_bytes_per_point"]?.number) > 0)
            #endif
            #expect(!FileManager.default.fileExists(atPath: directory))
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let refused = try await Program.run(arguments)
            #expect(refused.status != 0 && refused.errors.contains("is there already"))
            #expect(FileManager.default.fileExists(atPath: directory))
        }
    }
}
