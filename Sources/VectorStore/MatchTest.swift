// What values are matched with, made ready: words are taken apart and patterns read once, not for every value.

extension MatchValue {
    /// The test that values are put to. It takes as long as the value is, however much is wanted.
    ///
    /// - Throws: what the meter does, which is told how much of what is wanted is gone through.
    func test(_ tokenizer: TextTokenizer, _ work: WorkMeter?) throws(StoreError) -> (JSONValue) -> Bool {
        switch self {
        case .value(let value):
            return { $0.isMatchable && $0.isIdentical(to: value) }
        case .any(let keys):
            return { JSONKey($0).map(keys.contains) ?? false }
        case .except(let keys):
            return { $0 != .null && !(JSONKey($0).map(keys.contains) ?? false) }
        case .text(let text):
            let wanted = Set(try tokenizer.tokens(ofQuery: text, work))
            return { element in
                guard let text = element.string, !wanted.isEmpty else { return false }
                var found: Set<String> = []
                tokenizer.forEachToken(ofDocument: text) { token in
                    if wanted.contains(token) { found.insert(token) }
                    return found.count < wanted.count
                }
                return found.count == wanted.count
            }
        case .textAny(let text):
            let wanted = Set(try tokenizer.tokens(ofQuery: text, work))
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
            let phrase = Pattern(try tokenizer.tokens(ofQuery: text, work))
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
            try work?.spend(part.utf8.count)
            let part = Pattern(Array(part.utf8))
            return { $0.string.map { part.isFound(in: $0.utf8) } ?? false }
        }
    }
}

/// Words, or bytes, that are looked for one after the other, in one pass however they repeat (Knuth, Morris and Pratt 1977).
struct Pattern<Element: Equatable> {
    private let elements: [Element]
    /// Of each beginning of the pattern the length of the longest shorter one that it ends with. Of 32 bits: a pattern of as many bytes
    /// as a request may have would take a quarter of a gigabyte otherwise.
    private var borders: [UInt32] = []

    var count: Int { elements.count }

    init(_ elements: [Element]) {
        self.elements = elements
        borders.reserveCapacity(elements.count)
        for element in elements {
            borders.append(borders.isEmpty ? 0 : UInt32(found(with: element, after: Int(borders[borders.count - 1]))))
        }
    }

    /// How many elements of the pattern have been found with the next one of a text, when so many had before: fewer than all.
    func found(with element: Element, after count: Int) -> Int {
        var count = count
        while count > 0, elements[count] != element { count = Int(borders[count - 1]) }
        return elements[count] == element ? count + 1 : 0
    }

    /// Whether a text has it in it; every text has the empty one.
    func isFound(in text: some Collection<Element>) -> Bool {
        guard count > 0, count <= text.count else { return count == 0 }
        var found = 0
        for element in text {
            found = self.found(with: element, after: found)
            if found == count { return true }
        }
        return false
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
}
