// SipHash-2-4 (Aumasson & Bernstein 2012), by which Qdrant deals ids into slices.

enum SipHash {
    /// The hash of `bytes` under the key zero.
    static func hash(_ bytes: some Collection<UInt8>) -> UInt64 {
        // "somepseudorandomlygeneratedbytes"
        var v: (UInt64, UInt64, UInt64, UInt64) = (
            0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573
        )
        func round() {
            v.0 &+= v.1
            v.1 = v.1 << 13 | v.1 >> 51
            v.1 ^= v.0
            v.0 = v.0 << 32 | v.0 >> 32
            v.2 &+= v.3
            v.3 = v.3 << 16 | v.3 >> 48
            v.3 ^= v.2
            v.0 &+= v.3
            v.3 = v.3 << 21 | v.3 >> 43
            v.3 ^= v.0
            v.2 &+= v.1
            v.1 = v.1 << 17 | v.1 >> 47
            v.1 ^= v.2
            v.2 = v.2 << 32 | v.2 >> 32
        }
        func absorb(_ word: UInt64) {
            v.3 ^= word
            round()
            round()
            v.0 ^= word
        }
        var word: UInt64 = 0
        var count: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << (8 * (count % 8))
            count += 1
            if count % 8 == 0 {
                absorb(word)
                word = 0
            }
        }
        absorb(word | count << 56)
        v.2 ^= 0xff
        for _ in 0..<4 { round() }
        return v.0 ^ v.1 ^ v.2 ^ v.3
    }
}

extension PointID {
    /// Which of `total` slices of all ids this one is in.
    func slice(of total: UInt64) -> UInt64 {
        switch self {
        case .number(let number): SipHash.hash((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }) % total
        case .uuid: SipHash.hash(key.dropFirst()) % total
        }
    }
}
