// A running `minilm serve`, as the commands `index` and `ask` talk to it: over HTTP, like everybody else.

import ArgumentParser
import Foundation
import VectorStore

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A server on this machine or another.
struct RemoteServer: Sendable {
    let base: URL
    let apiKey: String?
    private let session = HTTPSession()

    /// The server's answers are a few kilobytes a line; passages of a large `top_k` make the largest.
    private static let lineLimit = 64 << 20

    init(_ address: String, apiKey: String?) throws {
        guard let url = URL(string: address), url.scheme == "http" || url.scheme == "https", url.host() != nil else {
            throw ValidationError("'\(address)' is not an address such as http://127.0.0.1:5002")
        }
        base = url
        self.apiKey = apiKey
    }

    /// Whether a server answers there.
    func isUp() async -> Bool {
        do {
            return try await body(of: request("GET", "healthz")).status == 200
        } catch {
            return false
        }
    }

    /// Uploads a document; returns what the server says.
    func upload(_ upload: Upload, fileName: String) async throws -> JSONValue {
        var form = MultipartForm()
        form.append("title", upload.title)
        form.append("description", upload.description)
        form.append("user_id", upload.userID)
        form.append("url", upload.url)
        if upload.replace { form.append("replace", "true") }
        form.append("file", fileName: fileName, content: upload.content)
        var request = request("POST", "vector/text-to-vector")
        request.setValue(form.contentType, forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(form.encoded())
        return try Self.document(try await body(of: request))
    }

    /// Asks a question; hands over each token, and returns the final record.
    func ask(_ question: Question, onToken: (String) -> Void) async throws -> JSONValue {
        var json: JSONObject = ["question": .string(question.text), "stream": true]
        if let title = question.title { json["title_rag"] = .string(title) }
        if let model = question.model { json["model"] = .string(model) }
        if let topK = question.topK { json["top_k"] = .integer(Int64(topK)) }
        var request = request("POST", "llm/ask")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(json.encoded())

        let exchange = session.start(request, lineLimit: Self.lineLimit)
        defer { exchange.close() }
        var event = ""
        var status = 200
        var refusal: [UInt8] = []
        while let next = try await exchange.next(within: .seconds(900), orThrow: Self.silence) {
            switch next {
            case .sent: break
            case .response(let code): status = code
            case .line(let bytes) where status != 200: refusal += bytes
            case .line(let bytes):
                let line = String(decoding: bytes, as: UTF8.self)
                if line.hasPrefix("event: ") { event = String(line.dropFirst(7)) }
                guard line.hasPrefix("data: ") else { continue }
                let data = try JSONValue(parsing: line.dropFirst(6).utf8)
                switch event {
                case "token": onToken(data["token"]?.string ?? "")
                case "done": return data
                case "error": throw RemoteError(data["detail"]?.string ?? data.description)
                default: break
                }
            }
        }
        if status != 200 { return try Self.document((status, refusal)) }
        throw RemoteError("The server ended the answer before it was complete.")
    }

    private static let silence = RemoteError("The server has said nothing for 15 minutes.")

    private func request(_ method: String, _ path: String) -> URLRequest {
        var request = URLRequest(url: base.appending(path: path))
        request.httpMethod = method
        if let apiKey { request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization") }
        return request
    }

    private func body(of request: URLRequest) async throws -> (status: Int, bytes: [UInt8]) {
        let exchange = session.start(request, lineLimit: Self.lineLimit)
        defer { exchange.close() }
        var status = 0
        var bytes: [UInt8] = []
        while let event = try await exchange.next(within: .seconds(900), orThrow: Self.silence) {
            switch event {
            case .sent: break
            case .response(let code): status = code
            case .line(let line): bytes += line + [UInt8(ascii: "\n")]
            }
        }
        return (status, bytes)
    }

    /// The JSON of a good answer; the `detail` of a bad one as an error.
    private static func document(_ answer: (status: Int, bytes: [UInt8])) throws -> JSONValue {
        let text = String(decoding: answer.bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: answer.bytes)
        } catch {
            throw RemoteError("HTTP \(answer.status): \(text.prefix(500))")
        }
        guard answer.status == 200 else {
            throw RemoteError(json["detail"]?.string ?? json["detail"]?.description ?? text)
        }
        return json
    }
}

/// What a server answered instead of the result, in its words.
struct RemoteError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A multipart/form-data body (RFC 7578).
private struct MultipartForm {
    private let boundary = "minilm-\(UUID().uuidString)"
    private var bytes: [UInt8] = []

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    mutating func append(_ name: String, _ value: String) {
        part(disposition: "form-data; name=\"\(name)\"", Array(value.utf8))
    }

    mutating func append(_ name: String, fileName: String, content: [UInt8]) {
        let escaped = fileName.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ")
        part(disposition: "form-data; name=\"\(name)\"; filename=\"\(escaped)\"", content)
    }

    func encoded() -> [UInt8] { bytes + Array("--\(boundary)--\r\n".utf8) }

    private mutating func part(disposition: String, _ content: [UInt8]) {
        bytes += "--\(boundary)\r\nContent-Disposition: \(disposition)\r\n\r\n".utf8
        bytes += content
        bytes += "\r\n".utf8
    }
}
