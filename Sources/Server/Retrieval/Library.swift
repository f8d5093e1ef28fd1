// The collection the documents live in: its name, its payload's fields and its indexes. The one place that knows how a
// chunk becomes a point and a point a source again.

import Foundation
import VectorStore

/// The names of the collection `documents`, which Qdrant clients see as any other.
enum Library {
    static let collection = "documents"

    /// The payload of a chunk's point.
    enum Field {
        static let title = "title"
        static let description = "description"
        static let userID = "user_id"
        static let url = "url"
        static let text = "text"
        static let documentID = "document_id"
        static let chunkIndex = "chunk_index"
        static let chunkCount = "chunk_count"
        static let headings = "headings"
        static let tokens = "tokens"
        static let start = "start"
        static let end = "end"
        static let documentTokens = "document_tokens"
        static let documentCharacters = "document_characters"
        static let createdAt = "created_at"
    }

    /// Makes the collection and its indexes where they do not exist yet.
    ///
    /// - Throws: `RequestError.unavailable` when the collection holds vectors of another size, made by another model.
    static func prepare(_ store: any PointStore, dimension: Int) async throws {
        guard try await store.collections().contains(collection) else {
            try await store.createCollection(collection, CollectionConfiguration(size: dimension, distance: .cosine))
            return try await makeIndexes(store)
        }
        let size = try await store.collection(collection).configuration.vectors[""]?.size ?? 0
        guard size == dimension else {
            throw RequestError.unavailable(
                """
                The stored documents have vectors of \(size) dimensions, this model makes \(dimension): start with the \
                model they were made with, or with another --data-dir and upload them again.
                """
            )
        }
        try await makeIndexes(store)
    }

    private static func makeIndexes(_ store: any PointStore) async throws {
        try await store.createPayloadIndex(Field.title, .keyword, in: collection)
        try await store.createPayloadIndex(Field.documentID, .keyword, in: collection)
        try await store.createPayloadIndex(Field.chunkIndex, .integer, in: collection)
    }

    static func hasTitle(_ title: String) -> Condition {
        .match(key: PayloadPath(stringLiteral: Field.title), .value(.string(title)))
    }
    static func isOfDocument(_ id: String) -> Condition {
        .match(key: PayloadPath(stringLiteral: Field.documentID), .value(.string(id)))
    }
    /// Every document has exactly one first chunk: listing these lists the documents.
    static var isFirstChunk: Condition {
        .match(key: PayloadPath(stringLiteral: Field.chunkIndex), .value(.integer(0)))
    }

    /// The id of a document: the same content under the same title is the same document.
    static func documentID(title: String, content: [UInt8]) -> String {
        var hash = SHA256()
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update("\(title.utf8.count):\(title)".utf8)
        hash.update(content)
        return "\(PointID.uuid(uuid(hash.digest())))"
    }

    /// The id of a document's chunk.
    static func pointID(documentID: String, chunk: Int) -> PointID {
        .uuid(uuid(SHA256.digest("\(documentID)/\(chunk)".utf8)))
    }

    /// A UUID of version 8 (RFC 9562 §5.8: "custom") made of a digest's first 128 bits.
    private static func uuid(_ digest: [UInt8]) -> UUID {
        var b = Array(digest.prefix(16))
        b[6] = b[6] & 0x0F | 0x80
        b[8] = b[8] & 0x3F | 0x80
        return UUID(
            uuid: (b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15])
        )
    }
}

extension Source {
    /// A found chunk; fields that are missing or of another kind, in a collection somebody else wrote to, become empty.
    init(_ point: ScoredPoint) {
        let payload = point.payload ?? [:]
        id = "\(point.id)"
        documentID = payload[Library.Field.documentID]?.string ?? ""
        title = payload[Library.Field.title]?.string ?? ""
        url = payload[Library.Field.url]?.string ?? ""
        text = payload[Library.Field.text]?.string ?? ""
        score = point.score
        chunkIndex = Int(payload[Library.Field.chunkIndex]?.integer ?? 0)
        let start = Int(payload[Library.Field.start]?.integer ?? 0)
        characters = start..<max(start, Int(payload[Library.Field.end]?.integer ?? 0))
    }
}

extension DocumentSummary {
    /// The summary that a document's first chunk carries.
    init(firstChunk payload: JSONObject) {
        documentID = payload[Library.Field.documentID]?.string ?? ""
        title = payload[Library.Field.title]?.string ?? ""
        description = payload[Library.Field.description]?.string ?? ""
        userID = payload[Library.Field.userID]?.string ?? ""
        url = payload[Library.Field.url]?.string ?? ""
        chunks = Int(payload[Library.Field.chunkCount]?.integer ?? 0)
        tokens = Int(payload[Library.Field.documentTokens]?.integer ?? 0)
        characters = Int(payload[Library.Field.documentCharacters]?.integer ?? 0)
        createdAt = payload[Library.Field.createdAt]?.string ?? ""
    }
}
