// swift-tools-version: 6.2
import PackageDescription

// Programs that use the libraries: no server, no -march needed. Outside this repository the dependency is `.package(url: …, from: …)`,
// which is how Scripts/smoke.sh builds them. EmbedLines needs MiniLM alone, SearchNotes all three.
let package = Package(
    name: "Examples",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "minilm", path: "..")],
    targets: [
        .executableTarget(
            name: "EmbedLines", dependencies: [.product(name: "MiniLM", package: "minilm")], path: "EmbedLines"),
        .executableTarget(
            name: "SearchNotes",
            dependencies: [
                .product(name: "MiniLM", package: "minilm"),
                .product(name: "HNSW", package: "minilm"),
                .product(name: "VectorStore", package: "minilm"),
            ],
            path: "SearchNotes"),
    ]
)
