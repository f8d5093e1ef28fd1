// swift-tools-version: 6.2
import PackageDescription

// The index and the encoder's worker pool with their tests by themselves, so that the thread sanitizer is built into them and not
// into a web server:
//
//     make test-threads
//
// The folders of Sources are links to the package's own.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let numeric = strict + [.unsafeFlags(["-O"])]

let package = Package(
    name: "ThreadSanitizer",
    platforms: [.macOS(.v26)],
    targets: [
        .target(name: "CIntrinsics"),
        .target(name: "HNSW", dependencies: ["CIntrinsics"], swiftSettings: numeric),
        .target(
            name: "MiniLM", dependencies: ["CIntrinsics"], sources: ["WorkerPool.swift", "Bell.swift", "Share.swift"],
            swiftSettings: numeric),
        .target(name: "TestSupport", swiftSettings: strict),
        .testTarget(
            name: "HNSWTests", dependencies: ["HNSW", "CIntrinsics", "TestSupport"], path: "Sources/HNSWTests",
            swiftSettings: numeric),
        .testTarget(
            name: "MiniLMTests", dependencies: ["MiniLM"], path: "Sources/MiniLMTests", exclude: ["Goldens"],
            sources: ["WorkerPoolTests.swift", "Support/Threads.swift"], swiftSettings: numeric),
    ]
)
