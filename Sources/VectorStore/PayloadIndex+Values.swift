// What payload indexes tell beside conditions: the order of values, the rows of a word, and how many points have each value.

import Foundation
import HNSW

extension PayloadIndex {
    // MARK: - Order

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

    /// Rows with a token; none in an index that is not of texts.
    func rows(withToken token: String, capacity: Int) -> RowBits {
        guard case .text(let dictionary, _) = values, let rows = dictionary[token] else {
            return RowBits(capacity: capacity)
        }
        return rows.bits(capacity: capacity)
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
