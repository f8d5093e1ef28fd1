// The codes' arithmetic against plain sums: integers, so that nothing may differ.

import CIntrinsics
import TestSupport
import Testing

@Suite struct CodeKernelTests {
    @Test(arguments: [128, 256, 384, 4096])
    func `codes kept in halves come back, and multiply as integers do`(count: Int) {
        var generator = SplitMix64(seed: 91)
        for round in 0..<20 {
            // The first two rounds are the extremes, where a narrow sum would overflow.
            func codes() -> [Int8] {
                (0..<count).map { _ in
                    round < 2 ? (round == 0 ? 127 : -127) : Int8.random(in: -127...127, using: &generator)
                }
            }
            let vectors = (0..<4).map { _ in codes() }
            let query = codes().map { round == 1 ? -$0 : $0 }
            let packed = vectors.map { vector in
                var planes = [UInt8](repeating: 0, count: count)
                unsafe cintrinsics_pack_planes(vector, &planes, count)
                return planes
            }
            let querySum = query.reduce(Int32(0)) { $0 + Int32($1) }
            for (vector, planes) in zip(vectors, packed) {
                var back = [Int8](repeating: 0, count: count)
                let sum = unsafe cintrinsics_unpack_planes(planes, &back, count)
                #expect(back == vector)
                #expect(sum == vector.reduce(Int32(0)) { $0 + Int32($1) })
                let dot = zip(vector, query).reduce(Int32(0)) { $0 + Int32($1.0) * Int32($1.1) }
                #expect(unsafe cintrinsics_dot_planes(planes, query, count, querySum) == dot)
            }
            let halves = vectors.map { vector in
                zip(vector, query).reduce(Int32(0)) { $0 + (Int32($1.0) + 128) / 16 * Int32($1.1) }
            }
            let four = unsafe cintrinsics_dot_plane4(packed[0], packed[1], packed[2], packed[3], query, count)
            #expect((0..<4).map { four[$0] } == halves)
        }
    }

    @Test func `of four distances those not above a limit are told, equal ones and what is no number among them`() {
        #expect(cintrinsics_not_above([1, 2, 3, 4], 2) == 0b0011)
        #expect(cintrinsics_not_above([4, -3, .nan, 2.5], 2.5) == 0b1110)
        #expect(cintrinsics_not_above([1, .infinity, -.infinity, .nan], .infinity) == 0b1111)
        #expect(cintrinsics_not_above([-1, -2, -0.0, 0], -2) == 0b0010)
    }

    @Test(arguments: [1, 7, 16, 33, 384])
    func `one element that is not finite is found wherever it is`(count: Int) {
        // Zeros of both signs, the greatest and the smallest.
        let values: [Float] = [-0.0, 0, .greatestFiniteMagnitude, -.leastNonzeroMagnitude, -1]
        let finite = (0..<count).map { values[$0 % values.count] }
        #expect(unsafe cintrinsics_all_finite(finite, count))
        for place in 0..<count {
            for value in [Float.infinity, -.infinity, .nan, -.nan] {
                var vector = finite
                vector[place] = value
                #expect(unsafe !cintrinsics_all_finite(vector, count))
            }
        }
    }

    @Test func `a value's place among ascending ones, and room made for it, are right at every size`() {
        for count in [0, 1, 2, 7, 8, 9, 31, 32, 33, 64, 100, 513] {
            // Around 2⁶³, where a comparison of signed integers would be wrong.
            var values = (0..<count).map { UInt64($0) * 2 + ((1 << 63) - 15) }
            for wanted in 0...count {
                let value = wanted < count ? values[wanted] : .max
                #expect(unsafe cintrinsics_lower_bound(values, count, value) == wanted)
                #expect(unsafe cintrinsics_lower_bound(values, count, value &- 1) == wanted)
            }
            values.append(0)
            let before = values
            unsafe values.withUnsafeMutableBufferPointer { values in
                guard let base = values.baseAddress else { return }
                unsafe cintrinsics_shift_up(base + count / 3, count - count / 3)
            }
            #expect(Array(values[..<(count / 3)]) == Array(before[..<(count / 3)]))
            #expect(Array(values[(count / 3 + 1)...]) == Array(before[(count / 3)..<count]))
        }
    }

    @Test func `elements are rounded to the nearest step of the greatest`() {
        var generator = SplitMix64(seed: 92)
        let vector = (0..<77).map { _ in Float.random(in: -3...3, using: &generator) }
        let largest = vector.map(abs).max() ?? 0
        #expect(unsafe cintrinsics_largest_magnitude(vector, 77) == largest)
        var code = [Int8](repeating: 0, count: 77)
        var sum: Int32 = 0
        let squares = unsafe cintrinsics_round_i8(vector, 127 / largest, &code, 77, &sum)
        #expect(code == vector.map { Int8(($0 * (127 / largest)).rounded(.toNearestOrEven)) })
        #expect(sum == code.reduce(0) { $0 + Int32($1) })
        #expect(squares == code.reduce(0) { $0 + Int64($1) * Int64($1) })
    }
}
