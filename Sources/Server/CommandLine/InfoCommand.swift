// minilm info: what this build, its model, its documents and its Ollama are.

import ArgumentParser
import Foundation
import MiniLM
import VectorStore

struct InfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show the embedding model, the kernels, and what Ollama runs on.",
        discussion: """
            EXAMPLES
              minilm info
              minilm info --json
            """
    )

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Only the chat model: whether Ollama is reachable, has the model, and on which hardware it runs.")
    var chat = false

    @OptionGroup var model: ModelOptions
    @OptionGroup var chatOptions: ChatOptions

    func run() async throws {
        var record: JSONObject = [:]
        if !chat {
            record["version"] = .string(Minilm.version)
            record["embedding"] = .object(try embedding())
        }
        record["chat"] = .object(try await chatModel())
        if json {
            print(record)
        } else {
            for (section, value) in record {
                guard let members = value.object else {
                    print("\(section): \(value.string ?? value.description)")
                    continue
                }
                print("\(section):")
                for (name, value) in members { print("  \(name): \(value.string ?? value.description)") }
            }
        }
    }

    private func embedding() throws -> JSONObject {
        let encoder = try model.loadEncoder()
        return [
            "model": .string(try model.directory()),
            "dimensions": .integer(Int64(encoder.dimension)),
            "max_tokens": .integer(Int64(encoder.maxTokens)),
            "vocabulary": .integer(Int64(encoder.tokenizer.vocabularySize)),
            "threads": .integer(Int64(encoder.threads)),
            "precision": .string(encoder.precision.rawValue),
            "gemm": .string(encoder.gemm.rawValue),
            "kernels": .string(SentenceEncoder.kernelDescription),
            "blas": .string(SentenceEncoder.blasDescription),
        ]
    }

    private func chatModel() async throws -> JSONObject {
        let name = try chatOptions.modelName()
        let client = try chatOptions.client()
        var record: JSONObject = ["model": .string(name), "endpoint": .string("\(client.endpoint)")]
        do {
            record["ollama"] = .string(try await client.version())
            let isPulled = try await client.models().contains { OllamaModel.isSame($0.name, name) }
            record["pulled"] = .bool(isPulled)
            let loaded = try await client.loadedModels().first { OllamaModel.isSame($0.name, name) }
            record["processor"] = loaded.map { .string("\($0.processor)") } ?? .string("not loaded yet")
            if let context = loaded?.contextLength { record["context_length"] = .integer(Int64(context)) }
            if !isPulled { record["to_do"] = .string("minilm pull \(name)") }
        } catch let error as ChatError {
            record["ollama"] = .null
            record["to_do"] = .string(error.failure.detail)
        }
        return record
    }
}
