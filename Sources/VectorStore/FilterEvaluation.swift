// Whether a point passes a filter, by looking at it: what every other way of answering must agree with.

/// What a filter can ask of a point.
struct FilterSubject {
    /// nil inside a nested filter, where an element of an array has no id.
    var id: PointID?
    var payload: JSONValue
    var hasVector: (String) -> Bool = { _ in false }
    /// How the text index of a field takes texts apart, when there is one.
    var tokenizers: [PayloadPath: TextTokenizer] = [:]
    /// What is told how much is looked at; nil where the caller waits for the end.
    var work: WorkMeter?
    /// Of the payload as text: what a condition goes through at most.
    var byteCount = 0

    /// What a condition costs that goes through nothing, in bytes that are gone through.
    private static let leastCost = 64

    fileprivate func spend() throws(StoreError) { try work?.spend(Self.leastCost + byteCount) }
}

extension Filter {
    /// - Throws: what the subject's meter does.
    func matches(_ subject: FilterSubject) throws(StoreError) -> Bool {
        for condition in must { if try !condition.matches(subject) { return false } }
        for condition in mustNot { if try condition.matches(subject) { return false } }
        if !should.isEmpty, try !subject.passes(atLeast: 1, of: should) { return false }
        return try minShould.map { clause throws(StoreError) in
            try subject.passes(atLeast: clause.minCount, of: clause.conditions)
        } ?? true
    }
}

extension FilterSubject {
    /// Whether so many of the conditions hold. Looks at no more of them than it takes.
    fileprivate func passes(atLeast count: Int, of conditions: [Condition]) throws(StoreError) -> Bool {
        var missing = count
        for condition in conditions {
            if missing <= 0 { break }
            if try condition.matches(self) { missing -= 1 }
        }
        return missing <= 0
    }

    /// An element of an array in it, one of `count`.
    fileprivate func element(_ payload: JSONValue, of count: Int) -> FilterSubject {
        FilterSubject(payload: payload, work: work, byteCount: byteCount / count)
    }
}

extension Condition {
    /// - Throws: what the subject's meter does.
    func matches(_ subject: FilterSubject) throws(StoreError) -> Bool {
        try subject.spend()
        let payload = subject.payload
        switch self {
        case .match(let key, let value):
            let test = value.test(subject.tokenizers[key] ?? .default)
            return key.contains(in: payload, where: test)
        case .range(let key, let bounds):
            return key.contains(in: payload) { $0.number.map(bounds.contains) ?? false }
        case .datetimeRange(let key, let bounds):
            return key.contains(in: payload) { $0.string.flatMap(Timestamp.init).map(bounds.contains) ?? false }
        case .geo(let key, let area):
            return key.contains(in: payload) { GeoPoint($0).map(area.contains) ?? false }
        case .valuesCount(let key, let bounds):
            let values = key.values(in: payload)
            return values.isEmpty ? bounds.contains(0) : values.contains { bounds.contains($0.valuesCount) }
        case .isEmpty(let key):
            return key.isEmpty(in: payload)
        case .isNull(let key):
            return key.contains(in: payload) { $0 == .null }
        case .hasID(let ids):
            return subject.id.map(ids.contains) ?? false
        case .hasVector(let name):
            return subject.hasVector(name)
        case .slice(let total, let index):
            return subject.id.map { $0.slice(of: total) == index } ?? false
        case .nested(let key, let filter):
            for elements in key.withoutFinalEach.values(in: payload).compactMap(\.array) {
                for element in elements where element.object != nil {
                    if try filter.matches(subject.element(element, of: elements.count)) { return true }
                }
            }
            return false
        case .filter(let filter):
            return try filter.matches(subject)
        }
    }
}

extension MatchValue {
    /// The test that elements are put to; what does not depend on them is done once.
    func test(_ tokenizer: TextTokenizer) -> (JSONValue) -> Bool {
        switch self {
        case .value(let value):
            return { $0.isMatchable && $0.isIdentical(to: value) }
        case .any(let keys):
            return { JSONKey($0).map(keys.contains) ?? false }
        case .except(let keys):
            return { $0 != .null && !(JSONKey($0).map(keys.contains) ?? false) }
        case .text(let text):
            let wanted = Set(tokenizer.tokens(ofQuery: text))
            return { element in
                guard let text = element.string, !wanted.isEmpty else { return false }
                var missing = wanted
                tokenizer.forEachToken(ofDocument: text) { token in
                    missing.remove(token)
                    return !missing.isEmpty
                }
                return missing.isEmpty
            }
        case .textAny(let text):
            let wanted = Set(tokenizer.tokens(ofQuery: text))
            return { element in
                guard let text = element.string else { return false }
                var isFound = false
                tokenizer.forEachToken(ofDocument: text) { token in
                    isFound = wanted.contains(token)
                    return !isFound
                }
                return isFound
            }
        case .phrase(let text):
            let phrase = Phrase(tokenizer.tokens(ofQuery: text))
            return { element in
                guard let text = element.string, phrase.count > 0 else { return false }
                var found = 0
                tokenizer.forEachToken(ofDocument: text) { token in
                    found = phrase.found(with: token, after: found)
                    return found < phrase.count
                }
                return found == phrase.count
            }
        case .prefix(let prefix):
            return { $0.string?.utf8.starts(with: prefix.utf8) ?? false }
        case .substring(let part):
            let part = Array(part.utf8)
            return { $0.string.map { Array($0.utf8).contains(part) } ?? false }
        }
    }
}

/// Words that are looked for one after the other, in one pass over a text however they repeat (Knuth, Morris and Pratt 1977).
private struct Phrase {
    private let words: [String]
    /// Of each beginning of the phrase the length of the longest shorter one that it ends with.
    private var borders: [Int] = []

    var count: Int { words.count }

    init(_ words: [String]) {
        self.words = words
        for word in words {
            borders.append(borders.isEmpty ? 0 : found(with: word, after: borders[borders.count - 1]))
        }
    }

    /// How many words of the phrase have been found with the next one of a text, when so many had before: fewer than all.
    func found(with word: String, after count: Int) -> Int {
        var count = count
        while count > 0, words[count] != word { count = borders[count - 1] }
        return words[count] == word ? count + 1 : 0
    }
}

extension JSONValue {
    /// Strings, integers and booleans are matched by value; floating-point numbers only by range.
    fileprivate var isMatchable: Bool {
        switch self {
        case .string, .integer, .bool: true
        default: false
        }
    }

    fileprivate var valuesCount: Int {
        switch self {
        case .null: 0
        case .array(let elements): elements.count
        default: 1
        }
    }
}
