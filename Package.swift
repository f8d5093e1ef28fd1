// swift-tools-version: 6.2
import PackageDescription

// The arrows of ARCHITECTURE.md: Server -> {MiniLM, VectorStore, HNSW, Cores}; VectorStore ->
// {HNSW, CStemmer, Cores}; MiniLM -> {CBLASShim, CIntrinsics, Cores}; HNSW -> CIntrinsics. Nothing points up.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Numeric kernels are optimised in debug builds too: at -Onone a forward pass takes minutes and tests nothing a user
// runs. SwiftPM refuses unsafe flags in a dependency, so they apply only where this package is the one being built:
// a dependency's checkout is read-only, inside a folder named "checkouts".
let isRootPackage = !Context.packageDirectory.contains("/checkouts/")
let numeric: [SwiftSetting] =
    strict + (isRootPackage ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])

let package = Package(
    name: "minilm",
    platforms: [.macOS(.v26)],  // InlineArray, which holds the kernels' sums
    products: [
        .executable(name: "minilm", targets: ["Server"]),
        .library(name: "MiniLM", targets: ["MiniLM"]),
        .library(name: "HNSW", targets: ["HNSW"]),
        .library(name: "VectorStore", targets: ["VectorStore"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(
            name: "CBLASShim",
            linkerSettings: [
                .linkedLibrary("openblas", .when(platforms: [.linux])),
                .linkedFramework("Accelerate", .when(platforms: [.macOS])),
            ]
        ),
        .target(name: "CIntrinsics"),
        .target(name: "CStemmer"),
        .target(name: "Cores", swiftSettings: strict),
        .target(name: "MiniLM", dependencies: ["CBLASShim", "CIntrinsics", "Cores"], swiftSettings: numeric),
        .target(name: "HNSW", dependencies: ["CIntrinsics"], swiftSettings: numeric),
        .target(
            name: "VectorStore",
            dependencies: [
                "HNSW",
                "CStemmer",
                "Cores",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: numeric
        ),
        .executableTarget(
            name: "Server",
            dependencies: [
                "MiniLM",
                "VectorStore",
                "HNSW",
                "Cores",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            resources: [.embedInCode("Resources/openapi.json"), .embedInCode("Resources/docs.html")],
            swiftSettings: strict
        ),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        // Stands in for the allocator, and for what writes and syncs files, in the tests' program, to count its calls, and refuses
        // them as a full disk does.
        .target(name: "RuntimeCounters", path: "Tests/RuntimeCounters"),
        // Killed by VectorStoreTests in the middle of its work; no product of the package.
        .executableTarget(
            name: "StoreCrashWriter", dependencies: ["VectorStore", "TestSupport"], path: "Tests/StoreCrashWriter",
            swiftSettings: strict),
        .testTarget(
            name: "MiniLMTests",
            dependencies: ["MiniLM", "CIntrinsics", "Cores", "TestSupport", "RuntimeCounters"],
            resources: [.copy("Goldens")], swiftSettings: numeric),
        .testTarget(
            name: "HNSWTests", dependencies: ["HNSW", "CIntrinsics", "TestSupport", "RuntimeCounters"],
            swiftSettings: numeric),
        .testTarget(
            name: "VectorStoreTests",
            dependencies: [
                "VectorStore", "TestSupport", "StoreCrashWriter", "RuntimeCounters",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            resources: [.copy("Goldens")],
            swiftSettings: strict),
        .testTarget(name: "ServerTests", dependencies: ["Server", "TestSupport"], swiftSettings: strict),
    ]
)
