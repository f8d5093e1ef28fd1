// BERT encoders of other shapes than MiniLM's, whose weights a seed decides: as a model directory, and in double precision.

import Foundation
import TestSupport

/// A small encoder, its tensors as the file has them, and the vectors it should give.
struct SyntheticModel: Sendable {
    struct Sizes: Sendable {
        var hidden, heads, intermediate, layers: Int
        /// Most tokens of a text.
        let maxTokens = 96
    }

    let name: String
    let sizes: Sizes
    /// Of the tensors' names, as a task model's checkpoint has one.
    let prefix: String
    let isHalf: Bool
    /// By `[CLS]` and not scaled to length 1, or the mean over all tokens and scaled.
    let poolsCLS: Bool
    /// Row-major, by name without the prefix.
    private(set) var tensors: [String: (shape: [Int], values: [Float])] = [:]

    /// Words of one token each.
    static let words = ["lamp", "tower", "night", "ship", "sea", "rock", "light", "keeper", "stair", "glass", "oil"]
    private static let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + words
    private static let epsilon = 1e-12

    /// Heads of eight, sizes that fill no panel and no block, one part of `hidden` only.
    static let small = SyntheticModel(
        name: "small", sizes: Sizes(hidden: 40, heads: 5, intermediate: 72, layers: 3), prefix: "bert.", isHalf: false,
        poolsCLS: true, seed: 40)
    /// The sizes of TinyBERT's two first layers: heads of 26, which is no multiple of anything.
    static let odd = SyntheticModel(
        name: "odd", sizes: Sizes(hidden: 312, heads: 12, intermediate: 1200, layers: 2), prefix: "", isHalf: true,
        poolsCLS: false, seed: 312)

    private init(name: String, sizes: Sizes, prefix: String, isHalf: Bool, poolsCLS: Bool, seed: UInt64) {
        (self.name, self.sizes, self.prefix, self.isHalf, self.poolsCLS) = (name, sizes, prefix, isHalf, poolsCLS)
        var random = SplitMix64(seed: seed)
        func add(_ name: String, _ shape: [Int], around centre: Float, within range: Float) {
            let values = random.floats(shape.reduce(1, *), in: centre - range...centre + range)
            tensors[name] = (shape, isHalf ? values.map { rounded(toHalf: $0).value } : values)
        }
        func addLinear(_ name: String, _ outDim: Int, _ inDim: Int) {
            // Of variance 1 / inDim: what is of size 1 stays so, and scores of attention are neither all alike nor 0 and 1.
            add("\(name).weight", [outDim, inDim], around: 0, within: (3 / Float(inDim)).squareRoot())
            add("\(name).bias", [outDim], around: 0, within: 0.2)
        }
        func addNorm(_ name: String) {
            add("\(name).LayerNorm.weight", [sizes.hidden], around: 1, within: 0.5)
            add("\(name).LayerNorm.bias", [sizes.hidden], around: 0, within: 0.3)
        }
        for (table, rows) in [("word", Self.vocabulary.count), ("position", 128), ("token_type", 2)] {
            add("embeddings.\(table)_embeddings.weight", [rows, sizes.hidden], around: 0, within: 0.1)
        }
        addNorm("embeddings")
        for layer in (0..<sizes.layers).map({ "encoder.layer.\($0)" }) {
            for part in ["query", "key", "value"] {
                addLinear("\(layer).attention.self.\(part)", sizes.hidden, sizes.hidden)
            }
            addLinear("\(layer).attention.output.dense", sizes.hidden, sizes.hidden)
            addNorm("\(layer).attention.output")
            addLinear("\(layer).intermediate.dense", sizes.intermediate, sizes.hidden)
            addLinear("\(layer).output.dense", sizes.hidden, sizes.intermediate)
            addNorm("\(layer).output")
        }
    }

    // MARK: In double precision

    /// The vector of a text of these words: BERT's formulas, read from the paper, with nothing shared with the encoder.
    func vector(words: [Int]) -> [Double] {
        let ids = [2] + words.map { 5 + $0 } + [3]
        func row(_ table: String, _ index: Int) -> ArraySlice<Double> {
            doubles("embeddings.\(table)_embeddings.weight")[index * sizes.hidden..<(index + 1) * sizes.hidden]
        }
        var hidden = ids.enumerated().map { position, id in
            norm(sum(sum(row("word", id), row("token_type", 0)), row("position", position)), "embeddings")
        }
        for layer in (0..<sizes.layers).map({ "encoder.layer.\($0)" }) {
            let context = attention(
                linear(hidden, "\(layer).attention.self.query"), linear(hidden, "\(layer).attention.self.key"),
                linear(hidden, "\(layer).attention.self.value"))
            hidden = zip(hidden, linear(context, "\(layer).attention.output.dense"))
                .map { norm(sum($0, $1), "\(layer).attention.output") }
            let inner = linear(hidden, "\(layer).intermediate.dense")
                .map { $0.map { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) } }
            hidden = zip(hidden, linear(inner, "\(layer).output.dense"))
                .map { norm(sum($0, $1), "\(layer).output") }
        }
        if poolsCLS { return hidden[0] }
        let total = hidden.dropFirst().reduce(hidden[0]) { sum($0, $1) }
        let length = total.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return total.map { $0 / length }
    }

    private func doubles(_ name: String) -> [Double] { (tensors[name]?.values ?? []).map(Double.init) }

    private func sum(_ a: some Sequence<Double>, _ b: some Sequence<Double>) -> [Double] { zip(a, b).map(+) }

    private func dot(_ a: some Sequence<Double>, _ b: some Sequence<Double>) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// W · x + b of each row.
    private func linear(_ rows: [[Double]], _ name: String) -> [[Double]] {
        let (weight, bias) = (doubles("\(name).weight"), doubles("\(name).bias"))
        return rows.map { x in
            bias.indices.map { bias[$0] + dot(weight[$0 * x.count..<($0 + 1) * x.count], x) }
        }
    }

    private func norm(_ x: [Double], _ name: String) -> [Double] {
        let (weight, bias) = (doubles("\(name).LayerNorm.weight"), doubles("\(name).LayerNorm.bias"))
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return x.indices.map { (x[$0] - mean) / (variance + Self.epsilon).squareRoot() * weight[$0] + bias[$0] }
    }

    /// softmax(Q · Kᵀ / √headSize) · V of each head, side by side.
    private func attention(_ queries: [[Double]], _ keys: [[Double]], _ values: [[Double]]) -> [[Double]] {
        let headSize = sizes.hidden / sizes.heads
        return queries.map { query in
            (0..<sizes.heads).flatMap { head in
                let columns = head * headSize..<(head + 1) * headSize
                let scores = keys.map { dot(query[columns], $0[columns]) / Double(headSize).squareRoot() }
                let exponentials = scores.map { exp($0 - (scores.max() ?? 0)) }
                let total = exponentials.reduce(0, +)
                return columns.map { column in
                    zip(exponentials, values).reduce(0) { $0 + $1.0 * $1.1[column] } / total
                }
            }
        }
    }

    // MARK: As a model directory

    /// A copy with one element of a tensor replaced.
    func damaged(_ tensor: String, at index: Int, by value: Float) -> SyntheticModel {
        var copy = self
        copy.tensors[tensor]?.values[index] = value
        return copy
    }

    func write(to folder: TemporaryFolder) throws {
        let normalize = poolsCLS ? "" : #", {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}"#
        let files = [
            "config.json": """
            {"model_type": "bert", "vocab_size": \(Self.vocabulary.count), "hidden_size": \(sizes.hidden),
            "intermediate_size": \(sizes.intermediate), "num_hidden_layers": \(sizes.layers),
            "num_attention_heads": \(sizes.heads), "max_position_embeddings": 128, "type_vocab_size": 2,
            "hidden_act": "gelu", "layer_norm_eps": \(Self.epsilon)}
            """,
            "modules.json": """
            [{"path": "", "type": "sentence_transformers.models.Transformer"},
            {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}\(normalize)]
            """,
            "1_Pooling/config.json": """
            {"word_embedding_dimension": \(sizes.hidden), "pooling_mode_cls_token": \(poolsCLS),
            "pooling_mode_mean_tokens": \(!poolsCLS)}
            """,
            "sentence_bert_config.json": #"{"max_seq_length": \#(sizes.maxTokens)}"#,
            "vocab.txt": Self.vocabulary.map { "\($0)\n" }.joined(),
        ]
        for (name, text) in files { _ = try folder.write(Array(text.utf8), to: name) }

        var (entries, data): ([String], [UInt8]) = ([], [])
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = data.count
            for value in tensor.values {
                let (bits, width) = isHalf ? (UInt32(rounded(toHalf: value).bits), 2) : (value.bitPattern, 4)
                for byte in 0..<width { data.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte)))) }
            }
            let type = isHalf ? "F16" : "F32"
            entries.append(
                #""\#(prefix)\#(name)": {"dtype": "\#(type)", "shape": \#(tensor.shape), "data_offsets": [\#(start), \#(data.count)]}"#
            )
        }
        let header = Array("{\(entries.joined(separator: ", "))}".utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        _ = try folder.write(length + header + data, to: "model.safetensors")
    }
}

/// The nearest IEEE 754 half of a value of magnitude 65504 or less, or of a NaN or infinity, as its bits and as a float.
private func rounded(toHalf value: Float) -> (bits: UInt16, value: Float) {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    guard value.isFinite else { return (sign | (value.isNaN ? 0x7E00 : 0x7C00), value) }
    let magnitude = value.magnitude
    // Steps of 2⁻²⁴ below 2⁻¹⁴, of an eleventh binary digit above; a carry out of the digits raises the exponent.
    let step = magnitude < 0x1p-14 ? 0x1p-24 : magnitude.ulp * 0x1p13
    let near = (magnitude / step).rounded(.toNearestOrEven) * step
    let bits =
        near < 0x1p-14
        ? UInt16(near / 0x1p-24)
        : UInt16((near.bitPattern >> 13) - (112 << 10))
    return (sign | bits, value.sign == .minus ? -near : near)
}
