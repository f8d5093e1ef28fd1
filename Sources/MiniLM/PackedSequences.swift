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
    /// The texts of each slice, by index. Long texts come first, so that what is left for the end is small.
    private(set) var slices: [[Int]] = []

    /// Cuts texts of the given lengths (tokens) into slices of at most `capacity` tokens, evenly for `workers` of them.
    ///
    /// No length may be above `capacity`.
    init(lengths: [Int], workers: Int, capacity: Int) {
        let total = lengths.reduce(0, +)
        guard total > 0 else { return }
        // A multiple of the workers, so that none waits for the others at the end.
        let rounds = (total + workers * capacity - 1) / (workers * capacity)
        let budget = (total + rounds * workers - 1) / (rounds * workers)

        var tokens = 0
        for text in lengths.indices.sorted(by: { (lengths[$0], $1) > (lengths[$1], $0) }) {
            if slices.isEmpty || tokens + lengths[text] > budget {
                slices.append([])
                tokens = 0
            }
            slices[slices.count - 1].append(text)
            tokens += lengths[text]
        }
    }
}
