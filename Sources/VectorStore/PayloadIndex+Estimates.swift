// How many rows conditions leave, before it is asked which: what the order is chosen by in which conditions are answered.

import Foundation
import HNSW

extension PayloadIndex {
    /// How many rows a condition on the index's field holds for, or may: about, and told in far fewer steps than which they are. Long lists
    /// and texts, each part of which would have to be looked up, are taken to leave all that have a value.
    ///
    /// - Parameter count: Of all rows of the collection.
    func estimate(_ condition: Condition, of count: Int) -> Int {
        switch (condition, values) {
        case (.isEmpty, _): count - present.count
        case (.isNull, _): nulls.count
        case (.valuesCount, _): count
        case (.match(_, let value), _): estimate(value)
        case (.range(_, let bounds), .integer(let entries)): entries.count(bounds) { Double($0) } + foreign.count
        case (.range(_, let bounds), .float(let entries)): entries.count(bounds) { $0 }
        case (.datetimeRange(_, let bounds), .datetime(let entries)): entries.count(bounds) { $0 }
        default: most
        }
    }

    private var most: Int { indexed.count + foreign.count }

    /// Values of a list, and bytes of a text, beyond which an estimate is not worth its steps.
    private static let mostKeys = 64
    private static let mostBytes = 1024

    private func estimate(_ match: MatchValue) -> Int {
        func count(_ rows: RowSet?) -> Int { rows?.count ?? 0 }
        switch (match, values) {
        case (.value(.string(let text)), .keyword(let dictionary)):
            return count(dictionary[JSONKey(stringLiteral: text)])
        case (.value(.bool(let bool)), .bool(let no, let yes)): return count(bool ? yes : no)
        case (.value(.integer(let number)), .integer(let entries)):
            return entries.count(Bounds(gte: number, lte: number)) { $0 }
        case (.value(.string(let text)), .uuid(let dictionary)):
            return UUID(anySpelling: text).map { count(dictionary[$0]) } ?? foreign.count
        case (.any(let keys), _) where keys.count > Self.mostKeys: return most
        case (.text(let text), _) where text.utf8.count > Self.mostBytes,
            (.phrase(let text), _) where text.utf8.count > Self.mostBytes,
            (.textAny(let text), _) where text.utf8.count > Self.mostBytes:
            return most
        case (.any(let keys), .keyword(let dictionary)): return keys.reduce(0) { $0 + count(dictionary[$1]) }
        case (.any(let keys), .integer(let entries)):
            return keys.reduce(0) { sum, key in
                guard case .integer(let number) = key else { return sum }
                return sum + entries.count(Bounds(gte: number, lte: number)) { $0 }
            }
        case (.text(let text), .text(let dictionary, let tokenizer)),
            (.phrase(let text), .text(let dictionary, let tokenizer)):
            return tokenizer.tokens(ofQuery: text).map { count(dictionary[$0]) }.min() ?? 0
        case (.textAny(let text), .text(let dictionary, let tokenizer)):
            return tokenizer.tokens(ofQuery: text).reduce(0) { $0 + count(dictionary[$1]) }
        default: return most
        }
    }
}

extension RangeEntries {
    /// - Parameter value: Monotone.
    fileprivate func count<Value>(_ bounds: Bounds<Value>, _ value: (Key) -> Value) -> Int {
        count(from: { bounds.areAbove(value($0)) }, to: { bounds.areBelow(value($0)) })
    }
}
