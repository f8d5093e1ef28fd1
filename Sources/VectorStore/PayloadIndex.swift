// Payload indexes: which rows have which values of a field, in memory, made from the payloads when a store is opened.

import Foundation
import HNSW

/// The rows of a collection by their values of one field.
struct PayloadIndex: Sendable {
    let field: PayloadPath
    let type: PayloadIndexType
    private(set) var values: Values
    /// Rows with a value of the type.
    private(set) var indexed = RowBits(capacity: 0)
    /// Rows with an element of another type, nulls apart: what is said of such values cannot be told from here.
    private(set) var foreign = RowBits(capacity: 0)
    /// Rows with a null among the elements.
    private(set) var nulls = RowBits(capacity: 0)
    /// Rows with more than one element.
    private(set) var multiple = RowBits(capacity: 0)
    /// Tokens of all texts together, repeated ones counted each time; 0 in an index that is not of texts.
    private(set) var tokensCount = 0
    /// Rows whose field is not missing, null or an empty array.
    private(set) var present = RowBits(capacity: 0)

    enum Values: Sendable {
        case keyword(ShardedDictionary<JSONKey, RowSet>)
        case integer(RangeEntries<Int64>)
        case float(RangeEntries<Double>)
        case bool(no: RowSet, yes: RowSet)
        case datetime(RangeEntries<Timestamp>)
        case uuid(ShardedDictionary<UUID, RowSet>)
        case geo(SortedEntries<Latitude>)
        case text(ShardedDictionary<String, RowSet>, TextTokenizer)
    }

    /// A place, in the order of latitudes.
    struct Latitude: Comparable, Sendable {
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
            case .integer: .integer(RangeEntries())
            case .float: .float(RangeEntries())
            case .bool: .bool(no: RowSet(), yes: RowSet())
            case .datetime: .datetime(RangeEntries())
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

    /// - Parameter old: The one that was inserted.
    mutating func replace(_ old: JSONValue, by new: JSONValue, row: UInt32) {
        // Most changes are of other fields.
        let (before, after) = (field.values(in: old), field.values(in: new))
        if JSONValue.array(before).isIdentical(to: .array(after)) { return }
        remove(old, row: row)
        insert(new, row: row)
    }

    private mutating func change(_ payload: JSONValue, _ row: UInt32, isInsertion: Bool) {
        let elements = field.elements(in: payload)
        func mark(_ bits: inout RowBits, _ holds: Bool) {
            if isInsertion && holds { bits.insert(row) } else { bits.remove(row) }
        }
        mark(&present, !field.isEmpty(in: payload))
        mark(&multiple, elements.count > 1)
        mark(&nulls, elements.contains(.null))
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
        func change<Key>(_ entries: inout RangeEntries<Key>, _ key: Key) {
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
            if let point {
                let place = Latitude(point: point)
                if isInsertion { entries.insert(place, row) } else { entries.remove(place, row) }
            }
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
}

extension UUID {
    /// Reads the spellings that ids have.
    init?(anySpelling text: String) {
        guard case .uuid(let uuid) = PointID(text) else { return nil }
        self = uuid
    }
}
