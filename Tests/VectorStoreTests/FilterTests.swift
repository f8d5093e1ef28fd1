// Filters, condition by condition, as Qdrant documents them.

import Testing

@testable import VectorStore

@Suite struct FilterTests {
    static let payload: JSONValue = [
        "city": "Faro", "n": 10, "price": 10.0, "open": true, "none": nil, "empty": [], "tags": ["a", "b", nil],
        "nested": ["array": [["name": "x", "v": 1], ["name": "y", "v": [2, 3]]], "key": "k"], "a.b": "dotted",
    ]

    @Test(
        arguments: [
            (.match(key: "city", .value("Faro")), true),
            (.match(key: "city", .value("faro")), false),
            (.match(key: "n", .value(10)), true),
            (.match(key: "price", .value(10)), false),
            (.match(key: "price", .value(10.0)), false),
            (.match(key: "open", .value(true)), true),
            (.match(key: "tags", .value("b")), true),
            (.match(key: "tags[0]", .value("a")), true),
            (.match(key: "tags[1]", .value("a")), false),
            (.match(key: "tags[]", .value("b")), true),
            (.match(key: "city", .any(["Lagos", "Faro"])), true),
            (.match(key: "city", .any([])), false),
            (.match(key: "tags", .except(["a"])), true),
            (.match(key: "city", .except(["Faro"])), false),
            (.match(key: "city", .except([])), true),
            (.match(key: "none", .except(["x"])), false),
            (.match(key: "missing", .except(["x"])), false),
            (.match(key: "nested.key", .value("k")), true),
            (.match(key: "nested.array[].name", .value("y")), true),
            (.match(key: "nested.array.name", .value("y")), false),
            (.match(key: "nested.array[].v", .value(3)), true),
            (.match(key: "nested.array[1].v[0]", .value(2)), true),
            (.match(key: "\"a.b\"", .value("dotted")), true),
            (.match(key: "a.b", .value("dotted")), false),
            (.range(key: "n", NumberRange(gte: 10)), true),
            (.range(key: "n", NumberRange(gt: 10)), false),
            (.range(key: "price", NumberRange(gt: 9.5, lt: 10.5)), true),
            (.range(key: "city", NumberRange(gte: 0)), false),
            (.range(key: "nested.array[].v", NumberRange(gte: 3)), true),
            (.isEmpty(key: "missing"), true),
            (.isEmpty(key: "none"), true),
            (.isEmpty(key: "empty"), true),
            (.isEmpty(key: "tags"), false),
            (.isNull(key: "none"), true),
            (.isNull(key: "missing"), false),
            (.isNull(key: "tags"), true),
            (.hasID([.number(1), .number(2)]), true),
            (.hasID([]), false),
            (.filter(Filter(should: [.hasID([]), .match(key: "n", .value(10))])), true),
            (.filter(Filter(mustNot: [.match(key: "n", .value(10))])), false),
            (.filter(Filter()), true),
        ] as [(Condition, Bool)])
    func `a condition holds or not`(condition: Condition, expected: Bool) throws {
        #expect(try condition.matches(FilterSubject(id: .number(1), payload: Self.payload)) == expected)
    }

    @Test(arguments: [
        "", ".", "a.", ".a", "a..b", "[", "]", "[]", "[0].a", "a[", "a[x]", "a[-1]", "a[99999999999999999999]", "\"",
        "\"a", "a b", "a\"b\"", "a[0]b", "é!",
    ])
    func `what is no path is refused, and as a literal names one key`(text: String) {
        #expect(throws: StoreError.self) { try PayloadPath(text) }
        #expect(PayloadPath(stringLiteral: text).values(in: .object([text: 1])) == [1])
    }

    @Test(arguments: ["a", "a.b", "a[0].b[][12]", "\"a.b\".c", "é_-9", "a[9223372036854775807]", "\"\""])
    func `a path is spelt as it was read`(text: String) throws {
        let path = try PayloadPath(text)
        #expect(path.description == text)
        #expect(path.values(in: []) == [])
    }
}
