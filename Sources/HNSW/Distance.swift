// How near two vectors are: Qdrant's four measures.

import CIntrinsics

/// A measure of similarity or distance between two vectors of the same dimension.
///
/// Scores are Qdrant's: `cosine` and `dot` grow with similarity, `euclid` and `manhattan` with distance.
public enum Distance: String, Sendable, Codable, CaseIterable {
    /// a · b of unit vectors, which is the cosine of their angle. Nothing in this module divides a vector by its length or checks that
    /// it is 1: whoever inserts vectors and searches for them does, once. With others the score is their product, and the
    /// nearest are those of `dot`. `EmbeddedStore` in VectorStore takes any vector and divides it itself.
    case cosine = "Cosine"
    /// Σ aᵢbᵢ
    case dot = "Dot"
    /// √Σ (aᵢ - bᵢ)²
    case euclid = "Euclid"
    /// Σ |aᵢ - bᵢ|
    case manhattan = "Manhattan"

    /// Whether a greater score is a nearer vector.
    public var greaterIsNearer: Bool { self == .cosine || self == .dot }

    /// Whether score `a` is strictly nearer than score `b`. NaN is farther than everything.
    public func isNearer(_ a: Float, than b: Float) -> Bool {
        if a.isNaN || b.isNaN { return !a.isNaN && b.isNaN }
        return greaterIsNearer ? a > b : a < b
    }

    /// The score of two vectors.
    ///
    /// - Parameters: `a`, `b`: [dimension]
    public func score(_ a: Span<Float>, _ b: Span<Float>) -> Float {
        precondition(a.count == b.count)
        return unsafe a.withUnsafeBufferPointer { a in
            unsafe b.withUnsafeBufferPointer { b in
                guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
                return unsafe score(x, y, count: a.count)
            }
        }
    }

    /// The same over `count` floats at each address.
    @unsafe func score(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
        switch self {
        case .cosine, .dot: unsafe Kernel.sum(a, b, count: count, Product.self)
        case .euclid: unsafe Kernel.sum(a, b, count: count, SquaredDifference.self).squareRoot()
        case .manhattan: unsafe Kernel.sum(a, b, count: count, AbsoluteDifference.self)
        }
    }
}

/// One term of a sum over the elements of two vectors.
private protocol Term {
    /// sum + f(x, y), eight lanes at a time.
    static func add(_ x: SIMD8<Float>, _ y: SIMD8<Float>, to sum: SIMD8<Float>) -> SIMD8<Float>
}

private enum Product: Term {
    @inline(__always)
    static func add(_ x: SIMD8<Float>, _ y: SIMD8<Float>, to sum: SIMD8<Float>) -> SIMD8<Float> {
        multiplyAdd(x, y, sum)
    }
}

private enum SquaredDifference: Term {
    @inline(__always)
    static func add(_ x: SIMD8<Float>, _ y: SIMD8<Float>, to sum: SIMD8<Float>) -> SIMD8<Float> {
        let difference = x - y
        return multiplyAdd(difference, difference, sum)
    }
}

private enum AbsoluteDifference: Term {
    @inline(__always)
    static func add(_ x: SIMD8<Float>, _ y: SIMD8<Float>, to sum: SIMD8<Float>) -> SIMD8<Float> {
        let difference = x - y
        return sum + difference.replacing(with: -difference, where: difference .< 0)
    }
}

/// x · y + z. `addingProduct` is one instruction only where the build has it, elsewhere a libm call for each lane.
@inline(__always)
private func multiplyAdd(_ x: SIMD8<Float>, _ y: SIMD8<Float>, _ z: SIMD8<Float>) -> SIMD8<Float> {
    cintrinsics_has_fma() ? z.addingProduct(x, y) : z + x * y
}

private enum Kernel {
    /// Σ term(aᵢ, bᵢ) with four independent accumulators, which is what hides the latency of a multiply-add.
    @inline(__always)
    @unsafe static func sum<T: Term>(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, _: T.Type
    ) -> Float {
        var (s0, s1, s2, s3) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
        var i = 0
        while i + 32 <= count {
            unsafe s0 = T.add(load(a + i), load(b + i), to: s0)
            unsafe s1 = T.add(load(a + i + 8), load(b + i + 8), to: s1)
            unsafe s2 = T.add(load(a + i + 16), load(b + i + 16), to: s2)
            unsafe s3 = T.add(load(a + i + 24), load(b + i + 24), to: s3)
            i += 32
        }
        while i + 8 <= count {
            unsafe s0 = T.add(load(a + i), load(b + i), to: s0)
            i += 8
        }
        if i < count {
            var (x, y) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
            for lane in 0..<(count - i) {
                unsafe x[lane] = a[i + lane]
                unsafe y[lane] = b[i + lane]
            }
            s1 = T.add(x, y, to: s1)
        }
        return ((s0 + s1) + (s2 + s3)).sum()
    }

    @inline(__always)
    @unsafe private static func load(_ address: UnsafePointer<Float>) -> SIMD8<Float> {
        unsafe UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Float>.self)
    }
}
