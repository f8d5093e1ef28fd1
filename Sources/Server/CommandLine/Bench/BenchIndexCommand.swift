// minilm bench index: the index's recall against its speed, on any vectors.

import ArgumentParser
import Cores
import Foundation
import HNSW

struct BenchIndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Measure the vector index: recall against speed, filters, snapshot.",
        discussion: """
            Vectors are .npy files of float32, as minilm embed writes them. Without --truth, the nearest are found by comparing
            every vector. Without --queries, the last vectors of the file are the queries and are left out of the index. For cosine
            vectors and queries are divided by their lengths first, and the report says how many were not of length 1. What a serving
            index keeps in memory is measured in a new process that opens the snapshot and answers queries.

            EXAMPLES
              minilm bench index --vectors base.npy --queries queries.npy --ef 32,64,128
              minilm bench index --vectors base.npy --queries queries.npy --truth nearest.npy --out results
              minilm bench index --vectors base.npy --queries queries.npy --churn
            """
    )

    @Option(help: "Vectors to index: *.npy.")
    var vectors: String

    @Option(help: "Vectors to look for: *.npy.")
    var queries: String?

    @Option(help: "Rows of the vectors nearest to each query, int32 or int64 [queries, at least 10]: *.npy.")
    var truth: String?

    @Option(help: "How many queries to use.")
    var queryCount = 1000

    @Option(help: "Links of a new node.")
    var m = 16

    @Option(help: "Candidates a new node's links are chosen from.")
    var efConstruction = 100

    @Flag(help: "Fill a node's links up with candidates that the diversity heuristic refused.")
    var keepPruned = false

    @Option(help: "Values of ef, separated by commas.")
    var ef = "10,16,24,32,48,64,96,128,192,256,512"

    @Option(help: "What the traversal reads: i8 or f32.")
    var codes = "i8"

    @Option(help: "cosine, dot, euclid or manhattan.")
    var distance = "cosine"

    @Option(help: "Threads.")
    var threads = Cores.usable

    @Flag(
        help: """
            Measure this alone: recall after a graph of two thirds of the vectors has lost half of them and got the last third, beside a \
            fresh build's.
            """)
    var churn = false

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: """
            Also write index.md, index.json, index.svg (recall against speed) and index-filters.svg, or churn.md and churn.json, into this \
            directory.
            """
    )
    var out: String?

    func validate() throws {
        guard codes == "i8" || codes == "f32" else { throw ValidationError("--codes is i8 or f32") }
        guard measure != nil else {
            throw ValidationError("--distance is cosine, dot, euclid or manhattan")
        }
        guard !efs.isEmpty, efs.allSatisfy({ $0 > 0 }) else { throw ValidationError("--ef is a list of numbers") }
        guard threads > 0, queryCount > 0 else { throw ValidationError("--threads and --query-count are at least 1") }
        if churn, truth != nil { throw ValidationError("--truth is of all vectors: --churn looks for its own") }
    }

    private var efs: [Int] { ef.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 } }

    private var measure: Distance? { Distance(rawValue: distance.capitalized) }

    func configuration(dimension: Int) -> HNSWConfiguration {
        HNSWConfiguration(
            dimension: dimension, distance: measure ?? .cosine, M: m, efConstruction: efConstruction,
            codes: codes == "f32" ? .float32 : .int8, keepPruned: keepPruned)
    }

    func run() throws {
        var matrix = try NumPyMatrix(path: vectors)
        // Products of longer vectors are greater: without this the nearest by cosine would be looked for by another measure.
        let isCosine = measure == .cosine
        var normalised = isCosine ? matrix.normaliseRows() : nil
        var base = matrix.values[...]
        var asked: [Float]
        if let queries {
            var matrixOfQueries = try NumPyMatrix(path: queries)
            guard matrixOfQueries.columns == matrix.columns else {
                throw ValidationError("queries have \(matrixOfQueries.columns) elements, vectors \(matrix.columns)")
            }
            if isCosine { normalised = (normalised ?? 0) + matrixOfQueries.normaliseRows() }
            asked = Array(matrixOfQueries.values.prefix(min(queryCount, matrixOfQueries.rows) * matrix.columns))
        } else {
            let held = min(queryCount, matrix.rows / 10) * matrix.columns
            guard held > 0 else { throw ValidationError("with fewer than 10 vectors, give --queries") }
            asked = Array(base.suffix(held))
            base = base.dropLast(held)
        }
        var benchmark = IndexBenchmark(configuration(dimension: matrix.columns))
        benchmark.efs = efs
        benchmark.threads = threads
        if churn {
            guard base.count / matrix.columns >= 3 else { throw ValidationError("--churn needs 3 vectors") }
            let report = try benchmark.runChurn(base: Array(base).span, queries: asked.span) { Terminal.say($0) }
            return try tell(report, report.markdown, "churn")
        }
        let snapshot = FileManager.default.temporaryDirectory.appending(path: "minilm-bench-\(UUID().uuidString)").path
        defer { unsafe _ = unlink(snapshot) }
        benchmark.snapshotPath = snapshot
        let neighbours = try neighbours(
            ofQueries: asked.count / matrix.columns, among: base.count / matrix.columns)
        var report = try benchmark.run(base: Array(base).span, queries: asked.span, neighbours: neighbours) {
            Terminal.say($0)
        }
        report.normalised = normalised
        Terminal.say("a new process")
        report.reopening = NewProcess.opening(snapshot, queries: asked, dimension: matrix.columns)
        try tell(
            report, report.markdown, "index",
            charts: ["index.svg": report.recallChart.svg, "index-filters.svg": report.filterChart.svg])
    }

    /// Prints a report, and writes it into the directory of --out.
    private func tell(
        _ report: some Encodable, _ markdown: String, _ name: String, charts: [String: String] = [:]
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let record = String(decoding: try encoder.encode(report), as: UTF8.self)
        if let out {
            let texts = ["\(name).md": markdown + "\n", "\(name).json": record + "\n"]
            try ReportFiles.write(texts.merging(charts) { $1 }, into: out)
        }
        print(json ? record : markdown)
    }

    /// What --truth names, checked.
    private func neighbours(ofQueries queries: Int, among rows: Int) throws -> [[Int]]? {
        guard let truth else { return nil }
        let numbers = try NumPyIntegers(path: truth)
        guard numbers.rows >= queries, numbers.columns >= min(10, rows) else {
            throw ValidationError(
                "\(truth) is [\(numbers.rows), \(numbers.columns)]; \(queries) queries need [\(queries), at least 10]")
        }
        return try (0..<queries).map { query in
            let row = numbers.values[query * numbers.columns..<(query + 1) * numbers.columns]
            if let wrong = row.first(where: { !(0..<rows).contains($0) }) {
                throw ValidationError("\(truth), query \(query): there is no vector \(wrong), there are \(rows)")
            }
            guard Set(row).count == row.count else {
                throw ValidationError("\(truth), query \(query): a vector is named twice")
            }
            return Array(row)
        }
    }
}

extension IndexBenchmark.Report {
    private var set: String { "\(rows) vectors of \(dimension)" }

    /// Queries a second against recall, a point for each ef.
    var recallChart: LineChart {
        LineChart(
            title: "Recall against speed, one thread, \(set)", x: .init(label: "recall@10"),
            y: .init(label: "queries a second", isLogarithmic: true),
            points: points.map { ($0.recallAt10, $0.queriesPerSecond, "ef \($0.ef)") })
    }

    /// Latency against the share of rows that a filter lets through, with the recall at each point.
    var filterChart: LineChart {
        LineChart(
            title: "Filtered search at ef 64, \(set)",
            x: .init(label: "share of rows that match", isLogarithmic: true),
            y: .init(label: "p50, µs; recall@10 beside each point", isLogarithmic: true),
            points: filters.map { ($0.share, $0.p50, String(($0.recallAt10 * 1e4).rounded() / 1e4)) })
    }
}
