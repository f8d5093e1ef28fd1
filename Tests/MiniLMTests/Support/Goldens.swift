// What Scripts/make_encoder_goldens.py wrote.

import Foundation

struct GoldenError: Error, CustomStringConvertible {
    let description: String
}

/// A float32 array from a .npy file (NumPy's format, version 1.0, little-endian, row-major).
struct NumPyArray {
    let shape: [Int]
    let values: [Float]

    init(_ data: Data) throws {
        let bytes = [UInt8](data)
        guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]) else {
            throw GoldenError(description: "not .npy version 1.0")
        }
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        guard start <= bytes.count else { throw GoldenError(description: "header cut") }
        let header = String(decoding: bytes[10..<start], as: UTF8.self)
        guard header.contains("'descr': '<f4'"), header.contains("'fortran_order': False"),
            let list = header.firstMatch(of: #/'shape': \(([0-9, ]*)\)/#)
        else { throw GoldenError(description: "not row-major float32: \(header)") }
        shape = list.1.split(whereSeparator: { ", ".contains($0) }).compactMap { Int($0) }
        guard bytes.count - start == 4 * shape.reduce(1, *) else {
            throw GoldenError(description: "\(shape) do not fit")
        }
        values = stride(from: start, to: bytes.count, by: 4).map { offset in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) })
        }
    }
}

/// Texts, their ids, and what the float32 reference makes of them.
struct EncoderGoldens {
    let texts: [String]
    let ids: [[Int32]]
    /// [texts, 384].
    let vectors: NumPyArray
    /// [7, tokens of the first `traced` texts, 384]: after the embeddings and after each layer.
    let layers: NumPyArray
    let traced: Int
    /// How far the reference is from float64, over all texts: [7].
    let referenceErrorLayers: [Float]

    private struct Record: Decodable {
        let texts: [String]
        let ids: [[Int32]]
        let traced: Int
        let reference_error_layers: [Float]
    }

    init() throws {
        func data(_ name: String) throws -> Data {
            guard let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil) else {
                throw GoldenError(description: "\(name) is missing")
            }
            return try Data(contentsOf: url)
        }
        let record = try JSONDecoder().decode(Record.self, from: data("encoder_texts.json"))
        (texts, ids, traced) = (record.texts, record.ids, record.traced)
        referenceErrorLayers = record.reference_error_layers
        vectors = try NumPyArray(data("encoder_vectors.npy"))
        layers = try NumPyArray(data("encoder_layers.npy"))
        guard vectors.shape == [texts.count, 384] else { throw GoldenError(description: "\(vectors.shape) vectors") }
    }
}

/// The largest absolute difference of two arrays; infinite where they have different lengths or NaN.
func largestDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { largest, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(largest, difference)
    }
}
