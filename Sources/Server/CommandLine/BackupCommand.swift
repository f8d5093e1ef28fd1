// minilm backup: a copy of everything stored, while it is being served.

import ArgumentParser
import VectorStore

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the stored documents to a file.",
        discussion: """
            The copy is one moment's state, whole and synced; a server may go on serving and storing meanwhile. To restore it, put it into
            an empty directory under the name points.sqlite and serve that.

            EXAMPLES
              minilm backup documents.sqlite
              mkdir restored && cp documents.sqlite restored/points.sqlite && minilm serve --data-dir restored
            """
    )

    @Argument(help: "File to write; must not exist.")
    var file: String

    @Option(help: "Directory of the documents (env DATA_DIR; default: data).")
    var dataDir: String?

    func run() async throws {
        try await EmbeddedStore.backup(directory: try setting(dataDir, "DATA_DIR", default: "data"), to: file)
    }
}
