// What FastAPI answers to a request that does not fit its model: 422 and a list of what is wrong where.

import VectorStore

/// A request that does not validate, in the words of FastAPI and Pydantic.
struct InvalidRequest: Error, Sendable, Equatable {
    var details: [JSONValue]

    init(_ details: [JSONValue]) { self.details = details }

    /// One problem at a place: `["body", "title_rag"]`.
    static func detail(
        _ type: String, _ location: [JSONValue], _ message: String, input: JSONValue, context: JSONObject? = nil
    ) -> JSONValue {
        var detail: JSONObject = [
            "type": .string(type), "loc": .array(location), "msg": .string(message), "input": input,
        ]
        if let context { detail["ctx"] = .object(context) }
        return .object(detail)
    }

    static func missing(_ location: [JSONValue], input: JSONValue) -> JSONValue {
        detail("missing", location, "Field required", input: input)
    }
}

/// Reads the members of a JSON object, or of any other named values, and gathers what is wrong with them, so that one answer
/// names everything.
struct FieldReader {
    private let values: JSONObject
    private let location: JSONValue
    /// What FastAPI echoes as the input of a missing field.
    private let missingInput: JSONValue
    private(set) var problems: [JSONValue] = []

    /// - Parameter location: Where the values come from: "body" or "query".
    init(_ values: JSONObject, location: JSONValue, missingInput: JSONValue) {
        self.values = values
        self.location = location
        self.missingInput = missingInput
    }

    /// A string that must be there. Longer ones than `maxLength` (in Unicode scalars) are refused, never cut.
    mutating func string(_ name: String, maxLength: Int = .max) -> String {
        guard values[name] != nil else {
            problems.append(InvalidRequest.missing([location, .string(name)], input: missingInput))
            return ""
        }
        return optionalString(name, maxLength: maxLength, acceptsNull: false) ?? ""
    }

    /// A string, or nothing, or null.
    mutating func optionalString(_ name: String, maxLength: Int = .max, acceptsNull: Bool = true) -> String? {
        guard let value = values[name], value != .null || !acceptsNull else { return nil }
        guard let text = value.string else {
            problem("string_type", name, "Input should be a valid string", value)
            return nil
        }
        guard text.unicodeScalars.count <= maxLength else {
            // The input is not echoed: it is as long as it is.
            problem(
                "string_too_long", name, "String should have at most \(maxLength) characters",
                .string(String(text.prefix(100)) + "…"), ["max_length": .integer(Int64(maxLength))]
            )
            return nil
        }
        return text
    }

    /// A whole number within bounds, also written as a string, as Pydantic reads it.
    mutating func optionalInteger(_ name: String, in bounds: ClosedRange<Int>) -> Int? {
        guard let value = values[name], value != .null else { return nil }
        let number: Int?
        switch value {
        case .integer(let integer): number = Int(integer)
        case .double(let double):
            number = Int(exactly: double)
            if number == nil {
                let message = "Input should be a valid integer, got a number with a fractional part"
                problem("int_from_float", name, message, value)
                return nil
            }
        case .string(let text):
            number = Int(text)
            if number == nil {
                let message = "Input should be a valid integer, unable to parse string as an integer"
                problem("int_parsing", name, message, value)
                return nil
            }
        default: number = nil
        }
        guard let number else {
            problem("int_type", name, "Input should be a valid integer", value)
            return nil
        }
        if number < bounds.lowerBound {
            problem(
                "greater_than_equal", name, "Input should be greater than or equal to \(bounds.lowerBound)", value,
                ["ge": .integer(Int64(bounds.lowerBound))]
            )
        } else if number > bounds.upperBound {
            problem(
                "less_than_equal", name, "Input should be less than or equal to \(bounds.upperBound)", value,
                ["le": .integer(Int64(bounds.upperBound))]
            )
        }
        return number
    }

    /// True or false, also as the words and numbers that Pydantic reads as such.
    mutating func optionalBool(_ name: String) -> Bool? {
        guard let value = values[name], value != .null else { return nil }
        switch value {
        case .bool(let bool): return bool
        case .integer(0): return false
        case .integer(1): return true
        case .string(let text):
            switch text.lowercased() {
            case "true", "1", "yes", "on", "t", "y": return true
            case "false", "0", "no", "off", "f", "n": return false
            default: break
            }
        default: break
        }
        problem("bool_parsing", name, "Input should be a valid boolean, unable to interpret input", value)
        return nil
    }

    mutating func optionalObject(_ name: String) -> JSONObject? {
        guard let value = values[name], value != .null else { return nil }
        if value.object == nil { problem("dict_type", name, "Input should be a valid dictionary", value) }
        return value.object
    }

    mutating func problem(
        _ type: String, _ name: String, _ message: String, _ input: JSONValue, _ context: JSONObject? = nil
    ) {
        problems.append(
            InvalidRequest.detail(type, [location, .string(name)], message, input: input, context: context)
        )
    }

    /// Throws when anything was wrong.
    func finish() throws(InvalidRequest) {
        if !problems.isEmpty { throw InvalidRequest(problems) }
    }
}
