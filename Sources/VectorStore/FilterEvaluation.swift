// Whether a point passes a filter, by looking at it: what every other way of answering must agree with.
// MatchTest.swift says what values are matched with.

/// What a filter can ask of a point.
struct FilterSubject {
    /// nil inside a nested filter, where an element of an array has no id.
    var id: PointID?
    var payload: JSONValue
    var hasVector: (String) -> Bool = { _ in false }
    /// What is told how much is looked at; nil where the caller waits for the end.
    var work: WorkMeter?
    /// Of the payload as text: what a condition goes through at most.
    var byteCount = 0

    /// An element of an array in it, one of `count`.
    fileprivate func element(_ payload: JSONValue, of count: Int) -> FilterSubject {
        FilterSubject(payload: payload, work: work, byteCount: byteCount / count)
    }
}

/// A filter made ready for many points: what does not depend on them is done once.
struct FilterTest {
    private let must: [ConditionTest]
    private let mustNot: [ConditionTest]
    /// `should` and `min_should`: of the conditions of each so many hold.
    private let alternatives: [(conditions: [ConditionTest], least: Int)]

    /// - Parameters:
    ///   - tokenizers: How the text index of a field takes texts apart, where there is one.
    ///   - work: What is told how much of the filter is gone through.
    /// - Throws: what the meter does.
    init(
        _ filter: Filter, tokenizers: [PayloadPath: TextTokenizer], _ work: WorkMeter?
    ) throws(StoreError) {
        func tests(_ conditions: [Condition]) throws(StoreError) -> [ConditionTest] {
            try conditions.map { condition throws(StoreError) in
                try ConditionTest(condition, tokenizers: tokenizers, work)
            }
        }
        must = try tests(filter.must)
        mustNot = try tests(filter.mustNot)
        var alternatives: [(conditions: [ConditionTest], least: Int)] = []
        if !filter.should.isEmpty { alternatives.append((try tests(filter.should), 1)) }
        if let clause = filter.minShould { alternatives.append((try tests(clause.conditions), clause.minCount)) }
        self.alternatives = alternatives
    }

    /// - Throws: what the subject's meter does.
    func matches(_ subject: FilterSubject) throws(StoreError) -> Bool {
        for condition in must { if try !condition.matches(subject) { return false } }
        for condition in mustNot { if try condition.matches(subject) { return false } }
        for (conditions, least) in alternatives {
            var missing = least
            for condition in conditions {
                // No more of them are looked at than it takes.
                if missing <= 0 { break }
                if try condition.matches(subject) { missing -= 1 }
            }
            if missing > 0 { return false }
        }
        return true
    }
}

/// A condition made ready for many points.
struct ConditionTest {
    /// Of the names in it, which are compared with those of every point.
    private let namesByteCount: Int
    private let holds: (FilterSubject) throws(StoreError) -> Bool

    private init(naming namesByteCount: Int, _ holds: @escaping (FilterSubject) throws(StoreError) -> Bool) {
        self.namesByteCount = namesByteCount
        self.holds = holds
    }

    /// It holds when one of the elements at a path is as wanted.
    private init(_ key: PayloadPath, _ isWanted: @escaping (JSONValue) -> Bool) {
        self.init(naming: key.byteCount) { key.contains(in: $0.payload, where: isWanted) }
    }

    /// - Throws: what the subject's meter does.
    func matches(_ subject: FilterSubject) throws(StoreError) -> Bool {
        try subject.work?.step(namesByteCount + subject.byteCount)
        return try holds(subject)
    }
}

extension ConditionTest {
    /// - Parameters: Those of a filter's.
    /// - Throws: what the meter does.
    init(
        _ condition: Condition, tokenizers: [PayloadPath: TextTokenizer], _ work: WorkMeter?
    ) throws(StoreError) {
        switch condition {
        case .match(let key, let value): self.init(key, try value.test(tokenizers[key] ?? .default, work))
        case .range(let key, let bounds): self.init(key) { $0.number.map(bounds.contains) ?? false }
        case .datetimeRange(let key, let bounds):
            self.init(key) { $0.string.flatMap(Timestamp.init).map(bounds.contains) ?? false }
        case .geo(let key, let area):
            let area = try GeoAreaTest(area, work)
            self.init(naming: key.byteCount) { subject throws(StoreError) in
                try key.contains(in: subject.payload) { element throws(StoreError) in
                    guard let place = GeoPoint(element) else { return false }
                    return try area.contains(place, subject.work)
                }
            }
        case .valuesCount(let key, let bounds):
            self.init(naming: key.byteCount) { subject in
                let values = key.values(in: subject.payload)
                return values.isEmpty ? bounds.contains(0) : values.contains { bounds.contains($0.valuesCount) }
            }
        case .isEmpty(let key): self.init(naming: key.byteCount) { key.isEmpty(in: $0.payload) }
        case .isNull(let key): self.init(key) { $0 == .null }
        case .hasID(let ids): self.init(naming: 0) { $0.id.map(ids.contains) ?? false }
        case .hasVector(let name): self.init(naming: name.utf8.count) { $0.hasVector(name) }
        case .slice(let total, let index): self.init(naming: 0) { $0.id.map { $0.slice(of: total) == index } ?? false }
        case .nested(let key, let filter):
            // What is inside an array is taken apart as without an index.
            let test = try FilterTest(filter, tokenizers: [:], work)
            let key = key.withoutFinalEach
            self.init(naming: key.byteCount) { subject throws(StoreError) in
                for elements in key.values(in: subject.payload).compactMap(\.array) {
                    for element in elements where element.object != nil {
                        if try test.matches(subject.element(element, of: elements.count)) { return true }
                    }
                }
                return false
            }
        case .filter(let filter):
            let test = try FilterTest(filter, tokenizers: tokenizers, work)
            self.init(naming: 0) { subject throws(StoreError) in try test.matches(subject) }
        }
    }
}

extension JSONValue {
    fileprivate var valuesCount: Int {
        switch self {
        case .null: 0
        case .array(let elements): elements.count
        default: 1
        }
    }
}
