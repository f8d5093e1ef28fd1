// Oracle: Hugging Face's BertModel in float32, one text at a time (Scripts/make_encoder_goldens.py).

import TestSupport
import Testing

@testable import MiniLM

@Suite struct EncoderGoldenTests {
    let goldens: EncoderGoldens
    init() throws { goldens = try EncoderGoldens() }

    @Test func `ids are the reference's`() throws {
        let tokenizer = try Weights.encoder.get().tokenizer
        for (text, ids) in zip(goldens.texts, goldens.ids) {
            #expect(tokenizer.tokenize(text, maxTokens: 256).ids == ids, "\(text.debugDescription)")
        }
    }

    /// The reference is up to 1.9e-7 from float64; a component of a unit vector in 384 dimensions is around 0.05.
    @Test(arguments: GEMMBackend.allCases)
    func `vectors are the reference's within 2e-6`(gemm: GEMMBackend) throws {
        let embeddings = try Weights.encoder(gemm).encode(goldens.texts)
        #expect(embeddings.tokenCounts == goldens.ids.map(\.count))
        for (row, text) in goldens.texts.enumerated() {
            let difference = largestDifference(embeddings[row], goldens.vectors.values[row * 384..<(row + 1) * 384])
            #expect(difference <= 2e-6, "text \(row): \(text.debugDescription)")
        }
    }

    /// 0.99998 is what is promised of the worst text in 16 bits. In 8 bits the worst of the benchmark's 2,000 texts has 0.9995; these
    /// have some of one or two tokens beside the specials, over which few roundings average: "..." has 0.9988. Plain 8-bit
    /// integers, a scale per token and channel, would give 0.98.
    @Test(arguments: [(Precision.i16, 0.99998), (.i8, 0.998)])
    func `vectors in integers are within a cosine of the reference's`(precision: Precision, least: Double) throws {
        let encoder = try precision == .i16 ? Weights.fixedPointEncoder.get() : Weights.byteEncoder.get()
        let embeddings = try encoder.encode(goldens.texts)
        for (row, text) in goldens.texts.enumerated() {
            let reference = goldens.vectors.values[row * 384..<(row + 1) * 384]
            let cosine = zip(embeddings[row], reference).reduce(into: 0.0) { $0 += Double($1.0) * Double($1.1) }
            #expect(cosine >= least, "text \(row): \(text.debugDescription)")
        }
    }

    /// Hidden states are around 1 and up to 16, so a float32 pass is off by several 1e-6 however it sums: the reference
    /// itself by `referenceErrorLayers`. Ours and its error may point in opposite directions, and ours may be as large again.
    @Test(arguments: GEMMBackend.allCases)
    func `every layer is the reference's within four times its own error`(gemm: GEMMBackend) throws {
        let model = try Weights.model(gemm)
        let activations = Activations(model.configuration, capacity: 256)
        var workspace = Workspace(model.configuration, precision: .f32)
        activations.begin(count: goldens.traced) { goldens.ids[$0] }
        let size = activations.sequences.tokens * 384
        #expect(goldens.layers.shape == [7, activations.sequences.tokens, 384])
        var seen = 0
        model.forward(activations, &workspace) { layer in
            let golden = goldens.layers.values[layer * size..<(layer + 1) * size]
            let difference = largestDifference(activations.hidden.prefix(size), golden)
            #expect(difference <= 4 * goldens.referenceErrorLayers[layer], "layer \(layer)")
            seen += 1
        }
        #expect(seen == 7)
    }

    @Test func `vectors have length 1`() throws {
        let embeddings = try Weights.encoder.get().encode(goldens.texts)
        for row in 0..<embeddings.count {
            let length = embeddings[row].reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
            // The sum of squares, its root and the quotient are each rounded to 6e-8 of their value, in lanes and across.
            #expect(abs(length - 1) <= 3e-7)
        }
    }
}
