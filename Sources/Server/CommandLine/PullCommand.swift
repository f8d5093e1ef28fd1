// minilm pull: lets Ollama fetch a chat model, and shows how far it is.

import ArgumentParser
import Foundation

struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Let Ollama fetch a chat model.",
        discussion: """
            EXAMPLES
              minilm pull llama3.2:1b
            """
    )

    @Argument(help: "The model's name in Ollama's library.")
    var model: String

    @Option(help: "Ollama's address (env OLLAMA_HOST; default: 127.0.0.1:11434).")
    var ollamaHost: String?

    func run() async throws {
        let endpoint = try OllamaEndpoint(try setting(ollamaHost, "OLLAMA_HOST", default: ""))
        var status = ""
        var bar: (digest: String, progress: ProgressBar)?
        for try await step in OllamaClient(endpoint: endpoint).pull(model) {
            if let digest = step.digest, let total = step.total {
                if bar?.digest != digest {
                    bar?.progress.finish()
                    bar = (digest, ProgressBar(String(step.status.prefix(24)), total: Int(total), unit: "B"))
                }
                bar?.progress.update(Int(step.completed ?? 0))
            } else if step.status != status {
                bar?.progress.finish()
                bar = nil
                Terminal.say(step.status)
            }
            status = step.status
        }
    }
}
