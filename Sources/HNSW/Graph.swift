// The graph in memory: a record for each node, links first, then the vector as the traversal sees it.

import CIntrinsics

/// No node, no row; and the end of a list of links that is not full.
let none = UInt32.max

/// A link that keeps its target reachable and is never pruned: this bit beside the node's number.
///
/// Following such links from the entry point leads to every node: a new node's nearest possible neighbour owns one to it,
/// and a new entry point owns one to its predecessor.
let treeBit: UInt32 = 1 << 31

/// Addresses and sizes. Copying it copies no data.
///
///     record: [2M links: UInt32] [vector: the high halves of its codes, the low halves; or floats], padded to whole cache lines
///     codeInfo: [scale, ‖decoded vector‖²] a node, with int8 codes only
///     halfScale: a node, if searches walk by halves: what the high halves are multiplied with, the upper half of a float
///     floats: [dimension] a node; with float32 codes they are in the record
///     upperStart: where a node's links above layer 0 begin, in lists of M; a node of level l has l lists
///     firstRow, nextRow: the rows sharing a node, as a linked list; no row: the node is deleted
@safe struct Graph {
    let dimension: Int
    let distance: Distance
    let isCoded: Bool
    /// Whether a search walks by the high halves of the codes alone: half the cache lines a step.
    let walksByHalves: Bool
    let M: Int
    let seed: UInt64

    /// Bytes.
    let linkBytes: Int
    let vectorBytes: Int
    let stride: Int

    var records: FlatBuffer<UInt8>
    var codeInfo: FlatBuffer<Float>
    var halfScale: FlatBuffer<UInt16>
    var floats: FlatBuffer<Float>
    var firstRow: FlatBuffer<UInt32>
    var upperStart: FlatBuffer<UInt32>
    var locks: FlatBuffer<UInt8>
    var upper: FlatBuffer<UInt32>
    var nextRow: FlatBuffer<UInt32>
    var nodeOfRow: FlatBuffer<UInt32>

    static let maximumLevel = 15

    /// Elements from which half a vector's codes tell near from far: their error falls with the root of the dimension.
    static let leastHalvedDimension = 128

    /// Codes are kept in lines of 128 halves, floats in lines of 16.
    static func vectorBytes(dimension: Int, isCoded: Bool) -> Int {
        isCoded ? (dimension + 127) / 128 * 128 : (4 * dimension + 63) / 64 * 64
    }

    /// The level of a node, from its number: -ln(u) / ln(M), rounded down (paper, section 4.1).
    func level(of node: Int) -> Int {
        var z = (seed &+ UInt64(node)) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        // P(level >= l) = M^-l, in integers: u < 2^53 / M^l.
        var bound = Double(1 << 53)
        var level = 0
        while level < Self.maximumLevel {
            bound /= Double(M)
            if Double(z >> 11) >= bound { break }
            level += 1
        }
        return level
    }

    /// A node's links on a layer.
    @inline(__always)
    func links(_ node: Int, layer: Int) -> FlatBuffer<UInt32> {
        if layer == 0 {
            return unsafe FlatBuffer(
                base: UnsafeMutableRawPointer(records.base + node * stride).assumingMemoryBound(to: UInt32.self),
                capacity: 2 * M)
        }
        let start = Int(upperStart[node]) + (layer - 1) * M
        return unsafe FlatBuffer(base: upper.base + start, capacity: M)
    }

    @inline(__always)
    func code(_ node: Int) -> UnsafeMutablePointer<UInt8> {
        unsafe records.base + node * stride + linkBytes
    }

    @inline(__always)
    func floatVector(_ node: Int) -> UnsafeMutablePointer<Float> {
        isCoded
            ? unsafe floats.base + node * dimension
            : unsafe UnsafeMutableRawPointer(code(node)).assumingMemoryBound(to: Float.self)
    }

    @inline(__always)
    func prefetchVector(_ node: Int) {
        unsafe cintrinsics_prefetch_range(code(node), vectorBytes)
        if isCoded { unsafe cintrinsics_prefetch(codeInfo.base + 2 * node) }
    }

    /// The high halves of the codes and their scale.
    @inline(__always)
    func prefetchHalf(_ node: Int) {
        unsafe cintrinsics_prefetch_range(code(node), vectorBytes / 2)
        unsafe cintrinsics_prefetch(halfScale.base + node)
    }

    /// What a walk reads.
    @inline(__always)
    func prefetchWalked(_ node: Int) { if walksByHalves { prefetchHalf(node) } else { prefetchVector(node) } }

    @inline(__always)
    func prefetchLowHalf(_ node: Int) {
        unsafe cintrinsics_prefetch_range(code(node) + vectorBytes / 2, vectorBytes / 2)
        unsafe cintrinsics_prefetch(codeInfo.base + 2 * node)
    }

    @inline(__always)
    func prefetchLinks(_ node: Int) { unsafe cintrinsics_prefetch_range(records.base + node * stride, linkBytes) }

    /// Above layer 0 where the links begin must be known to ask for them: `prefetchStart` asks for that.
    @inline(__always)
    func prefetchLinks(_ node: Int, layer: Int) {
        if layer == 0 { return prefetchLinks(node) }
        let links = links(node, layer: layer)
        unsafe cintrinsics_prefetch_range(links.base, M * 4)
    }

    @inline(__always)
    func prefetchStart(_ node: Int) { unsafe cintrinsics_prefetch(upperStart.base + node) }

    func isDeleted(_ node: Int) -> Bool { firstRow.load(node) == none }

    /// Waits for the lock of a node. It is held for the rewriting of one list, a few microseconds.
    func lock(_ node: Int) { unsafe SpinLock.lock(locks.base + node) }
    func unlock(_ node: Int) { unsafe cintrinsics_unlock(locks.base + node) }

    /// A node as a query.
    ///
    /// - Parameter code: [vectorBytes], where its codes are put together.
    @inline(__always)
    func probe(_ node: Int, into code: FlatBuffer<Int8>) -> Probe {
        guard isCoded else {
            return unsafe Probe(code: code.base, floats: floatVector(node), scale: 0, norm: 0, sum: 0)
        }
        let sum = unsafe cintrinsics_unpack_planes(self.code(node), code.base, vectorBytes)
        return unsafe Probe(
            code: code.base, floats: floatVector(node), scale: codeInfo[2 * node], norm: codeInfo[2 * node + 1],
            sum: sum)
    }

    /// How far a node is, smaller is nearer: -a · b, ‖a - b‖² (of codes) or ‖a - b‖ (of floats), or Σ |aᵢ - bᵢ|.
    @inline(__always)
    func distance(_ probe: Probe, _ node: Int) -> Float {
        guard isCoded else {
            let score = unsafe distance.score(probe.floats, floatVector(node), count: dimension)
            return distance.greaterIsNearer ? -score : score
        }
        let dot = unsafe Float(cintrinsics_dot_planes(code(node), probe.code, vectorBytes, probe.sum))
        let product = dot * (codeInfo[2 * node] * probe.scale)
        return distance == .euclid ? codeInfo[2 * node + 1] + probe.norm - 2 * product : -product
    }

    /// How far four nodes are by the high halves of their codes: each low half is taken for its mean, 7.5.
    @inline(__always)
    func halfDistances(_ probe: Probe, _ nodes: SIMD4<UInt32>) -> SIMD4<Float> {
        let (a, b, c, d) = (Int(nodes[0]), Int(nodes[1]), Int(nodes[2]), Int(nodes[3]))
        let dots = unsafe cintrinsics_dot_plane4(code(a), code(b), code(c), code(d), probe.code, vectorBytes)
        let scales = SIMD4(halfScale(a), halfScale(b), halfScale(c), halfScale(d))
        // -Σ (16 · high + 7.5 - 128) · query
        let offset = 120.5 * Float(probe.sum)
        return (offset - 16 * cintrinsics_to_float4(dots)) * (scales * probe.scale)
    }

    @inline(__always)
    func halfScale(_ node: Int) -> Float { Float(bitPattern: UInt32(halfScale[node]) << 16) }

    /// Keeps what the high halves of a node's codes are multiplied with: the scale that makes the product with the vector itself right,
    /// so that what the low halves leave out shortens no vector.
    ///
    /// - Parameter probe: The node's.
    func setHalfScale(_ node: Int, _ probe: Probe) {
        let dot = unsafe cintrinsics_dot_plane(code(node), probe.code, vectorBytes)
        let product = (16 * Float(dot) - 120.5 * Float(probe.sum)) * probe.scale
        let scale = product > 0 ? probe.norm / product : 0
        // Rounded to the nearest, the even one of two: a scale's eight bits are off by 0.4 % at most.
        let bits = scale.bitPattern
        halfScale[node] = UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }

    /// The exact score, by the floats.
    @inline(__always)
    func score(_ probe: Probe, _ node: Int) -> Float {
        unsafe distance.score(probe.floats, floatVector(node), count: dimension)
    }
}

/// A query as the traversal wants it.
@safe struct Probe {
    /// [vectorBytes], zeros behind the last element.
    let code: UnsafeMutablePointer<Int8>
    /// [dimension]
    let floats: UnsafeMutablePointer<Float>
    let scale: Float
    /// ‖decoded code‖²
    let norm: Float
    /// Σ code
    let sum: Int32

    /// Rounds `floats` to `code`: element ≈ scale · code, scale = max|element| / 127.
    static func encode(_ floats: UnsafeMutablePointer<Float>, dimension: Int, into code: UnsafeMutablePointer<Int8>)
        -> Probe
    {
        let largest = unsafe cintrinsics_largest_magnitude(floats, dimension)
        // Below the smallest normal number the reciprocal would overflow: such a vector is as good as zero.
        let scale = largest < 1e-30 ? 0 : largest / 127
        let inverse = scale == 0 ? 0 : 127 / largest
        var sum: Int32 = 0
        let squares = unsafe cintrinsics_round_i8(floats, inverse, code, dimension, &sum)
        return unsafe Probe(code: code, floats: floats, scale: scale, norm: Float(squares) * scale * scale, sum: sum)
    }
}

/// A byte that threads take in turn.
enum SpinLock {
    @unsafe static func lock(_ address: UnsafeMutablePointer<UInt8>) {
        var tries = 0
        while unsafe !cintrinsics_try_lock(address) {
            tries += 1
            // The owner may have lost its core: give it ours.
            if tries & 63 == 0 { yieldThread() } else { cintrinsics_pause() }
        }
    }

    /// Whether the lock was to be had within so many tries.
    @unsafe static func lock(_ address: UnsafeMutablePointer<UInt8>, within tries: Int) -> Bool {
        for _ in 0..<tries {
            if unsafe cintrinsics_try_lock(address) { return true }
            cintrinsics_pause()
        }
        return false
    }
}
