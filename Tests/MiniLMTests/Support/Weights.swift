// Where tests find the real model: what `make weights` fetched, or MINILM_WEIGHTS.

import Foundation

@testable import MiniLM

enum Weights {
    static let directory =
        ProcessInfo.processInfo.environment["MINILM_WEIGHTS"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "weights/all-MiniLM-L6-v2").path

    /// One encoder for all tests that do not care about its threads.
    static let encoder = Result { try SentenceEncoder(modelDirectory: directory, threads: 2) }

    static func model() throws -> BertModel {
        let configuration = try EncoderConfiguration(modelDirectory: directory)
        let file = try SafetensorsFile(MappedFile(path: "\(directory)/model.safetensors"))
        return BertModel(configuration: configuration, weights: try EncoderWeights(file, configuration))
    }
}

/// A small seeded generator (Steele, Lea & Flood 2014), so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Evenly distributed floats within `range`.
    mutating func floats(_ count: Int, in range: ClosedRange<Float>) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}

/// A folder of its own that is gone when the object is.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "minilm-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func write(_ bytes: some Collection<UInt8>, to name: String) throws -> String {
        let file = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    deinit {
        // Nothing can be done about a folder that stays.
        _ = Result { try FileManager.default.removeItem(atPath: path) }
    }
}
