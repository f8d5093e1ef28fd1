// What the report on embedding says about its own yardstick.

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
}
