// SHA-256, FIPS 180-4: what a snapshot is known by. Qdrant's clients compare it with their own.

/// A digest of bytes that come in pieces. Sixty lines, because the library that has it builds a whole TLS stack with it.
package struct SHA256 {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var pending: [UInt8] = []
    private var count: UInt64 = 0
    private var schedule = [UInt32](repeating: 0, count: 64)

    package init() {}

    /// The 32 bytes of what is there at once.
    package static func digest(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest()
    }

    package mutating func update(_ bytes: some Collection<UInt8>) {
        count += UInt64(bytes.count)
        pending += bytes
        let whole = pending.count / 64 * 64
        for start in stride(from: 0, to: whole, by: 64) { block(pending, start) }
        pending.removeFirst(whole)
    }

    /// The 32 bytes of everything so far.
    package func digest() -> [UInt8] {
        var last = self
        let bits = count &* 8
        // 1, zeros up to 56 of 64, the length in bits (§5.1.1).
        let zeros = (119 - Int(count % 64)) % 64
        last.update([0x80] + [UInt8](repeating: 0, count: zeros))
        last.update((0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) })
        return last.state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) } }
    }

    /// Sixty-four lower-case digits.
    package var hexDigest: String { digest().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    /// §6.2.2
    private mutating func block(_ bytes: [UInt8], _ start: Int) {
        func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
        for t in 0..<16 {
            let place = start + 4 * t
            schedule[t] =
                UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8
                | UInt32(bytes[place + 3])
        }
        for t in 16..<64 {
            let (x, y) = (schedule[t - 15], schedule[t - 2])
            let s0 = rotated(x, 7) ^ rotated(x, 18) ^ x >> 3
            let s1 = rotated(y, 17) ^ rotated(y, 19) ^ y >> 10
            schedule[t] = schedule[t - 16] &+ s0 &+ schedule[t - 7] &+ s1
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for t in 0..<64 {
            let s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
            let first = h &+ s1 &+ (e & f ^ ~e & g) &+ Self.constants[t] &+ schedule[t]
            let s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
            let second = s0 &+ (a & b ^ a & c ^ b & c)
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (place, word) in [a, b, c, d, e, f, g, h].enumerated() { state[place] &+= word }
    }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (§4.2.2), found by integer arithmetic:
    /// ⌊∛(p · 2⁹⁶)⌋ mod 2³².
    private static let constants: [UInt32] = {
        var primes: [UInt64] = []
        var candidate: UInt64 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { prime in
            // The greatest 35-bit number whose cube is at most p · 2⁹⁶.
            var root: UInt64 = 0
            for bit in (0..<35).reversed() {
                let next = UInt128(root | 1 << UInt64(bit))
                if next * next * next <= UInt128(prime) << 96 { root = UInt64(next) }
            }
            return UInt32(truncatingIfNeeded: root)
        }
    }()
}
