// Snapshots of the Qdrant API: of a collection (VectorStore/SnapshotFile.swift says what is in them) and of everything, which are
// what `minilm backup` writes.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import VectorStore

extension QdrantAPI {
    /// An uploaded snapshot is held in memory, 512 MB at most; larger ones are recovered from a location.
    private static let largestUpload = 512 << 20

    func snapshotRoutes(_ collection: String) -> [Route] {
        return snapshotRoutes(of: collection + "/snapshots", isOfShard: false)
            + snapshotRoutes(of: collection + "/shards/{shard}/snapshots", isOfShard: true) + fullSnapshotRoutes
    }

    /// The snapshots of a collection, or of its one shard, which holds all of it: the same files in a folder of their own.
    private func snapshotRoutes(of own: String, isOfShard: Bool) -> [Route] {
        [
            .get(own) { call in
                let name = try await self.name(call, isOfShard)
                return call.qdrant(.array(folder(name, isOfShard).list()))
            },
            .post(own) { call in
                let name = try await self.name(call, isOfShard)
                return try await work(call) { [self] in try await makeSnapshot(of: name, isOfShard) }
            },
            .get(own + "/{snapshot}") { call in
                try download(folder(try await self.name(call, isOfShard), isOfShard), call.parameters.last ?? "")
            },
            .delete(own + "/{snapshot}") { call in
                let folder = folder(try await self.name(call, isOfShard), isOfShard)
                let name = call.parameters.last ?? ""
                _ = try existing(folder, name)
                return try await work(call) {
                    folder.remove(name)
                    return true
                }
            },
            .put(own + "/recover") { [self] call in
                if isOfShard { _ = try await name(call, isOfShard) }
                return try await recover(&call)
            },
            .post(own + "/upload") { [self] call in
                if isOfShard { _ = try await name(call, isOfShard) }
                return try await upload(&call)
            },
        ]
    }

    private var fullSnapshotRoutes: [Route] {
        [
            .get("/snapshots") { call in call.qdrant(.array(folder(nil).list())) },
            .post("/snapshots") { call in try await work(call) { [self] in try await makeFullSnapshot() } },
            .get("/snapshots/{snapshot}") { call in try download(folder(nil), call.parameter) },
            .delete("/snapshots/{snapshot}") { call in
                let name = call.parameter
                _ = try existing(folder(nil), name)
                return try await work(call) { [self] in
                    folder(nil).remove(name)
                    return true
                }
            },
        ]
    }

    // MARK: - Help

    private func folder(_ collection: String?, _ isOfShard: Bool = false) -> SnapshotFolder {
        SnapshotFolder(directory, collection: collection, isOfShard: isOfShard)
    }

    /// The collection's own name, whatever it was called by. Of its shards there is the one of number 0.
    private func name(_ call: Call, _ isOfShard: Bool) async throws -> String {
        _ = try await store.collection(call.parameter)
        if isOfShard, call.parameters[1] != "0" {
            guard let number = UInt32(call.parameters[1]) else {
                throw QdrantError(message: "Bad request: '\(call.parameters[1])' is not the number of a shard")
            }
            throw QdrantError(status: 404, message: "Not found: Shard \(number) not found")
        }
        return store.aliases()[call.parameter] ?? call.parameter
    }

    private func existing(_ folder: SnapshotFolder, _ name: String) throws -> String {
        guard let file = folder.file(name), FileManager.default.fileExists(atPath: file) else {
            throw QdrantError(status: 404, message: "Not found: Snapshot \(name) not found")
        }
        return file
    }

    /// Answers with what `body` gives or, with `wait=false`, at once.
    private func work(_ call: Call, _ body: @escaping @Sendable () async throws -> JSONValue) async throws -> Response {
        guard ["false", "0"].contains(call.query["wait"]?.string) else { return call.qdrant(try await body()) }
        let logger = call.logger
        Task {
            do { _ = try await body() } catch { logger.error("a snapshot nobody waits for failed: \(error)") }
        }
        return .json(
            ["status": "accepted", "time": .double(call.begin.duration(to: .now).inSeconds)], status: .accepted)
    }

    private func makeSnapshot(of collection: String, _ isOfShard: Bool) async throws -> JSONValue {
        let folder = folder(collection, isOfShard)
        try folder.make()
        let name = SnapshotFolder.name(of: collection)
        guard let file = folder.file(name) else { throw QdrantError(message: "Bad request: no name for a snapshot") }
        try folder.record(try await store.snapshot(of: collection, to: file), of: name)
        return folder.description(of: name) ?? .null
    }

    private func makeFullSnapshot() async throws -> JSONValue {
        let folder = folder(nil)
        try folder.make()
        let name = SnapshotFolder.name(of: "full-snapshot")
        guard let file = folder.file(name) else { throw QdrantError(message: "Bad request: no name for a snapshot") }
        try await store.backup(to: file)
        try folder.record(try EmbeddedStore.snapshotInfo(file), of: name)
        return folder.description(of: name) ?? .null
    }

    private func download(_ folder: SnapshotFolder, _ name: String) throws -> Response {
        let file = try existing(folder, name)
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw StoreError.unusable(path: file, reason: "it cannot be opened")
        }
        let size = Int(try handle.seekToEnd())
        try handle.seek(toOffset: 0)
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/octet-stream",
                .contentDisposition: "attachment; filename=\"\(name.replacing("\"", with: "_"))\"",
            ],
            body: ResponseBody(contentLength: size) { writer in
                defer { try? handle.close() }
                // What answers a request has ended: this runs on the connection's event loop, which must not wait for a disk.
                while let piece = try await offLoop({ try handle.read(upToCount: 1 << 18) }), !piece.isEmpty {
                    try await writer.write(ByteBuffer(bytes: piece))
                }
                try await writer.finish(nil)
            })
    }

    // MARK: - Back again

    private func recover(_ call: inout Call) async throws -> Response {
        let fields = try await call.qdrantObject("the request")
        guard let location = try fields.string("location") else { throw QdrantError.format("missing field `location`") }
        let checksum = try fields.string("checksum")
        let collection = call.parameter
        try checkMayBeReplaced(collection)
        guard let url = URL(string: location), let scheme = url.scheme?.lowercased() else {
            throw QdrantError.format("location: relative URL without a base")
        }
        switch scheme {
        case "file":
            guard [nil, "", "localhost"].contains(url.host()) else {
                throw QdrantError(
                    message: "Bad request: Invalid snapshot URI, file path must be absolute or on localhost")
            }
            let file = try checkedPath(url.path(percentEncoded: false))
            return try await work(call) { [self] in try await restore(collection, file, checksum) }
        case "http", "https":
            if let file = try await file(of: url, as: call) {
                return try await work(call) { [self] in try await restore(collection, file, checksum) }
            }
            return try await work(call) { [self] in
                try await SnapshotDownload.withFile(of: url) { try await restoreIncoming(collection, $0, checksum) }
            }
        default:
            throw QdrantError(message: "Bad request: URL \(location) with schema \(scheme) is not supported")
        }
    }

    /// The file behind a link to one of this server's own snapshots; nil for a link to another server of this machine.
    ///
    /// - Throws: 403 for links to elsewhere.
    private func file(of url: URL, as call: Call) async throws -> String? {
        let authority = url.port.map { "\(url.host() ?? ""):\($0)" } ?? url.host()
        guard authority == call.request.head.authority else {
            if SnapshotDownload.mayFetch(url) { return nil }
            throw QdrantError(
                status: 403,
                message: """
                    Forbidden: snapshots are fetched from this machine only. Download \(url.absoluteString.prefix(200)) and \
                    upload it, or put the file into the snapshots directory.
                    """)
        }
        // /collections/{collection}[/shards/{shard}]/snapshots/{snapshot}
        let parts = url.pathComponents.dropFirst()
        guard let name = parts.last, parts.dropLast().last == "snapshots", parts.first == "collections", parts.count > 3
        else { throw QdrantError(message: "Bad request: \(url.path()) is no snapshot of a collection") }
        let collection = parts.dropFirst().first ?? ""
        return try existing(folder(store.aliases()[collection] ?? collection, parts.count > 4), name)
    }

    private func upload(_ call: inout Call) async throws -> Response {
        let collection = call.parameter
        try checkMayBeReplaced(collection)
        let checksum = call.query["checksum"]?.string
        if let checksum { try Self.checkDigest(checksum) }
        guard let part = try await call.form(upTo: Self.largestUpload)["snapshot"] else {
            throw QdrantError(message: "Bad request: the form has no field `snapshot`")
        }
        let file = try SnapshotFolder.incoming(directory) + "/" + UUID().uuidString
        try Data(part.content).write(to: URL(filePath: file))
        let content = file
        return try await work(call) { [self] in
            defer { try? FileManager.default.removeItem(atPath: content) }
            return try await restoreIncoming(collection, content, checksum)
        }
    }

    /// The path of a file without links, which must lead into the snapshots' folder: any other file of this machine is none of the
    /// caller's business.
    private func checkedPath(_ path: String) throws(QdrantError) -> String {
        // The folder itself may be behind links, too.
        let home = URL(filePath: SnapshotFolder.all(directory)).standardizedFileURL.resolvingSymlinksInPath()
        let file = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath()
        // In Qdrant's order, which tells what is there.
        guard FileManager.default.fileExists(atPath: path) else {
            throw QdrantError(message: "Bad request: Snapshot file \"\(path)\" does not exist")
        }
        guard file.pathComponents.starts(with: home.pathComponents) else {
            throw QdrantError(
                status: 403,
                message: """
                    Forbidden: Snapshot file path must be inside the snapshots directory \(home.path(percentEncoded: false)): \
                    put the file there
                    """)
        }
        return file.path(percentEncoded: false)
    }

    /// 64 hexadecimal digits, or 422 before anything is read.
    private static func checkDigest(_ text: String) throws(QdrantError) {
        guard text.utf8.count == 64, text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
            throw QdrantError(
                status: 422,
                message: "Validation error in query parameters: [checksum: Validation error: invalid_sha256_hash [{}]]")
        }
    }

    private func restore(_ collection: String, _ file: String, _ checksum: String?) async throws -> JSONValue {
        if let checksum {
            let own = try EmbeddedStore.snapshotInfo(file).checksum
            guard own == checksum.lowercased() else {
                throw QdrantError(
                    message: "Bad request: Snapshot checksum mismatch: expected \(checksum), got \(own)")
            }
        }
        try await store.restore(store.aliases()[collection] ?? collection, from: file)
        ledger.forget(collection)
        return true
    }

    /// The same from a file that came over the network: its name is ours and tells the caller nothing.
    private func restoreIncoming(_ collection: String, _ file: String, _ checksum: String?) async throws -> JSONValue {
        do {
            return try await restore(collection, file, checksum)
        } catch StoreError.wrongInput(let reason) {
            throw StoreError.wrongInput(reason.replacing((file as NSString).lastPathComponent, with: "that arrived"))
        }
    }

    /// This server's documents need their own vectors and indexes: they come back by `minilm backup`'s way.
    private func checkMayBeReplaced(_ collection: String) throws {
        guard (store.aliases()[collection] ?? collection) == Library.collection else {
            return try QdrantCollection.checkName(collection)
        }
        throw QdrantError(
            status: 403,
            message: "Forbidden: `\(Library.collection)` holds this server's documents and cannot be replaced.")
    }
}
