// minilm tokenize: a file of texts to the token ids the model reads.

import ArgumentParser
import Foundation
import MiniLM
import VectorStore

struct TokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Turn texts into token ids.",
        discussion: """
            Prints a JSON array of ids a line, [CLS] … [SEP], for each text of the input (one a line; input named *.jsonl:
            a JSON string or an object with "text" a line).

            EXAMPLES
              minilm tokenize --input lines.txt
              echo "olá mundo" | minilm tokenize --input - --max-tokens none
            """
    )

    @Option(name: .shortAndLong, help: "File of texts, or - for standard input.")
    var input: String

    @Option(help: "Longest sequence, specials included, or none (default: what the model reads, 256).")
    var maxTokens: String?

    @OptionGroup var model: ModelOptions

    func run() async throws {
        let encoder = try model.loadEncoder()
        let limit = try limit(default: encoder.maxTokens)
        for text in try TextInput.read(input) {
            let ids = encoder.tokenizer.tokenize(text, maxTokens: limit).ids
            print("[" + ids.map(String.init).joined(separator: ", ") + "]")
        }
    }

    private func limit(default modelLimit: Int) throws -> Int? {
        switch maxTokens {
        case nil: return modelLimit
        case "none": return nil
        case let text?:
            guard let limit = Int(text), limit >= 2 else {
                throw ValidationError(
                    "--max-tokens must be none or a number of at least 2 ([CLS] and [SEP]), not '\(text)'")
            }
            return limit
        }
    }
}
