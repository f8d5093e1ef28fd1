// What `minilm bench embed` measures, and what its report says about its own yardstick.

import Foundation
import MiniLM
import TestSupport
import Testing
import VectorStore

@testable import Server

@Suite struct EmbedReportTests {
    /// GFLOP/s of sgemm in three rounds, beside multiply-adds at 300.
    @Test(arguments: [([250, 60, 200], false), ([80, 200, 70], true)])
    func `an OpenBLAS with kernels of another processor is told`(sgemm: [Double], warns: Bool) throws {
        var report = EmbedReport(encoder: try SentenceEncoder(modelDirectory: Weights.directory, threads: 1))
        var set = SetResult(name: "lines", texts: 1, tokens: 10, operations: 1e9)
        set.rounds = sgemm.map { SetResult.Round(seconds: 1, sgemm: $0 * 1e9, multiplyAdd: 300e9) }
        #expect(report.warning == nil)
        report.sets = [set]
        #expect((report.warning?.contains("OPENBLAS_CORETYPE") ?? false) == warns)
        #expect(report.markdown.contains("OPENBLAS_CORETYPE") == warns)
        #expect((report.json["warning"] != nil) == warns)
    }

    /// The real model; with a vocabulary that has "lamp" in two pieces only; with one that has none of the words, nor most letters.
    @Test(arguments: [[], ["lamp", "tower"], nil] as [[String]?])
    func `the text of a latency has as many tokens as it says, in any vocabulary`(missing: [String]?) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "vocabulary-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = URL(filePath: Weights.directory)
        for name in try FileManager.default.contentsOfDirectory(atPath: model.path) where name != "vocab.txt" {
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: name), withDestinationURL: model.appending(path: name))
        }
        let tokens = try String(contentsOf: model.appending(path: "vocab.txt"), encoding: .utf8).split(separator: "\n")
        // A word that stands in no text keeps the others' ids.
        let lines = tokens.enumerated().map { number, token in
            let isMissing = missing?.contains(String(token)) ?? token.contains { $0.isLowercase }
            return isMissing ? "~~\(number)\n" : "\(token)\n"
        }
        try Data(lines.joined().utf8).write(to: folder.appending(path: "vocab.txt"))
        let encoder = try SentenceEncoder(modelDirectory: folder.path, threads: 1)
        let benchmark = EmbedBenchmark(encoder: encoder, rounds: 1)
        for tokens in [10, 256] { #expect(encoder.tokenizer.countTokens(benchmark.text(tokens: tokens)) + 2 == tokens) }
    }
}
