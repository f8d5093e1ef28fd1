// Decimal digits to the nearest double. Most of an uploaded vector's time was spent in strtod: clients write 32-bit floats with the
// 17 digits of a 64-bit one, more than its usual fast path takes.

/// digits · 10^exponent, as read from text.
struct DecimalNumber {
    /// All digits without the point; meaningless when there are more than 19 significant ones.
    private(set) var digits: UInt64 = 0
    private(set) var significantCount = 0
    var exponent = 0

    /// Takes the digits that `bytes` has from `index` on; returns how many.
    ///
    /// Eight at a time: as many as there are in the register that holds them (Lemire 2021, "Number Parsing at a Gigabyte per
    /// Second", section 4).
    mutating func takeDigits(_ bytes: Span<UInt8>, at index: Int) -> Int {
        var place = index
        var value = digits
        // Zeros before the first other digit do not count.
        var zeros = 0
        if value == 0 { while place + zeros < bytes.count, bytes[place + zeros] == UInt8(ascii: "0") { zeros += 1 } }
        place += zeros
        while place + 8 <= bytes.count {
            let word = unsafe UInt64(
                littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self))
            guard let eight = Self.eightDigits(word) else { break }
            value = value &* 100_000_000 &+ eight
            place += 8
        }
        while place < bytes.count {
            let digit = bytes[place] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = value &* 10 &+ UInt64(digit)
            place += 1
        }
        digits = value
        significantCount += place - index - zeros
        return place - index
    }

    /// The number that eight bytes of text spell, the first lowest in `word`; nil when one is no digit.
    private static func eightDigits(_ word: UInt64) -> UInt64? {
        // Of a digit the high half is 3, and stays so when 6 is added.
        let high: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
        guard word & high == 0x3030_3030_3030_3030, (word &+ 0x0606_0606_0606_0606) & high == 0x3030_3030_3030_3030
        else { return nil }
        // Pairs of bytes become numbers below 100, pairs of these below 10,000, and these one.
        let digits = word & ~high
        let pairs = (digits &* 10 &+ digits >> 8) & 0x00FF_00FF_00FF_00FF
        let fours = (pairs &* 100 &+ pairs >> 16) & 0x0000_FFFF_0000_FFFF
        return (fours &* 10_000 &+ fours >> 32) & 0xFFFF_FFFF
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
        // 2^shift, far from the ends of the exponent's range: the product is exact.
        return Double(significand) * Double(bitPattern: UInt64(1023 + shift) << 52)
    }

    // Spelt out, they are data of the program; computed, each use would ask whether they have been.
    private static let powersOfFive: [UInt64] = [
        1, 5, 25, 125, 625, 3125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125, 244_140_625, 1_220_703_125,
        6_103_515_625, 30_517_578_125, 152_587_890_625, 762_939_453_125, 3_814_697_265_625, 19_073_486_328_125,
        95_367_431_640_625, 476_837_158_203_125, 2_384_185_791_015_625, 11_920_928_955_078_125, 59_604_644_775_390_625,
        298_023_223_876_953_125, 1_490_116_119_384_765_625, 7_450_580_596_923_828_125,
    ]
    /// Exact up to 10²².
    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
