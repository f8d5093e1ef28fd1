// Files are hostile: whatever they hold, the answer is their tensors or an error, and never a crash.

import Foundation
import Testing

@testable import MiniLM

@Suite struct SafetensorsTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func file(header: String, data: [UInt8] = []) -> [UInt8] {
        let length = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
    }

    private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(MappedFile(path: folder.write(bytes, to: "model.safetensors")))
    }

    private func values(_ tensor: Tensor) -> [Float] { unsafe Array(tensor.elements) }

    /// 1, -2 and 0.5 in each float type.
    private var sample: [UInt8] {
        file(
            header: #"{"__metadata__":{"format":"pt"},"f32":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"#
                + #""f16":{"dtype":"F16","shape":[3,1],"data_offsets":[12,18]},"#
                + #""bf16":{"dtype":"BF16","shape":[1,3],"data_offsets":[18,24]},"#
                + #""empty":{"dtype":"F32","shape":[0,7],"data_offsets":[24,24]},"#
                + #""scalar":{"dtype":"I64","shape":[],"data_offsets":[24,32]}}"#,
            data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F] + [0, 0x3C, 0, 0xC0, 0, 0x38]
                + [0x80, 0x3F, 0, 0xC0, 0, 0x3F] + [UInt8](repeating: 0, count: 8))
    }

    @Test func `floats of every kind are read`() throws {
        let file = try open(sample)
        #expect(values(try file.tensor("f32", shape: [3])) == [1, -2, 0.5])
        #expect(values(try file.tensor("f16", shape: [3, 1])) == [1, -2, 0.5])
        #expect(values(try file.tensor("bf16", shape: [1, 3])) == [1, -2, 0.5])
        #expect(values(try file.tensor("empty", shape: [0, 7])) == [])
    }

    @Test func `half floats have the values of IEEE 754`() throws {
        // Largest, smallest normal, largest below it, smallest, minus zero, -1.5, infinity.
        let bits: [UInt16] = [0x7BFF, 0x0400, 0x03FF, 0x0001, 0x8000, 0xBE00, 0x7C00]
        let file = try open(
            file(
                header: #"{"x":{"dtype":"F16","shape":[7],"data_offsets":[0,14]}}"#,
                data: bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }))
        let floats = values(try file.tensor("x", shape: [7]))
        #expect(floats == [65504, 0x1p-14, 1023 * 0x1p-24, 0x1p-24, 0, -1.5, .infinity] && floats[4].sign == .minus)
    }

    /// What a layer's weights are read by, without a copy of all as float32.
    @Test func `parameters of every kind are read in parts, times a factor`() throws {
        let file = try open(sample)
        for (name, shape) in [("f32", [3]), ("f16", [3, 1]), ("bf16", [1, 3])] {
            let parameter = try file.parameter(name, shape: shape)
            #expect(parameter.shape == shape && parameter.isFinite, "\(name)")
            #expect(parameter.floats(1..<3, times: 2) == [-4, 1], "\(name)")
        }
    }

    @Test(arguments: [("F16", [0x7C00, 0xFC00, 0x7C01, 0xFE00]), ("BF16", [0x7F80, 0xFF80, 0x7F81, 0xFFC0])])
    func `half floats that are infinite or no numbers are seen`(type: String, values: [UInt16]) throws {
        for value in values {
            for place in 0..<3 {
                var bits: [UInt16] = [0x3C00, 0x7BFF, 0x8001]
                let header = #"{"x":{"dtype":"\#(type)","shape":[3],"data_offsets":[0,6]}}"#
                func isFinite() throws -> Bool {
                    let data = bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
                    return try open(file(header: header, data: data)).parameter("x", shape: [3]).isFinite
                }
                #expect(try isFinite())
                bits[place] = value
                #expect(try !isFinite())
            }
        }
    }

    @Test func `unaligned floats are read`() throws {
        for padding in 0..<4 {
            let header =
                #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"# + String(repeating: " ", count: padding)
            #expect(values(try open(file(header: header, data: [0, 0, 0x80, 0x3F])).tensor("x", shape: [1])) == [1])
        }
    }

    @Test func `what the model does not expect is refused by name`() throws {
        let file = try open(sample)
        #expect(throws: SafetensorsError.missingTensor(name: "f64")) { try file.tensor("f64", shape: [3]) }
        #expect(throws: SafetensorsError.wrongShape(name: "f32", expected: [4], found: [3])) {
            try file.tensor("f32", shape: [4])
        }
        #expect(throws: SafetensorsError.unsupportedType(name: "scalar", type: "I64")) {
            try file.tensor("scalar", shape: [])
        }
    }

    @Test(arguments: [
        #""#, #"{"#, #"[]"#, #"{"x":1}"#, #"{"x":{}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}"#,
        #"{"x":{"dtype":"F32","shape":[0],"data_offsets":[9,9]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}}"#,
        #"{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
        #"{"x":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}"#,
        String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 100_000),
    ])
    func `a header that contradicts itself or the file is refused`(header: String) throws {
        #expect(throws: SafetensorsError.self) { try open(file(header: header, data: [UInt8](repeating: 0, count: 8))) }
    }

    /// x, y and perhaps z, of U8, over eight bytes of data. What is said of them is the reference implementation's rule.
    @Test(arguments: [
        ([0..<4, 0..<4, 4..<8], "it begins at byte 0 of the data, the tensor before it ends at 4"),
        ([0..<5, 4..<8], "tensor y: it begins at byte 4 of the data, the tensor before it ends at 5"),
        ([0..<8, 2..<4], "tensor y: it begins at byte 2 of the data, the tensor before it ends at 8"),
        ([0..<8, 4..<4], "tensor y: it begins at byte 4 of the data, the tensor before it ends at 8"),
        ([0..<3, 4..<8], "tensor y: it begins at byte 4 of the data, the tensor before it ends at 3"),
        ([1..<4, 4..<8], "tensor x: it begins at byte 1 of the data, the tensor before it ends at 0"),
        ([0..<4, 4..<7], "its tensors fill 7 of 8 bytes of data"), ([], "its tensors fill 0 of 8 bytes of data"),
    ])
    func `tensors that overlap, and bytes that are no tensor's, are refused`(
        ranges: [Range<Int>], reason: String
    ) throws {
        let error = #expect(throws: SafetensorsError.self) { try open(bytes(with: ranges)) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test(arguments: [[0..<4, 4..<8], [4..<8, 0..<4], [0..<0, 0..<8], [0..<8, 8..<8], [4..<4, 0..<4, 4..<8]])
    func `tensors that fill the data are read in any order, those without elements among them`(
        ranges: [Range<Int>]
    ) throws {
        let file = try open(bytes(with: ranges))
        #expect(["x", "y", "z"].prefix(ranges.count).allSatisfy(file.contains))
    }

    /// A file of eight bytes of data in which tensors of U8 have these ranges.
    private func bytes(with ranges: [Range<Int>]) -> [UInt8] {
        let entries = zip(["x", "y", "z"], ranges).map { name, range in
            #""\#(name)":{"dtype":"U8","shape":[\#(range.count)],"data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#
        }
        return file(header: "{\(entries.joined(separator: ","))}", data: [UInt8](repeating: 0, count: 8))
    }

    @Test(arguments: [0, 1, 9, 1 << 32, UInt64(Int.max) - 7, UInt64(Int.max), .max])
    func `a header length beyond the file is refused`(length: UInt64) throws {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array("{}      ".utf8)
        #expect(throws: SafetensorsError.self) { try open(bytes) }
    }

    @Test func `a file cut anywhere is refused`() throws {
        for length in 1..<sample.count {
            #expect(throws: SafetensorsError.self, "\(length) bytes") { try open(Array(sample.prefix(length))) }
        }
        #expect(throws: ModelError.self) { try open([]) }
    }

    @Test func `a file with any byte changed gives tensors of the right size or an error`() throws {
        for index in sample.indices {
            for mask: UInt8 in [0x01, 0x04, 0x10, 0x80] {
                var bytes = sample
                bytes[index] ^= mask
                let outcome = Result { try open(bytes) }
                guard case .success(let file) = outcome else { continue }
                for (name, shape) in [("f32", [3]), ("f16", [3, 1]), ("bf16", [1, 3]), ("empty", [0, 7])] {
                    // Reads every element: one outside the mapping would end the process.
                    guard case .success(let tensor) = (Result { try file.tensor(name, shape: shape) }) else { continue }
                    #expect(values(tensor).count == shape.reduce(1, *))
                }
            }
        }
    }
}
