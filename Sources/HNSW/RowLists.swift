// The rows that share a vector: an ascending list, which a row enters and leaves without a walk through all of it.

/// Some rows of long lists, from which the place of a row is near.
///
/// Set by those who walk, and only where they walked far: a list read from a file, or one that grew at its front, has none until then.
/// Half a million rows of one vector have some 10,000 signposts, and few ways from one to a row are longer than 64 steps.
struct Signposts {
    /// Steps of all walks so far: for tests.
    fileprivate(set) var steps = 0
    /// By node, ascending.
    private(set) var rows: [Int: [UInt32]] = [:]

    /// Steps from one signpost to the next when it is set, after twice as many.
    static let distance = 32

    /// How many of a node's signposts are below a row.
    private static func count(_ posts: [UInt32], below row: UInt32) -> Int {
        var (low, high) = (0, posts.count)
        while low < high {
            let middle = (low + high) / 2
            if posts[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The last signpost below a row, where the node's list has any.
    func last(of node: Int, below row: UInt32) -> UInt32? {
        guard !rows.isEmpty, let posts = rows[node] else { return nil }
        let below = Self.count(posts, below: row)
        return below == 0 ? nil : posts[below - 1]
    }

    /// - Parameter new: Ascending, with no signpost between them.
    mutating func set(_ new: [UInt32], of node: Int) {
        guard let first = new.first else { return }
        let place = rows[node].map { Self.count($0, below: first) } ?? 0
        rows[node, default: []].insert(contentsOf: new, at: place)
    }

    /// Takes the signpost of a row away, if it has one.
    mutating func remove(_ row: UInt32, of node: Int) {
        guard !rows.isEmpty, let posts = rows[node] else { return }
        let place = Self.count(posts, below: row)
        guard place < posts.count, posts[place] == row else { return }
        if posts.count == 1 { rows[node] = nil } else { rows[node]?.remove(at: place) }
    }
}

extension IndexState {
    /// Puts a row among those of a node. The caller holds `allocation`; searches may be walking.
    func enter(_ row: UInt32, of node: Int) {
        let before = place(of: row, in: node)
        graph.nextRow.store(before.map { graph.nextRow.load(Int($0)) } ?? graph.firstRow.load(node), at: Int(row))
        graph.nodeOfRow.store(UInt32(node + 1), at: Int(row))
        if let before { graph.nextRow.store(row, at: Int(before)) } else { graph.firstRow.store(row, at: node) }
    }

    /// Takes a row out of those of its node. The caller holds `gate` exclusively.
    func leave(_ row: UInt32, of node: Int) {
        let before = place(of: row, in: node)
        let next = graph.nextRow.load(Int(row))
        if let before { graph.nextRow.store(next, at: Int(before)) } else { graph.firstRow.store(next, at: node) }
        graph.nodeOfRow.store(0, at: Int(row))
        signposts.remove(row, of: node)
    }

    /// The row behind which another belongs; nil before all.
    private func place(of row: UInt32, in node: Int) -> UInt32? {
        var before = signposts.last(of: node, below: row)
        var current = before.map { graph.nextRow.load(Int($0)) } ?? graph.firstRow.load(node)
        var steps = 0
        var middle: UInt32 = 0
        var new: [UInt32] = []
        while current < row {  // `none` is above all
            before = current
            current = graph.nextRow.load(Int(current))
            steps += 1
            signposts.steps += 1
            if steps == Signposts.distance { middle = before ?? 0 }
            if steps == 2 * Signposts.distance {
                new.append(middle)
                middle = before ?? 0
                steps = Signposts.distance
            }
        }
        signposts.set(new, of: node)
        return before
    }
}
