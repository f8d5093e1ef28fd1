// How threads compute one slice together.

/// One thread's part of a slice.
///
/// Long slices are split by rows: each thread takes a band of tokens through everything and waits for the others only where
/// attention needs keys and values of all. Short ones are split by the columns of each product, because the work is to stream
/// the weights and each thread then streams its own; there everybody waits after every step.
struct Share: Sendable {
    enum Split { case rows, columns }

    let member: Int
    let members: Int
    let split: Split
    private let barrier: SpinBarrier?
    /// Matrices whose columns stand side by side in a product, and are each split alike.
    private var groups = 1

    /// The whole slice for one thread.
    static let whole = Share(member: 0, members: 1, split: .rows, barrier: nil)

    /// Fewest tokens a thread takes as a band: below about five tiles of rows, streaming all weights costs more than waiting.
    static let leastBand = 32

    /// Most threads that split products by columns: as many as the narrowest, of `hiddenSize` columns, has panels. More would
    /// have nothing to do in it, nor in the other product as narrow, and be waited for after every step.
    static func mostByColumns(hiddenSize: Int, columns: Int) -> Int { (hiddenSize + columns - 1) / columns }

    /// - Parameter barrier: Of `members` threads.
    init(member: Int, members: Int, split: Split, barrier: SpinBarrier?) {
        self.member = member
        self.members = members
        self.split = split
        self.barrier = barrier
    }

    /// The rows whose products this thread computes.
    func productRows(_ rows: Range<Int>) -> Range<Int> { split == .rows ? part(of: rows) : rows }

    /// The rows whose other steps this thread computes, of those whose products it computes.
    func otherRows(_ rows: Range<Int>) -> Range<Int> { split == .columns ? part(of: rows) : rows }

    /// The panels this thread computes of a product that has so many.
    func panels(of count: Int) -> PanelList {
        let each = count / groups
        return PanelList(groups: groups, groupCount: each, part: split == .columns ? part(of: 0..<each) : 0..<each)
    }

    /// The queries and heads whose attention this thread computes, of all tokens: some heads where these can be dealt out evenly,
    /// because keys and values of a head are laid out by everybody who computes it.
    func attention(of tokens: Range<Int>, heads: Int) -> (queries: Range<Int>, heads: Range<Int>) {
        split == .rows && heads % members != 0
            ? (part(of: tokens), 0..<heads) : (tokens, part(of: 0..<heads))
    }

    /// This thread's part of queries, keys and values, [3 * hiddenSize] in panels of `columns`: all of its heads, so that it may
    /// go on to attention without waiting; nil if panels and heads cannot be dealt out evenly.
    func ofOwnHeads(_ heads: Int, headSize: Int, columns: Int) -> Share? {
        // What is dealt out: whole panels of whole heads.
        let unit = max(columns, headSize)
        let hiddenSize = heads * headSize
        guard split == .columns, unit % min(columns, headSize) == 0, hiddenSize % (unit * members) == 0 else {
            return nil
        }
        var share = self
        share.groups = 3
        return share
    }

    /// Waits until every thread is here.
    func synchronize() { barrier?.wait() }

    /// Waits until every thread is here, if threads share rows.
    func synchronizeColumns() { if split == .columns { barrier?.wait() } }

    private func part(of range: Range<Int>) -> Range<Int> {
        range.lowerBound + range.count * member / members..<range.lowerBound + range.count * (member + 1) / members
    }
}

/// Numbers of panels in the order they are computed: of each group the same part.
struct PanelList: RandomAccessCollection {
    let groups: Int
    let groupCount: Int
    let part: Range<Int>

    var startIndex: Int { 0 }
    var endIndex: Int { groups * part.count }
    subscript(index: Int) -> Int { index / part.count * groupCount + part.lowerBound + index % part.count }
}
