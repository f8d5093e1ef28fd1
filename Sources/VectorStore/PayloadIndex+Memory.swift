// What payload indexes take of the memory.

import HNSW

extension PayloadIndex {
    /// Bytes of the heap, estimated (`HeapBytes`): what copies share is counted as this one's.
    ///
    /// - Complexity: goes through all values.
    var byteCount: Int {
        let marks = [indexed, foreign, nulls, multiple, present].reduce(0) { $0 + HeapBytes.of($1) }
        return marks + values.byteCount
    }
}

extension PayloadIndex.Values {
    fileprivate var byteCount: Int {
        switch self {
        case .keyword(let dictionary):
            dictionary.byteCount { key, rows in
                guard case .string(let bytes) = key else { return rows.byteCount }
                return HeapBytes.of(bytes) + rows.byteCount
            }
        case .uuid(let dictionary): dictionary.byteCount { $1.byteCount }
        case .text(let dictionary, _): dictionary.byteCount { HeapBytes.of($0) + $1.byteCount }
        case .bool(let no, let yes): no.byteCount + yes.byteCount
        case .integer(let entries): entries.byteCount
        case .float(let entries): entries.byteCount
        case .datetime(let entries): entries.byteCount
        case .geo(let entries): entries.byteCount
        }
    }
}
