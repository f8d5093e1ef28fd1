// How texts of different lengths share one pass: packed, never padded.

/// Token ids of some texts, one text behind the other.
struct PackedSequences: Sendable {
    /// All ids: [tokens].
    private(set) var ids: [Int32] = []
    /// Where each text begins, and at the end where the last one ends (cumulative lengths): [count + 1].
    private(set) var starts: [Int] = [0]

    /// Texts.
    var count: Int { starts.count - 1 }
    /// Tokens of all texts.
    var tokens: Int { ids.count }

    mutating func append(_ sequence: [Int32]) {
        ids += sequence
        starts.append(ids.count)
    }

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
    }

    /// The tokens of one text.
    subscript(sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }
}

/// Which texts are computed together: slices of whole texts with about equal work.
struct SlicePlan {
    /// The texts of each slice, by index: parts of one list. The longest come first, so that a slice's texts are about as long as each
    /// other; the last slice has what is left, at most as many tokens as the others.
    private(set) var slices: [ArraySlice<Int>] = []

    /// Cuts texts of the given lengths (tokens) into slices of at most `capacity` tokens, evenly for `workers` of them.
    ///
    /// No length may be above `capacity`.
    init(lengths: [Int], workers: Int, capacity: Int) {
        let total = lengths.reduce(0, +)
        guard total > 0 else { return }
        // A multiple of the workers, so that none waits for the others at the end.
        let rounds = (total + workers * capacity - 1) / (workers * capacity)
        let budget = (total + rounds * workers - 1) / (rounds * workers)

        let order = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
        var (start, tokens) = (0, 0)
        for (place, text) in order.enumerated() {
            if place > start && tokens + lengths[text] > budget {
                slices.append(order[start..<place])
                (start, tokens) = (place, 0)
            }
            tokens += lengths[text]
        }
        slices.append(order[start...])
    }

    /// How many slices of a call, from its first on, are better computed one after the other by all workers together, so that none
    /// waits long for the one that computes the last slice: the number with the earliest end, by tokens.
    ///
    /// - Parameters:
    ///   - tokens: Of each slice.
    ///   - mostMembers: Most workers that a slice of so many tokens is worth.
    static func sharedSlices(tokens: [Int], workers: Int, mostMembers: (Int) -> Int) -> Int {
        guard workers > 1, let largest = tokens.max() else { return 0 }
        // Of many slices the last one is little.
        guard tokens.count <= 4 * min(workers, mostMembers(largest)) else { return 0 }
        var together = 0.0
        var best = (shared: 0, end: end(tokens[...], workers: workers))
        for shared in 1...tokens.count {
            let slice = tokens[shared - 1]
            together += sharingCost * Double(slice) / Double(min(workers, mostMembers(slice)))
            let end = together + end(tokens[shared...], workers: workers)
            if end < best.end { best = (shared, end) }
        }
        return best.shared
    }

    /// What it costs to compute a slice together, as a share of its work: waiting for each other, and streaming the weights for fewer rows.
    private static let sharingCost = 1.2

    /// When the last of the workers is done, each taking the next slice when it is free.
    private static func end(_ tokens: ArraySlice<Int>, workers: Int) -> Double {
        guard tokens.count > workers else { return Double(tokens.max() ?? 0) }
        var ends = [Int](repeating: 0, count: workers)
        for slice in tokens {
            let next = ends.indices.min { ends[$0] < ends[$1] } ?? 0
            ends[next] += slice
        }
        return Double(ends.max() ?? 0)
    }
}
