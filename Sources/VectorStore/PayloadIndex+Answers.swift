// What payload indexes answer: the rows that conditions hold for, the order of values, and how many points have each.

import Foundation
import HNSW

extension PayloadIndex {
    // MARK: - Answers

    /// What an index knows of the rows for which a condition holds.
    enum Answer {
        case exactly(RowBits)
        /// These and no others may be it.
        case atMost(RowBits)
        case unknown
    }

    /// The first values in their order and the rows that have them; nil for an index that has no order.
    ///
    /// - Throws: `.badRequest` for a start that is no value of the field.
    func ordered(
        among rows: RowBits?, _ isDescending: Bool, from start: JSONValue?, _ count: Int
    ) throws(StoreError) -> [(value: JSONValue, row: UInt32)]? {
        func take<Key, Value: Comparable>(
            _ entries: RangeEntries<Key>, _ value: (Key) -> Value, from start: Value?, _ json: (Key) -> JSONValue
        ) -> [(value: JSONValue, row: UInt32)] {
            var found: [(value: JSONValue, row: UInt32)] = []
            func take(_ entry: SortedEntries<Key>.Entry) {
                if rows?.contains(entry.row) ?? true { found.append((json(entry.key), entry.row)) }
            }
            if isDescending {
                entries.forEachBackwards(from: { key in start.map { value(key) > $0 } ?? false }) { entry in
                    if found.count < count { take(entry) }
                    return found.count < count
                }
            } else {
                entries.forEach(
                    from: { key in start.map { value(key) < $0 } ?? false }, to: { _ in found.count >= count }, take)
            }
            return found
        }
        func read<Value>(_ value: (JSONValue) -> Value?) throws(StoreError) -> Value? {
            guard let start else { return nil }
            guard let value = value(start) else {
                throw .badRequest("order_by: start_from \(start) is no value of `\(field)`")
            }
            return value
        }
        switch values {
        case .integer(let entries):
            return take(entries, Double.init, from: try read(\.number)) { .integer($0) }
        case .float(let entries): return take(entries, { $0 }, from: try read(\.number)) { .double($0) }
        case .datetime(let entries):
            let start = try read { json in
                json.integer.map(Timestamp.init(microseconds:)) ?? json.string.flatMap(Timestamp.init)
            }
            return take(entries, { $0 }, from: start) { .integer($0.microseconds) }
        default: return nil
        }
    }

    /// - Parameter live: All rows of the collection.
    func answer(_ condition: Condition, live: RowBits, capacity: Int) -> Answer {
        func bits(_ rows: RowSet?) -> RowBits { rows?.bits(capacity: capacity) ?? RowBits(capacity: 0) }
        switch (condition, values) {
        case (.isEmpty, _):
            var rows = live
            rows.subtract(present)
            return .exactly(rows)
        case (.match(_, .value(let value)), .keyword(let dictionary)):
            guard let key = JSONKey(value), value.string != nil else { return .unknown }
            return .exactly(bits(dictionary[key]))
        case (.match(_, .value(let value)), .bool(let no, let yes)):
            guard let bool = value.bool else { return .unknown }
            return .exactly(bits(bool ? yes : no))
        case (.match(_, .value(let value)), .uuid(let dictionary)):
            // The index holds what any spelling means, a match wants the same spelling.
            guard let uuid = value.string.flatMap(UUID.init(anySpelling:)) else { return .unknown }
            return .atMost(bits(dictionary[uuid]))
        case (.match(_, .text(let text)), .text(let dictionary, let tokenizer)):
            return .exactlyOne(all(tokenizer.tokens(ofQuery: text), dictionary, capacity), isMultiple: multiple)
        case (.match(_, .phrase(let text)), .text(let dictionary, let tokenizer)):
            return .atMost(all(tokenizer.tokens(ofQuery: text), dictionary, capacity))
        default: return union(condition, capacity)
        }
    }

    /// The answer where it is put together of the rows of several values.
    private func union(_ condition: Condition, _ capacity: Int) -> Answer {
        var rows = RowBits(capacity: capacity)
        switch (condition, values) {
        case (.match(_, .any(let keys)), .keyword(let dictionary)):
            for key in keys {
                guard case .string = key else { return .unknown }
                dictionary[key]?.add(to: &rows)
            }
        case (.match(_, .except(let keys)), .keyword(let dictionary)):
            guard foreign.count == 0, multiple.count == 0 else { return .unknown }
            for key in keys { dictionary[key]?.add(to: &rows) }
            var others = indexed
            others.subtract(rows)
            return .exactly(others)
        case (.match(_, .prefix(let prefix)), .keyword(let dictionary)):
            dictionary.forEach { key, set in
                if case .string(let bytes) = key, bytes.starts(with: prefix.utf8) { set.add(to: &rows) }
            }
        case (.match(_, .value(let value)), .integer(let entries)):
            guard let number = value.integer else { return .unknown }
            entries.add(number, to: &rows)
        case (.match(_, .any(let keys)), .integer(let entries)):
            for key in keys {
                guard case .integer(let number) = key else { return .unknown }
                entries.add(number, to: &rows)
            }
        case (.range(_, let bounds), .integer(let entries)):
            guard foreign.count == 0 else { return .unknown }
            entries.add(bounds, to: &rows) { Double($0) }
        case (.range(_, let bounds), .float(let entries)):
            entries.add(bounds, to: &rows) { $0 }
        case (.datetimeRange(_, let bounds), .datetime(let entries)):
            entries.add(bounds, to: &rows) { $0 }
        case (.match(_, .any(let keys)), .uuid(let dictionary)):
            for key in keys {
                guard let uuid = key.value.string.flatMap(UUID.init(anySpelling:)) else { return .unknown }
                dictionary[uuid]?.add(to: &rows)
            }
            return .atMost(rows)
        case (.geo(_, let area), .geo(let entries)):
            let band = area.latitudes
            entries.forEach(
                from: { $0.point.lat < band.lowerBound }, to: { $0.point.lat > band.upperBound },
                { if area.contains($0.key.point) { rows.insert($0.row) } }
            )
        case (.match(_, .textAny(let text)), .text(let dictionary, let tokenizer)):
            for token in Set(tokenizer.tokens(ofQuery: text)) { dictionary[token]?.add(to: &rows) }
        default: return .unknown
        }
        return .exactly(rows)
    }

    /// Rows with a token; none in an index that is not of texts.
    func rows(withToken token: String, capacity: Int) -> RowBits {
        guard case .text(let dictionary, _) = values, let rows = dictionary[token] else {
            return RowBits(capacity: capacity)
        }
        return rows.bits(capacity: capacity)
    }

    /// Rows with every token; none for no tokens.
    private func all(_ tokens: [String], _ dictionary: ShardedDictionary<String, RowSet>, _ capacity: Int) -> RowBits {
        var rows: RowBits?
        for set in Set(tokens).map({ dictionary[$0] ?? RowSet() }).sorted(by: { $0.count < $1.count }) {
            guard var found = rows else {
                rows = set.bits(capacity: capacity)
                continue
            }
            if found.count == 0 { break }
            found.formIntersection(set.bits(capacity: capacity))
            rows = found
        }
        return rows ?? RowBits(capacity: 0)
    }

    // MARK: - Facets

    /// The values with the number of rows among `rows`, all when nil, that have each; in no order. nil for an index whose values are not
    /// strings, integers, booleans or UUIDs.
    func facet(among rows: RowBits?) -> [(value: JSONValue, count: Int)]? {
        var hits: [(value: JSONValue, count: Int)] = []
        func add(_ value: JSONValue, _ set: RowSet) {
            guard let rows else { return hits.append((value, set.count)) }
            var count = 0
            set.forEach { if rows.contains($0) { count += 1 } }
            if count > 0 { hits.append((value, count)) }
        }
        switch values {
        case .keyword(let dictionary): dictionary.forEach { add($0.value, $1) }
        case .uuid(let dictionary): dictionary.forEach { add(.string($0.uuidString.lowercased()), $1) }
        case .bool(let no, let yes):
            if !no.isEmpty { add(false, no) }
            if !yes.isEmpty { add(true, yes) }
        case .integer(let entries):
            entries.forEach { entry in
                guard rows?.contains(entry.row) ?? true else { return }
                if hits.last?.value.integer == entry.key {
                    hits[hits.count - 1].count += 1
                } else {
                    hits.append((.integer(entry.key), 1))
                }
            }
        default: return nil
        }
        return hits
    }
}

extension PayloadIndex.Answer {
    /// A field with several texts may have the words in different ones: those rows must be looked at.
    fileprivate static func exactlyOne(_ rows: RowBits, isMultiple: RowBits) -> PayloadIndex.Answer {
        rows.intersectionCount(isMultiple) == 0 ? .exactly(rows) : .atMost(rows)
    }
}

extension RangeEntries {
    fileprivate func add(_ key: Key, to rows: inout RowBits) {
        addRows(from: { $0 < key }, to: { $0 > key }, to: &rows)
    }

    /// - Parameter value: Monotone; equal for different keys where rounding makes them so.
    fileprivate func add<Value>(_ bounds: Bounds<Value>, to rows: inout RowBits, _ value: (Key) -> Value) {
        addRows(
            from: { key in
                let value = value(key)
                return bounds.gt.map { value <= $0 } ?? false || bounds.gte.map { value < $0 } ?? false
            },
            to: { key in
                let value = value(key)
                return bounds.lt.map { value >= $0 } ?? false || bounds.lte.map { value > $0 } ?? false
            },
            to: &rows
        )
    }
}
