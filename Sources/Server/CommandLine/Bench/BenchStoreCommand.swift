// minilm bench store: what the store costs: writing, filters, queries, opening, memory.

import ArgumentParser
import Foundation
import MiniLM
import VectorStore

struct BenchStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Measure the store: writing, filters, queries, opening, memory.",
        discussion: """
            Fills a store in a directory that must not exist yet, and deletes it afterwards. Vectors are random unless --vectors
            gives a .npy file, whose rows are repeated with small changes when there are more points. From the last update until the graph
            is complete, and as often afterwards, one query follows the other. What is resident is measured in a new process that
            opens the store and answers 200 queries. Every point has a keyword with
            two values, one with a hundred, one with a value for every ten points, and its number; each has a payload index.

            EXAMPLES
              minilm bench store --points 1000000 --dimension 8
              minilm bench store --vectors base.npy --points 50000
            """
    )

    @Option(help: "How many points.")
    var points = 100_000

    @Option(help: "Elements of a random vector.")
    var dimension = 384

    @Option(help: "Vectors to store: *.npy.")
    var vectors: String?

    @Option(help: "Points of one update.")
    var batch = 64

    @Option(help: "Updates made at the same time.")
    var writers = 1

    @Option(help: "full: every update is synced; relaxed: written only.")
    var durability = EmbeddedStore.Options.Durability.full

    @Option(help: "Directory to fill and delete.")
    var directory = "store-benchmark"

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard points > 0, batch > 0, writers > 0, 1...4096 ~= dimension else {
            throw ValidationError("--points, --batch, --writers are at least 1, --dimension 1 to 4096")
        }
    }

    func run() async throws {
        guard !FileManager.default.fileExists(atPath: directory) else {
            throw ValidationError("\(directory) is there already: give --directory a name that is free")
        }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let source = try VectorSource(path: vectors, dimension: dimension)
        var report: JSONObject = [
            "points": .integer(Int64(points)), "dimension": .integer(Int64(source.dimension)),
            "batch": .integer(Int64(batch)), "writers": .integer(Int64(writers)),
            "durability": .string(durability.rawValue),
        ]
        var options = EmbeddedStore.Options()
        options.durability = durability
        var store = try EmbeddedStore(directory: directory, options: options)
        try await Self.prepare(store, source.dimension)

        let clock = ContinuousClock()
        let begin = clock.now
        try await fill(store, source)
        let writing = (clock.now - begin).inSeconds
        report["written_per_second"] = .double(Double(points) / writing)
        let building = try await latenciesUntilIndexed(store, source)
        report["graph_after_seconds"] = .double((clock.now - begin).inSeconds - writing)
        report["while_building"] = Self.told(building)
        var after: [Double] = []
        for _ in 0..<max(200, min(10_000, building.count)) {
            after.append(try await latency(after.count, store, source))
        }
        report["after_building"] = Self.told(after)
        report["filters"] = .array(try await filters(store, source))

        try store.close()
        let memory = ProcessMemory.resident
        let opening = clock.now
        store = try EmbeddedStore(directory: directory, options: options)
        let first = PointsQuery(vector: source.vector(0), limit: 10)
        _ = try await store.query(first, in: "points")
        report["opened_after_milliseconds"] = .double((clock.now - opening).inSeconds * 1000)
        let info = try await store.collection("points").vectors[""]
        report["indexed"] = .integer(Int64(info?.indexedCount ?? 0))
        report["vector_bytes_per_point"] = .double(Double(info?.residentBytes ?? 0) / Double(points))
        let indexes = try await store.payloadIndexBytes(in: "points")
        report["payload_index_bytes_per_point"] = .object(
            JSONObject(indexes.sorted { $0.key < $1.key }.map { ($0, .double(Double($1) / Double(points))) }))
        if let memory { report["resident_bytes_before_opening"] = .integer(Int64(memory)) }
        try store.close()
        let grown = NewProcess.opening(
            store: directory, queries: (0..<200).flatMap { source.vector(points + $0) }, dimension: source.dimension)
        func perPoint(_ bytes: Int?) -> JSONValue { bytes.map { .double(Double($0) / Double(points)) } ?? .null }
        report["resident_anonymous_bytes_per_point"] = perPoint(grown?.anonymous)
        report["resident_file_bytes_per_point"] = perPoint(grown?.file)
        print(json ? JSONValue.object(report).description : Self.markdown(report))
    }

    private static func prepare(_ store: EmbeddedStore, _ dimension: Int) async throws {
        try await store.createCollection("points", CollectionConfiguration(size: dimension, distance: .cosine))
        for (field, type) in [
            ("half", .keyword), ("percent", .keyword), ("few", .keyword), ("n", .integer),
        ] as [(String, PayloadIndexType)] {
            try await store.createPayloadIndex(field, type, in: "points")
        }
    }

    private func fill(_ store: EmbeddedStore, _ source: VectorSource) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    for start in stride(from: writer * batch, to: points, by: batch * writers) {
                        let batch = (start..<min(points, start + batch)).map { number in
                            Point(
                                id: .number(UInt64(number)), vector: source.vector(number),
                                payload: [
                                    "half": .string("half \(number % 2)"),
                                    "percent": .string("percent \(number % 100)"),
                                    "few": .string("few \(number / 10)"), "n": .integer(Int64(number)),
                                ])
                        }
                        _ = try await store.update([.upsert(batch)], in: "points")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Asks one query after the other until the graph has every point, or there is to be none.
    ///
    /// - Returns: What each took, in seconds.
    private func latenciesUntilIndexed(_ store: EmbeddedStore, _ source: VectorSource) async throws -> [Double] {
        let threshold = EmbeddedStore.Options().indexingThreshold
        var latencies: [Double] = []
        while true {
            let collection = try await store.collection("points")
            guard let info = collection.vectors[""], let parameters = collection.configuration.vectors[""],
                info.indexedCount < info.pointsCount, info.pointsCount * parameters.size * 4 >= threshold
            else { return latencies }
            latencies.append(try await latency(latencies.count, store, source))
        }
    }

    /// Seconds that the ten nearest to a vector take that is no point's.
    private func latency(_ number: Int, _ store: EmbeddedStore, _ source: VectorSource) async throws -> Double {
        let query = PointsQuery(vector: source.vector(points + number), withPayload: .none)
        let clock = ContinuousClock()
        let begin = clock.now
        _ = try await store.query(query, in: "points")
        return (clock.now - begin).inSeconds
    }

    /// How many there were, their median and the one that a twentieth of them exceeds; null where there were none.
    private static func told(_ latencies: [Double]) -> JSONValue {
        let sorted = latencies.sorted()
        func microseconds(_ share: Double) -> JSONValue {
            sorted.isEmpty ? .null : .double(sorted[Int(Double(sorted.count - 1) * share)] * 1e6)
        }
        return [
            "queries": .integer(Int64(sorted.count)), "p50_us": microseconds(0.5), "p95_us": microseconds(0.95),
        ]
    }

    /// Latencies of counting by a filter, and of queries behind it, beside what comparing every match finds.
    private func filters(_ store: EmbeddedStore, _ source: VectorSource) async throws -> [JSONValue] {
        let middle = Int64(points / 2)
        let cases: [(String, Filter?)] = [
            ("none", nil),
            ("keyword, 50 %", Filter(must: [.match(key: "half", .value("half 1"))])),
            ("range, 50 %", Filter(must: [.range(key: "n", NumberRange(gte: Double(middle)))])),
            ("keyword, 1 %", Filter(must: [.match(key: "percent", .value("percent 7"))])),
            (
                "both keywords, 1 %",
                Filter(must: [.match(key: "half", .value("half 1")), .match(key: "percent", .value("percent 7"))])
            ),
            ("keyword, 10 points", Filter(must: [.match(key: "few", .value("few 3"))])),
            (
                "range, 10 points",
                Filter(must: [.range(key: "n", NumberRange(gte: Double(middle), lt: Double(middle) + 10))])
            ),
        ]
        var rows: [JSONValue] = []
        for (name, filter) in cases {
            var counting: [Double] = []
            var querying: [Double] = []
            var matching = 0
            var found = 0
            var wanted = 0
            for round in 0..<200 {
                let clock = ContinuousClock()
                let begin = clock.now
                matching = try await store.count(filter, in: "points")
                let counted = clock.now
                var query = PointsQuery(vector: source.vector(points + round), filter: filter, withPayload: .none)
                let asked = clock.now
                let hits = try await store.query(query, in: "points")
                querying.append((clock.now - asked).inSeconds)
                counting.append((counted - begin).inSeconds)
                guard round < 50 else { continue }
                query.isExact = true
                let truth = try await store.query(query, in: "points")
                wanted += truth.count
                found += Set(hits.map(\.id)).intersection(truth.map(\.id)).count
            }
            rows.append([
                "filter": .string(name), "matching": .integer(Int64(matching)),
                "count_p50_us": .double(counting.sorted()[100] * 1e6),
                "query_p50_us": .double(querying.sorted()[100] * 1e6),
                "query_p99_us": .double(querying.sorted()[198] * 1e6),
                "recall_at_10": .double(Double(found) / Double(max(1, wanted))),
            ])
        }
        return rows
    }

    private static func markdown(_ report: JSONObject) -> String {
        func number(_ value: JSONValue?, _ digits: Int = 0) -> String {
            value?.number.map { String(format: "%.\(digits)f", $0) } ?? ""
        }
        func latencies(_ time: String) -> String {
            guard let told = report[time], told["queries"] != 0 else { return "none" }
            return "\(number(told["queries"])), p50 \(number(told["p50_us"])) µs, p95 \(number(told["p95_us"])) µs"
        }
        let resident =
            report["resident_anonymous_bytes_per_point"] == .null
            ? "not told by this system"
            : "\(number(report["resident_anonymous_bytes_per_point"])) bytes a point of its own, "
                + "\(number(report["resident_file_bytes_per_point"])) of mapped files"
        let told = report["payload_index_bytes_per_point"]?.object ?? [:]
        let sum = told.reduce(0) { $0 + ($1.value.number ?? 0) }
        let indexes = "\(number(.double(sum))) (" + told.map { "\($0) \(number($1))" }.joined(separator: ", ") + ")"
        var text = """
            \(number(report["points"])) points of \(number(report["dimension"])) elements, \(number(report["batch"])) an update, \
            \(number(report["writers"])) at a time, durability \(report["durability"]?.string ?? ""):

            - written: \(number(report["written_per_second"])) points a second; graph complete \
            \(number(report["graph_after_seconds"], 1)) s later
            - queries while the graph was completed: \(latencies("while_building")); afterwards: \(latencies("after_building"))
            - opened again to the first answer: \(number(report["opened_after_milliseconds"])) ms, \
            \(number(report["indexed"])) points in the graph
            - codes, links and vectors not in the graph: \(number(report["vector_bytes_per_point"])) bytes a point
            - payload indexes, estimated: \(indexes) bytes a point
            - resident in a new process that opened it, payload indexes included: \(resident)

            | filter | points | count, p50 | query, p50 | p99 | recall@10 |
            |---|---|---|---|---|---|

            """
        for row in report["filters"]?.array ?? [] {
            text += "| \(row["filter"]?.string ?? "") | \(number(row["matching"])) | \(number(row["count_p50_us"])) µs "
            text += "| \(number(row["query_p50_us"])) µs | \(number(row["query_p99_us"])) µs "
            text += "| \(number(row["recall_at_10"], 3)) |\n"
        }
        return text
    }
}

/// Vectors by number: a file's, or random ones, the same in every run.
private struct VectorSource: Sendable {
    let dimension: Int
    private let matrix: NumPyMatrix?

    init(path: String?, dimension: Int) throws {
        matrix = try path.map { try NumPyMatrix(path: $0) }
        self.dimension = matrix?.columns ?? dimension
    }

    func vector(_ number: Int) -> [Float] {
        // SplitMix64.
        var state = UInt64(bitPattern: Int64(number)) &* 0x9E37_79B9_7F4A_7C15
        func random() -> Float {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return Float(Int32(truncatingIfNeeded: word >> 32)) / Float(Int32.max)
        }
        guard let matrix, matrix.rows > 0 else { return (0..<dimension).map { _ in random() } }
        let row = number % matrix.rows
        let values = matrix.values[row * dimension..<(row + 1) * dimension]
        return number < matrix.rows ? Array(values) : values.map { $0 + 0.01 * random() }
    }
}
