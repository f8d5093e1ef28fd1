// exp, powers of two and the complementary error function, sixteen at a time. Coefficients: Scripts/fit_gelu.py.

import CIntrinsics

/// Eight floats: one AVX register, two of SSE or NEON.
typealias Lanes = SIMD8<Float>

/// Sixteen floats: one AVX-512 register, two of AVX, which hide each other's latency.
typealias WideLanes = SIMD16<Float>

/// `count` rounded up to whole `WideLanes`.
func roundedUpToWideLanes(_ count: Int) -> Int {
    (count + WideLanes.scalarCount - 1) / WideLanes.scalarCount * WideLanes.scalarCount
}

/// a · b + c, fused where the build has the instruction. Elsewhere `addingProduct` would be a library call a lane.
@inline(__always)
func multiplyAdd(_ a: Lanes, _ b: Lanes, _ c: Lanes) -> Lanes {
    cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
}
@inline(__always)
func multiplyAdd(_ a: WideLanes, _ b: WideLanes, _ c: WideLanes) -> WideLanes {
    cintrinsics_has_fma() ? c.addingProduct(a, b) : a * b + c
}

/// eˣ for -87 ≤ x ≤ 88, to 1.5e-7 of its value; below -87, where it leaves the normal floats, e⁻⁸⁷ = 1.6e-38.
///
/// x = n · ln 2 + r with |r| ≤ ½ ln 2, eʳ by a polynomial (3e-9), 2ⁿ by adding n to the exponent (Cody & Waite 1980, §6).
@inline(__always)
func exponential(_ x: WideLanes) -> WideLanes {
    let clamped = cintrinsics_max16(x, WideLanes(repeating: -87))
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits of the sum: no conversion is needed.
    let shifter = WideLanes(repeating: 0x1.8p23)
    let shifted = multiplyAdd(clamped, WideLanes(repeating: 1.442_695), shifter)
    let n = shifted - shifter
    // ln 2 in two parts: n · 0.693359375 is exact.
    let r = multiplyAdd(
        n, WideLanes(repeating: 2.121_944_4e-4), multiplyAdd(n, WideLanes(repeating: -0.693_359_375), clamped))

    var p = WideLanes(repeating: 0.001_381_461_5)
    p = multiplyAdd(p, r, WideLanes(repeating: 0.008_368_71))
    p = multiplyAdd(p, r, WideLanes(repeating: 0.041_668_39))
    p = multiplyAdd(p, r, WideLanes(repeating: 0.166_665_21))
    p = multiplyAdd(p, r, WideLanes(repeating: 0.499_999_94))
    p = multiplyAdd(p, r * r, r) + 1

    let exponent = unsafe unsafeBitCast(shifted, to: SIMD16<Int32>.self) &<< 23
    return unsafe unsafeBitCast(unsafeBitCast(p, to: SIMD16<Int32>.self) &+ exponent, to: WideLanes.self)
}

/// 2ˣ for -126 ≤ x ≤ 127, to 1.5e-7 of its value; below -126, where it leaves the normal floats, at most 2⁻¹²⁶ = 1.2e-38.
///
/// x = n + f with n = ⌊x⌋, 2ᶠ by a polynomial (2e-9), 2ⁿ by adding n to the exponent.
@inline(__always)
func powerOfTwo(_ x: WideLanes) -> WideLanes {
    let f = cintrinsics_fraction16(x)
    var p = WideLanes(repeating: 0.000_216_129_35)
    p = multiplyAdd(p, f, WideLanes(repeating: 0.001_246_784_1))
    p = multiplyAdd(p, f, WideLanes(repeating: 0.009_675_452_5))
    p = multiplyAdd(p, f, WideLanes(repeating: 0.055_485_282))
    p = multiplyAdd(p, f, WideLanes(repeating: 0.240_229_31))
    p = multiplyAdd(p, f, WideLanes(repeating: 0.693_147_06))
    p = multiplyAdd(p, f, WideLanes(repeating: 1))
    return cintrinsics_scale16(p, x)
}

/// erfc(t / √2) for t ≥ 0: twice the probability that a standard normal variable is above t.
///
/// The exponential of a polynomial fitted to the logarithm, which is smooth where erfc falls by eight orders of magnitude.
/// The fit minimises the error of t/2 · erfc(t/√2), which is what GELU needs: 9e-9 at most. Beyond t = 6, where the fit
/// ends, the polynomial goes on falling and so does the result, down to 1.6e-38.
@inline(__always)
func complementaryError(_ t: WideLanes) -> WideLanes {
    var q = WideLanes(repeating: -1.318_411_9e-6)
    q = multiplyAdd(q, t, WideLanes(repeating: 1.944_759_6e-5))
    q = multiplyAdd(q, t, WideLanes(repeating: -9.113_033e-5))
    q = multiplyAdd(q, t, WideLanes(repeating: -0.000_188_588_43))
    q = multiplyAdd(q, t, WideLanes(repeating: 0.005_022_143))
    q = multiplyAdd(q, t, WideLanes(repeating: -0.036_478_68))
    q = multiplyAdd(q, t, WideLanes(repeating: -0.318_266_96))
    q = multiplyAdd(q, t, WideLanes(repeating: -0.797_889_35))
    return exponential(q * t)
}

extension UnsafePointer<Float> {
    /// The eight floats from `offset` on.
    @inline(__always)
    func lanes(at offset: Int) -> Lanes {
        unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }

    /// The sixteen floats from `offset` on.
    @inline(__always)
    func wideLanes(at offset: Int) -> WideLanes {
        unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: WideLanes.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// The eight floats from `offset` on.
    @inline(__always)
    func lanes(at offset: Int) -> Lanes {
        unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }

    /// Replaces the eight floats from `offset` on.
    @inline(__always)
    func setLanes(_ lanes: Lanes, at offset: Int) {
        unsafe UnsafeMutableRawPointer(self + offset).storeBytes(of: lanes, as: Lanes.self)
    }

    /// The sixteen floats from `offset` on.
    @inline(__always)
    func wideLanes(at offset: Int) -> WideLanes {
        unsafe UnsafeRawPointer(self + offset).loadUnaligned(as: WideLanes.self)
    }

    /// Replaces the sixteen floats from `offset` on.
    @inline(__always)
    func setWideLanes(_ lanes: WideLanes, at offset: Int) {
        unsafe UnsafeMutableRawPointer(self + offset).storeBytes(of: lanes, as: WideLanes.self)
    }
}
