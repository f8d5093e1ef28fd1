// What was measured, as tables.

extension IndexBenchmark.Report {
    /// The report as Markdown.
    public var markdown: String {
        func number(_ value: Double, _ digits: Int) -> String {
            var scale = 1.0
            for _ in 0..<digits { scale *= 10 }
            let rounded = (value * scale).rounded() / scale
            return digits == 0 ? String(Int(rounded)) : String(rounded)
        }
        var lines = [
            "\(rows) vectors of \(dimension) (\(distinct) distinct), built on \(threads) threads in \(number(buildSeconds, 2)) s, "
                + "\(number(bytesPerVector, 0)) bytes a vector beside the floats"
                + (openMilliseconds.map { ", snapshot opened in \(number($0, 1)) ms" } ?? "")
        ]
        if let normalised {
            lines.append("For cosine every vector has length 1: \(normalised) had another and were divided by it.")
        }
        if let reopening, let opened = reopening.opened, let settled = reopening.settled {
            lines.append(
                "A new process answered after \(number(reopening.milliseconds, 1)) ms. After \(reopening.queries) queries it had grown by "
                    + "\(number(opened.anonymous, 0)) bytes a vector of its own and \(number(opened.file, 0)) of the mapped file, "
                    + "settled by \(number(settled.anonymous, 0)) and \(number(settled.file, 0)).")
        }
        lines += [
            "",
            "| ef | recall@1 | recall@10 | recall@100 | QPS, one thread | QPS, \(threads) threads | p50, µs | p99, µs |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for point in points {
            lines.append(
                "| \(point.ef) | \(number(point.recallAt1, 4)) | \(number(point.recallAt10, 4)) "
                    + "| \(point.recallAt100.map { number($0, 4) } ?? "-") | \(number(point.queriesPerSecond, 0)) | \(number(point.queriesPerSecondAllThreads, 0)) "
                    + "| \(number(point.p50, 1)) | \(number(point.p99, 1)) |")
        }
        lines += ["", "| share matching | rows | recall@10 | p50, µs | p99, µs |", "|---|---|---|---|---|"]
        for point in filters {
            lines.append(
                "| \(number(point.share, 7)) | \(point.matching) | \(number(point.recallAt10, 4)) | \(number(point.p50, 1)) "
                    + "| \(number(point.p99, 1)) |")
        }
        return lines.joined(separator: "\n")
    }
}
