// Payload indexes: which rows have which values of a field, in memory, made from the payloads when a store is opened.

import Foundation
import HNSW

/// The rows of a collection by their values of one field.
struct PayloadIndex: Sendable {
    let field: PayloadPath
    let type: PayloadIndexType
    private var values: Values
    /// Rows with a value of the type.
    private(set) var indexed = RowBits(capacity: 0)
    /// Rows with an element of another type: what is said of numbers or of all values cannot be told from here while there are.
    private var foreign = RowBits(capacity: 0)
    /// Rows with more than one element.
    private var multiple = RowBits(capacity: 0)
    /// Tokens of all texts together, repeated ones counted each time; 0 in an index that is not of texts.
    private(set) var tokensCount = 0
    /// Rows whose field is not missing, null or an empty array.
    private var present = RowBits(capacity: 0)

    private enum Values: Sendable {
        case keyword(ShardedDictionary<JSONKey, RowSet>)
        case integer(SortedEntries<Int64>)
        case float(SortedEntries<Double>)
        case bool(no: RowSet, yes: RowSet)
        case datetime(SortedEntries<Timestamp>)
        case uuid(ShardedDictionary<UUID, RowSet>)
        case geo(SortedEntries<Latitude>)
        case text(ShardedDictionary<String, RowSet>, TextTokenizer)
    }

    /// A place, in the order of latitudes.
    private struct Latitude: Comparable, Sendable {
        var point: GeoPoint
        static func < (lhs: Latitude, rhs: Latitude) -> Bool {
            (lhs.point.lat, lhs.point.lon) < (rhs.point.lat, rhs.point.lon)
        }
    }

    init(
        _ field: PayloadPath, _ type: PayloadIndexType, stemmers: (StemmerLanguage) -> Stemmer? = Stemmer.of
    ) {
        self.field = field
        self.type = type
        values =
            switch type {
            case .keyword: .keyword(ShardedDictionary())
            case .integer: .integer(SortedEntries())
            case .float: .float(SortedEntries())
            case .bool: .bool(no: RowSet(), yes: RowSet())
            case .datetime: .datetime(SortedEntries())
            case .uuid: .uuid(ShardedDictionary())
            case .geo: .geo(SortedEntries())
            case .text(let parameters):
                .text(ShardedDictionary(), TextTokenizer(parameters: parameters, stemmers: stemmers))
            }
    }

    /// How the field's texts are taken apart; nil for an index that is not of texts.
    var tokenizer: TextTokenizer? { if case .text(_, let tokenizer) = values { tokenizer } else { nil } }

    // MARK: - Changes

    mutating func insert(_ payload: JSONValue, row: UInt32) { change(payload, row, isInsertion: true) }

    /// - Parameter payload: The one that was inserted.
    mutating func remove(_ payload: JSONValue, row: UInt32) { change(payload, row, isInsertion: false) }

    private mutating func change(_ payload: JSONValue, _ row: UInt32, isInsertion: Bool) {
        let elements = field.elements(in: payload)
        func mark(_ bits: inout RowBits, _ holds: Bool) {
            if isInsertion && holds { bits.insert(row) } else { bits.remove(row) }
        }
        mark(&present, !field.isEmpty(in: payload))
        mark(&multiple, elements.count > 1)
        var isIndexed = false
        var isForeign = false
        for element in elements where element != .null {
            if change(element: element, row, isInsertion) { isIndexed = true } else { isForeign = true }
        }
        mark(&indexed, isIndexed)
        mark(&foreign, isForeign)
    }

    /// Whether the element is one this index holds.
    private mutating func change(element: JSONValue, _ row: UInt32, _ isInsertion: Bool) -> Bool {
        func change(_ rows: inout RowSet) -> Bool {
            if isInsertion { rows.insert(row) } else { rows.remove(row) }
            return !rows.isEmpty
        }
        func change<Key>(_ entries: inout SortedEntries<Key>, _ key: Key) {
            if isInsertion { entries.insert(key, row) } else { entries.remove(key, row) }
        }
        // What is taken out of the enumeration is changed where it is: with two owners it would be copied.
        let taken = values
        values = .bool(no: RowSet(), yes: RowSet())
        switch consume taken {
        case .keyword(var dictionary):
            let key = element.string.map { JSONKey(stringLiteral: $0) }
            if let key { dictionary.update(key, initial: RowSet(), change) }
            values = .keyword(dictionary)
            return key != nil
        case .integer(var entries):
            if let number = element.integer { change(&entries, number) }
            values = .integer(entries)
            return element.integer != nil
        case .float(var entries):
            let number = element.number.flatMap { $0.isNaN ? nil : $0 }
            if let number { change(&entries, number) }
            values = .float(entries)
            return number != nil
        case .bool(var no, var yes):
            if let bool = element.bool { if bool { _ = change(&yes) } else { _ = change(&no) } }
            values = .bool(no: no, yes: yes)
            return element.bool != nil
        case .datetime(var entries):
            let time = element.string.flatMap(Timestamp.init)
            if let time { change(&entries, time) }
            values = .datetime(entries)
            return time != nil
        case .uuid(var dictionary):
            let uuid = element.string.flatMap(UUID.init(anySpelling:))
            if let uuid { dictionary.update(uuid, initial: RowSet(), change) }
            values = .uuid(dictionary)
            return uuid != nil
        case .geo(var entries):
            let point = GeoPoint(element)
            if let point { change(&entries, Latitude(point: point)) }
            values = .geo(entries)
            return point != nil
        case .text(var dictionary, let tokenizer):
            var tokens: Set<String> = []
            tokenizer.forEachToken(ofDocument: element.string ?? "") { token in
                tokensCount += isInsertion ? 1 : -1
                tokens.insert(token)
                return true
            }
            for token in tokens { dictionary.update(token, initial: RowSet(), change) }
            values = .text(dictionary, tokenizer)
            return element.string != nil
        }
    }

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
            _ entries: SortedEntries<Key>, _ value: (Key) -> Value, from start: Value?, _ json: (Key) -> JSONValue
        ) -> [(value: JSONValue, row: UInt32)] {
            var found: [(key: Key, row: UInt32)] = []
            func isBefore(_ key: Key) -> Bool { !isDescending && start.map { value(key) < $0 } ?? false }
            func isBehind(_ key: Key) -> Bool {
                // Ascending, what is wanted comes first; descending, last.
                isDescending ? start.map { value(key) > $0 } ?? false : found.count == count
            }
            entries.forEach(from: isBefore, to: isBehind) { entry in
                if rows?.contains(entry.row) ?? true { found.append((entry.key, entry.row)) }
            }
            return (isDescending ? found.reversed() : found).prefix(count).map { (json($0.key), $0.row) }
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
        var rows = RowBits(capacity: capacity)
        switch (condition, values) {
        case (.isEmpty, _):
            rows = live
            rows.subtract(present)
        case (.match(_, .value(let value)), .keyword(let dictionary)):
            guard let key = JSONKey(value), value.string != nil else { return .unknown }
            return .exactly(dictionary[key]?.bits(capacity: capacity) ?? rows)
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
        case (.match(_, .value(let value)), .bool(let no, let yes)):
            guard let bool = value.bool else { return .unknown }
            return .exactly((bool ? yes : no).bits(capacity: capacity))
        case (.match(_, .value(let value)), .uuid(let dictionary)):
            // The index holds what any spelling means, a match wants the same spelling.
            guard let uuid = value.string.flatMap(UUID.init(anySpelling:)) else { return .unknown }
            return .atMost(dictionary[uuid]?.bits(capacity: capacity) ?? rows)
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
        case (.match(_, .text(let text)), .text(let dictionary, let tokenizer)):
            return .exactlyOne(all(tokenizer.tokens(ofQuery: text), dictionary, capacity), isMultiple: multiple)
        case (.match(_, .phrase(let text)), .text(let dictionary, let tokenizer)):
            return .atMost(all(tokenizer.tokens(ofQuery: text), dictionary, capacity))
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

extension SortedEntries {
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

extension UUID {
    /// Reads the spellings that ids have.
    init?(anySpelling text: String) {
        guard case .uuid(let uuid) = PointID(text) else { return nil }
        self = uuid
    }
}
