// Models that are not MiniLM, from their directory to their vectors. Oracle: the same weights in double precision.

import TestSupport
import Testing

@testable import MiniLM

@Suite struct SyntheticModelTests {
    enum Model: CaseIterable {
        case small, odd

        var value: SyntheticModel { self == .small ? .small : .odd }
    }

    /// Of one word to all the model reads; together more than a slice, and each alone: split by columns, from 64 tokens on by rows.
    private static let texts: [[Int]] = {
        var random = SplitMix64(seed: 3)
        return [0, 1, 2, 4, 5, 11, 29, 30, 47, 62, 94].map { count in
            (0..<count).map { _ in Int.random(in: 0..<SyntheticModel.words.count, using: &random) }
        }
    }()

    private static let exact = Model.allCases.map { model in texts.map { model.value.vector(words: $0) } }

    @Test(arguments: Model.allCases, Engine.all)
    func `vectors are those of double precision`(model: Model, engine: Engine) throws {
        let folder = try TemporaryFolder()
        try model.value.write(to: folder)
        let exact = Self.exact[model == .small ? 0 : 1]
        let texts = Self.texts.map { $0.map { SyntheticModel.words[$0] }.joined(separator: " ") }
        for threads in [1, 3] {
            let encoder = try SentenceEncoder(
                modelDirectory: folder.path, threads: threads, precision: engine.precision, gemm: engine.gemm)
            let batch = try encoder.encode(texts)
            #expect(batch.tokenCounts == Self.texts.map { $0.count + 2 })
            for (row, text) in texts.enumerated() {
                check(batch[row], exact[row], engine, "text \(row), \(threads) threads")
                check(try encoder.encode([text])[0], exact[row], engine, "text \(row) alone, \(threads) threads")
            }
        }
    }

    /// Against the vector's length, which only one of the models makes 1.
    private func check(_ vector: ArraySlice<Float>, _ exact: [Double], _ engine: Engine, _ text: Comment) {
        let vector = vector.map(Double.init)
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let length = dot(exact, exact).squareRoot()
        #expect(vector.count == exact.count)
        switch engine.precision {
        case .f32:
            // Some roundings of hidden states a layer, each of 6e-8 of a component, which is up to 0.4 of a length here and
            // 0.05 in MiniLM: 1.6e-7 at most with these kernels, and as much again for those that sum in another order.
            let largest = zip(vector, exact).map { abs($0 - $1) / length }.max() ?? .infinity
            #expect(largest <= 5e-7, text)
        case .i16, .i8:
            // Two or three layers round less often than MiniLM's six, whose worst text is at 2e-6 and 5e-4 of a cosine; these
            // are at 3e-7 and 7e-5. The lengths are the exact ones within as much as directions: the square root of twice that.
            let bound = engine.precision == .i16 ? 2e-6 : 3e-4
            let ownLength = dot(vector, vector).squareRoot()
            #expect(1 - dot(vector, exact) / (ownLength * length) <= bound, text)
            #expect(abs(ownLength / length - 1) <= (2 * bound).squareRoot(), text)
        }
    }

    /// One element of one word's row, which is not read before a text has the word. One of the models pools by `[CLS]`, which hears of
    /// the word by attention alone.
    @Test(arguments: Model.allCases, [Float.nan, .infinity, -.infinity])
    func `a word that is not finite gives vectors that are none, and others their own`(
        model: Model, value: Float
    ) throws {
        let folder = try TemporaryFolder()
        let word = 5 + 3
        let hidden = model.value.sizes.hidden
        try model.value.damaged("embeddings.word_embeddings.weight", at: word * hidden + 7, by: value).write(to: folder)
        let whole = try TemporaryFolder()
        try model.value.write(to: whole)
        let bad = "lamp \(SyntheticModel.words[3]) sea"
        for precision in [Precision.f32, .i16, .i8] {
            let encoder = try SentenceEncoder(modelDirectory: folder.path, threads: 2, precision: precision)
            let vectors = try encoder.encode(["lamp sea", bad, "night"])
            #expect(vectors[1].allSatisfy { $0.isNaN }, "\(precision)")
            #expect(try encoder.encode([bad]).values.allSatisfy { $0.isNaN }, "\(precision)")
            let other = try SentenceEncoder(modelDirectory: whole.path, threads: 2, precision: precision)
            let expected = try other.encode(["lamp sea", "night"])
            #expect(vectors[0] + vectors[2] == expected[0] + expected[1], "\(precision)")
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [Precision.f32, .i16, .i8])
    func `weights that are not finite are refused by name`(value: Float, precision: Precision) throws {
        for tensor in [
            "encoder.layer.2.output.dense.weight", "encoder.layer.0.attention.self.value.weight",
            "encoder.layer.1.intermediate.dense.bias", "encoder.layer.1.attention.output.LayerNorm.weight",
            "embeddings.position_embeddings.weight",
        ] {
            let folder = try TemporaryFolder()
            try SyntheticModel.small.damaged(tensor, at: 39, by: value).write(to: folder)
            let reason = SafetensorsError.invalidTensor(name: "bert.\(tensor)", reason: "it holds NaN or infinity")
            #expect(throws: ModelError.weights(path: "\(folder.path)/model.safetensors", reason)) {
                _ = try SentenceEncoder(modelDirectory: folder.path, precision: precision)
            }
        }
    }
}
