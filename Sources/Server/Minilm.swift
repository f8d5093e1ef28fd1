// The executable `minilm`. A map of its rooms:
//
//   CommandLine/  one file a subcommand; options are flags, then environment variables, then defaults
//   HTTP/         routes, request parsing, errors, who may call
//   Qdrant/       Qdrant's REST API in front of the store, on a port of its own
//   Retrieval/    documents in (Ingestion, Chunker), passages out (Answering), embeddings in two lanes
//   Generation/   prompts, and the chat models that answer them (Ollama), or sentences quoted when none can
//
// One upload:   VectorRoutes -> Ingestion -> Chunker -> EmbeddingService -> PointStore.update
// One question: AskRoutes -> Answering -> EmbeddingService -> PointStore.query -> Prompt -> ChatModel

import ArgumentParser
import Foundation
import MiniLM

@main
enum Program {
    static func main() async {
        // Before anything that may use what this processor has not: the system would end the process without a word.
        if let instructions = Processor.missingInstructions {
            let advice = "`make build` on this machine, or `make build MARCH=` for any"
            Terminal.say("minilm: this build uses \(instructions), which this processor has not: \(advice)")
            exit(EX_UNAVAILABLE)
        }
        await Minilm.main()
    }
}

struct Minilm: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "minilm",
        abstract: "Answers questions about your documents: embeddings, vector store and HTTP API in one process.",
        discussion: """
            EXAMPLES
              minilm serve                                  serve on http://127.0.0.1:5002 and :5003
              minilm index notes.md --title notes           store a document
              minilm ask "Who wrote it?" --title notes      ask about it
              minilm embed --input lines.txt --output vectors.npy
              minilm tokenize --input lines.txt

            Every option can also be set by the environment variable that its help names.
            """,
        version: version,
        subcommands: [
            ServeCommand.self, IndexCommand.self, AskCommand.self, EmbedCommand.self, TokenizeCommand.self,
            PullCommand.self, BackupCommand.self, InfoCommand.self, BenchCommand.self,
        ],
        defaultSubcommand: ServeCommand.self
    )
}
