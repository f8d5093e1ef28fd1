// The table that finds a vector's node, on vectors made to look alike.

import Foundation
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWTableTests {
    /// Beside 1.75e9, a time of day, what is between 0 and 1 is rounded to nothing: 20,000 vectors of one code, one scale and one norm.
    @Test(arguments: HNSWConfiguration.Codes.allCases)
    func `vectors that differ beside one great element only are found by as few looks as random ones`(
        codes: HNSWConfiguration.Codes
    ) throws {
        let (rows, dimension) = (20_000, 16)
        let random = VectorSet(rows: rows, dimension: dimension, normalised: false, seed: 95)
        var skewed = random.values
        for row in 0..<rows { skewed[row * dimension + 5] = 1.75e9 }
        let configuration = HNSWConfiguration(
            dimension: dimension, distance: .euclid, M: 4, efConstruction: 10, codes: codes)
        let index = try HNSWIndex(configuration, capacity: 64)
        try index.insert(matrix: skewed.span, threads: 1)
        #expect(index.nodeCount == rows)
        // Places that lie between where a vector belongs and where its node is: 2.5 on average in a table that is three quarters full.
        let state = index.state
        let mask = state.table.capacity - 1
        var distance = 0
        for place in 0...mask where state.table[place] != 0 {
            distance += (place - Int(state.hash[Int(state.table[place] - 1)])) & mask
        }
        #expect(distance < 4 * rows)
        #expect(try index.checkInvariants() == [])
        // They are found again, and none twice.
        for row in 0..<100 {
            let vector = skewed.span.extracting(row * dimension..<(row + 1) * dimension)
            try index.insert(Array(vector.indices.map { vector[$0] }).span, row: UInt32(rows + row))
        }
        #expect(index.nodeCount == rows)
    }

    @Test func `a snapshot whose hashes are all the same is refused and does not take for ever`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 20_000, dimension: 4, clusters: 400, seed: 96)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 4, M: 2, efConstruction: 4))
        try index.insert(matrix: set.values.span, threads: 2)
        for node in 0..<20_000 { index.state.hash[node] = 7 }
        try index.save(to: path)
        #expect(throws: HNSWError.invalidSnapshot("the hashes are those of equal vectors")) {
            try HNSWIndex.restore(from: path)
        }
    }
}
