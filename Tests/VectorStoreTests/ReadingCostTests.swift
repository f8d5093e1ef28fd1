// What listing and counting cost: no more is kept or sorted than is told, and no point is asked of the database to be left out.

import Foundation
import HNSW
import Synchronization
import TestSupport
import Testing

@testable import VectorStore

@Suite struct ReadingCostTests {
    /// The oracle sorts everything, stably.
    @Test func `the first of many are those of all sorted, by fewer comparisons`() {
        var generator = SplitMix64(seed: 71)
        for total in [0, 1, 10, 1000, 5000] {
            // Numbers that repeat, with the place where each was offered.
            let all = (0..<total).map { (number: Int.random(in: 0..<max(1, total / 2), using: &generator), place: $0) }
            let sorted = all.sorted { $0.number < $1.number }
            for count in [0, 1, 2, 7, 100, 6000] {
                var comparisons = 0
                var leading = Leading<(number: Int, place: Int)>(count) {
                    comparisons += 1
                    return $0.number < $1.number
                }
                for element in all { leading.offer(element) }
                let first = leading.sorted()
                #expect(first.map(\.number) == sorted.prefix(count).map(\.number))
                #expect(first.map(\.place) == sorted.prefix(count).map(\.place))
                // One each, and what is sorted now and then: far less than the 12 each of all sorted.
                if count <= 7, total == 5000 { #expect(comparisons < 2 * total) }
            }
        }
    }

    // MARK: Facets

    private static var patient: WorkMeter { WorkMeter { () throws(StoreError) in } }

    /// Qdrant Edge 0.9.0 tells these values, one point each, in this order.
    @Test func `values that as many points have are in the order of their bytes`() throws {
        let values = ["New", "New York", "New!", "New\"s", "a", "a\nb", "aZ", "a\\b", "~", "é", "中"]
        let hits = values.shuffled().map { (value: JSONValue.string($0), count: 1) }
        let all = try EmbeddedStore.mostFrequent(hits, 20, Self.patient)
        #expect(all.map(\.value) == values.map { .string($0) })
        #expect(try EmbeddedStore.mostFrequent(hits, 3, Self.patient) == Array(all.prefix(3)))
        #expect(try EmbeddedStore.mostFrequent(hits, -1, Self.patient) == [])
        let numbers = [(10, 1), (9, 1), (-3, 1), (7, 2)].map { (value: JSONValue.integer($0.0), count: $0.1) }
        #expect(try EmbeddedStore.mostFrequent(numbers, .max, Self.patient).map(\.value) == [7, -3, 9, 10])
        let flags = [true, false].map { (value: JSONValue.bool($0), count: 1) }
        #expect(try EmbeddedStore.mostFrequent(flags, .max, Self.patient).map(\.value) == [false, true])
    }

    @Test func `a facet of very many values ends with its caller`() {
        let hits = (0..<50_000).map { (value: JSONValue.integer($0), count: 1) }
        let meter = WorkMeter { () throws(StoreError) in throw .cancelled }
        #expect(throws: StoreError.cancelled) { try EmbeddedStore.mostFrequent(hits, 10, meter) }
        #expect(throws: Never.self) { try EmbeddedStore.mostFrequent(Array(hits.prefix(100)), 10, meter) }
    }
}
