// Request bodies: bounded, then read as JSON or as a form.

import HTTPTypes
import Hummingbird
import NIOCore
import VectorStore

extension Request {
    /// The whole body, at most `limit` bytes.
    ///
    /// A body that says it is longer is refused before a byte of it is read, one that turns out longer as soon as it does.
    mutating func body(upTo limit: Int) async throws -> [UInt8] {
        let refusal = RequestError.tooLarge(
            "The request's body is larger than \(limit) bytes (\(limit >> 20) MB), the most this server takes here."
        )
        if let text = headers[.contentLength], let length = Int(text), length > limit { throw refusal }
        do {
            return Array(buffer: try await collectBody(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw refusal
        }
    }

    /// The members of a JSON object in the body.
    ///
    /// - Throws: `InvalidRequest` as FastAPI words it; without `application/json` too, because a page of another site can
    ///   send a body of any other type without asking.
    mutating func jsonObject(upTo limit: Int = 2 << 20) async throws -> JSONObject {
        let bytes = try await body(upTo: limit)
        guard !bytes.isEmpty else { throw InvalidRequest([InvalidRequest.missing(["body"], input: .null)]) }
        let type = HeaderValue.parse(headers[.contentType] ?? "").value
        guard type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json")) else {
            throw Self.notAnObject(.string(String(decoding: bytes.prefix(1000), as: UTF8.self)))
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw InvalidRequest([
                InvalidRequest.detail(
                    "json_invalid", ["body", .integer(Int64(error.position))], "JSON decode error", input: [:],
                    context: ["error": .string(error.message)]
                )
            ])
        }
        guard let object = value.object else { throw Self.notAnObject(value) }
        return object
    }

    private static func notAnObject(_ input: JSONValue) -> InvalidRequest {
        let message = "Input should be a valid dictionary or object to extract fields from"
        return InvalidRequest([InvalidRequest.detail("model_attributes_type", ["body"], message, input: input)])
    }

    /// The parts of a form in the body, by name; of a repeated one the last counts. A body of another type has none, so
    /// that its fields are what is missing, as in FastAPI.
    mutating func form(upTo limit: Int) async throws -> [String: FormPart] {
        guard let boundary = try Multipart.boundary(of: headers[.contentType] ?? "") else { return [:] }
        let parts = try Multipart.parts(of: try await body(upTo: limit), boundary: boundary)
        return Dictionary(parts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }
}
