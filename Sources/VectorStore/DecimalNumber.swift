// Decimal digits to the nearest double. Most of an uploaded vector's time was spent in strtod: clients write 32-bit floats with the
// 17 digits of a 64-bit one, more than its usual fast path takes.

/// digits · 10^exponent, as read from text.
struct DecimalNumber {
    /// All digits without the point; meaningless when there are more than 19 significant ones.
    private(set) var digits: UInt64 = 0
    private(set) var significantCount = 0
    var exponent = 0

    /// One more digit, 0...9.
    mutating func append(_ digit: UInt8) {
        // Zeros before the first other digit do not count.
        if digits != 0 || digit != 0 { significantCount += 1 }
        digits = digits &* 10 &+ UInt64(digit)
    }

    var isExact: Bool { significantCount <= 19 }

    /// The double nearest to the number, of two equally near the even one; nil where more precision would be needed than
    /// one division has: beyond 19 digits, or outside of 10⁻²⁷...10²².
    ///
    /// With an exponent -k, digits / 10^k = (digits / 5^k) · 2^-k, and 5^27 < 2^64: one division of 128 by 64 bits gives 64 bits
    /// of the quotient and, by its remainder, whether there is more. That decides every rounding to 53 bits.
    var double: Double? {
        guard isExact else { return nil }
        guard digits != 0 else { return 0 }
        if exponent >= 0 {
            // Two exact doubles, one rounding (Clinger 1990).
            guard digits < 1 << 53, exponent <= 22 else { return exponent == 0 ? Double(digits) : nil }
            return Double(digits) * Self.powersOfTen[exponent]
        }
        guard exponent >= -27 else { return nil }
        let power = Self.powersOfFive[-exponent]
        let dividend = digits << UInt64(digits.leadingZeroBitCount)
        let divisor = power << UInt64(power.leadingZeroBitCount)
        // The quotient's highest bit is set either way.
        let isHalved = dividend >= divisor
        let (quotient, remainder) = divisor.dividingFullWidth(
            isHalved ? (dividend >> 1, dividend << 63) : (dividend, 0))
        var significand = quotient >> 11
        let rest = quotient & 0x7FF
        if rest > 0x400 || rest == 0x400 && (remainder != 0 || significand & 1 == 1) { significand += 1 }
        let shift =
            power.leadingZeroBitCount - digits.leadingZeroBitCount + exponent - 64 + 11 + (isHalved ? 1 : 0)
        return Double(sign: .plus, exponent: shift, significand: Double(significand))
    }

    private static let powersOfFive: [UInt64] = (0...27).map { (0..<$0).reduce(1) { power, _ in power * 5 } }
    /// Exact up to 10²².
    private static let powersOfTen: [Double] = (0...22).map { (0..<$0).reduce(1) { power, _ in power * 10 } }
}
