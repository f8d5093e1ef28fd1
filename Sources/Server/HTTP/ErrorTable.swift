// The one table from errors to HTTP: a status and FastAPI's `{"detail": …}`.

import HTTPTypes
import Hummingbird
import MiniLM
import VectorStore

/// An error as an HTTP answer.
struct ErrorAnswer: Sendable {
    var status: HTTPResponse.Status
    var detail: JSONValue
    var headers: HTTPFields = [:]
    /// Whether the error is ours rather than the caller's, and so belongs in the log.
    var isOurs = false

    init(_ status: Int, _ detail: JSONValue, retryAfter: Int? = nil, isOurs: Bool = false) {
        self.status = HTTPResponse.Status(code: status)
        self.detail = detail
        self.isOurs = isOurs
        if let retryAfter { headers[.retryAfter] = String(retryAfter) }
    }

    /// The table. nil for an error nobody foresaw: 500.
    init?(_ error: any Error) {
        switch error {
        case let error as InvalidRequest: self.init(422, .array(error.details))
        case let error as MultipartError: self.init(400, .string(error.message))
        case let error as RequestError: self.init(error)
        case let error as StoreError: self.init(error)
        case let error as QdrantError:
            self.init(error.status, .string(error.message), retryAfter: error.retryAfter)
        case let error as ChatError:
            let failure = error.failure
            self.init(failure.status, .string(failure.detail), retryAfter: failure.retryAfter)
        // Texts are tokenized by us: tokens the model cannot read are our mistake.
        case let error as MiniLM.EncodingError: self.init(500, .string("\(error)"), isOurs: true)
        default: return nil
        }
    }

    private init(_ error: RequestError) {
        switch error {
        case .badRequest(let text): self.init(400, .string(text))
        case .notFound(let text): self.init(404, .string(text))
        case .tooLarge(let text): self.init(413, .string(text))
        case .overloaded(let text, let seconds): self.init(429, .string(text), retryAfter: seconds)
        case .unavailable(let text): self.init(503, .string(text), retryAfter: 5)
        }
    }

    private init(_ error: StoreError) {
        let text = JSONValue.string("\(error)")
        switch error {
        case .badRequest, .wrongInput, .wrongDimension, .unknownVector: self.init(400, text)
        case .invalid: self.init(422, text)
        case .collectionNotFound, .lookupNotFound, .pointNotFound, .aliasNotFound: self.init(404, text)
        case .collectionExists: self.init(409, text)
        case .diskFull: self.init(507, text, isOurs: true)
        case .cancelled: self.init(499, text)
        case .locked, .unusable, .damaged, .newerSchema, .database: self.init(500, text, isOurs: true)
        }
    }

    var response: Response { .json(["detail": detail], status: status, headers: headers) }
}

extension Response {
    /// Compact JSON in raw UTF-8, `application/json` without a charset, as FastAPI sends it.
    static func json(_ object: JSONObject, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        content(object.encoded(), type: "application/json", status: status, headers: headers)
    }

    static func content(
        _ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
