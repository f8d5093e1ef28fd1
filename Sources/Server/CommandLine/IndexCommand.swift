// minilm index: files into the running server's library.

import ArgumentParser
import Foundation
import VectorStore

struct IndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Store documents in the running server.",
        discussion: """
            Each file becomes a document. Without --title its name is its title. The same file twice is stored once;
            --replace swaps what the title held before.

            EXAMPLES
              minilm index Examples/faro.md --title faro
              minilm index notes/*.md --title notes
            """
    )

    @Argument(help: "UTF-8 text files.")
    var files: [String]

    @Option(help: "Title of the documents; questions are asked about a title.")
    var title: String?

    @Option(help: "A few words about them.")
    var description = ""

    @Option(help: "Where they come from; stored, never fetched.")
    var url = ""

    @Option(help: "Who stores them.")
    var userId = ""

    @Flag(help: "Remove the title's other documents in the same step.")
    var replace = false

    @Flag(help: "Print the server's answers as JSON lines.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let remote = try await server.connect()
        for (index, file) in files.enumerated() {
            let content: Data
            do {
                content = try Data(contentsOf: URL(filePath: file))
            } catch {
                throw ValidationError("Cannot read \(file): \(error.localizedDescription)")
            }
            let name = URL(filePath: file).lastPathComponent
            let upload = Upload(
                title: title ?? name, description: description, userID: userId, url: url, content: Array(content),
                // Only the first makes room: the files of one command belong together.
                replace: replace && index == 0
            )
            let receipt: JSONValue
            do {
                receipt = try await remote.upload(upload, fileName: name)
            } catch let error as RemoteError {
                throw RemoteError("\(file): \(error)")
            }
            if json {
                print(receipt)
            } else {
                let chunks = receipt["chunks"]?.integer ?? 0
                let tokens = receipt["tokens"]?.integer ?? 0
                print("\(file): \(receipt["status"]?.string ?? "stored") (chunks: \(chunks), tokens: \(tokens))")
            }
        }
    }
}
