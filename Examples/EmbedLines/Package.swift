// swift-tools-version: 6.2
import PackageDescription

// A program of its own that uses MiniLM as a library: no server, no unsafe flags, no -march needed.
let package = Package(
    name: "EmbedLines",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "minilm", path: "../..")],
    targets: [
        .executableTarget(name: "EmbedLines", dependencies: [.product(name: "MiniLM", package: "minilm")])
    ]
)
