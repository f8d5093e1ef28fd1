// One upload, top to bottom: decode, split, embed, store. Everything is stored in one transaction or nothing is.

import Foundation
import VectorStore

/// Takes documents in, lists them and removes them.
struct Ingestion: Sendable {
    let store: any PointStore
    let embedding: EmbeddingService
    let chunker: Chunker

    /// Splits, embeds and stores a document.
    ///
    /// The same content under the same title is stored once: a second upload of it answers `unchanged`, whatever its
    /// other fields say. With `replace`, the title's documents make room in the same transaction, and the fields are
    /// those of this upload.
    ///
    /// - Throws: `RequestError` for content that is not text; `StoreError`.
    func ingest(_ upload: Upload) async throws -> UploadReceipt {
        let text = try TextFile.decode(upload.content)
        let documentID = Library.documentID(title: upload.title, content: upload.content)
        if !upload.replace, let existing = try await document(documentID) {
            return UploadReceipt(
                documentID: documentID, title: upload.title, status: .unchanged, chunks: existing.chunks,
                tokens: existing.tokens, replaced: []
            )
        }

        let chunks = chunker.chunks(of: text)
        guard !chunks.isEmpty else {
            throw RequestError.badRequest("The file has no readable text, only white space or control characters.")
        }
        let vectors = try await embedding.embed(passages: chunks.map(\.embeddingText))
        let points = points(for: upload, documentID: documentID, text: text, chunks: chunks, vectors: vectors)

        var operations = [PointOperation.upsert(points)]
        var replaced: [String] = []
        if upload.replace {
            replaced = try await documentIDs(title: upload.title)
            operations.insert(.delete(.filter(Filter(must: [Library.hasTitle(upload.title)]))), at: 0)
        }
        _ = try await store.update(operations, in: Library.collection)
        return UploadReceipt(
            documentID: documentID, title: upload.title, status: replaced.isEmpty ? .created : .replaced,
            chunks: chunks.count, tokens: chunks.reduce(0) { $0 + $1.tokens }, replaced: replaced
        )
    }

    /// A page of the stored documents in the order of their first chunks' ids.
    ///
    /// - Parameter offset: The `nextOffset` of the page before; nil for the first.
    func documents(title: String?, offset: String?, limit: Int) async throws -> DocumentPage {
        var filter = Filter(must: [Library.isFirstChunk])
        if let title { filter.must.append(Library.hasTitle(title)) }
        var start: PointID?
        if let offset {
            start = PointID(offset)
            guard start != nil else {
                throw RequestError.badRequest("offset must be the next_offset of the page before, not '\(offset)'.")
            }
        }
        let page = try await store.scroll(
            ScrollRequest(filter: filter, offset: start, limit: limit), in: Library.collection
        )
        return DocumentPage(
            documents: page.points.map { DocumentSummary(firstChunk: $0.payload ?? [:]) },
            nextOffset: page.nextPageOffset.map { "\($0)" }
        )
    }

    /// Removes a document; returns how many chunks it had, 0 when there is none of that id.
    func deleteDocument(_ id: String) async throws -> Int {
        let filter = Filter(must: [Library.isOfDocument(id)])
        let count = try await store.count(filter, in: Library.collection)
        if count > 0 { _ = try await store.update([.delete(.filter(filter))], in: Library.collection) }
        return count
    }

    private func document(_ id: String) async throws -> DocumentSummary? {
        let filter = Filter(must: [Library.isOfDocument(id), Library.isFirstChunk])
        let page = try await store.scroll(ScrollRequest(filter: filter, limit: 1), in: Library.collection)
        return page.points.first.map { DocumentSummary(firstChunk: $0.payload ?? [:]) }
    }

    private func documentIDs(title: String) async throws -> [String] {
        let filter = Filter(must: [Library.hasTitle(title)])
        return try await store.facet(Library.Field.documentID, filter: filter, limit: 10_000, in: Library.collection)
            .compactMap(\.value.string).sorted()
    }

    private func points(
        for upload: Upload, documentID: String, text: String, chunks: [Chunk], vectors: [[Float]]
    ) -> [Point] {
        let createdAt = Date.now.formatted(.iso8601)
        let documentTokens = chunks.reduce(0) { $0 + $1.tokens }
        let documentCharacters = text.unicodeScalars.count
        return zip(chunks, vectors).enumerated().map { index, pair in
            let (chunk, vector) = pair
            let payload: JSONObject = [
                Library.Field.title: .string(upload.title),
                Library.Field.description: .string(upload.description),
                Library.Field.userID: .string(upload.userID),
                Library.Field.url: .string(upload.url),
                Library.Field.text: .string(String(chunk.text)),
                Library.Field.documentID: .string(documentID),
                Library.Field.chunkIndex: .integer(Int64(index)),
                Library.Field.chunkCount: .integer(Int64(chunks.count)),
                Library.Field.headings: .array(chunk.headings.map(JSONValue.string)),
                Library.Field.tokens: .integer(Int64(chunk.tokens)),
                Library.Field.start: .integer(Int64(chunk.characters.lowerBound)),
                Library.Field.end: .integer(Int64(chunk.characters.upperBound)),
                Library.Field.documentTokens: .integer(Int64(documentTokens)),
                Library.Field.documentCharacters: .integer(Int64(documentCharacters)),
                Library.Field.createdAt: .string(createdAt),
            ]
            return Point(id: Library.pointID(documentID: documentID, chunk: index), vector: vector, payload: payload)
        }
    }
}
