// What goes in and what is kept: an upload, the receipt for it, and the summary of a stored document.

/// A text somebody wants to ask questions about: the form of `POST /vector/text-to-vector`.
struct Upload: Sendable {
    var title: String
    var description: String
    var userID: String
    var url: String
    /// The file as it came: UTF-8 text, or it is refused.
    var content: [UInt8]
    /// Whether the other documents of the same title make room for this one, in the same transaction.
    var replace = false
}

/// What an upload did.
struct UploadReceipt: Sendable {
    enum Status: String, Sendable {
        /// The document is new under its title.
        case created
        /// The same content was already there under the same title: nothing was written.
        case unchanged
        /// The document took the place of those in `replaced`.
        case replaced
    }

    var documentID: String
    var title: String
    var status: Status
    var chunks: Int
    /// Tokens of the stored chunks as the model counts them, specials left out, overlap counted each time.
    var tokens: Int
    /// The ids of the documents that were removed to make room.
    var replaced: [String]
}

/// A stored document, as `GET /vector/documents` lists it.
struct DocumentSummary: Sendable {
    var documentID: String
    var title: String
    var description: String
    var userID: String
    var url: String
    var chunks: Int
    var tokens: Int
    /// Length of the text in Unicode scalars.
    var characters: Int
    /// RFC 3339, UTC.
    var createdAt: String
}

/// A page of documents and where the next one starts.
struct DocumentPage: Sendable {
    var documents: [DocumentSummary]
    var nextOffset: String?
}
