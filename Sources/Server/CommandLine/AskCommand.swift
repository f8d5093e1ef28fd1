// minilm ask: questions to the running server, answers as they stream.

import ArgumentParser
import Foundation
import VectorStore

struct AskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask",
        abstract: "Ask the running server about your documents.",
        discussion: """
            EXAMPLES
              minilm ask "Quando foi aceso o farol?" --title faro
              minilm ask --questions Examples/questions.txt --title faro
            """
    )

    @Argument(help: "The question.")
    var question: String?

    @Option(help: "Only documents of this title (default: all).")
    var title: String?

    @Option(help: "File of questions, one a line; prints P: and R: pairs.")
    var questions: String?

    @Option(help: "Chat model to ask (default: the server's).")
    var model: String?

    @Option(help: "Passages to retrieve (default: the server's).")
    var topK: Int?

    @Flag(help: "Print the answers as JSON lines.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard (question == nil) != (questions == nil) else {
            throw ValidationError("Give a question, or a file of them with --questions.")
        }
    }

    func run() async throws {
        let texts = try questions.map { try TextInput.read($0).filter { !$0.allSatisfy(\.isWhitespace) } }
        let remote = try await server.connect()
        if let texts {
            for text in texts { try await askOfScript(text, remote) }
        } else if let question {
            try await ask(question, remote)
        }
    }

    private func ask(_ text: String, _ remote: RemoteServer) async throws {
        let record = try await remote.ask(asked(text)) { token in if !json { Terminal.stream(token) } }
        if json { return print(record) }
        print("\n")
        for (number, source) in (record["sources"]?.array ?? []).enumerated() {
            let place = "\(source["start"] ?? 0)–\(source["end"] ?? 0)"
            let score = (source["score"]?.number ?? 0).formatted(.number.precision(.fractionLength(2)))
            print("[\(number + 1)] \(source["title"]?.string ?? "") \(place) (\(score)) \(source["url"]?.string ?? "")")
        }
        for warning in record["warnings"]?.array ?? [] { Terminal.warn(warning.string ?? "") }
    }

    /// `P: question` and `R: answer`, as the script of the API we replace prints them.
    private func askOfScript(_ text: String, _ remote: RemoteServer) async throws {
        if !json { Terminal.stream("P: \(text)\nR: ") }
        let record = try await remote.ask(asked(text)) { token in if !json { Terminal.stream(token) } }
        if json { print(record) } else { Terminal.stream("\n\n") }
    }

    private func asked(_ text: String) -> Question {
        Question(text: text, title: title, model: model, topK: topK)
    }
}
