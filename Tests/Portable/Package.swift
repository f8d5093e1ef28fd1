// swift-tools-version: 6.2
import PackageDescription

// The encoder with the tests of its kernels by themselves, so that they can be built for other processors than the tests' own in a
// minute each, optimised as a release is:
//
//     make test-portable
//
// The folders of Sources are links to the package's own.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "Portable",
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
        .target(name: "Cores", swiftSettings: strict),
        .target(name: "MiniLM", dependencies: ["CBLASShim", "CIntrinsics", "Cores"], swiftSettings: strict),
        .target(name: "TestSupport", swiftSettings: strict),
        .testTarget(
            name: "MiniLMTests", dependencies: ["MiniLM", "CIntrinsics", "Cores", "TestSupport"],
            path: "Sources/MiniLMTests",
            sources: [
                "EncoderGoldenTests.swift", "KernelTests.swift", "LinearTests.swift", "ProcessorTests.swift",
                "SharedSliceTests.swift", "SyntheticModelTests.swift", "Support",
            ], resources: [.copy("Goldens")], swiftSettings: strict),
    ]
)
