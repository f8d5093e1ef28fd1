// JSON from a model directory.

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Far above the largest, a tokenizer.json with the vocabulary in it: decoding takes some times as much memory.
let mostJSONBytes = 64 << 20

/// What a JSON file holds, with its path for error messages.
struct JSONFile<Value: Decodable> {
    let path: String
    let value: Value

    init(path: String) throws(ModelError) {
        let file = try MappedFile(path: path, atMost: mostJSONBytes)
        self.path = path
        do {
            value = try JSONDecoder().decode(Value.self, from: Data(file.contents()))
        } catch {
            throw .malformed(path: path, reason: jsonReason(error))
        }
    }

    /// The file at `path`; nil when there is none.
    static func ifPresent(path: String) throws(ModelError) -> JSONFile? {
        FileManager.default.fileExists(atPath: path) ? try JSONFile(path: path) : nil
    }
}

/// What is wrong with JSON, in a sentence that names the key.
func jsonReason(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
    case .typeMismatch(let type, let context): "\(path(context.codingPath)) is not of type \(type)"
    case .valueNotFound(let type, let context): "\(path(context.codingPath)) is null, not of type \(type)"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not JSON"
    case .dataCorrupted(let context): "\(path(context.codingPath)): \(context.debugDescription)"
    case nil: "\(error)"
    @unknown default: "\(error)"
    }
}

private func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty ? "the top level" : keys.map(\.stringValue).joined(separator: ".")
}
