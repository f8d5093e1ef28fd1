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
    /// Why the graph's file was not believed when the store was opened; nil when it was, there was none, or there is a new one.
    private(set) var damage: String?

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

    /// - Parameter vector: [size], as it is stored
    mutating func insert(_ vector: [Float], row: UInt32) {
        present.insert(row)
        matrix.store(parameters.compared(vector), row: Int(row))
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

    /// Before any vector is there: the graph's file is not to be believed, and all vectors are the database's.
    mutating func refuseGraph(_ reason: String) {
        self = DenseField(parameters)
        damage = reason
    }

    /// The graph has been written, and opened again.
    mutating func wasSaved(_ mapped: HNSWIndex) {
        graph = mapped
        damage = nil
    }

    /// A first graph's configuration: with floats instead of codes, where a sample of the vectors that wait for it says that codes would
    /// not tell them apart.
    func suited(_ configuration: HNSWConfiguration) -> HNSWConfiguration {
        let rows = waiting.list
        let step = max(1, rows.count / HNSWConfiguration.sampleCount)
        let drawn = stride(from: 0, to: rows.count, by: step).prefix(HNSWConfiguration.sampleCount)
        let sample = drawn.flatMap { matrix.vector(row: Int(rows[$0])) }
        return configuration.suited(to: sample.span)
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
    ///
    /// - Parameter vector: [size], as it is compared
    mutating func takeBack(_ vector: [Float], row: UInt32) {
        indexed.remove(row)
        if present.contains(row) { matrix.store(vector, row: Int(row)) }
    }

    /// The graph has let go of these rows.
    mutating func release(_ rows: RowBits) { held.subtract(rows) }

    // MARK: - Search

    /// The widest view of a search through the graph: beyond it every vector is compared.
    ///
    /// What is in view is kept sorted, and moves where something nearer comes in between: twice the view is four times the moving, which
    /// of 8,192 nodes is a few milliseconds, and of a million would be minutes that nobody can end, while who inserts or removes waits.
    /// Where rows are to be left out, a search widens its view by them, and by nodes that no row has any more.
    private enum Widest {
        static let view = 8192
        static let filteredView = 2048
        /// With the nodes in it that no row has any more: as many as there are others, until more than half is deleted.
        static let wholeView = 2 * view
    }

    /// Whether a search goes through the graph, or compares every vector.
    ///
    /// From a view of an eighth of everything on, both take the same time: much is met on the way that is not in view in the end, in no
    /// order of memory.
    func isSoughtInGraph(ef: Int, count: Int, isFiltered: Bool) -> Bool {
        guard let graph else { return false }
        let asked = max(ef, count)
        let whole = graph.view(holding: asked)
        return asked <= (isFiltered ? Widest.filteredView : Widest.view) && whole <= Widest.wholeView
            && whole < indexed.count / 8
    }

    /// The nearest rows, nearest first.
    ///
    /// - Parameters:
    ///   - rows: The rows that may be found; nil for all.
    ///   - ef: Nodes that a graph's search keeps in view; nil compares every vector.
    ///   - checkpoint: Called every few milliseconds where everything is compared; what it throws ends the search.
    func nearest(
        to query: [Float], count: Int, among rows: RowBits?, ef: Int?, _ checkpoint: () throws -> Void
    ) throws -> [Neighbour] {
        let found = try nearest(to: query, count: count, among: rows, checkpoint) { graph, wanted in
            if let ef, isSoughtInGraph(ef: ef, count: count, isFiltered: wanted != nil) {
                try graph.search(query.span, count: count, ef: max(ef, count), filter: wanted)
            } else {
                try graph.exactSearch(query.span, count: count, filter: wanted, checkpoint)
            }
        }
        return found ?? []
    }

    /// The same, or nil where the graph's builder would have to be waited for.
    func nearestAtOnce(to query: [Float], count: Int, among rows: RowBits?, ef: Int) throws -> [Neighbour]? {
        try nearest(to: query, count: count, among: rows, {}) { graph, wanted in
            if isSoughtInGraph(ef: ef, count: count, isFiltered: wanted != nil) {
                try graph.trySearch(query.span, count: count, ef: max(ef, count), filter: wanted)
            } else {
                try graph.tryExactSearch(query.span, count: count, filter: wanted)
            }
        }
    }

    /// - Parameter search: Of the graph, among these rows or all; what it does not tell is not told.
    private func nearest(
        to query: [Float], count: Int, among rows: RowBits?, _ checkpoint: () throws -> Void,
        _ search: (HNSWIndex, RowBits?) throws -> [Neighbour]?
    ) throws -> [Neighbour]? {
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
            guard var found = try search(graph, wanted) else { return nil }
            // The builder may have gone on since this state was published: what it has put in since took the places of others.
            if wanted == nil, found.contains(where: { !indexed.contains(UInt32($0.row)) }) {
                guard let again = try search(graph, indexed) else { return nil }
                found = again
            }
            for neighbour in found where indexed.contains(UInt32(neighbour.row)) { best.offer(neighbour) }
        }
        if unindexed.count > 0 {
            let found = try matrix.nearest(
                to: query, distance: parameters.distance, count: count, among: unindexed, checkpoint)
            for neighbour in found { best.offer(neighbour) }
        }
        return best.sorted()
    }
}
