// Request bodies: bounded, then read as JSON or as a form.

import HTTPTypes
import Hummingbird
import NIOCore
import VectorStore

extension Call {
    /// Hands over the body piece by piece, at most `limit` bytes in all.
    ///
    /// A body that says it is longer is refused before a byte of it is read, one that turns out longer as soon as it does.
    /// In its place an empty one remains, so that `whileConnected` can still watch the connection.
    private mutating func read<Failure: Error>(
        upTo limit: Int, _ use: (ByteBufferView) throws(Failure) -> Void
    ) async throws {
        let refusal = RequestError.tooLarge(
            "The request's body is larger than \(limit) bytes (\(limit >> 20) MB), the most this server takes here."
        )
        if let text = request.headers[.contentLength], let length = Int(text), length > limit { throw refusal }
        var count = 0
        var iterator = request.body.makeAsyncIterator()
        while let buffer = try await Self.next(&iterator) {
            count += buffer.readableBytes
            guard count <= limit else { throw refusal }
            try use(buffer.readableBytesView)
        }
        request.body = RequestBody(buffer: ByteBuffer())
        hasUnreadBody = false
    }

    /// The next piece of a body; what breaks the body off is the caller's error.
    private static func next(_ iterator: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do {
            return try await iterator.next()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw RequestError.badRequest(
                "The connection ended before the whole body had arrived: send it again, whole.")
        }
    }

    /// The whole body, at most `limit` bytes.
    mutating func bytes(upTo limit: Int) async throws -> [UInt8] {
        if let gathered = gathered.take() { return gathered }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(0, min(limit, request.headers[.contentLength].flatMap { Int($0) } ?? 0)))
        try await read(upTo: limit) { bytes += $0 }
        return bytes
    }

    /// Takes the body off the connection before the handler asks for it, and maybe on another thread.
    mutating func gather(upTo limit: Int) async throws { gathered = try await bytes(upTo: limit) }

    /// The members of a JSON object in the body.
    ///
    /// - Throws: `InvalidRequest` as FastAPI words it; without `application/json` too, because a page of another site can
    ///   send a body of any other type without asking.
    mutating func jsonObject(upTo limit: Int = 2 << 20) async throws -> JSONObject {
        let bytes = try await bytes(upTo: limit)
        guard !bytes.isEmpty else { throw InvalidRequest([InvalidRequest.missing(["body"], input: .null)]) }
        let type = HeaderValue.parse(request.headers[.contentType] ?? "").value
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
    ///
    /// Parts are taken out of the body as it arrives, so that an upload is held in memory once.
    mutating func form(upTo limit: Int) async throws -> [String: FormPart] {
        guard var parser = try MultipartParser(contentType: request.headers[.contentType] ?? "") else { return [:] }
        try await read(upTo: limit) { bytes throws(MultipartError) in try parser.append(bytes) }
        return Dictionary(try parser.finish().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }
}

extension Request {
    /// Whether the head announces a body.
    var announcesBody: Bool {
        headers[.transferEncoding] != nil || headers[.contentLength].map { Int($0) != 0 } ?? false
    }
}

extension Response {
    /// This response, for a request whose body was not read to its end, or not at all.
    ///
    /// Whoever sends everything before reading would never see the answer if nobody took the rest of the body, so it is
    /// read and thrown away once the answer is on its way. Whoever reads first learns that the connection ends, and can
    /// stop sending.
    func discardingBody(of request: Request) -> Response {
        var response = self
        let body = response.body
        response.headers[.connection] = "close"
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(writer)
            try await request.body.consumeWithCancellationOnInboundClose { rest in
                for try await _ in rest {}
            }
        }
        return response
    }
}
