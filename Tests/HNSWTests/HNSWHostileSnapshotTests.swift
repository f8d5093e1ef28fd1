// Snapshots made on purpose: hashes fit, numbers do not. They are refused, or at worst answer wrongly; they crash nothing.

import Foundation
import TestSupport
import Testing

@testable import HNSW

@Suite struct HNSWHostileSnapshotTests {
    // 130 elements are walked by half their codes, whose scales are a section more.
    @Test(arguments: [8, 130])
    func `no number in a file leads outside of it, whatever the hashes say`(dimension: Int) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 80, dimension: dimension, repeats: 6, seed: 71)
        let index = try HNSWIndex(HNSWConfiguration(dimension: dimension, M: 3, efConstruction: 20))
        try index.insert(matrix: set.values.span, threads: 1)
        for row in 0..<10 { index.remove(row: UInt32(row)) }
        try index.repair()
        for row in 10..<14 { index.remove(row: UInt32(row)) }
        try index.save(to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let words = (0..<SnapshotHeader.byteCount / 8).map { i in
            whole[i * 8..<i * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        let header = try SnapshotHeader(words: words)
        let lengths = header.lengths
        let offsets = SnapshotHeader.offsets(lengths)
        var generator = SplitMix64(seed: 72)
        let extremes: [UInt32] = [0, 1, 13, 79, 80, 81, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF]
        var refused = 0
        for _ in 0..<1500 {
            var made = whole
            let section = Int.random(in: 0..<SnapshotHeader.sectionCount, using: &generator)
            guard lengths[section] >= 4 else { continue }
            let place = offsets[section] + 4 * Int.random(in: 0..<lengths[section] / 4, using: &generator)
            let value = extremes.randomElement(using: &generator) ?? 0
            for byte in 0..<4 { made[place + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
            var forged = header
            // The counts too, now and then.
            if Int.random(in: 0..<4, using: &generator) == 0 {
                forged.entry =
                    UInt64.random(in: 0...UInt64.max, using: &generator) >> UInt64.random(in: 0..<64, using: &generator)
            }
            forged.hashes[section] = unsafe made.withUnsafeBytes {
                unsafe Checksum.hashPieces($0.baseAddress! + offsets[section], count: lengths[section], threads: 1)
            }
            for (i, word) in forged.words.enumerated() {
                for byte in 0..<8 { made[i * 8 + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
            }
            try made.write(to: URL(fileURLWithPath: path))
            do {
                let restored = try HNSWIndex.restore(from: path).index
                for row in stride(from: 0, to: 80, by: 9) {
                    _ = try restored.search(set[row].span, count: 90, ef: 90)
                    _ = try restored.search(
                        set[row].span, count: 3, ef: 9, filter: RowBits((0..<80).map { UInt32($0) }, capacity: 80))
                }
                for row in 20..<40 { restored.remove(row: UInt32(row)) }
                try restored.repair()
                for row in 0..<40 { try restored.insert(set[row].span, row: UInt32(row)) }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 300)
    }

    /// What a file says that was written by an index with wrong links.
    private static func reason(_ forge: (IndexState) -> Void) throws -> HNSWError? {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 200, dimension: 8, seed: 75)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 8, M: 3, efConstruction: 20))
        try index.insert(matrix: set.values.span, threads: 1)
        forge(index.state)
        try index.save(to: path)
        do {
            _ = try HNSWIndex.restore(from: path)
            return nil
        } catch { return error }
    }

    @Test func `links behind the end of a list are refused`() throws {
        #expect(try Self.reason { _ in } == nil)
        let found = try Self.reason { state in
            let links = state.graph.links(7, layer: 0)
            // The list ends at its start, and goes on.
            links[0] = none
            links[1] = 9
        }
        #expect(found == .invalidSnapshot("there are links behind the end of node 7's"))
    }

    @Test func `lists above layer 0 that two nodes share are refused`() throws {
        let found = try Self.reason { state in
            let high = (0..<200).filter { state.graph.level(of: $0) > 0 }
            guard high.count > 1 else { return }
            state.graph.upperStart[high[1]] = state.graph.upperStart[high[0]]
        }
        #expect(found == .invalidSnapshot("two nodes have the same list"))
    }

    /// No hash covers what is between the sections, so none of it may be believed.
    @Test func `padding may be anything`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 80, dimension: 130, repeats: 6, seed: 74)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 130, M: 3, efConstruction: 20))
        try index.insert(matrix: set.values.span.extracting(0..<60 * 130), threads: 1)
        try index.save(to: path)
        var header = SnapshotHeader(configuration: index.configuration)
        (header.nodes, header.rowLimit, header.rows) = (index.nodeCount, 60, 60)
        header.lists = Int(index.state.counters[IndexState.counterLists])
        let lengths = header.lengths
        var made = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(made.count == SnapshotHeader.fileLength(lengths))
        for (length, offset) in zip(lengths, SnapshotHeader.offsets(lengths)) {
            for place in offset + length..<offset + MemoryRegion.roundedUp(length) { made[place] = 0x7E }
        }
        try made.write(to: URL(fileURLWithPath: path))
        let restored = try HNSWIndex.restore(from: path).index
        #expect(try restored.checkInvariants() == [])
        let all = RowBits(0..<5000 as Range<UInt32>, capacity: 5000)
        for row in 0..<80 {
            let expected = try index.search(set[row].span, count: 80, ef: 80, filter: all)
            #expect(try restored.search(set[row].span, count: 80, ef: 80, filter: all) == expected)
        }
        for row in 60..<80 as Range<UInt32> {
            #expect(!restored.contains(row: row))
            try restored.insert(set[Int(row)].span, row: row)
        }
        #expect(try restored.checkInvariants() == [])
    }

    /// Every field of the header in turn, under a header hash that fits: counts are compared with the file's length before anything is
    /// made in their size, or a file of a few pages would ask for the memory of the machine.
    @Test func `no field of the header asks for more than the file holds`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "hnsw-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let set = VectorSet(rows: 80, dimension: 130, repeats: 6, seed: 73)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 130, M: 3, efConstruction: 20))
        try index.insert(matrix: set.values.span, threads: 1)
        try index.save(to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let count = SnapshotHeader.byteCount / 8
        let words = (0..<count).map { i in
            whole[i * 8..<i * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        let extremes: [UInt64] = [
            0, 1, 0x7FFF_FFFE, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 0x7FFF_FFFE << 32, 1 << 62, 1 << 63,
            .max >> 1, .max,
        ]
        for field in 0..<SnapshotHeader.fieldCount {
            for value in extremes + [words[field] ^ 1, words[field] + 1, words[field] | 1 << 63]
            where value != words[field] {
                var forged = words
                forged[field] = value
                forged[count - 1] = SnapshotHeader.hash(Array(forged.dropLast()))
                var made = whole
                for (i, word) in forged.enumerated() {
                    for byte in 0..<8 { made[i * 8 + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
                }
                try made.write(to: URL(fileURLWithPath: path))
                do {
                    let restored = try HNSWIndex.restore(from: path).index
                    // What a search can live with: another measure, breadth of construction, seed, entry point or stamp; and an element
                    // more of floats that end within the same page, which `verify()` would notice.
                    #expect([2, 3, 5, 7, 8, 13, 14, 15].contains(field), "field \(field) as \(value) was believed")
                    if field == 2 { #expect(throws: HNSWError.self) { try restored.verify() } }
                    let query = Array(set.values.prefix(restored.configuration.dimension))
                    _ = try restored.search(query.span, count: 90, ef: 90)
                } catch {
                    // Refused, and by the types with an error of this module.
                }
            }
        }
    }
}
