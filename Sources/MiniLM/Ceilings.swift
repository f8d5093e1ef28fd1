// What this machine can do at most: the yardsticks a benchmark holds the encoder against, measured in the same minute.

import CBLASShim
import Dispatch

/// Rates of this machine, all threads together: of arithmetic in operations a second (a multiply-add is two), of reading in bytes.
package enum Ceilings {
    /// OpenBLAS's sgemm on square matrices of 1,024, one single-threaded call a thread at the same time: the best of some rounds.
    ///
    /// - Parameter seconds: How long to measure, about.
    package static func sgemm(threads: Int, seconds: Double = 0.4) -> Double {
        useSingleThreadedBLAS()
        let size = 1024
        let matrices = (0..<3 * threads).map { _ in AlignedBuffer<Float>(count: size * size, zero: 0.5) }
        return best(seconds: seconds) {
            onThreads(threads) { thread in
                let (a, b, c) = (matrices[3 * thread], matrices[3 * thread + 1], matrices[3 * thread + 2])
                unsafe cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans, Int32(size), Int32(size), Int32(size), 1, a.start,
                    Int32(size), b.start, Int32(size), 0, c.start, Int32(size))
            }
            return Double(threads) * 2 * Double(size * size * size)
        }
    }

    /// Multiply-adds between registers alone.
    package static func multiplyAdd(threads: Int, seconds: Double = 0.2) -> Double {
        let results = AlignedBuffer<Float>(count: 16 * threads, zero: 0)
        let steps = 2_000_000
        return best(seconds: seconds) {
            onThreads(threads) { thread in
                // The result is kept, or the loop would be optimised away.
                unsafe results.start[16 * thread] =
                    TileShape.native == .wide64 ? chains(SIMD16<Float>.self, steps) : chains(SIMD8<Float>.self, steps)
            }
            let lanes = TileShape.native == .wide64 ? 16 : 8
            return Double(threads) * 2 * Double(steps * 12 * lanes)
        }
    }

    /// Reading the encoder's weights again and again, a part of each layer's a thread: from the cache that holds them, or from memory.
    package static func read(_ encoder: SentenceEncoder, threads: Int, seconds: Double = 0.2) -> Double {
        let layers = encoder.model.weights.layers
        let results = AlignedBuffer<Float>(count: 16 * threads, zero: 0)
        // Milliseconds, beside which starting threads is little.
        let passes = 16
        return best(seconds: seconds) {
            onThreads(threads) { thread in
                var total: Float = 0
                for _ in 0..<passes {
                    for linear in layers.lazy.flatMap(\.linears) {
                        let memory = unsafe linear.memory
                        let lines = memory.count / 64
                        let mine = lines * thread / threads..<lines * (thread + 1) / threads
                        unsafe total += sum(
                            UnsafeRawBufferPointer(rebasing: memory[64 * mine.lowerBound..<64 * mine.upperBound]))
                    }
                }
                // The result is kept, or the loop would be optimised away.
                unsafe results.start[16 * thread] = total
            }
            return Double(passes * encoder.weightBytes)
        }
    }

    /// The sum of the floats in `memory`, whole groups of four lines, whatever they mean.
    private static func sum(_ memory: UnsafeRawBufferPointer) -> Float {
        var sums = InlineArray<4, WideLanes>(repeating: .zero)
        for offset in stride(from: 0, to: memory.count - 255, by: 256) {
            for i in 0..<4 {
                unsafe sums[i] += memory.loadUnaligned(fromByteOffset: offset &+ 64 &* i, as: WideLanes.self)
            }
        }
        return (sums[0] + sums[1] + sums[2] + sums[3]).sum()
    }

    /// Twelve chains of multiply-adds, which is what two units with a latency of four or five need to be busy.
    private static func chains<V: FloatLanes>(_: V.Type, _ steps: Int) -> Float {
        var sums = InlineArray<12, V>(repeating: .repeating(Float(0)))
        let (a, b) = (V.repeating(Float(0.999)), V.repeating(Float(1)))
        for _ in 0..<steps {
            for i in 0..<12 { sums[i] = V.multiplyAdd(sums[i], a, b) }
        }
        var total: Float = 0
        for i in 0..<12 { total += sums[i][0] }
        return total
    }

    /// The best rate of `work`, which tells how many operations it did.
    private static func best(seconds: Double, _ work: () -> Double) -> Double {
        var best = 0.0
        let begin = ContinuousClock.now
        repeat {
            let start = ContinuousClock.now
            let operations = work()
            best = max(best, operations / ((ContinuousClock.now - start) / .seconds(1)))
        } while ContinuousClock.now - begin < .seconds(seconds)
        return best
    }

    /// Runs `body` so many times, at the same time as far as the system lets threads start; where it refuses one, its work falls to the
    /// others.
    private static func onThreads(_ count: Int, _ body: @Sendable (Int) -> Void) {
        DispatchQueue.concurrentPerform(iterations: count, execute: body)
    }
}
