// Data directories of older versions: what was in them is there, in today's tables.
//
// Goldens/schema-N.sql is what the last commit of schema N left, dumped as SQL, and schema-N.hnsw the graph that it wrote beside
// (Scripts/make_schema_dumps.sh; Scripts/schema_dumps/writer.swift says what it wrote). 2 is what 0.1.0 was.

import Foundation
import GRDB
import Testing

@testable import VectorStore

@Suite struct OlderSchemaTests {
    static let schemas = 1...5
    /// What came with schema 3.
    private static func hasNames(_ schema: Int) -> Bool { schema >= 3 }

    private static func databasePath(_ directory: String) -> String { directory + "/points.sqlite" }

    /// Makes the directory that a version left.
    static func make(_ directory: String, schema: Int) throws {
        let url = try #require(Bundle.module.url(forResource: "Goldens/schema-\(schema)", withExtension: "sql"))
        let dump = try String(contentsOf: url, encoding: .utf8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let database = try DatabaseQueue(path: databasePath(directory), configuration: configuration)
        try database.writeWithoutTransaction { db in
            // As every version has had it.
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: dump)
        }
        try database.close()
        guard hasNames(schema) else { return }
        let graph = try #require(Bundle.module.url(forResource: "Goldens/schema-\(schema)", withExtension: "hnsw"))
        try FileManager.default.createDirectory(atPath: directory + "/graphs", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: graph.path, toPath: directory + "/graphs/1-.hnsw")
    }

    // MARK: What the writer wrote

    private static func id(_ number: Int) throws -> PointID {
        number % 4 == 0
            ? .uuid(try #require(UUID(uuidString: "00000000-0000-4000-8000-\(100_000_000_000 + number)")))
            : .number(UInt64(number))
    }

    private static func vector(_ number: Int) -> [Float] {
        [Float(number), Float(number % 5) - 2, Float(number % 3) / 2, 0.125]
    }

    private static func point(_ number: Int, schema: Int) throws -> Point {
        var payload: JSONObject = [
            "n": .integer(Int64(number)), "text": "line \(number)\n\"quoted\" é\u{0}end",
            "nested": ["list": [.integer(Int64(number)), nil, 1.5], "is": .bool(number % 2 == 0)],
        ]
        if number % 7 != 0 { payload["k"] = .string(["red", "green", "blé"][number % 3]) }
        if number % 11 == 0 { payload["k"] = ["red", "blue"] }
        if number == 3 { payload["again"] = true }
        var vectors: NamedVectors = ["": .dense(vector(number))]
        if hasNames(schema) {
            if number % 2 == 0 { vectors["side"] = .dense([Float(number), 1, -1].normalised()) }
            vectors["words"] = .sparse(
                try SparseVector(indices: [UInt32(number), UInt32(number) + 100], values: [0.5, Float(number)]))
        }
        return Point(id: try id(number), vectors: vectors, payload: payload)
    }

    /// By number; 5 and 12 were deleted.
    private static func points(schema: Int) throws -> [Int: Point] {
        let numbers = Set(1...25).subtracting([5, 12])
        return Dictionary(uniqueKeysWithValues: try numbers.map { ($0, try point($0, schema: schema)) })
    }

    // MARK: What it must be

    static func check(_ store: EmbeddedStore, schema: Int) async throws {
        #expect(try await store.collections() == ["c", "empty"])
        #expect(try await store.count(nil, in: "empty") == 0)
        let points = try points(schema: schema)
        let name = schema >= 4 ? "also" : "c"
        let records = try await store.scroll(ScrollRequest(limit: 99, withVectors: .all), in: name).points
        #expect(records.map(\.id) == points.values.map(\.id).sorted())
        let byID = Dictionary(uniqueKeysWithValues: points.values.map { ($0.id, $0) })
        for record in records {
            #expect(record.payload == byID[record.id]?.payload)
            #expect(record.vectors == byID[record.id]?.vectors)
        }

        let info = try await store.collection("c")
        #expect(info.pointsCount == points.count)
        #expect(info.payloadIndexes["k"]?.type == .keyword && info.payloadIndexes["n"]?.type == .integer)
        #expect(info.payloadIndexes["nested.is"]?.type == (hasNames(schema) ? .bool : nil))
        #expect(info.configuration.vectors[""]?.size == 4 && info.configuration.vectors[""]?.distance == .dot)
        #expect(info.configuration.sparseVectors["words"]?.idf == (hasNames(schema) ? true : nil))
        #expect(info.configuration.metadata == (hasNames(schema) ? ["kept": ["as": "it is"]] : [:]))
        #expect(try await store.collection("empty").configuration == .init(size: 3, distance: .cosine))

        // By the products of whole numbers and halves: exact in floats.
        let vector: [Float] = [1, -2, 4, 8]
        func score(_ number: Int) -> Float { zip(vector, Self.vector(number)).reduce(0) { $0 + $1.0 * $1.1 } }
        let wanted = try points.keys.map { ($0, score($0)) }.sorted { $0.1 > $1.1 }.map { (try id($0.0), $0.1) }
        for isExact in [true, false] {
            var query = PointsQuery(vector: vector, limit: 99)
            query.isExact = isExact
            let hits = try await store.query(query, in: "c")
            #expect(hits.map(\.score) == wanted.map(\.1))
            #expect(hits.allSatisfy { hit in wanted.contains { $0 == (hit.id, hit.score) } })
        }
        if hasNames(schema) {
            let side = PointsQuery(.nearest(.vector(.dense([1, 0, 0]))), using: "side", limit: 99)
            let hits = try await store.query(side, in: "c")
            // The greater the first number, the nearer.
            #expect(hits.map(\.id) == (try points.keys.filter { $0 % 2 == 0 }.sorted(by: >).map(id)))
            let words = try SparseVector(indices: [107], values: [1])
            let found = try await store.query(PointsQuery(.nearest(.vector(.sparse(words))), using: "words"), in: "c")
            #expect(found.map(\.id) == (try [id(7)]))
        }
        try await checkPayloads(store, points)
    }

    private static func checkPayloads(_ store: EmbeddedStore, _ points: [Int: Point]) async throws {
        let values = points.mapValues { point -> [String] in
            guard let value = point.payload["k"] else { return [] }
            return (value.array ?? [value]).compactMap(\.string)
        }
        for word in ["red", "green", "blé", "blue", "ble"] {
            let range = Filter(
                must: [.match(key: "k", .value(.string(word))), .range(key: "n", NumberRange(gt: 2, lte: 20))])
            let numbers = values.filter { $0.value.contains(word) && 3...20 ~= $0.key }.keys
            let page = try await store.scroll(ScrollRequest(filter: range, limit: 99), in: "c")
            #expect(page.points.map(\.id) == (try numbers.map(id).sorted()), "\(word)")
        }
        let counts = Dictionary(values.values.joined().map { ($0, 1) }, uniquingKeysWith: +)
        let hits = try await store.facet("k", filter: nil, limit: 99, in: "c")
        #expect(hits.count == counts.count && hits.allSatisfy { counts[$0.value.string ?? ""] == $0.count })
    }

    /// All tables with all that is in them but whose operations were whose; and how they are made, spelled one way.
    private static func contents(_ directory: String) throws -> [String: [String]] {
        let database = try DatabaseQueue(path: databasePath(directory))
        defer { try? database.close() }
        return try database.read { db in
            var contents: [String: [String]] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL") {
                let name: String = try row.decode(forColumn: "name")
                let sql: String = try row.decode(forColumn: "sql")
                contents[name] = [sql.replacing("\"", with: "")]
            }
            for table in ["collections", "points", "payload_indexes", "aliases", "epochs", "grdb_migrations"] {
                let rows = try Row.fetchAll(db, sql: "SELECT * FROM \(table)")
                contents["rows of \(table)"] = rows.map { row in
                    row.map { column, value in
                        let bytes = if case .blob(let data) = value.storage { data.base64EncodedString() } else { "" }
                        return "\(column) \(value) \(bytes)"
                    }.joined(separator: ", ")
                }.sorted()
            }
            return contents
        }
    }

    @Test(arguments: schemas)
    func `what an older version left is all there, in today's tables, and searched right`(schema: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (old, new) = (directory + "/old", directory + "/new")
            try Self.make(old, schema: schema)
            var options = EmbeddedStore.Options()
            // No graph is begun; whether one that is there is believed is its own affair, and must not show.
            options.indexingThreshold = .max
            let store = try EmbeddedStore(directory: old, options: options)
            try await Self.check(store, schema: schema)
            try store.close()

            try EmbeddedStore(directory: new).close()
            let (migrated, made) = (try Self.contents(old), try Self.contents(new))
            for (name, sql) in made where !name.hasPrefix("rows of") { #expect(migrated[name] == sql, "\(name)") }
            #expect(migrated.count == made.count)
            #expect(migrated["rows of grdb_migrations"] == made["rows of grdb_migrations"])

            // Nothing is left to be done a second time.
            let again = try EmbeddedStore(directory: old, options: options)
            try await Self.check(again, schema: schema)
            try again.close()
            #expect(try Self.contents(old) == migrated)
        }
    }

    @Test(arguments: schemas)
    func `what an older version left goes on being written, and its graph built`(schema: Int) async throws {
        try await withTemporaryDirectory { directory in
            try Self.make(directory, schema: schema)
            var options = EmbeddedStore.Options()
            options.indexingThreshold = 1
            let store = try EmbeddedStore(directory: directory, options: options)
            // Rows that are free are taken first, and 3 moves to another.
            let new = try [5, 12, 3].map { try Self.point($0, schema: schema) }
            let before = try await store.collection("c").operation
            let result = try await store.update([.upsert(new)], in: "c")
            #expect(result.operationID == before + 1)
            try await GraphFixture.untilIndexed(store)
            try await store.createPayloadIndex("again", .bool, in: "c")
            let filter = Filter(must: [.match(key: "again", .value(true))])
            #expect(try await store.scroll(ScrollRequest(filter: filter), in: "c").points.map(\.id) == [.number(3)])
            _ = try await store.update([.delete(.ids(try [5, 12].map(Self.id)))], in: "c")
            _ = try await store.deletePayloadIndex("again", in: "c")
            try await Self.check(store, schema: schema)
            try store.close()
            let again = try EmbeddedStore(directory: directory, options: options)
            try await Self.check(again, schema: schema)
            try again.close()
        }
    }

    @Test func `the newest of the schemas has its dump`() async throws {
        try await withTemporaryDirectory { directory in
            try Self.make(directory, schema: Self.schemas.upperBound)
            let database = try DatabaseQueue(path: Self.databasePath(directory))
            #expect(
                try await database.read { try Schema.isCurrent($0, path: "") }, "Scripts/make_schema_dumps.sh makes it")
            try database.close()
        }
    }

    @Test func `a directory of a newer version is refused and left as it is, byte for byte`() async throws {
        try await withTemporaryDirectory { directory in
            try Self.make(directory, schema: Self.schemas.upperBound)
            let path = Self.databasePath(directory)
            let newer = try DatabaseQueue(path: path)
            try await newer.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: of tomorrow')") }
            try newer.close()
            let before = try Data(contentsOf: URL(filePath: path))
            let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
            for _ in 0..<2 {
                let error = #expect(throws: StoreError.newerSchema(path: path)) {
                    try EmbeddedStore(directory: directory)
                }
                let text = "\(error.map { "\($0)" } ?? "")"
                #expect(text.contains(path) && text.contains("written by a newer version"), "\(text)")
            }
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
            let left = try FileManager.default.subpathsOfDirectory(atPath: directory)
            // The log that readers share is empty, and goes with the last of them or stays.
            #expect(Set(left).subtracting(names).isSubset(of: [".lock", "points.sqlite-wal", "points.sqlite-shm"]))
            // A copy of it is not taken for today's either.
            await #expect(throws: StoreError.newerSchema(path: path)) {
                try await EmbeddedStore.backup(directory: directory, to: directory + "/copy")
            }
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
        }
    }
}
