// The ways to multiply, and the real model loaded once for each; folders for tests that make models of their own.

import Foundation
import TestSupport
import Testing

@testable import MiniLM

/// A way to multiply: OpenBLAS has 32-bit floats only.
struct Engine: Sendable, CustomTestStringConvertible {
    let precision: Precision
    var gemm = GEMMBackend.swift

    var testDescription: String { gemm == .openblas ? "openblas" : "\(precision)" }

    static let openBLAS = Engine(precision: .f32, gemm: .openblas)
    static let all = [Engine(precision: .f32), openBLAS, Engine(precision: .i16), Engine(precision: .i8)]

    /// One encoder of the real model, of two threads, for all tests.
    func encoder() throws -> SentenceEncoder {
        switch (precision, gemm) {
        case (.f32, .swift): try Weights.encoder.get()
        case (.f32, .openblas): try Weights.blasEncoder.get()
        case (.i16, _): try Weights.fixedPointEncoder.get()
        case (.i8, _): try Weights.byteEncoder.get()
        }
    }
}

extension Weights {
    /// One encoder for all tests that do not care about its threads.
    static let encoder = Result { try SentenceEncoder(modelDirectory: directory, threads: 2) }

    static let blasEncoder = Result {
        try SentenceEncoder(modelDirectory: directory, threads: 2, gemm: .openblas)
    }
    static let fixedPointEncoder = Result {
        try SentenceEncoder(modelDirectory: directory, threads: 2, precision: .i16)
    }
    static let byteEncoder = Result {
        try SentenceEncoder(modelDirectory: directory, threads: 2, precision: .i8)
    }

    static func encoder(_ gemm: GEMMBackend) throws -> SentenceEncoder {
        try gemm == .swift ? encoder.get() : blasEncoder.get()
    }

    static func model(_ gemm: GEMMBackend = .swift, _ precision: Precision = .f32) throws -> BertModel {
        // As an encoder would.
        if gemm == .openblas { useSingleThreadedBLAS() }
        let configuration = try EncoderConfiguration(modelDirectory: directory)
        let file = try SafetensorsFile(MappedFile(path: "\(directory)/model.safetensors"))
        return BertModel(
            configuration: configuration,
            weights: try EncoderWeights(file, configuration, backend: gemm, precision: precision))
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

extension SplitMix64 {
    /// Evenly distributed floats within `range`.
    mutating func floats(_ count: Int, in range: ClosedRange<Float>) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}
