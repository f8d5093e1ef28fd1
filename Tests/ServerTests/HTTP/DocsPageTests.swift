// /docs has to work without a network and to show texts nobody vouches for.

import Testing

@testable import Server

@Suite struct DocsPageTests {
    private let page = String(decoding: DocsPage.html, as: UTF8.self)

    @Test func `it is one small page that loads nothing`() {
        #expect(DocsPage.html.count < 25 << 10)
        for way in ["src=", "@import", "url(", "https://", "http://"] { #expect(!page.contains(way), "\(way)") }
    }

    @Test func `texts are shown as text`() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setHTML"] {
            #expect(!page.contains(way), "\(way)")
        }
        #expect(!DocsPage.contentSecurityPolicy.contains("unsafe"))
    }

    @Test func `every label has its Portuguese`() throws {
        let keys = page.matches(of: #/data-[tp]="(\w+)"/#).map { String($0.1) }
        #expect(keys.count > 10)
        let portuguese = try #require(page.firstMatch(of: #/const pt = \{([\s\S]*?)\};/#)).1
        for key in keys { #expect(portuguese.contains("\(key): '"), "\(key)") }
    }
}
