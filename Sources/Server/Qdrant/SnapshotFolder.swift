// Where snapshots lie: `snapshots/{collection}/{name}` in the data directory, those of its shard in a folder inside, those of
// everything beside.

import Foundation
import VectorStore

/// The snapshots of one collection, or of everything.
struct SnapshotFolder: Sendable {
    let path: String

    /// The folder of all snapshots.
    static func all(_ directory: String) -> String { directory + "/snapshots" }

    /// The folder for what is being uploaded.
    static func incoming(_ directory: String) throws(StoreError) -> String {
        let folder = SnapshotFolder(path: all(directory) + "/incoming")
        try folder.make()
        return folder.path
    }

    /// Takes away what a process that was killed had not finished.
    static func sweep(_ directory: String) {
        try? FileManager.default.removeItem(atPath: all(directory) + "/incoming")
        for case let file as String in FileManager.default.enumerator(atPath: all(directory)) ?? .init()
        where file.hasSuffix(".partial") { try? FileManager.default.removeItem(atPath: all(directory) + "/" + file) }
    }

    private init(path: String) { self.path = path }

    /// - Parameters:
    ///   - collection: nil for everything.
    ///   - isOfShard: Whether they are those of the collection's shard, which its own list does not show.
    init(_ directory: String, collection: String?, isOfShard: Bool = false) {
        // A collection's name may have slashes and dots; a folder's must not.
        let name = collection.map { "/c-" + FileName.spelling($0) } ?? "/all"
        path = Self.all(directory) + name + (isOfShard ? "/shard-0" : "")
    }

    /// A name for a new one: what it is of, when, and what tells it from others of that moment.
    static func name(of what: String) -> String {
        let form = Date.ISO8601FormatStyle().year().month().day().time(includingFractionalSeconds: true)
        let time = Date.now.formatted(form).replacing(":", with: "-").replacing(".", with: "-")
        let letters = what.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") ? $0 : "_" }
        return "\(String(letters.prefix(100)))-\(time)-\(UInt16.random(in: 0...UInt16.max)).snapshot"
    }

    /// The file of a name; nil for names that none of ours has.
    func file(_ name: String) -> String? {
        guard name.hasSuffix(".snapshot"), !name.hasPrefix("."), !name.contains("/"), !name.utf8.contains(0) else {
            return nil
        }
        return path + "/" + name
    }

    func make() throws(StoreError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .unusable(path: path, reason: error.localizedDescription)
        }
    }

    /// Keeps what a file is known by beside it: nobody reads gigabytes to list them.
    func record(_ info: SnapshotInfo, of name: String) throws {
        try Data(info.checksum.utf8).write(to: URL(filePath: path + "/" + name + ".sha256"), options: .atomic)
    }

    /// All of them by name, in order.
    func list() -> [JSONValue] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().compactMap { file($0) == nil ? nil : description(of: $0) }
    }

    /// `{"name", "creation_time", "size", "checksum"}`
    func description(of name: String) -> JSONValue? {
        let file = path + "/" + name
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file) else { return nil }
        let form = Date.ISO8601FormatStyle().year().month().day().dateTimeSeparator(.standard).time(
            includingFractionalSeconds: false)
        let created = (attributes[.modificationDate] as? Date).map { JSONValue.string($0.formatted(form)) }
        let size = (attributes[.size] as? NSNumber)?.int64Value ?? 0
        let checksum = (try? String(contentsOfFile: file + ".sha256", encoding: .utf8)).map(JSONValue.string)
        return [
            "name": .string(name), "creation_time": created ?? .null, "size": .integer(size),
            "checksum": checksum ?? .null,
        ]
    }

    func remove(_ name: String) {
        try? FileManager.default.removeItem(atPath: path + "/" + name)
        try? FileManager.default.removeItem(atPath: path + "/" + name + ".sha256")
    }
}
