// Graphs just opened, whose floats are compared with their hashes beside whatever else a start does.

import Cores
import Dispatch
import HNSW
import Synchronization

/// `HNSWIndex.verify()` of some graphs, under way from the moment this is made.
final class GraphVerification: Sendable {
    private let reasons = Mutex<[String: String]>([:])
    private let group = DispatchGroup()

    /// - Parameter graphs: By their vectors' names.
    init(of graphs: [String: HNSWIndex]) {
        let threads = Cores.usable
        for (name, graph) in graphs {
            DispatchQueue.global().async(group: group) { [self] in
                do {
                    try graph.verify(threads: threads)
                } catch {
                    reasons.withLock { $0[name] = "\(error)" }
                }
            }
        }
    }

    /// Waits, and says of which graphs what is wrong.
    func refused() -> [String: String] {
        group.wait()
        return reasons.withLock { $0 }
    }
}
