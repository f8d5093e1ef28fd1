// Whatever comes from outside is read or refused; the oracle is that this process is still there, and what was read is kept.

import Foundation
import TestSupport
import Testing

@testable import VectorStore

@Suite struct ParserFuzzTests {
    /// JSON with the words of filters in it, and others.
    private static func json(_ depth: Int, _ generator: inout SplitMix64) -> JSONValue {
        let words = [
            "must", "should", "must_not", "min_should", "conditions", "min_count", "key", "match", "value", "any",
            "except",
            "text", "range", "gt", "lte", "geo_radius", "center", "lon", "lat", "radius", "geo_bounding_box",
            "top_left",
            "bottom_right", "geo_polygon", "exterior", "points", "values_count", "is_empty", "is_null", "has_id",
            "has_vector", "nested", "filter", "slice", "total", "index", "other", "",
        ]
        func scalar() -> JSONValue {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: .null
            case 1: .bool(.random(using: &generator))
            case 2: .integer([0, 1, -1, 3, .max, .min].randomElement(using: &generator) ?? 0)
            case 3: .double([0.5, -1e308, 1e19, .pi].randomElement(using: &generator) ?? 0)
            case 4: .string(["a", "a[]", "a.b", "[", "2024-01-01", "é\0"].randomElement(using: &generator) ?? "")
            default: .string(words.randomElement(using: &generator) ?? "")
            }
        }
        guard depth > 0 else { return scalar() }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: return scalar()
        case 1:
            return .array((0..<Int.random(in: 0..<4, using: &generator)).map { _ in json(depth - 1, &generator) })
        default:
            return .object(
                JSONObject(
                    (0..<Int.random(in: 0..<4, using: &generator)).map { _ in
                        (words.randomElement(using: &generator) ?? "", json(depth - 1, &generator))
                    }))
        }
    }

    @Test func `a filter of odd JSON is read or refused`() throws {
        var generator = SplitMix64(seed: 6)
        let subject = FilterSubject(id: .number(1), payload: ["a": [["b": 1]], "other": "text"])
        var read = 0
        for _ in 0..<40_000 {
            let json = Self.json(5, &generator)
            guard let filter = try? Filter(json: json) else { continue }
            read += 1
            _ = try filter.matches(subject)
        }
        #expect(read > 500)
    }

    /// Golden filters with a member changed: nearly right is where mistakes are.
    @Test func `a filter with one part changed is read or refused`() throws {
        var generator = SplitMix64(seed: 7)
        let url = try #require(Bundle.module.url(forResource: "Goldens/filters", withExtension: "json"))
        let cases = try #require(try JSONValue(parsing: Data(contentsOf: url))["cases"]?.array)
        func changed(_ json: JSONValue) -> JSONValue {
            if Int.random(in: 0..<12, using: &generator) == 0 { return Self.json(1, &generator) }
            switch json {
            case .array(let elements): return .array(elements.map(changed))
            case .object(let members): return .object(JSONObject(members.map { ($0.key, changed($0.value)) }))
            default: return json
            }
        }
        let subject = FilterSubject(id: .number(1), payload: ["city": ["Faro"], "n": 3, "at": ["lon": 0, "lat": 0]])
        for _ in 0..<5 {
            for item in cases {
                guard let filter = try? Filter(json: changed(item["filter"] ?? .null)) else { continue }
                _ = try filter.matches(subject)
            }
        }
    }

    @Test(arguments: [
        #"{"must":[{"key":"a","match":{"value":1},"other":1}]}"#, #"{"musts":[]}"#, #"{"must":[{"key":"a"}]}"#,
        #"{"must":[{"key":"a","match":{"any":[1,"a"]}}]}"#, #"{"must":[{"key":"a","match":{"value":1.5}}]}"#,
        #"{"must":[{"key":"a..b","is_null":true}]}"#, #"{"min_should":{"conditions":[],"min_count":0}}"#,
        #"{"must":[{"has_id":["x"]}]}"#, #"{"must":[{"has_id":[-1]}]}"#, #"{"must":[{"slice":{"total":2,"index":2}}]}"#,
        #"{"must":[{"nested":{"key":"a","filter":{"must":[{"has_id":[1]}]}}}]}"#,
        #"{"must":[{"key":"a","range":{"gt":"soon"}}]}"#, #"{"must":[{"key":"a","range":{"gt":1,"lt":"2024-01-01"}}]}"#,
        #"{"must":[{"key":"a","geo_radius":{"center":{"lon":181,"lat":0},"radius":1}}]}"#, "[]", "7",
    ])
    func `what is no filter is refused with a reason`(text: String) throws {
        let json = try JSONValue(parsing: text.utf8)
        #expect {
            try Filter(json: json)
        } throws: { error in
            switch error as? StoreError {
            case .badRequest(let reason), .invalid(let reason): !reason.isEmpty
            default: false
            }
        }
    }

    @Test func `nulls are as good as missing, and no clause is no constraint`() throws {
        let text = #"{"must":null,"should":[],"must_not":{"key":"a","match":{"value":1},"range":null}}"#
        let filter = try Filter(json: JSONValue(parsing: text.utf8))
        #expect(filter == Filter(mustNot: [.match(key: "a", .value(1))]))
        #expect(try Filter(json: [:]) == Filter())
    }

    @Test func `vectors are read as they were written, and bytes that are none are refused`() throws {
        var generator = SplitMix64(seed: 8)
        for _ in 0..<300 {
            var vectors: NamedVectors = [:]
            for name in ["", "left", "é", "words", "tokens"] where Bool.random(using: &generator) {
                if name == "words" {
                    let indices = Set((0..<5).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) })
                    vectors[name] = .sparse(
                        try SparseVector(indices: Array(indices), values: indices.map { _ in .random(in: -1...1) }))
                } else if name == "tokens" {
                    let rows = Int.random(in: 1..<4, using: &generator)
                    vectors[name] = .multi(
                        (0..<rows).map { row in (0..<3).map { Float($0 * row) + .random(in: -1...1, using: &generator) }
                        })
                } else {
                    vectors[name] = .dense(
                        (0..<Int.random(in: 0..<6, using: &generator)).map { _ in .random(in: -9...9, using: &generator)
                        })
                }
            }
            let bytes = VectorsCoding.encode(vectors)
            #expect(VectorsCoding.decode(bytes) == vectors)
            for end in 0..<bytes.count { _ = VectorsCoding.decode(bytes.prefix(end)) }
            guard !bytes.isEmpty else { continue }
            for _ in 0..<50 {
                var odd = bytes
                odd[Int.random(in: 0..<odd.count, using: &generator)] = .random(in: 0...255, using: &generator)
                _ = VectorsCoding.decode(odd)
            }
        }
    }

    @Test(arguments: [([1, 1], [1, 2]), ([1], []), ([1, 2], [1, .infinity])] as [([UInt32], [Float])])
    func `what is no sparse vector is refused`(indices: [UInt32], values: [Float]) {
        #expect(throws: StoreError.self) { try SparseVector(indices: indices, values: values) }
    }
}
