// A fast hash of bytes, for finding damage. It is no defence against someone who makes a file on purpose: what a snapshot says
// is checked besides.

import Dispatch

enum Checksum {
    /// Eight interleaved multiply-xor chains over 64-bit words, at the speed of memory. Every step is a bijection of the state,
    /// so a change within one word always shows.
    @unsafe static func hash(_ bytes: UnsafeRawPointer, count: Int) -> UInt64 {
        let prime: UInt64 = 0x9E37_79B9_7F4A_7C15
        var state = SIMD8<UInt64>(1, 2, 3, 4, 5, 6, 7, 8)
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        var i = 0
        while i + 64 <= count {
            let words = unsafe (bytes + i).loadUnaligned(as: SIMD8<UInt64>.self)
            a = (a ^ words[0]) &* prime
            b = (b ^ words[1]) &* prime
            c = (c ^ words[2]) &* prime
            d = (d ^ words[3]) &* prime
            e = (e ^ words[4]) &* prime
            f = (f ^ words[5]) &* prime
            g = (g ^ words[6]) &* prime
            h = (h ^ words[7]) &* prime
            a ^= a >> 32
            b ^= b >> 32
            c ^= c >> 32
            d ^= d >> 32
            e ^= e >> 32
            f ^= f >> 32
            g ^= g >> 32
            h ^= h >> 32
            i += 64
        }
        state = SIMD8(a, b, c, d, e, f, g, h)
        var result = UInt64(count) &* prime
        while i < count {
            result = unsafe (result ^ UInt64(bytes.load(fromByteOffset: i, as: UInt8.self))) &* prime
            result ^= result >> 32
            i += 1
        }
        for lane in 0..<8 {
            result = (result ^ state[lane]) &* prime
            result ^= result >> 29
        }
        return result
    }

    /// The hash of the hashes of pieces of 1 MiB, which several threads can make.
    @unsafe static func hashPieces(_ bytes: UnsafeRawPointer, count: Int, threads: Int) -> UInt64 {
        let piece = 1 << 20
        let pieces = (count + piece - 1) / piece
        let hashes = FlatBuffer<UInt64>.allocate(pieces, repeating: 0)
        defer { hashes.deallocate() }
        // Each thread writes its own elements and reads bytes nobody writes.
        nonisolated(unsafe) let source = unsafe bytes
        nonisolated(unsafe) let target = hashes
        let workers = max(1, min(threads, pieces))
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for i in stride(from: worker, to: pieces, by: workers) {
                unsafe target[i] = unsafe hash(source + i * piece, count: min(piece, count - i * piece))
            }
        }
        return unsafe hash(hashes.base, count: pieces * 8)
    }
}
