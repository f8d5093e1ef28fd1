// /docs: one page that shows the API and tries it, without anything from elsewhere. Resources/docs.html.

import Foundation
import VectorStore

enum DocsPage {
    static let html = PackageResources.docs_html

    /// The page may run its own script and style, and call this server; nothing else. Answers are text of a model that read
    /// strangers' documents: whatever they hold, no script of theirs runs here (the page inserts text only).
    static let contentSecurityPolicy =
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        + "img-src data:; "
        + "script-src '\(hash("script"))'; style-src '\(hash("style"))'"

    /// The hash by which CSP (level 3, §2.3.1) knows an inline element.
    private static func hash(_ element: String) -> String {
        let page = String(decoding: html, as: UTF8.self)
        let content = page.components(separatedBy: "<\(element)>").last?.components(separatedBy: "</\(element)>").first
        return "sha256-" + Data(SHA256.digest((content ?? "").utf8)).base64EncodedString()
    }
}
