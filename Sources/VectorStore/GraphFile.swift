// A graph beside the database: derived, so that if it is damaged, or of an older format, it is built again.

import Foundation
import HNSW

/// The snapshot of the graph of one vector of a collection.
struct GraphFile {
    let path: String

    private static func folder(_ directory: String) -> String { directory + "/graphs" }

    init(_ collection: Int64, _ vector: String, in directory: String) {
        path = "\(Self.folder(directory))/\(collection)-\(FileName.spelling(vector)).hnsw"
    }

    /// The graph and the collection's last operation when it was written; nil when there is none, or it is one of other vectors. It
    /// may be built otherwise than is wanted now: then it answers until the builder has made another.
    ///
    /// - Throws: `.invalidSnapshot` for a file that is not a graph, or no longer; `.olderSnapshot`; `.file`, `.outOfMemory` for one that cannot
    ///   be read.
    func open(_ configuration: HNSWConfiguration) throws(HNSWError) -> (graph: HNSWIndex, stamp: SnapshotStamp)? {
        do throws(HNSWError) {
            let (graph, stamp) = try HNSWIndex.restore(from: path)
            return graph.configuration.isOfVectors(as: configuration) ? (graph, stamp) : nil
        } catch {
            // Not asked for before: where the folder may not be entered, that would look like no file.
            if case .file(_, ENOENT) = error { return nil }
            throw error
        }
    }

    /// Writes the graph and opens it again: its vectors are then mapped and no longer in memory of our own.
    func save(_ graph: HNSWIndex, stamp: SnapshotStamp) throws -> HNSWIndex {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try graph.save(to: path, stamp: stamp)
        return try HNSWIndex.restore(from: path).index
    }

    /// Takes the file away. Where that is forbidden it stays, and is looked at again when the store is next opened.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Takes away what the end of a process left behind: graphs of collections and vectors that are no more, and halves of files. Other
    /// files in the folder stay.
    static func sweep(_ directory: String, keeping collections: some Sequence<CollectionState>) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(directory))) ?? []
        guard !names.isEmpty else { return }
        let kept = Set(
            collections.flatMap { collection in
                collection.dense.keys.map { GraphFile(collection.key, $0, in: directory).path }
            })
        for name in names where name.contains(/^\d+-.*\.hnsw(\.partial)?$/) {
            let path = folder(directory) + "/" + name
            if !kept.contains(path) { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    /// Takes away the graphs of a collection that is no more. What stays behind, nobody takes for another's: numbers are not used again.
    static func removeAll(of collection: Int64, in directory: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(directory))) ?? []
        for name in names where name.hasPrefix("\(collection)-") {
            try? FileManager.default.removeItem(atPath: folder(directory) + "/" + name)
        }
    }
}

extension HNSWError {
    /// Whether nothing is known to be wrong with the file: this process may not read it, or has no room for it now. Building the graph again
    /// would take more room than opening it does, and throw away what may be hours of work.
    var isOfTheMoment: Bool {
        switch self {
        case .outOfMemory: true
        case .file(_, let errno): [ENOMEM, EMFILE, ENFILE, EACCES, EPERM, EAGAIN, EINTR].contains(errno)
        case .invalidConfiguration, .invalidVector, .tooManyVectors, .invalidSnapshot, .olderSnapshot: false
        }
    }
}

extension HNSWConfiguration {
    /// Whether a graph of this configuration answers what one of another would.
    func isOfVectors(as wanted: HNSWConfiguration) -> Bool {
        dimension == wanted.dimension && distance == wanted.distance
    }

    /// Whether a graph of this configuration is what another asks for. Codes are left out: they are the graph's own affair.
    func isBuilt(as wanted: HNSWConfiguration) -> Bool {
        var own = self
        own.codes = wanted.codes
        return own == wanted
    }
}
