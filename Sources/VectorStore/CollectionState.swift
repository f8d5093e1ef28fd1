// What a collection has in memory: a value, derived from the database and published after each commit.

import HNSW

/// One committed state of a collection. Readers keep the one they began with; a writer changes a copy, which shares all that
/// does not change, and publishes it when the commit is done.
struct CollectionState: Sendable {
    /// Fewer than fit any machine; a damaged row number must not cost memory by the gigabyte.
    static let rowLimit = 1 << 28

    let key: Int64
    let name: String
    var configuration: CollectionConfiguration
    /// The number of the last operation in it: equal to the database's when both are of the same commit.
    var operation: Int64 = 0
    /// Points whose payloads were edited and their vectors not, since the store was opened: what a graph's file is older than in vain.
    private(set) var payloadEdits = 0
    /// The ages of all states of this collection that somebody has.
    let ages: StateAges
    /// This one's, and its copies' until they are published.
    private(set) var mark: StateMark
    /// The rows that have a point.
    private(set) var live = RowBits(capacity: 0)
    private(set) var nextRow: UInt32 = 0
    /// The ids and versions of the points.
    private(set) var heads = PointHeads()
    /// Rows below `nextRow` that may be given to points: ascending when loaded.
    private var freeRows = FreeRows()
    private(set) var dense: [String: DenseField] = [:]
    private(set) var multi: [String: MultiField] = [:]
    private(set) var sparse: [String: SparseField] = [:]
    /// In no order, one a field. A list, because a dictionary that is gone through is copied by the first change.
    private(set) var indexes: [PayloadIndex] = []

    init(key: Int64, name: String, configuration: CollectionConfiguration) {
        self.key = key
        self.name = name
        self.configuration = configuration
        ages = StateAges()
        mark = ages.mark()
        dense = configuration.vectors.filter { !$0.value.isMulti }.mapValues(DenseField.init)
        multi = configuration.vectors.filter { $0.value.isMulti }.mapValues(MultiField.init)
        sparse = configuration.sparseVectors.mapValues(SparseField.init)
    }

    var pointsCount: Int { live.count }
    /// Rows are below it: the size of bit sets.
    var capacity: Int { Int(nextRow) }

    /// Makes this a state of its own, younger than what it is a copy of. Called when it is published.
    mutating func renewMark() { mark = ages.mark() }

    /// The row's number in the database.
    func point(_ row: UInt32) -> Int64 { key << 32 | Int64(row) }
    /// All numbers of the collection's points in the database.
    var points: ClosedRange<Int64> { key << 32...key << 32 | Int64(UInt32.max) }

    // MARK: - Points

    /// A row for one more point: one that was freed, or the next.
    mutating func takeRow() throws(StoreError) -> UInt32 {
        if let free = freeRows.take() { return free }
        guard nextRow < Self.rowLimit else { throw .badRequest("the collection holds as many points as it can") }
        nextRow += 1
        return nextRow - 1
    }

    /// A row as the database has it, when opening: ascending.
    mutating func load(_ head: PointHeads.Head, row: UInt32) {
        if row > nextRow { freeRows.append(nextRow..<row) }
        nextRow = row + 1
        live.insert(row)
        heads.set(head, row: row)
    }

    /// A point that the current operation writes.
    mutating func insert(_ id: PointID, _ vectors: NamedVectors, _ payload: JSONValue, row: UInt32) {
        heads.set(.init(id: id, version: operation), row: row)
        insert(vectors, payload, row: row)
    }

    mutating func insert(_ vectors: NamedVectors, _ payload: JSONValue, row: UInt32) {
        live.insert(row)
        for (name, vector) in vectors { insert(vector, named: name, row: row) }
        for number in indexes.indices { indexes[number].insert(payload, row: row) }
    }

    mutating func insert(_ vector: Vector, named name: String, row: UInt32) {
        switch vector {
        case .dense(let values): dense[name]?.insert(values, row: row)
        case .multi(let rows): multi[name]?.insert(rows, row: row)
        case .sparse(let sparse): self.sparse[name]?.insert(sparse, row: row)
        }
    }

    /// - Parameters: What was inserted under the row.
    mutating func remove(_ vectors: NamedVectors, _ payload: JSONValue, row: UInt32) {
        live.remove(row)
        for name in configuration.vectors.keys {
            dense[name]?.remove(row: row)
            multi[name]?.remove(row: row)
        }
        for (name, vector) in vectors {
            if let sparse = vector.sparse { self.sparse[name]?.remove(sparse, row: row) }
        }
        for number in indexes.indices { indexes[number].remove(payload, row: row) }
        free(row)
    }

    /// Lets the row be used again unless it has a point or a graph has it.
    private mutating func free(_ row: UInt32) {
        if !live.contains(row) && !dense.values.contains(where: { $0.held.contains(row) }) {
            freeRows.append(row..<row + 1)
        }
    }

    /// In the current operation.
    mutating func replacePayload(_ old: JSONValue, by new: JSONValue, row: UInt32) {
        heads.set(version: operation, row: row)
        payloadEdits += 1
        for number in indexes.indices { indexes[number].replace(old, by: new, row: row) }
    }

    /// When opening: points of these were edited after the graph's file was written.
    mutating func countEdits(_ count: Int) { payloadEdits += count }

    // MARK: - Fields

    func index(on field: PayloadPath) -> PayloadIndex? { indexes.first { $0.field == field } }

    mutating func setIndex(_ index: PayloadIndex?, on field: PayloadPath) {
        indexes.removeAll { $0.field == field }
        if let index { indexes.append(index) }
    }

    /// How each text index takes texts apart: conditions on its field do the same.
    var tokenizers: [PayloadPath: TextTokenizer] {
        Dictionary(indexes.compactMap { index in index.tokenizer.map { (index.field, $0) } }) { $1 }
    }

    /// A vector that no point has yet.
    mutating func add(_ name: String, _ parameters: CollectionConfiguration.VectorParameters) {
        configuration.vectors[name] = parameters
        if parameters.isMulti { multi[name] = MultiField(parameters) } else { dense[name] = DenseField(parameters) }
    }

    mutating func add(_ name: String, _ parameters: CollectionConfiguration.SparseVectorParameters) {
        configuration.sparseVectors[name] = parameters
        sparse[name] = SparseField(parameters)
    }

    /// Takes a configuration whose vectors are the same but for the weights of sparse ones and how graphs are built.
    mutating func update(_ configuration: CollectionConfiguration) throws(StoreError) {
        func stored(_ configuration: CollectionConfiguration) -> [String: CollectionConfiguration.VectorParameters] {
            configuration.vectors.mapValues { parameters in
                var parameters = parameters
                parameters.graph = .init()
                return parameters
            }
        }
        try configuration.validate()
        guard stored(configuration) == stored(self.configuration),
            Set(configuration.sparseVectors.keys) == Set(self.configuration.sparseVectors.keys)
        else { throw .badRequest("the vectors of a collection with points cannot be changed") }
        self.configuration = configuration
        for (name, parameters) in configuration.sparseVectors { sparse[name]?.parameters = parameters }
    }

    /// Forgets a vector's field, in the current operation, which writes every point that has one. Rows that only its graph held may be used
    /// again.
    mutating func removeVector(_ name: String) {
        rows(withVector: name).forEach { heads.set(version: operation, row: $0) }
        let held = dense[name]?.held
        configuration.vectors[name] = nil
        configuration.sparseVectors[name] = nil
        dense[name] = nil
        multi[name] = nil
        sparse[name] = nil
        held?.forEach { free($0) }
    }

    func hasVector(_ name: String, row: UInt32) -> Bool {
        rows(withVector: name).contains(row)
    }

    /// The rows with a vector of this name.
    func rows(withVector name: String) -> RowBits {
        dense[name]?.present ?? multi[name]?.present ?? sparse[name]?.present ?? RowBits(capacity: 0)
    }

    /// Which graph's file was not believed, and why; nil when there was none such.
    var damage: String? {
        dense.sorted { $0.key < $1.key }.lazy.compactMap { name, field in
            field.damage.map { "the graph\(name.isEmpty ? "" : " of '\(name)'") is built again: \($0)" }
        }.first
    }

    mutating func updateField(_ name: String, _ body: (inout DenseField) -> Void) {
        guard var field = dense.removeValue(forKey: name) else { return }
        body(&field)
        dense[name] = field
    }

    /// The graph of a field has let go of these rows: they may be used again when no other has them.
    mutating func release(_ rows: RowBits, of name: String) {
        updateField(name) { $0.release(rows) }
        rows.forEach { free($0) }
    }
}
