// Memory that grows: what was in it stays, and what fails changes nothing.

import Foundation
import Testing

@testable import HNSW

@Suite struct MemoryRegionTests {
    private static let page = MemoryRegion.pageSize

    /// A byte that differs from its neighbours'.
    private static func pattern(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 167 &+ place >> 13) }

    // 3 pages are small ones, 5 MB are huge ones and some.
    @Test(arguments: [3 * page, 5 << 20], [true, false])
    func `a region keeps what is in it as it grows, moved or copied`(byteCount: Int, isMoving: Bool) throws {
        let region = try MemoryRegion(byteCount: byteCount)
        for place in 0..<byteCount {
            unsafe region.base.storeBytes(of: Self.pattern(place), toByteOffset: place, as: UInt8.self)
        }
        for factor in [2, 3, 7] {
            try region.grow(to: factor * byteCount, keeping: byteCount, isMoving: isMoving)
            #expect(region.byteCount == MemoryRegion.roundedUp(factor * byteCount))
            let kept = (0..<byteCount).allSatisfy {
                unsafe region.base.load(fromByteOffset: $0, as: UInt8.self) == Self.pattern($0)
            }
            #expect(kept)
            #expect(unsafe region.base.load(fromByteOffset: region.byteCount - 1, as: UInt8.self) == 0)
        }
    }

    @Test(arguments: [1000, page, 5 << 20], [true, false])
    func `so does one that is a file's in front, whose padding it does not show`(length: Int, isMoving: Bool) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "region-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let whole = MemoryRegion.roundedUp(length)
        // Behind the length as before it: what is there is nobody's.
        let bytes = Data((0..<Self.page + whole).map { Self.pattern($0) | 1 })
        try bytes.write(to: URL(fileURLWithPath: path))
        let descriptor = openFile(path, O_RDONLY)
        defer { close(descriptor) }
        let region = try MemoryRegion(byteCount: 2 * whole)
        try region.overlay(descriptor: descriptor, offset: Self.page, length: length)
        unsafe region.base.storeBytes(of: 200, toByteOffset: 5, as: UInt8.self)
        unsafe region.base.storeBytes(of: 201, toByteOffset: whole + 5, as: UInt8.self)
        for factor in [3, 8] {
            try region.grow(to: factor * whole, keeping: 2 * whole, isMoving: isMoving)
            var expected = [UInt8](bytes[Self.page..<Self.page + length]) + Array(repeating: 0, count: whole - length)
            expected += Array(repeating: 0, count: (factor - 1) * whole)
            expected[5] = 200
            expected[whole + 5] = 201
            let found = unsafe Array(UnsafeRawBufferPointer(start: region.base, count: factor * whole))
            #expect(found == expected)
        }
        // The file is as it was.
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    /// The kernel may run out of mappings between the two moves that a file's part and the rest take.
    @Test(arguments: [0, 1], [1000, 3 * page])
    func `a region that can be moved by half only keeps what is in it all the same`(moves: Int, used: Int) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "region-\(UUID().uuidString)").path
        defer { unsafe unlink(path) }
        let bytes = Data((0..<2 * Self.page).map { Self.pattern($0) })
        try bytes.write(to: URL(fileURLWithPath: path))
        let descriptor = openFile(path, O_RDONLY)
        defer { close(descriptor) }
        let region = try MemoryRegion(byteCount: 4 * Self.page)
        try region.overlay(descriptor: descriptor, offset: 0, length: 2 * Self.page)
        for place in 2 * Self.page..<4 * Self.page {
            unsafe region.base.storeBytes(of: Self.pattern(place), toByteOffset: place, as: UInt8.self)
        }
        region.movesLeft = moves
        try region.grow(to: 9 * Self.page, keeping: used)
        #expect(region.byteCount == 9 * Self.page)
        region.movesLeft = .max
        // It is one like any other now.
        try region.grow(to: 40 * Self.page, keeping: used)
        let kept = (0..<used).allSatisfy {
            unsafe region.base.load(fromByteOffset: $0, as: UInt8.self) == Self.pattern($0)
        }
        #expect(kept)
        unsafe region.base.storeBytes(of: 9, toByteOffset: 40 * Self.page - 1, as: UInt8.self)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    @Test func `growth that fails leaves a region as it was`() throws {
        let region = try MemoryRegion(byteCount: Self.page)
        region.limit = Self.page
        let base = unsafe region.base
        #expect(throws: HNSWError.outOfMemory(bytes: 2 * Self.page)) {
            try region.grow(to: 2 * Self.page, keeping: Self.page)
        }
        #expect(unsafe region.base == base)
        #expect(region.byteCount == Self.page)
    }

    /// Each region in turn is the one there is no memory for: those before it have grown then, and lie elsewhere.
    @Test(arguments: 0..<11)
    func `an index whose growth fails midway answers and changes as before`(number: Int) throws {
        let capacity = 20_000
        let set = VectorSet(rows: 300, dimension: 130, repeats: 7, seed: 97)
        let index = try HNSWIndex(HNSWConfiguration(dimension: 130, M: 4, efConstruction: 20), capacity: capacity)
        try index.insert(matrix: set.values.span, threads: 1)
        let answers = try (0..<50).map { try index.search(set[$0].span, count: 10, ef: 40) }
        let state = index.state
        let regions = [
            state.records, state.codeInfo, state.halfScale, state.floats, state.firstRow, state.upperStart, state.locks,
            state.hashes, state.upper, state.nextRow, state.nodeOfRow,
        ]
        regions[number].limit = regions[number].byteCount
        for _ in 0..<2 {
            #expect(throws: HNSWError.self) { try index.reserve(4 * capacity) }
            #expect(try index.checkInvariants() == [])
            for row in 0..<50 { #expect(try index.search(set[row].span, count: 10, ef: 40) == answers[row]) }
            index.remove(row: 299)
            try index.insert(set[299].span, row: 299)
        }
        regions[number].limit = .max
        try index.reserve(4 * capacity)
        try index.insert(set[5].span, row: UInt32(3 * capacity))
        #expect(try index.checkInvariants() == [])
        #expect(index.nodeCount == Set((0..<300).map { set[$0] }).count)
    }
}
