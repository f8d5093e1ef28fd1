// Formulas: scores made of the scores of prefetches and of payloads, as Qdrant's score boosting spells them.

import Foundation

/// An expression as it is asked. Numbers are 64-bit; a result that is not finite is an error, not a score.
public typealias Formula = FormulaExpression<Condition>

/// An expression with conditions of filters, or, made ready for many points, with their tests.
public indirect enum FormulaExpression<Test> {
    case constant(Double)
    /// The score by the prefetch of this number; 0, or the default, for points that it did not find.
    case score(Int)
    /// The number at a path of the payload, or the default.
    case value(PayloadPath)
    /// 1 where it holds, else 0.
    case condition(Test)
    case product([FormulaExpression])
    case sum([FormulaExpression])
    case maximum([FormulaExpression])
    case minimum([FormulaExpression])
    /// `neg`, `abs`, `sqrt`, `exp`, `log10`, `ln`, `acosh`
    case function(FormulaFunction, FormulaExpression)
    case quotient(FormulaExpression, FormulaExpression, byZero: Double?)
    case power(FormulaExpression, FormulaExpression)
    /// Metres from the origin to the place at a path.
    case distance(GeoPoint, PayloadPath)
    /// Seconds since 1970.
    case datetime(Timestamp)
    case datetimeValue(PayloadPath)
    /// 1 at the target, `midpoint` at `scale` from it.
    case decay(FormulaDecay, FormulaExpression, target: FormulaExpression, midpoint: Double, scale: Double)
}

extension FormulaExpression: Sendable where Test: Sendable {}
extension FormulaExpression: Equatable where Test: Equatable {}

/// Functions of one number.
public enum FormulaFunction: String, Sendable, CaseIterable {
    case neg, abs, sqrt, exp, log10, ln, acosh
}

/// How a value falls with the distance from its target.
public enum FormulaDecay: String, Sendable, CaseIterable {
    case linear = "lin_decay"
    case exponential = "exp_decay"
    case gaussian = "gauss_decay"
}

/// What stands for values that a point does not have.
public struct FormulaDefaults: Sendable, Equatable {
    var scores: [Int: Double] = [:]
    var values: [PayloadPath: JSONValue] = [:]

    public init() {}

    /// Reads an object of variables and values.
    ///
    /// - Throws: `.badRequest` for names that are no variables and scores that are no numbers.
    public init(json: JSONObject) throws(StoreError) {
        for (name, value) in json {
            switch try Formula.variable(name) {
            case .score(let number):
                guard let score = value.number else { throw .badRequest("the default of \(name) must be a number") }
                scores[number] = score
            case .value(let path): values[path] = value
            default: break
            }
        }
    }
}

// MARK: - From JSON

extension Formula {
    /// Reads an expression of Qdrant's REST API.
    ///
    /// - Throws: `.badRequest` that names what is no expression.
    public init(json: JSONValue) throws(StoreError) {
        switch json {
        case .integer, .unsigned, .double: self = .constant(json.number ?? 0)
        case .string(let name): self = try Self.variable(name)
        case .object(let object):
            if let key = object.keys.first, object.count == 1,
                let expression = try Self.named(key, object[key] ?? .null)
            {
                self = expression
            } else {
                self = .condition(.filter(try Filter(json: ["must": [json]])))
            }
        default: throw .badRequest("formula: \(json) is no expression")
        }
    }

    /// `$score`, `$score[1]`, or a path into the payload.
    fileprivate static func variable(_ name: String) throws(StoreError) -> Formula {
        guard name.hasPrefix("$score") else { return .value(try PayloadPath(name)) }
        let rest = name.dropFirst(6)
        if rest.isEmpty { return .score(0) }
        let digits = rest.dropFirst().dropLast()
        guard rest.first == "[", rest.last == "]", digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let number = Int(digits)
        else { throw .badRequest("Invalid score pattern: \(name)") }
        return .score(number)
    }

    /// nil for a key that names no expression.
    private static func named(_ key: String, _ json: JSONValue) throws(StoreError) -> Formula? {
        func list() throws(StoreError) -> [Formula] {
            guard let elements = json.array else { throw .badRequest("formula: \(key) needs a list") }
            var list: [Formula] = []
            for element in elements { list.append(try Formula(json: element)) }
            guard !list.isEmpty || key == "mult" || key == "sum" else {
                throw .badRequest("`\(key)` needs at least one operand")
            }
            return list
        }
        func part(_ name: String) throws(StoreError) -> Formula {
            guard let value = json[name] else { throw .badRequest("formula: \(key) needs `\(name)`") }
            return try Formula(json: value)
        }
        func path(_ value: JSONValue?) throws(StoreError) -> PayloadPath {
            guard let text = value?.string else { throw .badRequest("formula: \(key) needs the path of a value") }
            return try PayloadPath(text)
        }
        if let function = FormulaFunction(rawValue: key) { return .function(function, try Formula(json: json)) }
        if let decay = FormulaDecay(rawValue: key) { return try self.decay(decay, json, try part("x")) }
        switch key {
        case "mult": return .product(try list())
        case "sum": return .sum(try list())
        case "max": return .maximum(try list())
        case "min": return .minimum(try list())
        case "div": return .quotient(try part("left"), try part("right"), byZero: json["by_zero_default"]?.number)
        case "pow": return .power(try part("base"), try part("exponent"))
        case "geo_distance":
            guard let origin = json["origin"].flatMap(GeoPoint.init) else {
                throw .badRequest("formula: geo_distance needs an origin of lon and lat")
            }
            return .distance(origin, try path(json["to"]))
        case "datetime":
            guard let time = json.string.flatMap(Timestamp.init) else {
                throw .badRequest("Expected datetime in supported format for \(json)")
            }
            return .datetime(time)
        case "datetime_key": return .datetimeValue(try path(json))
        default: return nil
        }
    }

    private static func decay(_ kind: FormulaDecay, _ json: JSONValue, _ x: Formula) throws(StoreError) -> Formula {
        var target = Formula.constant(0)
        if let json = json["target"], json != .null { target = try Formula(json: json) }
        let midpoint = json["midpoint"]?.number ?? 0.5
        let scale = json["scale"]?.number ?? 1
        guard kind == .linear ? (0...1).contains(midpoint) : midpoint > 0 && midpoint < 1 else {
            throw .badRequest("\(kind.rawValue): midpoint \(midpoint) is not between 0 and 1")
        }
        guard scale > 0 else { throw .badRequest("\(kind.rawValue): scale must be greater than 0, not \(scale)") }
        return .decay(kind, x, target: target, midpoint: midpoint, scale: scale)
    }
}

// MARK: - Value

/// A point, as formulas see it.
struct FormulaSubject {
    var subject: FilterSubject
    /// By prefetch; nil where it did not find the point.
    var scores: [Float?]
    var defaults: FormulaDefaults
}

extension FormulaExpression {
    /// The same expression with something else for each condition.
    ///
    /// - Throws: what `change` does.
    func mapConditions<Other, Failure>(
        _ change: (Test) throws(Failure) -> Other
    ) throws(Failure) -> FormulaExpression<Other> {
        func each(_ parts: [FormulaExpression]) throws(Failure) -> [FormulaExpression<Other>] {
            try parts.map { part throws(Failure) in try part.mapConditions(change) }
        }
        return switch self {
        case .constant(let number): .constant(number)
        case .score(let number): .score(number)
        case .value(let path): .value(path)
        case .condition(let test): .condition(try change(test))
        case .product(let parts): .product(try each(parts))
        case .sum(let parts): .sum(try each(parts))
        case .maximum(let parts): .maximum(try each(parts))
        case .minimum(let parts): .minimum(try each(parts))
        case .function(let function, let part): .function(function, try part.mapConditions(change))
        case .quotient(let part, let other, let byZero):
            .quotient(try part.mapConditions(change), try other.mapConditions(change), byZero: byZero)
        case .power(let part, let other): .power(try part.mapConditions(change), try other.mapConditions(change))
        case .distance(let origin, let path): .distance(origin, path)
        case .datetime(let time): .datetime(time)
        case .datetimeValue(let path): .datetimeValue(path)
        case .decay(let kind, let x, let target, let midpoint, let scale):
            .decay(
                kind, try x.mapConditions(change), target: try target.mapConditions(change), midpoint: midpoint,
                scale: scale)
        }
    }
}

extension FormulaExpression<ConditionTest> {
    /// - Throws: `.badRequest` for values that are missing or of another kind, and results that are not finite; what the meter does.
    func value(of point: FormulaSubject) throws(StoreError) -> Double {
        switch self {
        case .constant(let number): return number
        case .score(let number):
            let score = point.scores.indices.contains(number) ? point.scores[number] : nil
            return score.map(Double.init) ?? point.defaults.scores[number] ?? 0
        case .value(let path):
            guard let number = try Self.payload(path, point).number else {
                throw .badRequest("Expected number value for \(path) in the payload and/or in the formula defaults.")
            }
            return number
        case .condition(let test): return try test.matches(point.subject) ? 1 : 0
        case .product(let factors):
            var product = 1.0
            for factor in factors {
                product *= try factor.value(of: point)
                // What follows may be undefined where it does not count.
                if product == 0 { return 0 }
            }
            return product
        case .sum(let terms):
            var sum = 0.0
            for term in terms { sum += try term.value(of: point) }
            return sum
        case .maximum(let operands):
            var best = -Double.infinity
            for operand in operands { best = max(best, try operand.value(of: point)) }
            return best
        case .minimum(let operands):
            var best = Double.infinity
            for operand in operands { best = min(best, try operand.value(of: point)) }
            return best
        case .function(let function, let operand): return try function.value(of: try operand.value(of: point))
        case .quotient(let dividend, let divisor, let byZero):
            let left = try dividend.value(of: point)
            if left == 0 { return 0 }
            let right = try divisor.value(of: point)
            if right == 0, let byZero { return byZero }
            return try finite(left / right, "\(left)/\(right)")
        case .power(let base, let exponent):
            let (x, y) = (try base.value(of: point), try exponent.value(of: point))
            return try finite(pow(x, y), "\(x)^\(y)")
        case .distance(let origin, let path):
            guard let place = GeoPoint(try Self.payload(path, point)) else {
                throw .badRequest("Expected geo point for \(path) in the payload and/or in the formula defaults.")
            }
            return origin.distance(to: place)
        case .datetime(let time): return Double(time.microseconds) / 1e6
        case .datetimeValue(let path):
            guard let time = try Self.payload(path, point).string.flatMap(Timestamp.init) else {
                throw .badRequest("Expected datetime for \(path) in the payload and/or in the formula defaults.")
            }
            return Double(time.microseconds) / 1e6
        case .decay(let kind, let x, let target, let midpoint, let scale):
            let difference = try x.value(of: point) - target.value(of: point)
            switch kind {
            case .linear: return max(0, 1 - (1 - midpoint) / scale * abs(difference))
            case .exponential: return exp(log(midpoint) / scale * abs(difference))
            case .gaussian: return exp(log(midpoint) / (scale * scale) * difference * difference)
            }
        }
    }

    /// The one value at a path, or its default.
    private static func payload(_ path: PayloadPath, _ point: FormulaSubject) throws(StoreError) -> JSONValue {
        let values = path.elements(in: point.subject.payload)
        // A null is as good as missing.
        if values.count == 1, values[0] != .null { return values[0] }
        if values.count > 1 { return .array(values) }
        guard let value = point.defaults.values[path], value != [] else {
            throw .badRequest("No value found for \(path) in the payload nor the formula defaults")
        }
        if case .array(let elements) = value, elements.count == 1 { return elements[0] }
        return value
    }
}

private func finite(_ value: Double, _ expression: @autoclosure () -> String) throws(StoreError) -> Double {
    guard value.isFinite else { throw .badRequest("The expression \(expression()) produced a non-finite number") }
    return value
}

extension FormulaFunction {
    fileprivate func value(of x: Double) throws(StoreError) -> Double {
        switch self {
        case .neg: -x
        case .abs: Swift.abs(x)
        case .sqrt: try finite(x.squareRoot(), "√\(x)")
        case .exp: try finite(Foundation.exp(x), "exp(\(x))")
        case .log10: try finite(Foundation.log10(x), "log10(\(x))")
        case .ln: try finite(log(x), "ln(\(x))")
        case .acosh: try finite(Foundation.acosh(x), "acosh(\(x))")
        }
    }
}
