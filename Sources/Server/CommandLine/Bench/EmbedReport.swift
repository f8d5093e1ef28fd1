// What `minilm bench embed` found out, for people, programs and slides.

import Foundation
import MiniLM
import VectorStore

struct EmbedReport {
    let precision: String
    let gemm: String
    let threads: Int
    let kernels: String
    let blas: String
    var sets: [SetResult] = []
    var latencies: [LatencyResult] = []
    var streaming: StreamingResult?
    var residentBytes: Int?
    var peakResidentBytes: Int?
    var startUpSeconds: Double?

    init(encoder: SentenceEncoder) {
        precision = encoder.precision.rawValue
        gemm = encoder.gemm.rawValue
        threads = encoder.threads
        kernels = SentenceEncoder.kernelDescription
        blas = SentenceEncoder.blasDescription
    }

    /// Why shares of sgemm's peak say nothing here, if so.
    var warning: String? {
        guard let slow = sets.first(where: \.isSGEMMSlow), let round = slow.rounds.first else { return nil }
        return "sgemm is at \(whole(round.sgemm / 1e9)) GFLOP/s and multiply-adds at \(whole(round.multiplyAdd / 1e9)):"
            + " OpenBLAS does not know this processor and runs old kernels (\(blas)). Shares of its peak say nothing like"
            + " this. Set OPENBLAS_CORETYPE: SkylakeX or Cooperlake for AVX-512, Haswell or Zen for AVX2."
    }

    /// Notes what memory the process has now.
    mutating func noteMemory() {
        residentBytes = ProcessMemory.resident
        peakResidentBytes = ProcessMemory.peakResident
    }

    // MARK: JSON

    /// The figures of the first set are also at the top, where scripts that measure one set look for them.
    var json: JSONObject {
        var record: JSONObject = [
            "precision": .string(precision), "gemm": .string(gemm), "threads": .integer(Int64(threads)),
            "kernels": .string(kernels), "blas": .string(blas),
        ]
        if let first = sets.first { for (name, value) in Self.json(first) { record[name] = value } }
        record["sets"] = .array(sets.map { .object(Self.json($0)) })
        var latency: JSONObject = [:]
        for result in latencies {
            latency["\(result.tokens)"] = .object([
                "p50": .double(result.quantile(0.5) * 1e3), "p95": .double(result.quantile(0.95) * 1e3),
                "p99": .double(result.quantile(0.99) * 1e3),
            ])
        }
        if !latencies.isEmpty { record["latency_ms"] = .object(latency) }
        if let streaming {
            record["streaming"] = .object([
                "weight_bytes": .integer(Int64(streaming.bytes)),
                "gb_per_second_alone": .double(streaming.perSecondAlone / 1e9),
                "gb_per_second": .double(streaming.perSecond / 1e9), "floor_ms": .double(streaming.floorSeconds * 1e3),
            ])
        }
        if let residentBytes { record["resident_bytes"] = .integer(Int64(residentBytes)) }
        if let peakResidentBytes { record["peak_resident_bytes"] = .integer(Int64(peakResidentBytes)) }
        if let warning { record["warning"] = .string(warning) }
        if let startUpSeconds { record["startup_ms"] = .double(startUpSeconds * 1e3) }
        return record
    }

    private static func json(_ set: SetResult) -> JSONObject {
        var record: JSONObject = [
            "name": .string(set.name), "texts": .integer(Int64(set.texts)), "tokens": .integer(Int64(set.tokens)),
            "tokens_per_second": .double(set.tokensPerSecond.median),
            "texts_per_second": .double(set.textsPerSecond.median),
            "gflops": .double(set.operationsPerSecond.median / 1e9),
            "share_of_sgemm": .double(set.shareOfSGEMM.median),
            "share_of_multiply_add": .double(set.shareOfMultiplyAdd.median),
            "tokenizer_mb_per_second": .double(set.tokenizerBytesPerSecond / 1e6),
            "rounds": .array(
                set.rounds.map {
                    .object([
                        "seconds": .double($0.seconds), "sgemm_gflops": .double($0.sgemm / 1e9),
                        "multiply_add_gflops": .double($0.multiplyAdd / 1e9),
                    ])
                }),
        ]
        if let profile = set.profile {
            var stages: JSONObject = [:]
            for (name, seconds, rate) in rows(profile) {
                stages[name] = .object([
                    "thread_seconds": .double(seconds), "gflops": rate.map { .double($0 / 1e9) } ?? .null,
                ])
            }
            record["stages"] = .object(stages)
        }
        return record
    }

    /// Name, seconds of all threads together and operations a second of a thread, of every stage.
    private static func rows(_ profile: EncodingProfile) -> [(String, Double, Double?)] {
        var rows: [(String, Double, Double?)] = [("tokenizing", profile.tokenizing, nil)]
        for stage in Stage.allCases {
            let seconds = profile.threadSeconds[stage] ?? 0
            rows.append((stage.rawValue, seconds, profile.stageOperations[stage].map { $0 / seconds }))
        }
        return rows + [("idle", max(profile.idle, 0), nil)]
    }

    // MARK: Markdown

    var markdown: String {
        var text = "# Embedding\n\n\(precision), \(gemm), \(threads) threads; \(kernels); \(blas)\n"
        if !sets.isEmpty {
            text += """

                | texts | tokens | tokens/s (spread) | texts/s | GFLOP/s | of sgemm's peak | of multiply-add's |
                |---|---|---|---|---|---|---|

                """
            for set in sets {
                let rates = set.tokensPerSecond.sorted()
                text +=
                    "| \(set.name): \(set.texts) | \(set.tokens) | \(whole(rates.median)) (\(whole(rates[0]))-\(whole(rates[rates.count - 1])))"
                    + " | \(whole(set.textsPerSecond.median)) | \(decimal(set.operationsPerSecond.median / 1e9))"
                    + " | \(percent(set.shareOfSGEMM.median)) | \(percent(set.shareOfMultiplyAdd.median)) |\n"
            }
        }
        if let warning { text += "\nWarning: \(warning)\n" }
        if !latencies.isEmpty {
            text += "\n| one text of | p50 | p95 | p99 |\n|---|---|---|---|\n"
            for result in latencies {
                let times = [0.5, 0.95, 0.99].map { "\(decimal(result.quantile($0) * 1e3, 2)) ms" }
                text += "| \(result.tokens) tokens | \(times.joined(separator: " | ")) |\n"
            }
        }
        if let streaming {
            text += """

                The layers' weights, \(decimal(Double(streaming.bytes) / 1e6)) MB, are read at \(decimal(streaming.perSecondAlone / 1e9)) GB/s \
                by one thread and \(decimal(streaming.perSecond / 1e9)) GB/s by all: no text can take less than \
                \(decimal(streaming.floorSeconds * 1e3, 2)) ms.

                """
        }
        for set in sets {
            guard let profile = set.profile else { continue }
            let total = profile.tokenizing + profile.threadSeconds.values.reduce(0, +) + max(profile.idle, 0)
            text +=
                "\nWhere \(set.name) spends the threads' time (GELU on its own, which is otherwise within its product):\n\n"
            text += "| stage | share | GFLOP/s a thread |\n|---|---|---|\n"
            for (name, seconds, rate) in Self.rows(profile) {
                text += "| \(name) | \(percent(seconds / total)) | \(rate.map { decimal($0 / 1e9) } ?? "") |\n"
            }
        }
        for set in sets {
            text += "\nTokenizer, one thread, \(set.name): \(decimal(set.tokenizerBytesPerSecond / 1e6)) MB/s.\n"
        }
        if let residentBytes, let peakResidentBytes {
            text +=
                "\nResident after the texts\(sets.isEmpty ? " of which latency is measured" : ""): \(residentBytes / 1_000_000) MB, at most \(peakResidentBytes / 1_000_000) MB.\n"
        }
        if let startUpSeconds {
            text += "Start of the process to the end of the first vector's: \(whole(startUpSeconds * 1e3)) ms.\n"
        }
        return text
    }

    // MARK: SVG

    /// Tokens a second of each set as bars.
    var svg: String {
        BarChart(
            title: "Tokens per second (\(precision), \(gemm), \(threads) threads)",
            bars: sets.map { (URL(filePath: $0.name).lastPathComponent, $0.tokensPerSecond.median) }
        ).svg
    }

    private func whole(_ value: Double) -> String { decimal(value, 0) }
    private func percent(_ share: Double) -> String { decimal(share * 100) + " %" }
    private func decimal(_ value: Double, _ digits: Int = 1) -> String {
        value.formatted(.number.precision(.fractionLength(digits)).grouping(.never).locale(Locale(identifier: "en_US")))
    }
}
