// What one search writes: the beam, the visited nodes, the query's code. Reused, so that a search allocates nothing.

import CIntrinsics

/// A node and its distance in one integer that sorts as the distance does: [distance: 32][node: 31][expanded: 1].
struct Candidate: BitwiseCopyable {
    var bits: UInt64

    @inline(__always)
    init(_ node: Int, _ distance: Float) {
        let pattern = distance.bitPattern
        let ordered = pattern & 0x8000_0000 != 0 ? ~pattern : pattern | 0x8000_0000
        bits = UInt64(ordered) << 32 | UInt64(node) << 1
    }

    @inline(__always)
    init(bits: UInt64) { self.bits = bits }

    var node: Int { Int(bits >> 1 & 0x7FFF_FFFF) }
    var isExpanded: Bool { bits & 1 != 0 }
    var distance: Float {
        let ordered = UInt32(bits >> 32)
        return Float(bitPattern: ordered & 0x8000_0000 != 0 ? ordered & 0x7FFF_FFFF : ~ordered)
    }
}

/// The buffers of one search at a time.
///
/// The beam is one sorted array and not the paper's two heaps: with every candidate in it, the nearest unexpanded one is
/// found by a cursor, and the farthest is the last. The visited set is a bitset with a journal: at 200,000 nodes it is 25 kB
/// and stays in the nearest caches, where epoch stamps would be 400 kB or more.
@safe struct SearchContext {
    var visited: FlatBuffer<UInt64>
    var journal: FlatBuffer<UInt32>
    var journalCount = 0
    var beam: FlatBuffer<Candidate>
    var count = 0
    /// The first place in the beam that may be unexpanded.
    var cursor = 0
    /// The part of the journal that was asked for and is not compared yet.
    var asked = 0..<0
    /// Nodes whose lists are to be rewritten.
    var pending: FlatBuffer<UInt32>
    var chosen: FlatBuffer<Candidate>
    var scratch: FlatBuffer<Candidate>
    /// The codes of the query, of the node whose list is rewritten, of the candidate that is compared with those chosen.
    var code: FlatBuffer<Int8>
    var listCode: FlatBuffer<Int8>
    var candidateCode: FlatBuffer<Int8>
    var floats: FlatBuffer<Float>
    /// Rows found, nearest first: a candidate's node is the row here.
    var results: FlatBuffer<Candidate>
    var resultCount = 0
    var resultLimit = 0
    /// -1 where a greater score is nearer.
    var resultSign: Float = 1

    init(_ graph: Graph, nodeCapacity: Int, ef: Int) {
        visited = .allocate((nodeCapacity + 63) / 64, repeating: 0)
        journal = .allocate(nodeCapacity + 1, repeating: 0)
        beam = .allocate(ef + 1, repeating: Candidate(0, 0))
        pending = .allocate(2 * graph.M + 1, repeating: 0)
        chosen = .allocate(2 * graph.M + 1, repeating: Candidate(0, 0))
        scratch = .allocate(2 * graph.M + 2, repeating: Candidate(0, 0))
        code = .allocate(graph.vectorBytes, repeating: 0)
        listCode = .allocate(graph.vectorBytes, repeating: 0)
        candidateCode = .allocate(graph.vectorBytes, repeating: 0)
        floats = .allocate(graph.dimension + 16, repeating: 0)
        results = .allocate(65, repeating: Candidate(0, 0))
    }

    func deallocate() {
        visited.deallocate()
        journal.deallocate()
        beam.deallocate()
        pending.deallocate()
        chosen.deallocate()
        scratch.deallocate()
        code.deallocate()
        listCode.deallocate()
        candidateCode.deallocate()
        floats.deallocate()
        results.deallocate()
    }

    /// Candidates there is room for between searches, in the beam and in the results: 128 kB each.
    static let mostKept = 1 << 14

    /// Gives back what one search has made much wider than others need it.
    mutating func shrink() {
        if beam.capacity > Self.mostKept {
            beam.deallocate()
            beam = .allocate(65, repeating: Candidate(0, 0))
            count = 0
        }
        if results.capacity > Self.mostKept {
            results.deallocate()
            results = .allocate(65, repeating: Candidate(0, 0))
            resultCount = 0
        }
    }

    /// Of all buffers.
    var byteCount: Int {
        visited.byteCount + journal.byteCount + beam.byteCount + pending.byteCount + chosen.byteCount
            + scratch.byteCount
            + code.byteCount + listCode.byteCount + candidateCode.byteCount + floats.byteCount + results.byteCount
    }

    /// Makes room for a beam of `ef`, keeping what is in it.
    mutating func reserve(ef: Int) {
        guard beam.capacity < ef + 1 else { return }
        let wider = FlatBuffer<Candidate>.allocate(max(ef + 1, 2 * beam.capacity), repeating: Candidate(0, 0))
        for i in 0..<count { wider[i] = beam[i] }
        beam.deallocate()
        beam = wider
    }

    /// Whether this is the first visit.
    @inline(__always)
    mutating func visit(_ node: Int) -> Bool {
        let bit: UInt64 = 1 << (UInt64(node) & 63)
        let word = visited[node >> 6]
        if word & bit != 0 { return false }
        visited[node >> 6] = word | bit
        journal[journalCount] = UInt32(truncatingIfNeeded: node)
        journalCount += 1
        return true
    }

    mutating func forgetVisits() {
        for i in 0..<journalCount { visited[Int(journal[i]) >> 6] = 0 }
        journalCount = 0
    }

    /// Puts a candidate where it belongs, dropping the farthest beyond `ef`. Returns its place, or nil when too far.
    @inline(__always)
    mutating func offer(_ candidate: Candidate, ef: Int) -> Int? {
        if count == ef {
            if candidate.bits >= beam[count - 1].bits { return nil }
            count -= 1
        }
        let place = beam.place(of: candidate, count: count)
        beam.shiftUp(from: place, count: count - place)
        beam[place] = candidate
        count += 1
        return place
    }

    /// The query in this context's buffers.
    mutating func prepare(_ graph: Graph, _ query: UnsafePointer<Float>) -> Probe {
        unsafe floats.base.update(from: query, count: graph.dimension)
        guard graph.isCoded else {
            return unsafe Probe(code: code.base, floats: floats.base, scale: 0, norm: 0, sum: 0)
        }
        return unsafe Probe.encode(floats.base, dimension: graph.dimension, into: code.base)
    }

    /// Makes the nodes of the beam the start of a new expansion.
    mutating func restart() {
        cursor = 0
        for i in 0..<count {
            beam[i].bits &= ~1
            _ = visit(beam[i].node)
        }
    }

    /// Takes nodes without rows out of the beam.
    mutating func dropDeleted(_ graph: Graph) {
        var kept = 0
        for i in 0..<count where !graph.isDeleted(beam[i].node) {
            beam[kept] = beam[i]
            kept += 1
        }
        count = kept
    }
}
