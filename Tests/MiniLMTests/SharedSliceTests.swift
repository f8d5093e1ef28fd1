// Threads that compute one slice together, as many as are asked for: by bands of tokens and by columns of each product. Oracle: one
// thread alone, to the bit. Under the thread sanitizer the same tests say that each thread writes what is its own.

import Foundation
import TestSupport
import Testing

@testable import MiniLM

@Suite struct SharedSliceTests {
    /// Two and three texts, and one alone, whose tokens no number of threads divides evenly.
    private static let lengths = [[31, 20, 2], [7, 3], [67]]

    private func model(_ precision: Precision, _ synthetic: SyntheticModel) throws -> BertModel {
        let folder = try TemporaryFolder()
        try synthetic.write(to: folder)
        let configuration = try EncoderConfiguration(modelDirectory: folder.path)
        let file = try SafetensorsFile(MappedFile(path: "\(folder.path)/model.safetensors"))
        return BertModel(
            configuration: configuration,
            weights: try EncoderWeights(file, configuration, backend: .swift, precision: precision))
    }

    /// The hidden states of some texts, and their vectors, computed by so many threads.
    private func forward(
        _ model: BertModel, _ precision: Precision, _ texts: [[Int32]], members: Int, _ split: Share.Split
    ) -> [Float] {
        let tokens = texts.reduce(0) { $0 + $1.count }
        let activations = Activations(model.configuration, capacity: 96)
        activations.begin(count: texts.count) { texts[$0] }
        let size = model.configuration.hiddenSize
        let vectors = AlignedBuffer<Float>(count: texts.count * size, zero: 0)
        let barrier = SpinBarrier(members: members)
        onThreads(members) { member in
            var workspace = Workspace(model.configuration, precision: precision)
            let share = Share(member: member, members: members, split: split, barrier: members > 1 ? barrier : nil)
            model.forward(activations, &workspace, share)
            share.synchronize()
            for text in texts.indices where text % members == member {
                unsafe model.pool(vectors[from: text * size], activations, sequence: text)
            }
        }
        return activations.hidden.prefix(tokens * size) + vectors.prefix(texts.count * size)
    }

    @Test(arguments: [Precision.f32, .i16, .i8], [Share.Split.rows, .columns])
    func `threads together compute what one does alone`(precision: Precision, split: Share.Split) throws {
        for synthetic in [SyntheticModel.small, .odd] {
            let model = try model(precision, synthetic)
            for lengths in Self.lengths {
                let texts = lengths.map { length in (0..<length).map { Int32(2 + $0 % 14) } }
                let alone = forward(model, precision, texts, members: 1, .rows)
                #expect(alone.allSatisfy { $0.isFinite })
                for members in [2, 3] {
                    #expect(
                        forward(model, precision, texts, members: members, split) == alone,
                        "\(synthetic.name), \(lengths) tokens, \(members) threads")
                }
            }
        }
    }

    /// Callers with slices and short texts at the same time, on more workers than cores.
    @Test(arguments: [Precision.f32, .i16, .i8])
    func `callers of one encoder get their own vectors`(precision: Precision) throws {
        let folder = try TemporaryFolder()
        try SyntheticModel.odd.write(to: folder)
        let encoder = try SentenceEncoder(modelDirectory: folder.path, threads: 3, precision: precision)
        let texts = (0..<4).map { caller in
            (0..<(caller % 2 == 0 ? 12 : 1)).map { number in
                (0...(7 * caller + 5 * number)).map { SyntheticModel.words[($0 + caller) % SyntheticModel.words.count] }
                    .joined(separator: " ")
            }
        }
        let expected = try texts.map { try encoder.encode($0).values }
        let results = Locked([Int: Result<[Float], any Error>]())
        onThreads(texts.count) { caller in
            let values = Result {
                try (0..<3).map { _ in try encoder.encode(texts[caller]).values }.flatMap(\.self)
            }
            results.withLock { $0[caller] = values }
        }
        for caller in texts.indices {
            let all = try #require(results.withLock { $0[caller] }).get()
            #expect(all == (0..<3).flatMap { _ in expected[caller] })
        }
    }
}
