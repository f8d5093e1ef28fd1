// minilm bench: how fast this machine does it.

import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure speed and memory on this machine.",
        subcommands: [
            BenchEmbedCommand.self, BenchIndexCommand.self, BenchStoreCommand.self, BenchOpenIndexCommand.self,
            BenchOpenStoreCommand.self,
        ]
    )
}
