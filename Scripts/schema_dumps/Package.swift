// swift-tools-version: 6.2
import PackageDescription

// Scripts/make_schema_dumps.sh puts the sources of a commit beside this and says what they have: SCHEMA is the schema they write,
// CHECKOUTS where the packages are that the repository's own build has fetched.

let schema = Int(Context.environment["SCHEMA"] ?? "") ?? 0
let checkouts = Context.environment["CHECKOUTS"] ?? ""
let hasStemmer = Context.environment["HAS_STEMMER"] == "yes"
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "schema-dumps",
    platforms: [.macOS(.v26)],
    dependencies: [.package(path: checkouts + "/GRDB.swift"), .package(path: checkouts + "/swift-collections")],
    targets: [
        .target(name: "CIntrinsics"),
        .target(name: "HNSW", dependencies: ["CIntrinsics"], swiftSettings: strict + [.unsafeFlags(["-O"])]),
        .target(
            name: "VectorStore",
            dependencies: [
                "HNSW", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ] + (hasStemmer ? ["CStemmer"] : []),
            swiftSettings: strict),
        .executableTarget(
            name: "writer", dependencies: ["VectorStore", "HNSW"],
            swiftSettings: strict + (schema >= 3 ? [.define("NAMED_VECTORS")] : [])
                + (schema >= 4 ? [.define("ALIASES")] : [])),
    ] + (hasStemmer ? [.target(name: "CStemmer")] : [])
)
