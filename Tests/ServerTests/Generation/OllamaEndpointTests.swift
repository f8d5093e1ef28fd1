// OLLAMA_HOST in every spelling.

import Foundation
import Testing

@testable import Server

@Suite struct OllamaEndpointTests {
    // Oracle: api documentation and envconfig tests of Ollama 0.33, with "every interface" mapped to loopback.
    @Test(arguments: [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("1.2.3.4:5678", "http://1.2.3.4:5678"),
        (":56789", "http://127.0.0.1:56789"),
        ("ollama.lan", "http://ollama.lan:11434"),
        ("ollama.lan:1234", "http://ollama.lan:1234"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("http://1.2.3.4:11434", "http://1.2.3.4:11434"),
        ("HTTP://example.org", "http://example.org:80"),
        ("https://example.org", "https://example.org:443"),
        ("https://example.org:8443", "https://example.org:8443"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        ("::1", "http://[::1]:11434"),
        ("fe80::1", "http://[fe80::1]:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("[::]", "http://[::1]:11434"),
        ("::", "http://[::1]:11434"),
        ("[::]:1234", "http://[::1]:1234"),
        ("http://localhost/", "http://localhost:80"),
        ("https://example.org/ollama/", "https://example.org:443/ollama"),
        ("example.org/ollama", "http://example.org:11434/ollama"),
        ("  1.2.3.4 \n", "http://1.2.3.4:11434"),
        ("\"1.2.3.4\"", "http://1.2.3.4:11434"),
        (" '1.2.3.4:99' ", "http://1.2.3.4:99"),
    ])
    func `a spelling leads to an address`(spelling: String, address: String) throws {
        #expect(try OllamaEndpoint(spelling).description == address)
    }

    @Test func `routes go below the path`() throws {
        #expect(try OllamaEndpoint().url("/api/chat").absoluteString == "http://127.0.0.1:11434/api/chat")
        let behindProxy = try OllamaEndpoint("https://example.org/ollama/")
        #expect(behindProxy.url("/api/chat").absoluteString == "https://example.org:443/ollama/api/chat")
    }

    @Test(arguments: [
        "ftp://example.org", "host:66000", "host:-1", "host:0", "host:port", "host:", "http://user@host", "a b",
        "host?x",
        "[::1", "[::1]x", "unix:///run/ollama.sock", "[fe80::1%eth0]:x",
    ])
    func `what is no address is refused with a sentence that quotes it`(spelling: String) throws {
        let error = try #require(throws: ChatError.self) { try OllamaEndpoint(spelling) }
        #expect(error.failure.detail.contains(spelling))
    }
}
