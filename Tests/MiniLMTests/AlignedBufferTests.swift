// Memory of kernels: aligned, zeroed, and nobody else's, also where many buffers share a chunk.

import Testing

@testable import MiniLM

@Suite struct AlignedBufferTests {
    /// Small ones, some that fill a chunk of 16 MB together, one that is larger; the arena itself is let go first.
    @Test func `buffers of an arena are apart, aligned and outlive it`() {
        let counts = [1, 17, 1000, 3_000_000, 2_000_000, 5, 5_000_000, 64]
        var arena: MemoryArena? = MemoryArena()
        let buffers = counts.map { AlignedBuffer<Float>(count: $0, zero: Float($0), in: arena) }
        arena = nil
        for (number, buffer) in buffers.enumerated() {
            #expect(unsafe UInt(bitPattern: buffer.start) % 64 == 0)
            unsafe buffer.start[0] = -Float(number)
            unsafe buffer.start[buffer.count - 1] = -Float(number)
        }
        for (number, buffer) in buffers.enumerated() {
            let values = buffer.prefix(buffer.count)
            #expect(values.first == -Float(number) && values.last == -Float(number))
            #expect(values.dropFirst().dropLast().allSatisfy { $0 == Float(buffer.count) })
        }
    }
}
