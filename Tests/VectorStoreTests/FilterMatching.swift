// Filters and conditions put to a single point, for tests of what they mean.

@testable import VectorStore

extension Filter {
    func matches(
        _ subject: FilterSubject, tokenizers: [PayloadPath: TextTokenizer] = [:]
    ) throws(StoreError) -> Bool {
        try FilterTest(self, tokenizers: tokenizers, subject.work).matches(subject)
    }
}

extension Condition {
    func matches(
        _ subject: FilterSubject, tokenizers: [PayloadPath: TextTokenizer] = [:]
    ) throws(StoreError) -> Bool {
        try ConditionTest(self, tokenizers: tokenizers, subject.work).matches(subject)
    }
}
