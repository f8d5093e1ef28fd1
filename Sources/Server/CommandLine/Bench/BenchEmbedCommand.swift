// minilm bench embed: throughput, latency, memory and start-up of embedding, and what the machine could do at most.

import ArgumentParser
import Foundation
import MiniLM
import VectorStore

struct BenchEmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract:
            "Measure embedding: tokens a second, latency, memory, start-up, and the share of this machine's peak.",
        discussion: """
            The machine's sgemm and multiply-add peaks are measured in the same run, before, between and after the rounds;
            a round's shares are of the higher of its two neighbours, which nothing but others' work lowers. Absolute
            figures move on a shared machine, shares less. `make bench-texts` makes three sets of texts; --latency-only
            needs none.

            EXAMPLES
              minilm bench embed --texts Benchmarks/texts/large.txt
              minilm bench embed --texts lines.txt --precision i16 --threads 1 --json
              minilm bench embed --latency-only --gemm openblas
            """
    )

    @Option(help: "File of texts, one a line (or *.jsonl); may be given several times.")
    var texts: [String] = []

    @Option(help: "Rounds; medians are reported.")
    var rounds = 5

    @Flag(help: "Measure throughput only.")
    var noLatency = false

    @Flag(help: "Measure latency only.")
    var latencyOnly = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Also write embed.md, embed.json and, with texts, embed.svg into this directory.")
    var out: String?

    @OptionGroup var model: ModelOptions

    func validate() throws {
        guard rounds >= 1 else { throw ValidationError("--rounds must be at least 1, not \(rounds)") }
        guard !(noLatency && latencyOnly) else {
            throw ValidationError("--no-latency and --latency-only leave nothing to measure")
        }
        guard latencyOnly || !texts.isEmpty else {
            throw ValidationError("--texts names the texts to embed; `make bench-texts` makes some")
        }
        guard !latencyOnly || texts.isEmpty else {
            throw ValidationError("--latency-only embeds a text of its own: leave out --texts")
        }
    }

    func run() async throws {
        let files = try texts.map { (name: $0, texts: try TextInput.read($0)) }
        for file in files where file.texts.isEmpty { throw ValidationError("\(file.name) has no texts") }
        let encoder = try model.loadEncoder()
        let benchmark = EmbedBenchmark(encoder: encoder, rounds: rounds)
        var report = EmbedReport(encoder: encoder)
        for file in files { _ = try encoder.encode(file.texts) }
        // Before the machine's peaks are measured, whose matrices are not the encoder's.
        if !latencyOnly { report.noteMemory() }
        for file in files { report.sets.append(try benchmark.throughput(file.texts, name: file.name)) }
        if !noLatency {
            // As many as other engines are asked for.
            report.latencies = try [10, 256].map { try benchmark.latency(tokens: min($0, encoder.maxTokens)) }
            if latencyOnly { report.noteMemory() }
            report.streaming = benchmark.streaming()
            do {
                report.startUpSeconds = try startUp()
            } catch {
                // What was measured before is not lost for it.
                Terminal.warn("the program's start was not measured: \(error)")
            }
        }

        if let out {
            var contents = ["embed.md": report.markdown, "embed.json": "\(report.json)\n"]
            if !report.sets.isEmpty { contents["embed.svg"] = report.svg }
            try ReportFiles.write(contents, into: out)
        }
        if json, let warning = report.warning { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
        print(json ? "\(report.json)" : report.markdown)
    }

    /// Seconds from starting this program to its end, having embedded one line: the median of five.
    private func startUp() throws -> Double {
        let line = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString).txt")
        try Data("the lamp is lit in the old tower\n".utf8).write(to: line)
        defer { try? FileManager.default.removeItem(at: line) }
        let times = try (0..<5).map { _ in
            let process = Process()
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = ["embed", "--input", line.path, "--output", "-", "--weights", try model.directory()]
            if let threads = model.threads { process.arguments? += ["--threads", "\(threads)"] }
            if let precision = model.precision { process.arguments? += ["--precision", precision.rawValue] }
            if let gemm = model.gemm { process.arguments? += ["--gemm", gemm.rawValue] }
            process.standardOutput = FileHandle.nullDevice
            let begin = ContinuousClock.now
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw ValidationError("the program could not be started to measure it")
            }
            return begin.duration(to: .now).inSeconds
        }
        return times.sorted()[2]
    }
}
