import VectorStore

/// One upload: decode, split, embed, store.
struct Ingestion: Sendable {
    func ingest(_ upload: Upload) async throws -> UploadReceipt { throw RequestError.badRequest("not yet") }
    func documents(title: String?, offset: String?, limit: Int) async throws -> DocumentPage {
        throw RequestError.badRequest("not yet")
    }
    /// Removes a document; returns how many chunks it had, 0 when there is none of that id.
    func deleteDocument(_ id: String) async throws -> Int { throw RequestError.badRequest("not yet") }
}
