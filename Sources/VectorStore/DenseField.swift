// The vectors of one name: in a graph, or in memory and searched exactly until they are.

import HNSW

/// Where the vectors of a name are, and how they are searched.
///
/// A row never changes its vector: an update stores the point under another row. So a graph that is behind can only have too
/// many rows, which are left out, or too few, which are searched exactly.
struct DenseField: Sendable {
    let parameters: CollectionConfiguration.VectorParameters
    /// The vectors of rows that are present and not indexed.
    private(set) var matrix: VectorMatrix
    /// The rows that have a vector of this name.
    private(set) var present = RowBits(capacity: 0)
    var graph: HNSWIndex?
    /// The rows of `present` that the graph answers for.
    private(set) var indexed = RowBits(capacity: 0)
    /// The rows that the graph has or is being given: their numbers must not be used again.
    private(set) var held = RowBits(capacity: 0)

    init(_ parameters: CollectionConfiguration.VectorParameters) {
        self.parameters = parameters
        matrix = VectorMatrix(dimension: parameters.size)
    }

    /// Rows that wait for the graph: searched exactly meanwhile.
    var waiting: RowBits {
        var rows = present
        rows.subtract(held)
        return rows
    }

    /// Rows that are gone and whose graph has not heard of it.
    var retired: RowBits {
        var rows = held
        rows.subtract(present)
        return rows
    }

    mutating func insert(_ vector: [Float], row: UInt32) {
        present.insert(row)
        matrix.store(vector, row: Int(row))
    }

    mutating func remove(row: UInt32) {
        present.remove(row)
        indexed.remove(row)
    }

    // MARK: - The builder's side

    /// The rows of a graph just opened. The others' vectors are to be inserted.
    mutating func adopt(_ graph: HNSWIndex, rows: RowBits) {
        self.graph = graph
        present.formUnion(rows)
        indexed = rows
        held = rows
    }

    /// The builder has taken these rows.
    mutating func hold(_ rows: RowBits) { held.formUnion(rows) }

    /// The graph has these rows now; those that went meanwhile stay held until they are out again.
    mutating func finish(_ rows: RowBits) {
        var finished = rows
        finished.formIntersection(present)
        indexed.formUnion(finished)
        var needed = present
        needed.subtract(indexed)
        matrix.keep(only: needed)
    }

    /// Takes a row of the graph's back: its vector is compared until a graph has it again.
    mutating func takeBack(_ vector: [Float], row: UInt32) {
        indexed.remove(row)
        if present.contains(row) { matrix.store(vector, row: Int(row)) }
    }

    /// The graph has let go of these rows.
    mutating func release(_ rows: RowBits) { held.subtract(rows) }

    // MARK: - Search

    /// The nearest rows, nearest first.
    ///
    /// - Parameters:
    ///   - rows: The rows that may be found; nil for all.
    ///   - ef: Nodes that a graph's search keeps in view; nil compares every vector.
    func nearest(
        to query: [Float], count: Int, among rows: RowBits?, ef: Int?
    ) throws(HNSWError) -> [Neighbour] {
        var unindexed = rows ?? present
        if rows != nil { unindexed.formIntersection(present) }
        var best = TopK(count, parameters.distance)
        if let graph, indexed.count > 0 {
            unindexed.subtract(indexed)
            var wanted: RowBits?
            if var rows {
                rows.formIntersection(indexed)
                wanted = rows
            } else if graph.count != indexed.count {
                wanted = indexed
            }
            func search(_ wanted: RowBits?) throws(HNSWError) -> [Neighbour] {
                // A good part of everything is found sooner by comparing everything.
                if let ef, count < indexed.count / 8 {
                    try graph.search(query.span, count: count, ef: max(ef, count), filter: wanted)
                } else {
                    try graph.exactSearch(query.span, count: count, filter: wanted)
                }
            }
            var found = try search(wanted)
            // The builder may have gone on since this state was published: what it has put in since took the places of others.
            if wanted == nil, found.contains(where: { !indexed.contains(UInt32($0.row)) }) {
                found = try search(indexed)
            }
            for neighbour in found where indexed.contains(UInt32(neighbour.row)) { best.offer(neighbour) }
        }
        if unindexed.count > 0 {
            for neighbour in matrix.nearest(
                to: query, distance: parameters.distance, count: count, among: unindexed)
            { best.offer(neighbour) }
        }
        return best.sorted()
    }
}
