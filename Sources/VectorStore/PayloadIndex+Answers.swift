// What payload indexes tell of conditions: the rows for which they hold, and those for which they may.

import Foundation
import HNSW

extension PayloadIndex {
    /// The rows for which a condition on the index's field holds.
    ///
    /// A value of another type than the index's costs looking at the rows that have such values, and no others.
    ///
    /// - Parameters:
    ///   - live: All rows of the collection.
    ///   - few: The rows that are asked about: of others it may be said that the condition does not hold. nil for all.
    ///   - work: What is told how much of the condition and of the index is gone through.
    /// - Throws: what the meter does.
    func answer(
        _ condition: Condition, live: RowBits, capacity: Int, among few: [UInt32]? = nil, _ work: WorkMeter? = nil
    ) throws(StoreError) -> FilterAnswer {
        switch (condition, values) {
        case (.isEmpty, _):
            var rows = live
            rows.subtract(present)
            return FilterAnswer(rows)
        case (.isNull, _): return FilterAnswer(nulls)
        case (.valuesCount(_, let bounds), _): return counted(bounds, live)
        case (.match(_, let value), _): return try answer(value, capacity, work)
        case (.range(_, let bounds), .integer(let entries)):
            // Of other numbers than integers the index knows the rows alone.
            return FilterAnswer(entries.rows(bounds, capacity, among: few) { Double($0) }, doubtful: foreign)
        case (.range(_, let bounds), .float(let entries)):
            return FilterAnswer(entries.rows(bounds, capacity, among: few) { $0 })
        case (.datetimeRange(_, let bounds), .datetime(let entries)):
            return FilterAnswer(entries.rows(bounds, capacity, among: few) { $0 })
        case (.geo(_, let area), .geo(let entries)):
            return FilterAnswer(try self.rows(within: area, entries, capacity, work))
        case (.range, _): return unknown(.number)
        case (.datetimeRange, _): return unknown(.string)
        case (.geo, _): return unknown(.object)
        default: return .unknown(among: live)
        }
    }

    private func answer(_ match: MatchValue, _ capacity: Int, _ work: WorkMeter?) throws(StoreError) -> FilterAnswer {
        func bits(_ rows: RowSet?) -> RowBits { rows?.bits(capacity: capacity) ?? RowBits(capacity: 0) }
        switch (match, values) {
        case (.value(.string(let text)), .keyword(let dictionary)):
            return FilterAnswer(bits(dictionary[JSONKey(stringLiteral: text)]))
        case (.value(.bool(let bool)), .bool(let no, let yes)): return FilterAnswer(bits(bool ? yes : no))
        case (.value(.integer(let number)), .integer(let entries)):
            return FilterAnswer(gathered(capacity) { entries.add(number, to: &$0) })
        case (.any(let keys), .keyword(let dictionary)):
            // Integers are none of the index's values.
            let doubtful = keys.contains(where: \.isInteger) ? foreign : RowBits(capacity: 0)
            return FilterAnswer(try self.rows(withAnyOf: keys, dictionary, capacity, work), doubtful: doubtful)
        case (.any(let keys), .integer(let entries)):
            let doubtful = keys.allSatisfy(\.isInteger) ? RowBits(capacity: 0) : foreign
            var rows = RowBits(capacity: capacity)
            for case .integer(let number) in keys {
                try work?.step()
                entries.add(number, to: &rows)
            }
            return FilterAnswer(rows, doubtful: doubtful)
        case (.except(let keys), .keyword(let dictionary)):
            return others(than: try self.rows(withAnyOf: keys, dictionary, capacity, work), keys)
        case (.prefix(let prefix), .keyword(let dictionary)):
            var rows = RowBits(capacity: capacity)
            try dictionary.forEach { key, set throws(StoreError) in
                try work?.step()
                if case .string(let bytes) = key, bytes.starts(with: prefix.utf8) { set.add(to: &rows) }
            }
            return FilterAnswer(rows)
        // The index holds what any spelling means, a match wants the same spelling.
        case (.value(.string(let text)), .uuid(let dictionary)):
            guard let uuid = UUID(anySpelling: text) else { return .unknown(among: foreign) }
            return .unknown(among: bits(dictionary[uuid]))
        case (.any(let keys), .uuid(let dictionary)):
            let uuids = keys.map { key in key.value.string.flatMap(UUID.init(anySpelling:)) }
            var rows = try self.rows(withAnyOf: uuids.compactMap(\.self), dictionary, capacity, work)
            if uuids.contains(nil) { rows.formUnion(foreign) }
            return .unknown(among: rows)
        case (.text(let text), .text(let dictionary, let tokenizer)):
            let rows = try self.rows(withAllOf: Set(tokenizer.tokens(ofQuery: text, work)), dictionary, capacity, work)
            // A field with several texts may have the words in different ones.
            var single = rows
            single.subtract(multiple)
            return FilterAnswer(single, doubtful: rows)
        case (.textAny(let text), .text(let dictionary, let tokenizer)):
            return FilterAnswer(
                try self.rows(withAnyOf: Set(tokenizer.tokens(ofQuery: text, work)), dictionary, capacity, work))
        case (.phrase(let text), .text(let dictionary, let tokenizer)):
            return .unknown(
                among: try self.rows(withAllOf: Set(tokenizer.tokens(ofQuery: text, work)), dictionary, capacity, work))
        default: return unknown(match.kind)
        }
    }

    private func gathered(_ capacity: Int, _ add: (inout RowBits) -> Void) -> RowBits {
        var rows = RowBits(capacity: capacity)
        add(&rows)
        return rows
    }

    /// Where the index's values do not tell: a condition that wants a kind of value holds for no row without one of that kind.
    ///
    /// - Parameter kind: nil for several.
    private func unknown(_ kind: JSONValue.Kind?) -> FilterAnswer {
        if let kind, kind != type.kind { return .unknown(among: foreign) }
        var rows = indexed
        rows.formUnion(foreign)
        return .unknown(among: rows)
    }

    /// Rows with a value that is none of these strings and integers, under an index of keywords.
    ///
    /// - Parameter rows: Those that have one of them.
    private func others(than rows: RowBits, _ keys: Set<JSONKey>) -> FilterAnswer {
        // What has none of them has another.
        var certain = indexed
        certain.subtract(rows)
        // What has one of them may have another besides.
        var doubtful = rows
        doubtful.formIntersection(multiple)
        // Strings are all in the index: what is not may be one of the integers, if there are some.
        if keys.contains(where: \.isInteger) { doubtful.formUnion(foreign) } else { certain.formUnion(foreign) }
        return FilterAnswer(certain, doubtful: doubtful)
    }

    /// Rows with as many values.
    private func counted(_ bounds: CountRange, _ live: RowBits) -> FilterAnswer {
        var none = live
        none.subtract(present)
        var one = present
        one.subtract(multiple)
        var several = present
        several.formIntersection(multiple)
        var answer = FilterAnswer(bounds.contains(0) ? none : RowBits(capacity: 0))
        // Through `[]` a path leads to several values, each counted by itself: with one element in one of them, the others have none.
        let isSingle = !field.hasEach
        if bounds.contains(1) {
            answer.formUnion(FilterAnswer(one))
        } else if !isSingle, bounds.contains(0) {
            answer.formUnion(.unknown(among: one))
        }
        if isSingle, bounds.containsAll(from: 2) {
            answer.formUnion(FilterAnswer(several))
        } else if !isSingle || !bounds.containsNone(from: 2) {
            answer.formUnion(.unknown(among: several))
        }
        return answer
    }

    /// Rows with one of several values.
    private func rows<Key>(
        withAnyOf keys: some Sequence<Key>, _ dictionary: ShardedDictionary<Key, RowSet>, _ capacity: Int,
        _ work: WorkMeter?
    ) throws(StoreError) -> RowBits {
        var rows = RowBits(capacity: capacity)
        for key in keys {
            let set = dictionary[key]
            try work?.step((set?.count ?? 0) * Self.rowByteCount)
            set?.add(to: &rows)
        }
        return rows
    }

    /// Rows with every token; none for no tokens.
    private func rows(
        withAllOf tokens: Set<String>, _ dictionary: ShardedDictionary<String, RowSet>, _ capacity: Int,
        _ work: WorkMeter?
    ) throws(StoreError) -> RowBits {
        var sets: [RowSet] = []
        for token in tokens {
            try work?.step()
            guard let set = dictionary[token] else { return RowBits(capacity: 0) }
            sets.append(set)
        }
        sets.sort { $0.count < $1.count }
        guard var rows = sets.first?.bits(capacity: capacity) else { return RowBits(capacity: 0) }
        for set in sets.dropFirst() where rows.count > 0 {
            try work?.step(capacity / 8)
            rows.formIntersection(set.bits(capacity: capacity))
        }
        return rows
    }

    /// Rows with a place inside.
    private func rows(
        within area: GeoArea, _ entries: SortedEntries<Latitude>, _ capacity: Int, _ work: WorkMeter?
    ) throws(StoreError) -> RowBits {
        let area = try GeoAreaTest(area, work)
        var rows = RowBits(capacity: capacity)
        try entries.forEach(
            from: { $0.point.lat < area.latitudes.lowerBound }, to: { $0.point.lat > area.latitudes.upperBound }
        ) { entry throws(StoreError) in
            try work?.step()
            if try area.contains(entry.key.point, work) { rows.insert(entry.row) }
        }
        return rows
    }

    /// Of a row in a set; of sets of bits it is less.
    private static let rowByteCount = 4
}

// MARK: - Kinds of values

extension JSONValue {
    /// What conditions tell apart.
    fileprivate enum Kind { case string, number, bool, object }
}

extension PayloadIndexType {
    /// Of the values in an index. Those of another kind are foreign to it; of this one, too, where they spell nothing of the type.
    fileprivate var kind: JSONValue.Kind {
        switch self {
        case .keyword, .datetime, .uuid, .text: .string
        case .integer, .float: .number
        case .bool: .bool
        case .geo: .object
        }
    }
}

extension MatchValue {
    /// Of the values that can match; nil for several.
    fileprivate var kind: JSONValue.Kind? {
        switch self {
        case .value(.string), .text, .textAny, .phrase, .prefix, .substring: return .string
        case .value(.bool): return .bool
        // What is neither matches nothing.
        case .value: return .number
        case .any(let keys):
            let integers = keys.count { $0.isInteger }
            return integers == 0 ? .string : integers == keys.count ? .number : nil
        case .except: return nil
        }
    }
}

extension JSONKey {
    fileprivate var isInteger: Bool { if case .integer = self { true } else { false } }
}

// MARK: - Bounds

extension RangeEntries {
    fileprivate func add(_ key: Key, to rows: inout RowBits) {
        addRows(from: { $0 < key }, to: { $0 > key }, to: &rows)
    }

    /// - Parameter value: Monotone; equal for different keys where rounding makes them so.
    fileprivate func rows<Value>(
        _ bounds: Bounds<Value>, _ capacity: Int, among few: [UInt32]?, _ value: (Key) -> Value
    ) -> RowBits {
        var rows = RowBits(capacity: few == nil ? capacity : 0)
        if let few {
            addRows(from: { bounds.areAbove(value($0)) }, to: { bounds.areBelow(value($0)) }, among: few, to: &rows)
        } else {
            addRows(from: { bounds.areAbove(value($0)) }, to: { bounds.areBelow(value($0)) }, to: &rows)
        }
        return rows
    }
}

extension Bounds {
    /// Whether a value comes before all that are within them.
    func areAbove(_ value: Value) -> Bool { gt.map { value <= $0 } ?? false || gte.map { value < $0 } ?? false }

    /// Whether a value comes behind all that are within them.
    func areBelow(_ value: Value) -> Bool { lt.map { value >= $0 } ?? false || lte.map { value > $0 } ?? false }
}

extension Bounds<Int> {
    /// Whether every number from one on is within them.
    fileprivate func containsAll(from first: Int) -> Bool { lt == nil && lte == nil && contains(first) }

    /// Whether no number from one on is within them, as far as the upper ones say.
    fileprivate func containsNone(from first: Int) -> Bool { areBelow(first) }
}
