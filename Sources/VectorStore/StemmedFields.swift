// Fields whose text index takes words to their stems, where the library for it is missing: what would find less than elsewhere is refused.

import GRDB
import HNSW

extension PayloadIndexType {
    /// - Throws: `.badRequest` when words are to be taken to their stems and nothing here can.
    func checkStemmer(isAvailable: Bool = StemmerLanguage.isAvailable) throws(StoreError) {
        guard case .text(let parameters) = self, parameters.stemmer != nil, !isAvailable else { return }
        throw .badRequest(StemmerLanguage.requirement)
    }
}

extension PayloadIndex {
    /// - Throws: `.badRequest` when words stay whole that should be taken to their stems.
    func checkStemmer() throws(StoreError) {
        guard let tokenizer, tokenizer.lacksStemmer else { return }
        throw .badRequest("The text index on `\(field)` has a stemmer, and \(StemmerLanguage.requirement)")
    }
}

extension CollectionState {
    /// The rows of the points that pass a filter, in a transaction of the same state.
    ///
    /// - Parameter work: Looks at the caller; nil where the database does.
    /// - Throws: `.badRequest` for conditions on words that have no stemmer; what the meter does.
    func rows(passing filter: Filter, _ db: Database, path: String, _ work: WorkMeter? = nil) throws -> RowBits {
        try checkStemmers(of: filter)
        return try FilterPlan(filter, self, db, path: path, work).rows()
    }

    /// A filter made ready for looking at points of this state.
    ///
    /// - Throws: as `rows(passing:_:path:_:)`.
    func test(of filter: Filter, _ work: WorkMeter?) throws(StoreError) -> FilterTest {
        try checkStemmers(of: filter)
        return try FilterTest(filter, tokenizers: tokenizers, work)
    }

    /// - Throws: as `rows(passing:_:path:_:)`.
    func checkStemmers(of filter: Filter) throws(StoreError) {
        for condition in filter.must + filter.mustNot + filter.should + (filter.minShould?.conditions ?? []) {
            try checkStemmers(of: condition)
        }
    }

    func checkStemmers(of condition: Condition) throws(StoreError) {
        switch condition {
        case .filter(let filter): try checkStemmers(of: filter)
        case .match(let key, .text), .match(let key, .textAny), .match(let key, .phrase):
            try index(on: key)?.checkStemmer()
        default: break
        }
    }
}

extension Formula {
    /// The conditions in it.
    var conditions: [Condition] {
        switch self {
        case .condition(let condition): return [condition]
        case .product(let parts), .sum(let parts), .maximum(let parts), .minimum(let parts):
            return parts.flatMap(\.conditions)
        case .function(_, let part): return part.conditions
        case .quotient(let part, let other, _), .power(let part, let other):
            return part.conditions + other.conditions
        case .decay(_, let part, let target, _, _): return part.conditions + target.conditions
        case .constant, .score, .value, .distance, .datetime, .datetimeValue: return []
        }
    }
}
