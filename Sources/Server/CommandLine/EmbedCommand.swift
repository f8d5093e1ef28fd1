// minilm embed: a file of texts to a file of vectors.

import ArgumentParser
import Foundation
import MiniLM
import VectorStore

struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Turn texts into vectors.",
        discussion: """
            One text a line, or (input named *.jsonl) a JSON string or an object with "text" a line. Output named *.npy is
            a float32 matrix [texts, dimensions]; *.jsonl, and - for standard output, is an object a line. Texts longer than
            the model reads are cut, and standard error says how many and how much.

            EXAMPLES
              minilm embed --input lines.txt --output vectors.npy
              echo "olá mundo" | minilm embed --input - --output -
            """
    )

    @Option(name: .shortAndLong, help: "File of texts, or - for standard input.")
    var input: String

    @Option(name: .shortAndLong, help: "*.npy, *.jsonl, or - for JSON lines on standard output.")
    var output: String

    @OptionGroup var model: ModelOptions

    func validate() throws {
        guard output == "-" || output.hasSuffix(".npy") || output.hasSuffix(".jsonl") else {
            throw ValidationError("--output must end in .npy or .jsonl, or be -")
        }
    }

    func run() async throws {
        let texts = try TextInput.read(input)
        let encoder = try model.loadEncoder()
        let progress = ProgressBar("embedding", total: texts.count)
        var writer = try VectorWriter(output, rows: texts.count, columns: encoder.dimension)
        var truncatedTexts = 0
        var truncatedTokens = 0

        // Large enough that sorting by length evens out the work, small enough to show progress and bound memory.
        let batch = 1024
        for start in stride(from: 0, to: texts.count, by: batch) {
            let slice = Array(texts[start..<min(start + batch, texts.count)])
            let embeddings = try encoder.encode(slice) { progress.update(start + $0) }
            truncatedTexts += embeddings.truncatedTokens.count { $0 > 0 }
            truncatedTokens += embeddings.truncatedTokens.reduce(0, +)
            try writer.append(embeddings, from: start)
        }
        try writer.close()
        progress.finish()
        if truncatedTexts > 0 {
            Terminal.warn(
                """
                \(truncatedTexts) of \(texts.count) texts are longer than the \(encoder.maxTokens) tokens the model reads: \
                their last \(truncatedTokens) tokens are not in the vectors
                """
            )
        }
    }
}

/// Where vectors go: a NumPy matrix or JSON lines.
private enum VectorWriter {
    case numPy(NumPyFile)
    case jsonLines(FileHandle)

    init(_ output: String, rows: Int, columns: Int) throws {
        if output.hasSuffix(".npy") {
            self = .numPy(try NumPyFile(path: output, rows: rows, columns: columns))
        } else if output == "-" {
            self = .jsonLines(.standardOutput)
        } else {
            guard FileManager.default.createFile(atPath: output, contents: nil) else {
                throw ValidationError("Cannot write \(output)")
            }
            self = .jsonLines(try FileHandle(forWritingTo: URL(filePath: output)))
        }
    }

    /// Appends a batch whose first row is number `first` of all.
    mutating func append(_ embeddings: Embeddings, from first: Int) throws {
        switch self {
        case .numPy(var file):
            try file.append(embeddings.values)
            self = .numPy(file)
        case .jsonLines(let handle):
            var lines: [UInt8] = []
            for row in 0..<embeddings.count {
                let record: JSONObject = [
                    "index": .integer(Int64(first + row)),
                    "embedding": .array(embeddings[row].map { JSONValue($0) }),
                    "tokens": .integer(Int64(embeddings.tokenCounts[row])),
                    "truncated_tokens": .integer(Int64(embeddings.truncatedTokens[row])),
                ]
                lines += record.encoded()
                lines.append(UInt8(ascii: "\n"))
            }
            try handle.write(contentsOf: Data(lines))
        }
    }

    func close() throws {
        switch self {
        case .numPy(let file): try file.close()
        case .jsonLines(let handle): if handle !== FileHandle.standardOutput { try handle.close() }
        }
    }
}
