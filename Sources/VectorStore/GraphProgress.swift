// What the builder of graphs remembers of each.

import Dispatch
import HNSW

/// The builder's notes on one graph: what is under way, what has failed.
struct GraphProgress: Sendable {
    /// The collection's key.
    var collection: Int64 = 0
    /// Rows that entered or left since the graph was written.
    var changes = 0
    /// The opened graph that there was no memory for to settle: it answers as it is.
    weak var unsettled: HNSWIndex?
    /// The collection's edits of payloads that the written graph's stamp covers.
    var savedEdits = 0
    var leaving: Leaving?
    var successor: Successor?
    /// Why the last batch failed; nil when it did not.
    private var error: String?
    /// The same of the last snapshot.
    private var savingError: String?
    /// Failures in a row.
    private var failures = 0
    /// Before it nothing is tried again; nil when nothing failed.
    private(set) var retryTime: DispatchTime?

    var complaint: String? { error ?? savingError }

    mutating func succeed() {
        error = nil
        failures = 0
        retryTime = nil
    }

    /// Tried again after a second, and after twice as long each time, up to ten minutes: memory and disks have room again some day.
    mutating func fail(_ reason: String) {
        error = reason
        retryTime = .now() + .seconds(min(600, 1 << min(failures, 10)))
        failures += 1
    }

    /// - Parameter edits: The collection's, as of the file's stamp.
    mutating func wasSaved(_ edits: Int) {
        changes = 0
        savedEdits = edits
        savingError = nil
    }

    mutating func wasNotSaved(_ reason: String, _ edits: Int) {
        changes = 0
        savedEdits = edits
        savingError = reason
    }

    /// The successor is in the graph's place: its file is another's.
    mutating func wasReplaced() {
        successor = nil
        leaving = nil
        changes = .max / 2
    }

    /// Rows on their way out of a graph.
    struct Leaving: Sendable {
        weak let graph: HNSWIndex?
        let rows: RowBits
        /// The age of a state without them. Older ones may still find them.
        let age: UInt64
    }

    /// A graph that is built otherwise and takes another's place when it has the same rows.
    struct Successor: Sendable {
        /// The graph that answers meanwhile.
        weak var old: HNSWIndex?
        let graph: HNSWIndex
        var rows = RowBits(capacity: 0)
    }
}
