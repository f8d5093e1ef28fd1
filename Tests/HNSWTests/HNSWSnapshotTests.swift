// Snapshots: what was saved comes back, and what was damaged is refused.

import Foundation
import HNSW
import Synchronization
import TestSupport
import Testing

@Suite struct HNSWSnapshotTests {
    private static func path() -> String {
        FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
    }

    private static func sample(
        rows: Int = 500, dimension: Int = 20, codes: HNSWConfiguration.Codes = .int8, seed: UInt64 = 51
    ) throws -> (VectorSet, HNSWIndex) {
        let set = VectorSet(rows: rows, dimension: dimension, repeats: 6, seed: seed)
        let index = try HNSWIndex(
            HNSWConfiguration(dimension: dimension, M: 4, efConstruction: 30, codes: codes), capacity: 8)
        try index.insert(matrix: set.values.span, threads: 1)
        for row in 0..<rows / 5 { index.remove(row: UInt32(row)) }
        try index.repair()
        for row in rows / 5..<rows / 4 { index.remove(row: UInt32(row)) }
        return (set, index)
    }

    // 150 elements are walked by half their codes.
    @Test(arguments: HNSWConfiguration.Codes.allCases, [20, 150])
    func `a restored index answers as the saved one and can be changed on`(
        codes: HNSWConfiguration.Codes, dimension: Int
    ) throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        let (set, index) = try Self.sample(dimension: dimension, codes: codes)
        try index.save(to: path, stamp: 42)
        let (restored, stamp) = try HNSWIndex.restore(from: path)
        #expect(stamp == 42)
        #expect(restored.configuration == index.configuration)
        #expect(restored.count == index.count)
        try restored.verify()
        #expect(try restored.checkInvariants() == [])
        for row in 0..<500 {
            let expected = try index.search(set[row].span, count: 10, ef: 30)
            #expect(try restored.search(set[row].span, count: 10, ef: 30) == expected)
        }
        // Far more than it had room for.
        let more = VectorSet(rows: 9000, dimension: dimension, seed: 52)
        try restored.insert(matrix: more.values.span, firstRow: 500, threads: 2)
        try restored.repair()
        #expect(try restored.checkInvariants() == [])
        #expect(try restored.search(more[8999].span, count: 1, ef: 50).map(\.row) == [9499])
        // The file is as it was.
        #expect(try HNSWIndex.restore(from: path).index.count == index.count)
    }

    /// Which a search must not notice, nor a change be lost by.
    @Test func `a settled index answers and changes as before, beside searches and insertions`() throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 6000, dimension: 130, seed: 54)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 130, M: 8))
        try index.insert(matrix: set.values.span.extracting(0..<4000 * 130), threads: 2)
        try index.save(to: path)
        let restored = try HNSWIndex.restore(from: path).index
        let answers = try (0..<200).map { try restored.search(set[$0].span, count: 5, ef: 40) }
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 3) { thread in
            do {
                switch thread {
                case 0: try restored.settle()
                case 1: for row in 0..<200 { _ = try restored.search(set[row].span, count: 5, ef: 40) }
                default: for row in 4000..<6000 { try restored.insert(set[row].span, row: UInt32(row)) }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try restored.checkInvariants() == [])
        for row in 4000..<6000 { restored.remove(row: UInt32(row)) }
        try restored.settle()
        let kept = try (0..<200).filter {
            try restored.search(set[$0].span, count: 5, ef: 40).first == answers[$0].first
        }
        #expect(kept.count == 200)
    }

    @Test func `an empty index comes back empty`() throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        try HNSWIndex(HNSWConfiguration(dimension: 3)).save(to: path)
        let index = try HNSWIndex.restore(from: path).index
        #expect(index.count == 0)
        try index.insert([1, 0, 0].span, row: 9)
        #expect(try index.search([1, 0, 0].span, count: 3, ef: 3).map(\.row) == [9])
    }

    @Test func `a file that is missing, foreign, of another version or empty is refused with the reason`() throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        #expect(throws: HNSWError.self) { try HNSWIndex.restore(from: path) }
        for bytes in [Data(), Data("SQLite format 3".utf8), Data(repeating: 0, count: 100_000)] {
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(throws: HNSWError.self) { try HNSWIndex.restore(from: path) }
        }
    }

    @Test func `a snapshot cut off anywhere is refused`() throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        try Self.sample(rows: 60).1.save(to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in stride(from: 0, to: whole.count, by: 4093) {
            try whole.prefix(length).write(to: URL(fileURLWithPath: path))
            #expect(throws: HNSWError.self) { try HNSWIndex.restore(from: path) }
        }
        try (whole + Data([0])).write(to: URL(fileURLWithPath: path))
        #expect(throws: HNSWError.self) { try HNSWIndex.restore(from: path) }
    }

    /// Padding between sections means nothing and may be anything; every other bit counts.
    @Test func `a flipped bit is refused, or was in padding and changes nothing`() throws {
        let path = Self.path()
        defer { unsafe unlink(path) }
        let (_, index) = try Self.sample(rows: 60)
        try index.save(to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var generator = SplitMix64(seed: 53)
        var refused = 0
        let meaningful = whole.indices.filter { whole[$0] != 0 }
        for round in 0..<300 {
            var damaged = whole
            let position =
                round < 200
                ? Int.random(in: 0..<208, using: &generator)
                : meaningful[Int.random(in: 0..<meaningful.count, using: &generator)]
            damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            try damaged.write(to: URL(fileURLWithPath: path))
            do {
                let (restored, _) = try HNSWIndex.restore(from: path)
                try restored.verify()
                Issue.record("byte \(position) was believed")
            } catch {
                refused += 1
            }
        }
        #expect(refused == 300)
    }
}
