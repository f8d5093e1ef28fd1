// swift-tools-version: 6.2
import PackageDescription

// The index and the encoder with their tests by themselves, so that the thread sanitizer is built into them and not into a web
// server:
//
//     make test-threads
//
// The folders of Sources are links to the package's own. OpenBLAS is only linked: the tests multiply by our own kernels.

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
        .target(
            name: "CBLASShim",
            linkerSettings: [
                .linkedLibrary("openblas", .when(platforms: [.linux])),
                .linkedFramework("Accelerate", .when(platforms: [.macOS])),
            ]
        ),
        .target(name: "CIntrinsics"),
        .target(name: "HNSW", dependencies: ["CIntrinsics"], swiftSettings: numeric),
        .target(name: "Cores", swiftSettings: strict),
        .target(name: "MiniLM", dependencies: ["CBLASShim", "CIntrinsics", "Cores"], swiftSettings: numeric),
        .target(name: "TestSupport", swiftSettings: strict),
        .testTarget(
            name: "HNSWTests", dependencies: ["HNSW", "CIntrinsics", "TestSupport"], path: "Sources/HNSWTests",
            swiftSettings: numeric),
        .testTarget(
            name: "MiniLMTests", dependencies: ["MiniLM", "TestSupport"], path: "Sources/MiniLMTests",
            exclude: ["Goldens"],
            sources: [
                "SharedSliceTests.swift", "WorkerPoolTests.swift", "Support/Models.swift",
                "Support/SyntheticModel.swift", "Support/Threads.swift",
            ], swiftSettings: numeric),
    ]
)
