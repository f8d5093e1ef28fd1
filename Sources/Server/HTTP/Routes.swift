// Every route, in one list. A map of the room:
//
//   Routes.swift           this list
//   VectorRoutes.swift     documents in, out and found
//   AskRoutes.swift        questions; ServerSentEvents.swift streams their answers
//   Route.swift, Call.swift   who answers what, and what they are given
//   RouteTable.swift       method and path to handler
//   RequestGuard.swift     who may call
//   RequestBody.swift      bounded bodies; Multipart.swift (HeaderValue.swift) and InvalidRequest.swift read them as
//                          FastAPI does
//   Representations.swift  results as JSON
//   ErrorTable.swift       errors as HTTP
//   OpenAPI.swift          /openapi.json; DocsPage.swift the page that shows and tries it
//   HTTPServer.swift       the ports

import Hummingbird
import VectorStore

/// The API on both ports.
struct Routes: Sendable {
    let vectors: VectorRoutes
    let asking: AskRoutes
    /// Whether documents and model can serve.
    let isReady: @Sendable () async -> Bool

    var list: [Route] {
        [
            .post("/vector/text-to-vector", vectors.textToVector),
            .get("/vector/documents", vectors.documents),
            .delete("/vector/documents/{id}", vectors.deleteDocument),
            .post("/vector/search", vectors.search),
            .post("/llm/ask", asking.ask),
            // The older name of the same operation.
            .post("/llm/generate-response", asking.ask),
            .get("/healthz") { _ in .text("healthz check passed") },
            .get("/livez") { _ in .text("livez check passed") },
            .get("/readyz", readyz),
            .get("/openapi.json") { _ in .content(OpenAPI.document, type: "application/json") },
            .get("/docs") { _ in
                .content(
                    DocsPage.html, type: "text/html; charset=utf-8",
                    headers: [.contentSecurityPolicy: DocsPage.contentSecurityPolicy]
                )
            },
            .get("/") { _ in Response(status: .temporaryRedirect, headers: [.location: "/docs"]) },
        ]
    }

    @Sendable private func readyz(_ call: inout Call) async throws -> Response {
        guard await isReady() else { throw RequestError.unavailable("The documents cannot be read at the moment.") }
        return .text("readyz check passed")
    }
}

extension Response {
    static func text(_ text: String) -> Response { .content(Array(text.utf8), type: "text/plain; charset=utf-8") }
}
