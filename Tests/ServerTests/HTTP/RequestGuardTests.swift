// Who may call: names (DNS rebinding, CVE-2024-28224), web pages (forms need no preflight), keys.

import Foundation
import Logging
import Testing

@testable import Server

@Suite struct RequestGuardTests {
    @Test(arguments: [
        ("127.0.0.1:5002", 200), ("127.0.0.1", 200), ("localhost:5002", 200), ("LOCALHOST", 200), ("[::1]:5002", 200),
        ("192.168.1.7:5002", 200), ("minilm.localhost", 200), ("box.local:80", 200), ("host.docker.internal", 200),
        ("localhost.", 200), ("attacker.example", 403), ("attacker.example:5002", 403),
        ("localhost.attacker.example", 403), ("127.0.0.1.attacker.example", 403), ("1.2.3.4.5", 403),
        ("attacker.example:x", 403), ("a:b", 403), ("0x7f.1", 403),
    ])
    func onALoopbackAddressOnlyLocalNamesCount(host: String, status: Int) async throws {
        try await RunningServer.run([open]) { port in
            let response = try await fetch("POST", "/open", port: port, headers: ["Host": host])
            #expect(response.status == status)
        }
    }

    @Test(arguments: [
        ("http://localhost:3000", 200), ("http://127.0.0.1", 200), ("http://0.0.0.0:8080", 200),
        ("app://obsidian.md", 200),
        ("tauri://localhost", 200), ("vscode-webview://abc", 200), ("https://app.example.org", 200), ("null", 403),
        ("https://attacker.example", 403), ("http://localhost.attacker.example", 403),
        ("http://app.example.org", 403), ("chrome-extension://abc", 403), ("file://", 403), ("", 403),
    ])
    func onlyAllowedPagesMayCall(origin: String, status: Int) async throws {
        var configuration = HTTPConfiguration()
        configuration.allowedOrigins = ["https://app.example.org"]
        try await RunningServer.run([open], configuration) { port in
            let response = try await fetch("POST", "/open", port: port, headers: ["Origin": origin])
            #expect(response.status == status)
            #expect(response.headers["access-control-allow-origin"] == (status == 200 ? origin : nil))
        }
    }

    @Test func aPageOfThisServerMayCallIt() async throws {
        try await RunningServer.run([open]) { port in
            let headers = ["Host": "box.local:\(port)", "Origin": "http://box.local:\(port)"]
            let response = try await fetch("POST", "/open", port: port, headers: headers)
            #expect(response.status == 200)
        }
    }

    @Test func preflightsAreAnsweredAsStarletteDoes() async throws {
        try await RunningServer.run([open]) { port in
            let ask = [
                "Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-custom",
            ]
            let response = try await fetch("OPTIONS", "/open", port: port, headers: ask)
            #expect(response.status == 200)
            #expect(response.body == "OK")
            #expect(response.headers["access-control-allow-origin"] == "http://localhost:3000")
            #expect(response.headers["access-control-allow-headers"] == "content-type,x-custom")
            #expect(response.headers["access-control-max-age"] == "600")
            #expect(response.headers["vary"] == "Origin")
        }
    }

    @Test(arguments: [
        ([:], 401), (["Authorization": "Bearer right"], 200), (["authorization": "bearer right"], 200),
        (["api-key": "right"], 200), (["Authorization": "Bearer wrong"], 401), (["Authorization": "right"], 401),
        (["Authorization": "Basic right"], 401), (["api-key": ""], 401), (["api-key": "righ"], 401),
    ])
    func aKeyIsAskedForWhereOneIsSet(headers: [String: String], status: Int) async throws {
        var configuration = HTTPConfiguration()
        configuration.apiKey = "right"
        try await RunningServer.run([open, .get("/healthz") { _ in .text("fine") }], configuration) { port in
            let response = try await fetch("POST", "/open", port: port, headers: headers)
            #expect(response.status == status)
            #expect(response.headers["www-authenticate"] == (status == 401 ? "Bearer" : nil))
            #expect(try await fetch("GET", "/healthz", port: port).status == 200)
        }
    }

    @Test(arguments: ["0.0.0.0", "::", "192.168.1.7", "example.org", "127.0.0.1.example.org", ""])
    func otherMachinesAreNotLetInWithoutAKey(host: String) {
        var configuration = HTTPConfiguration()
        configuration.host = host
        #expect(throws: ListenError.self) {
            _ = try HTTPServer.services(configuration, routes: [], logger: .init(label: "test")) { _ in }
        }
        configuration.apiKey = "key"
        #expect(throws: Never.self) {
            _ = try HTTPServer.services(configuration, routes: [], logger: .init(label: "test")) { _ in }
        }
    }
}

private let open = Route.post("/open") { _ in .text("open") }
