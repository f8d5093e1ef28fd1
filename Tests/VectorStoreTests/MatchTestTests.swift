// Words, patterns and areas made ready against plain looking.

import TestSupport
import Testing

@testable import VectorStore

@Suite struct MatchTestTests {
    /// The oracle compares at every place.
    @Test func `bytes are found wherever they stand, however they repeat`() throws {
        var generator = SplitMix64(seed: 71)
        func text(_ lengths: Range<Int>) -> String {
            String(
                (0..<Int.random(in: lengths, using: &generator)).map { _ in
                    ["a", "a", "b", "é"].randomElement(using: &generator) ?? "a"
                })
        }
        var found = 0
        for _ in 0..<3000 {
            let (text, part) = (text(0..<30), text(0..<6))
            let bytes = Array(text.utf8)
            let isExpected = (0...bytes.count).contains { bytes[$0...].starts(with: part.utf8) }
            let condition = Condition.match(key: "t", .substring(part))
            #expect(
                try condition.matches(FilterSubject(payload: ["t": .string(text)])) == isExpected, "\(part) in \(text)")
            if isExpected { found += 1 }
        }
        #expect((1000..<2500).contains(found))
    }

    /// Compared at every place this is 10¹¹ comparisons.
    @Test func `half a million repeated bytes are looked for in a million`() throws {
        let subject = FilterSubject(payload: ["t": .string(String(repeating: "a", count: 1_000_000))])
        let half = String(repeating: "a", count: 500_000)
        #expect(try Condition.match(key: "t", .substring(half)).matches(subject))
        #expect(try !Condition.match(key: "t", .substring(half + "b")).matches(subject))
        #expect(try !Condition.match(key: "t", .substring(half + half + "a")).matches(subject))
    }

    /// The oracles are sets of words.
    @Test func `all words are found, or one, in any order and however often`() throws {
        var generator = SplitMix64(seed: 72)
        func words(_ counts: Range<Int>) -> [String] {
            (0..<Int.random(in: counts, using: &generator)).map { _ in
                ["a", "b", "c", "d", "e"].randomElement(using: &generator) ?? "a"
            }
        }
        var found = 0
        for _ in 0..<3000 {
            let (text, wanted) = (words(0..<9), words(0..<5))
            let subject = FilterSubject(payload: ["t": .string(text.joined(separator: ", "))])
            let query = wanted.joined(separator: " ").uppercased()
            let hasAll = !wanted.isEmpty && Set(wanted).isSubset(of: text)
            #expect(try Condition.match(key: "t", .text(query)).matches(subject) == hasAll, "\(wanted) in \(text)")
            let hasOne = !Set(wanted).isDisjoint(with: text)
            #expect(try Condition.match(key: "t", .textAny(query)).matches(subject) == hasOne, "\(wanted) in \(text)")
            if hasAll { found += 1 }
        }
        #expect((700..<2500).contains(found))
    }

    /// The oracle goes through all corners. On a grid many places are on an edge, on a corner or in line with some.
    @Test func `a place is inside an area made ready when it is inside the area`() throws {
        var generator = SplitMix64(seed: 73)
        func place(_ range: ClosedRange<Double>) -> GeoPoint {
            func half() -> Double { (Double.random(in: range, using: &generator) * 2).rounded() / 2 }
            return GeoPoint(lon: half(), lat: half())
        }
        func ring() -> [GeoPoint] {
            let corners = (0..<Int.random(in: 3..<9, using: &generator)).map { _ in place(-3...3) }
            return corners + corners.prefix(1)
        }
        func area() -> GeoArea {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: .box(topLeft: place(-3...3), bottomRight: place(-3...3))
            case 1: .circle(center: place(-3...3), radius: .random(in: 0...400_000, using: &generator))
            default:
                .polygon(
                    exterior: ring(), interiors: (0..<Int.random(in: 0..<3, using: &generator)).map { _ in ring() })
            }
        }
        var inside = 0
        for _ in 0..<500 {
            let area = area()
            let test = try GeoAreaTest(area, nil)
            for place in (0..<20).map({ _ in place(-4...4) }) {
                let isExpected = area.contains(place)
                #expect(try test.contains(place, nil) == isExpected, "\(place) in \(area)")
                if isExpected {
                    inside += 1
                    #expect(test.latitudes.contains(place.lat))
                }
            }
        }
        #expect((300..<5000).contains(inside))
    }

    @Test func `an area that is made of no numbers has no place in it`() throws {
        let nowhere = GeoPoint(lon: .nan, lat: .nan)
        for area in [
            .circle(center: nowhere, radius: 1), .circle(center: GeoPoint(lon: 0, lat: 0), radius: .nan),
            .box(topLeft: nowhere, bottomRight: nowhere), .polygon(exterior: [], interiors: []),
            .polygon(exterior: [nowhere, nowhere], interiors: []),
        ] as [GeoArea] {
            #expect(try !GeoAreaTest(area, nil).contains(GeoPoint(lon: 0, lat: 0), nil))
        }
    }
}
