// Snapshots, names of vectors and what a single node says of clusters, as Qdrant's clients see them.

import Foundation
import Hummingbird
import Synchronization
import Testing
import VectorStore

@testable import Server

@Suite struct QdrantSnapshotTests {
    @Test func `a snapshot is made, listed, downloaded, recovered from a file and from an upload, and deleted`()
        async throws
    {
        try await QdrantServer.run { server in
            try await server.fill()
            let own = "/collections/c/snapshots"
            #expect(try await server.result("GET", own) == [])
            let made = try await server.result("POST", own + "?wait=true")
            let name = try #require(made["name"]?.string)
            let listed = try await server.result("GET", own)
            #expect(listed == [made])
            let file = try await server.send("GET", own + "/" + name)
            #expect(file.status == 200)
            #expect(made["size"]?.integer == Int64(file.body.count))
            let copy = server.directory + "/snapshots/copy"
            try Data(file.body).write(to: URL(filePath: copy))
            let checksum = try EmbeddedStore.snapshotInfo(copy).checksum
            #expect(made["checksum"]?.string == checksum)

            _ = try await server.result("DELETE", "/collections/c")
            let wrong: JSONValue = ["location": .string("file://" + copy), "checksum": "33"]
            let mismatch = try await server.error("PUT", own + "/recover", wrong)
            #expect(mismatch.0 == 400)
            #expect(try await server.result("GET", "/collections/c/exists") == ["exists": false])
            let right: JSONValue = ["location": .string("file://localhost" + copy), "checksum": .string(checksum)]
            #expect(try await server.result("PUT", own + "/recover", right) == true)
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])

            let form =
                Array("--b\r\nContent-Disposition: form-data; name=\"snapshot\"; filename=\"s\"\r\n\r\n".utf8)
                + file.body
                + Array("\r\n--b--\r\n".utf8)
            let uploaded = try await TestServer.send(
                "POST /collections/other/snapshots/upload?wait=true HTTP/1.1", port: server.port,
                headers: ["Content-Type: multipart/form-data; boundary=b", "Content-Length: \(form.count)"], body: form)
            #expect(uploaded.json["result"] == true)
            #expect(try await server.result("POST", "/collections/other/points/count", [:]) == ["count": 3])

            #expect(try await server.result("DELETE", own + "/" + name) == true)
            #expect(try await server.result("GET", own) == [])
            let gone = try await server.error("GET", own + "/" + name)
            #expect(gone.0 == 404)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a snapshot of everything is made while nobody waits, and opens as a store`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let accepted = try await server.send("POST", "/snapshots?wait=false")
            #expect(accepted.status == 202)
            #expect(accepted.json["status"] == "accepted")
            var listed: JSONValue = []
            while listed.array?.first?["checksum"]?.string == nil {
                try await Task.sleep(for: .milliseconds(20))
                listed = try await server.result("GET", "/snapshots")
            }
            let name = try #require(listed.array?.first?["name"]?.string)
            let file = try await server.send("GET", "/snapshots/" + name)
            let directory = server.directory + "/restored"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(file.body).write(to: URL(filePath: directory + "/points.sqlite"))
            let store = try EmbeddedStore(directory: directory)
            #expect(try await store.count(nil, in: "c") == 3)
            try store.close()
            #expect(try await server.result("DELETE", "/snapshots/" + name) == true)
        }
    }

    @Test func `locations and names that lead elsewhere are refused`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let path = "/collections/c/snapshots/recover"
            let relative = try await server.error("PUT", path, ["location": "file://whatever.snapshot"])
            let absent = try await server.error("PUT", path, ["location": "file:///whatever.snapshot"])
            #expect(relative == (400, "Bad request: Invalid snapshot URI, file path must be absolute or on localhost"))
            #expect(absent == (400, #"Bad request: Snapshot file "/whatever.snapshot" does not exist"#))
            // A folder that is not there yet, and one with a link that leads out of it.
            let link = server.directory + "/snapshots/link"
            for isMade in [false, true] {
                if isMade {
                    _ = try await server.result("POST", "/snapshots")
                    try FileManager.default.createSymbolicLink(
                        atPath: link, withDestinationPath: server.directory + "/points.sqlite")
                }
                for file in ["/etc/passwd"] + (isMade ? [link, server.directory + "/snapshots/../points.sqlite"] : []) {
                    let (status, message) = try await server.error(
                        "PUT", path, ["location": .string("file://" + file)])
                    #expect(status == 403, "\(file)")
                    #expect(
                        message.hasPrefix("Forbidden: Snapshot file path must be inside the snapshots directory /"))
                }
            }
            for name in ["..%2F..%2Fpoints.sqlite", "..%2Fpoints.snapshot", "none.snapshot"] {
                let refused = try await server.error("GET", "/collections/c/snapshots/" + name)
                #expect(refused.0 == 404, "\(name)")
                let kept = try await server.error("DELETE", "/collections/c/snapshots/" + name)
                #expect(kept.0 == 404, "\(name)")
            }
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
        }
    }

    /// A server that may be asked must not lead this one to others that may not.
    @Test func `a link that leads on to another is refused`() async throws {
        let target = Atomic(0)
        let routes = [
            Route.get("/a.snapshot") { _ in Response(status: .found, headers: [.location: "/b.snapshot"]) },
            Route.get("/b.snapshot") { _ in
                target.add(1, ordering: .relaxed)
                return .text("a snapshot")
            },
        ]
        try await TestServer.serve(HTTPConfiguration(), routes: routes) { port in
            try await QdrantServer.run { server in
                try await server.fill()
                let location = JSONValue.string("http://127.0.0.1:\(port)/a.snapshot")
                let refused = try await server.error(
                    "PUT", "/collections/c/snapshots/recover", ["location": location])
                #expect(refused.0 == 400 && refused.1.hasSuffix("status - 302"), "\(refused)")
                #expect(target.load(ordering: .relaxed) == 0)
                #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
            }
        }
    }

    @Test func `what a killed process had not finished is swept away, and nothing else`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let folder = SnapshotFolder(directory, collection: "c")
        try folder.make()
        let upload = try SnapshotFolder.incoming(directory) + "/upload"
        let files = ["a.snapshot", "a.snapshot.sha256", "b.snapshot.partial"].map { folder.path + "/" + $0 }
        for file in files + [upload] { try Data("x".utf8).write(to: URL(filePath: file)) }
        SnapshotFolder.sweep(directory)
        #expect(files.map(FileManager.default.fileExists(atPath:)) == [true, true, false])
        #expect(!FileManager.default.fileExists(atPath: upload))
        SnapshotFolder.sweep(directory + "/none")
    }

    @Test func `what is uploaded is checked before anything is changed`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            func upload(_ content: String, _ query: String = "") async throws -> (Int, String) {
                let form = Array(
                    "--b\r\nContent-Disposition: form-data; name=\"snapshot\"; filename=\"s\"\r\n\r\n\(content)\r\n--b--\r\n"
                        .utf8)
                let answer = try await TestServer.send(
                    "POST /collections/c/snapshots/upload\(query) HTTP/1.1", port: server.port,
                    headers: ["Content-Type: multipart/form-data; boundary=b", "Content-Length: \(form.count)"],
                    body: form)
                return (answer.status, answer.json["status"]?["error"]?.string ?? "")
            }
            for content in ["", "no snapshot", "minilm snapshot 1\nC...."] {
                let (status, message) = try await upload(content)
                #expect(status == 400)
                #expect(message.hasPrefix("Wrong input: the snapshot that arrived cannot be read: "))
            }
            #expect(try await upload("").1.contains("does not contain a collection config"))
            for digest in ["abc", String(repeating: "g", count: 64)] {
                let (status, message) = try await upload("", "?checksum=" + digest)
                #expect(status == 422)
                #expect(message.contains("invalid_sha256_hash"))
            }
            let other = try await upload("", "?checksum=" + String(repeating: "A", count: 64))
            #expect(other.0 == 400)
            #expect(other.1.contains("checksum mismatch"))
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
        }
    }

    @Test func `the one shard has snapshots of its own`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let own = "/collections/c/shards/0/snapshots"
            let made = try await server.result("POST", own + "?wait=true")
            let name = try #require(made["name"]?.string)
            #expect(try await server.result("GET", own) == [made])
            #expect(try await server.result("GET", "/collections/c/snapshots") == [])
            #expect(try await server.send("GET", own + "/" + name).body.count == made["size"]?.integer.map(Int.init))
            _ = try await server.result("POST", "/collections/c/points/delete", ["points": [1]])
            let folder = SnapshotFolder(server.directory, collection: "c", isOfShard: true)
            let file = try #require(folder.file(name))
            _ = try await server.result("PUT", own + "/recover", ["location": .string("file://" + file)])
            #expect(try await server.result("POST", "/collections/c/points/count", [:]) == ["count": 3])
            #expect(try await server.result("DELETE", own + "/" + name) == true)
            #expect(try await server.result("GET", own) == [])
            for (method, path, status) in [
                ("GET", "/collections/c/shards/1/snapshots", 404), ("POST", "/collections/c/shards/1/snapshots", 404),
                ("GET", "/collections/c/shards/x/snapshots", 400), ("GET", "/collections/d/shards/0/snapshots", 404),
                ("GET", own + "/" + name, 404),
            ] {
                let refused = try await server.error(method, path)
                #expect(refused.0 == status, "\(method) \(path)")
            }
            let missing = try await server.error(
                "PUT", "/collections/d/shards/0/snapshots/recover", ["location": "whatever"])
            #expect(missing.0 == 404)
        }
    }

    @Test func `vectors of other names come and go`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            let path = "/collections/c/vectors/"
            let zero = try await server.error("PUT", path + "late", ["dense": ["size": 0, "distance": "Dot"]])
            #expect(zero.0 == 422)
            _ = try await server.result("PUT", path + "late", ["dense": ["size": 1, "distance": "Dot"]])
            _ = try await server.result("PUT", path + "words", ["sparse": ["modifier": "idf"]])
            let info = try await server.result("GET", "/collections/c")
            #expect(info["config"]?["params"]?["vectors"]?["late"]?["size"] == 1)
            #expect(info["config"]?["params"]?["sparse_vectors"]?["words"]?["modifier"] == "idf")
            _ = try await server.result(
                "PUT", "/collections/c/points/vectors?wait=true", ["points": [["id": 2, "vector": ["late": [3]]]]])
            let found = try await server.result(
                "POST", "/collections/c/points/query", ["query": [1], "using": "late"])
            #expect(found["points"]?.array?.map { $0["id"] } == [2])
            _ = try await server.result("DELETE", path + "late")
            let unknown = try await server.error("DELETE", path + "late")
            #expect(unknown == (400, "Wrong input: Not existing vector name error: late"))
            let point = try await server.result("GET", "/collections/c/points/2")
            #expect(point["vector"] == [0.05, 1.0])
        }
    }

    @Test func `says of clusters what a single node says`() async throws {
        try await QdrantServer.run { server in
            try await server.fill()
            #expect(try await server.result("GET", "/cluster") == ["status": "disabled"])
            let shards = try await server.result("GET", "/collections/c/cluster")
            #expect(shards["local_shards"]?.array?.first?["points_count"] == 3)
            let refused = try await server.error("PUT", "/collections/c/shards", ["shard_key": "a"])
            #expect(refused.0 == 405)
            #expect(refused.1.contains("standalone mode"))
        }
    }
}
