// Who may call: names, origins, keys, and the manners of the router.

import Foundation
import HTTPTypes
import Logging
import Testing
import VectorStore

@testable import Server

@Suite struct RequestGuardTests {
    @Test(arguments: [
        ("127.0.0.1", 307), ("localhost:5002", 307), ("[::1]:5002", 307), ("LOCALHOST.", 307), ("laptop.local", 307),
        ("app.localhost", 307), ("10.0.0.7:5002", 307), ("", 307), ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403), ("evil.example:127", 403),
    ])
    func `only local names lead to a server on the loopback`(host: String, status: Int) async throws {
        try await TestServer.run { server in
            let response = try await server.get("/", headers: ["Host: \(host)"])
            #expect(response.status == status)
        }
    }

    @Test(arguments: [
        ("http://localhost:3000", true), ("https://127.0.0.1", true), ("http://[::1]:80", true),
        ("http://0.0.0.0:8", true),
        ("tauri://localhost", true), ("app://obsidian.md", true), ("vscode-webview://x", true),
        ("https://friend.example", true), ("https://evil.example", false), ("null", false), ("", false),
        ("http://localhost.evil.example", false), ("http://127.0.0.1.evil.example", false), ("ftp://localhost", false),
    ])
    func `pages of other sites may not call, uploads included`(origin: String, isAllowed: Bool) async throws {
        var http = HTTPConfiguration()
        http.allowedOrigins = ["https://friend.example"]
        try await TestServer.run(http: http) { server in
            let body = Form.body([("title", "t")], file: Array("Text.".utf8))
            let response = try await server.post(
                "/vector/text-to-vector", body, type: Form.type, headers: ["Origin: \(origin)"])
            #expect(response.status == (isAllowed ? 200 : 403))
            #expect(response.headers["access-control-allow-origin"] == (isAllowed ? origin : nil) || !isAllowed)
            #expect(try await server.points() == (isAllowed ? 1 : 0))
        }
    }

    @Test func `an allowed page's preflight is answered as FastAPI does`() async throws {
        try await TestServer.run { server in
            let response = try await server.send(
                "OPTIONS /llm/ask HTTP/1.1",
                headers: [
                    "Origin: http://localhost:3000", "Access-Control-Request-Method: POST",
                    "Access-Control-Request-Headers: content-type",
                ]
            )
            #expect(response.status == 200 && response.text == "OK")
            #expect(response.headers["access-control-allow-origin"] == "http://localhost:3000")
            #expect(response.headers["access-control-allow-headers"] == "content-type")
            #expect(response.headers["access-control-max-age"] == "600")
        }
    }

    @Test func `a key, where there is one, opens everything but the probes and pages`() async throws {
        var http = HTTPConfiguration()
        http.apiKey = "s3cret"
        try await TestServer.run(http: http) { server in
            for path in ["/healthz", "/livez", "/readyz", "/docs", "/openapi.json"] {
                #expect(try await server.get(path).status == 200)
            }
            let refused = try await server.get("/vector/documents")
            #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer")
            #expect(try await server.get("/vector/documents", headers: ["Authorization: Bearer wrong"]).status == 401)
            #expect(try await server.get("/vector/documents", headers: ["api-key: s3cre"]).status == 401)
            #expect(try await server.get("/vector/documents", headers: ["Authorization: Bearer s3cret"]).status == 200)
            #expect(try await server.get("/vector/documents", headers: ["api-key: s3cret"]).status == 200)
        }
    }

    @Test func `an address that others reach needs a key`() {
        for host in ["0.0.0.0", "192.168.1.2", "::", "example.org"] {
            var http = HTTPConfiguration()
            http.host = host
            #expect(throws: RequestError.self) {
                try HTTPServer.services(http, routes: [], logger: .init(label: "test")) { _ in }
            }
        }
    }

    // MARK: The router

    @Test func `unknown paths, methods and trailing slashes are answered as FastAPI does`() async throws {
        try await TestServer.run { server in
            let missing = try await server.get("/nowhere")
            #expect(missing.status == 404 && missing.json == ["detail": "Not Found"])
            let method = try await server.get("/llm/ask")
            #expect(method.status == 405 && method.headers["allow"] == "POST")
            #expect(method.json == ["detail": "Method Not Allowed"])
            #expect(try await server.send("HEAD /healthz HTTP/1.1").status == 405)
            let slash = try await server.get("/vector/documents/?limit=1")
            #expect(slash.status == 307 && slash.headers["location"] == "/vector/documents?limit=1")
            #expect(try await server.get("/vector/documents/a/b").status == 404)
            #expect(try await server.get("/%ff%00").status == 404)
        }
    }

    @Test func `probes answer text`() async throws {
        try await TestServer.run { server in
            let response = try await server.get("/healthz")
            #expect(response.text == "healthz check passed")
            #expect(response.headers["content-type"] == "text/plain; charset=utf-8")
        }
    }

    @Test func `lines that are not HTTP are refused and harm nobody`() async throws {
        try await TestServer.run { server in
            for line in [
                "\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                "POST /llm/ask HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            ] {
                let connection = try await RawConnection(port: server.port)
                try await connection.write(Array(line.utf8))
                connection.finishWriting()
                _ = try await connection.read()
                connection.close()
            }
            #expect(try await server.get("/healthz").status == 200)
        }
    }
}

@Suite struct APIDescriptionTests {
    @Test func `the description has the original operation ids and every route`() throws {
        let document = try JSONValue(parsing: OpenAPI.document)
        #expect(document["openapi"] == "3.1.0")
        #expect(
            document["paths"]?["/vector/text-to-vector"]?["post"]?["operationId"]
                == "text_to_vector_vector_text_to_vector_post"
        )
        #expect(
            document["paths"]?["/llm/generate-response"]?["post"]?["operationId"]
                == "generate_response_route_llm_generate_response_post"
        )
        #expect(document["info"]?["version"] == .string(Minilm.version))
    }

    @Test func `described routes are served and served routes described`() async throws {
        let paths = try #require(try JSONValue(parsing: OpenAPI.document)["paths"]?.object)
        let described = Set(
            paths.flatMap { path in (path.value.object?.keys ?? []).map { "\($0.uppercased()) \(path.key)" } })
        let encoder = EmbeddingService(encoder: try TestServer.encoder())
        let directory = FileManager.default.temporaryDirectory.appending(path: "routes-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try EmbeddedStore(directory: directory)
        let answering = Answering(
            store: store, embedding: encoder,
            chat: OllamaChatModel(client: OllamaClient(endpoint: try OllamaEndpoint(""))),
            configuration: .init(model: "m")
        )
        let chunker = Chunker(tokenizer: encoder.tokenizer, maxTokens: 254)
        let routes = Routes(
            vectors: VectorRoutes(
                ingestion: Ingestion(store: store, embedding: encoder, chunker: chunker), answering: answering,
                maxUpload: 1
            ),
            asking: AskRoutes(answering: answering), isReady: { true }
        )
        let pages: Set<String> = ["GET /", "GET /docs", "GET /openapi.json"]
        #expect(Set(routes.list.map { "\($0.method.rawValue) \($0.path)" }).subtracting(pages) == described)
    }

    @Test func `the page's own script and style are the ones its policy allows`() throws {
        let page = String(decoding: DocsPage.html, as: UTF8.self)
        for element in ["script", "style"] {
            let content = try #require(
                page.components(separatedBy: "<\(element)>").last?.components(separatedBy: "</\(element)>").first)
            let digest = Data(SHA256.digest(content.utf8)).base64EncodedString()
            #expect(DocsPage.contentSecurityPolicy.contains("\(element)-src 'sha256-\(digest)'"))
        }
        #expect(!page.contains("https://") && !page.contains("innerHTML"))
    }
}
