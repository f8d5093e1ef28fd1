// swift-tools-version: 6.2
import PackageDescription

// The index and its tests by themselves, so that the thread sanitizer is built into them and not into a web server:
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
        .target(name: "TestSupport", swiftSettings: strict),
        .testTarget(
            name: "HNSWTests", dependencies: ["HNSW", "CIntrinsics", "TestSupport"], path: "Sources/HNSWTests",
            swiftSettings: numeric),
    ]
)
