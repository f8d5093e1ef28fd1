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
///     record: [2M links: UInt32] [vector: dimension bytes of codes, or floats], padded to whole cache lines
///     codeInfo: [scale, ‖decoded vector‖²] a node, with int8 codes only
///     floats: [dimension] a node; with float32 codes they are in the record
///     upperStart: where a node's links above layer 0 begin, in lists of M; a node of level l has l lists
///     firstRow, nextRow: the rows sharing a node, as a linked list; no row: the node is deleted
@safe struct Graph {
    let dimension: Int
    let distance: Distance
    let isCoded: Bool
    let M: Int
    let seed: UInt64

    /// Bytes.
    let linkBytes: Int
    let vectorBytes: Int
    let stride: Int

    var records: FlatBuffer<UInt8>
    var codeInfo: FlatBuffer<Float>
    var floats: FlatBuffer<Float>
    var firstRow: FlatBuffer<UInt32>
    var upperStart: FlatBuffer<UInt32>
    var locks: FlatBuffer<UInt8>
    var upper: FlatBuffer<UInt32>
    var nextRow: FlatBuffer<UInt32>
    var nodeOfRow: FlatBuffer<UInt32>

    static let maximumLevel = 15

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
    func code(_ node: Int) -> UnsafeMutablePointer<Int8> {
        unsafe UnsafeMutableRawPointer(records.base + node * stride + linkBytes).assumingMemoryBound(to: Int8.self)
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

    @inline(__always)
    func prefetchLinks(_ node: Int) { unsafe cintrinsics_prefetch_range(records.base + node * stride, linkBytes) }

    func isDeleted(_ node: Int) -> Bool { firstRow.load(node) == none }

    /// Waits for the lock of a node. It is held for the rewriting of one list, a few microseconds.
    func lock(_ node: Int) { unsafe SpinLock.lock(locks.base + node) }
    func unlock(_ node: Int) { unsafe cintrinsics_unlock(locks.base + node) }

    /// A node as a query.
    @inline(__always)
    func probe(_ node: Int) -> Probe {
        guard isCoded else {
            return unsafe Probe(code: code(node), floats: floatVector(node), scale: 0, norm: 0, sum: 0)
        }
        let code = unsafe code(node)
        return unsafe Probe(
            code: code, floats: floatVector(node), scale: codeInfo[2 * node], norm: codeInfo[2 * node + 1],
            sum: cintrinsics_sum_i8(code, vectorBytes))
    }

    /// How far a node is, smaller is nearer: -a · b, ‖a - b‖² (of codes) or ‖a - b‖ (of floats), or Σ |aᵢ - bᵢ|.
    @inline(__always)
    func distance(_ probe: Probe, _ node: Int) -> Float {
        guard isCoded else {
            let score = unsafe distance.score(probe.floats, floatVector(node), count: dimension)
            return distance.greaterIsNearer ? -score : score
        }
        let dot = unsafe Float(cintrinsics_dot_i8(code(node), probe.code, vectorBytes, probe.sum))
        let product = dot * (codeInfo[2 * node] * probe.scale)
        return distance == .euclid ? codeInfo[2 * node + 1] + probe.norm - 2 * product : -product
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
        var largest: Float = 0
        for i in 0..<dimension { unsafe largest = max(largest, abs(floats[i])) }
        // Below the smallest normal number the reciprocal would overflow: such a vector is as good as zero.
        let scale = largest < 1e-30 ? 0 : largest / 127
        let inverse = scale == 0 ? 0 : 127 / largest
        var sum: Int32 = 0
        var squares: Int64 = 0
        for i in 0..<dimension {
            let value = unsafe Int32((floats[i] * inverse).rounded())
            let clamped = min(127, max(-127, value))
            unsafe code[i] = Int8(truncatingIfNeeded: clamped)
            sum += clamped
            squares += Int64(clamped * clamped)
        }
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
}
