// The texts that `embed` and `tokenize` read: one a line, or JSON a line.

import ArgumentParser
import Foundation
import VectorStore

/// A list of texts from a file or standard input.
enum TextInput {
    /// Reads the texts of `path`; `-` is standard input.
    ///
    /// A file whose name ends in `.jsonl` holds a JSON string, or an object with the member `text`, a line; blank lines
    /// there are left out. Any other file holds one text a line, blank lines included: they are texts too.
    ///
    /// - Throws: `ValidationError` naming the line that cannot be read.
    static func read(_ path: String) throws -> [String] {
        let data: Data
        if path == "-" {
            data = try FileHandle.standardInput.readToEnd() ?? Data()
        } else {
            do {
                data = try Data(contentsOf: URL(filePath: path))
            } catch {
                throw ValidationError("Cannot read \(path): \(error.localizedDescription)")
            }
        }
        return try parse(Array(data), name: path, isJSON: path.hasSuffix(".jsonl"))
    }

    /// The texts of a file's content.
    static func parse(_ bytes: [UInt8], name: String, isJSON: Bool) throws -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // A final line break ends the last line, it does not begin another.
        if lines.last?.isEmpty == true { lines.removeLast() }
        return try lines.enumerated().compactMap { index, line in
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            return isJSON
                ? try textOfJSON(line, at: "\(name):\(index + 1)") : try text(line, at: "\(name):\(index + 1)")
        }
    }

    private static func text(_ line: ArraySlice<UInt8>, at place: String) throws -> String {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw ValidationError("\(place): the line is not UTF-8")
        }
        return text
    }

    private static func textOfJSON(_ line: ArraySlice<UInt8>, at place: String) throws -> String? {
        if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return nil }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line)
        } catch {
            throw ValidationError("\(place): \(error)")
        }
        guard let text = value.string ?? value["text"]?.string else {
            throw ValidationError("\(place): neither a JSON string nor an object with the member \"text\"")
        }
        return text
    }
}
