// /docs has to work without a network and to show texts nobody vouches for.

import Foundation
import Testing

@testable import Server

@Suite struct DocsPageTests {
    @Test func isOneSmallPage() {
        #expect(DocsPage.html.utf8.count < 25 << 10)
        // Nothing is loaded from anywhere: the only addresses are this server's own paths and an empty icon.
        for attribute in ["src=", "@import", "url(", "//cdn", "https://", "http://"] {
            #expect(!DocsPage.html.contains(attribute), "\(attribute)")
        }
    }

    @Test func showsTextsAsText() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setHTML"] {
            #expect(!DocsPage.html.contains(way), "\(way)")
        }
    }

    /// The browser runs a script only when its digest is in the policy.
    @Test func thePolicyNamesTheScriptAndTheStyleOfThePage() async throws {
        try await RunningServer.run { port in
            let page = try await fetch("GET", "/docs", port: port)
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.hasPrefix("default-src 'self';"))
            #expect(!policy.contains("unsafe-inline"))
            for tag in ["script", "style"] {
                let pieces = page.body.components(separatedBy: "<\(tag)>")
                #expect(pieces.count == 2)
                let text = try #require(pieces.last?.components(separatedBy: "</\(tag)>").first)
                let digest = Data(SHA256.digest(text.utf8)).base64EncodedString()
                #expect(policy.contains("\(tag)-src 'sha256-\(digest)'"))
            }
        }
    }

    /// Both languages have a word for everything.
    @Test func isTranslatedWhole() throws {
        let keys = DocsPage.html.matches(of: #/data-[tp]="(\w+)"/#).map { String($0.1) }
        #expect(keys.count > 10)
        let portuguese = try #require(DocsPage.script.firstMatch(of: #/const pt = \{([\s\S]*?)\};/#)).1
        for key in keys { #expect(portuguese.contains("\(key): '"), "\(key)") }
    }
}
