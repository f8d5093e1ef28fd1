// The safetensors format: eight bytes of header length (little-endian), a JSON header, the tensors' bytes.
// https://github.com/huggingface/safetensors#format. Nothing in a file is believed before it is checked.

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Why a safetensors file, or a tensor in it, cannot be used.
public enum SafetensorsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file is not in the safetensors format, or was cut.
    case malformed(String)
    /// The entry of one tensor contradicts itself or the file.
    case invalidTensor(name: String, reason: String)
    /// A tensor the model needs is not in the file.
    case missingTensor(name: String)
    /// A tensor has other dimensions than the model's configuration says.
    case wrongShape(name: String, expected: [Int], found: [Int])
    /// A tensor's elements are not floats of a kind that is read here.
    case unsupportedType(name: String, type: String)

    public var description: String {
        switch self {
        case .malformed(let reason): "not a complete safetensors file: \(reason)"
        case .invalidTensor(let name, let reason): "tensor \(name): \(reason)"
        case .missingTensor(let name): "tensor \(name) is missing; is this a BERT encoder?"
        case .wrongShape(let name, let expected, let found):
            "tensor \(name) is \(found), but config.json asks for \(expected)"
        case .unsupportedType(let name, let type): "tensor \(name) holds \(type); F32, F16 and BF16 are read"
        }
    }
}

/// A mapped safetensors file: its tensors by name.
struct SafetensorsFile {
    /// One tensor as the header describes it, checked against the file.
    private struct Entry {
        let type: String
        let shape: [Int]
        /// Where in the file its bytes are.
        let bytes: Range<Int>
    }

    /// The reference implementation's limit too; real headers have some kilobytes.
    private static let longestHeader = 100_000_000
    private let file: MappedFile
    private let entries: [String: Entry]

    /// Checks every tensor in the file's header, and that together they fill the file.
    init(_ file: MappedFile) throws(SafetensorsError) {
        self.file = file
        let bytes = unsafe file.bytes
        guard bytes.count >= 8 else { throw .malformed("\(bytes.count) bytes are too few for a header") }
        let length = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(min(bytes.count - 8, Self.longestHeader)) else {
            throw .malformed("its header should have \(length) bytes, but the file has \(bytes.count)")
        }
        let data = 8 + Int(length)
        let header: [String: HeaderEntry]
        do {
            header = try unsafe JSONDecoder().decode([String: HeaderEntry].self, from: Data(bytes[8..<data]))
        } catch {
            throw .malformed("its header is not what the format asks for: \(jsonReason(error))")
        }
        var entries: [String: Entry] = [:]
        for (name, entry) in header {
            guard case .tensor(let type, let shape, let offsets) = entry else { continue }
            entries[name] = Entry(
                type: type, shape: shape, bytes: try Self.range(name, type, shape, offsets, data: data..<bytes.count))
        }
        try Self.check(entries, fill: data..<bytes.count)
        self.entries = entries
    }

    /// Whether the tensors lie one behind the other, the first at the beginning of the data and the last up to its end.
    ///
    /// The reference implementation asks for it, too: if tensors might share bytes, a small file could hold any number of
    /// large ones, each to be laid out in memory of its own.
    private static func check(_ entries: [String: Entry], fill data: Range<Int>) throws(SafetensorsError) {
        var end = data.lowerBound
        // One without elements begins where the next one does, so it has to come first.
        let inOrder = entries.sorted { a, b in
            (a.value.bytes.lowerBound, a.value.bytes.upperBound) < (b.value.bytes.lowerBound, b.value.bytes.upperBound)
        }
        for (name, entry) in inOrder {
            guard entry.bytes.lowerBound == end else {
                let (start, last) = (entry.bytes.lowerBound - data.lowerBound, end - data.lowerBound)
                throw .invalidTensor(
                    name: name, reason: "it begins at byte \(start) of the data, the tensor before it ends at \(last)")
            }
            end = entry.bytes.upperBound
        }
        guard end == data.upperBound else {
            throw .malformed("its tensors fill \(end - data.lowerBound) of \(data.count) bytes of data")
        }
    }

    /// Whether the file has a tensor of this name.
    func contains(_ name: String) -> Bool { entries[name] != nil }

    /// The tensor of this name and shape as float32. F32 stays in the file; F16 and BF16 are converted to memory.
    func tensor(_ name: String, shape: [Int]) throws(SafetensorsError) -> Tensor {
        switch try parameter(name, shape: shape) {
        case .floats(let tensor): tensor
        case .halves(let tensor): Tensor(shape: shape) { tensor[$0] }
        }
    }

    /// The tensor of this name and shape as the file has it: F16 and BF16 are converted where they are read.
    func parameter(_ name: String, shape: [Int]) throws(SafetensorsError) -> Parameter {
        guard let entry = entries[name] else { throw .missingTensor(name: name) }
        guard entry.shape == shape else { throw .wrongShape(name: name, expected: shape, found: entry.shape) }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes])
        switch entry.type {
        case "F32":
            // The format does not promise alignment; files of its current writers have it.
            if Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0 {
                return unsafe .floats(Tensor(mapped: bytes.assumingMemoryBound(to: Float.self), of: file, shape: shape))
            }
            return .floats(Tensor(shape: shape) { Float(bitPattern: unsafe bytes.integer(UInt32.self, at: $0)) })
        case "BF16": return unsafe .halves(HalfTensor(bytes, of: file, shape: shape, isBrainFloat: true))
        case "F16": return unsafe .halves(HalfTensor(bytes, of: file, shape: shape, isBrainFloat: false))
        default: throw .unsupportedType(name: name, type: entry.type)
        }
    }

    /// Where a tensor's bytes are in the file, if its type, shape and offsets agree with each other and with the file.
    private static func range(
        _ name: String, _ type: String, _ shape: [Int], _ offsets: [Int], data: Range<Int>
    ) throws(SafetensorsError) -> Range<Int> {
        guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= data.count else {
            throw .invalidTensor(
                name: name, reason: "offsets \(offsets) are not within the \(data.count) bytes of data")
        }
        if let width = elementWidth[type] {
            var size = width
            for dimension in shape {
                let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
                guard dimension >= 0, !overflow else {
                    throw .invalidTensor(name: name, reason: "its shape \(shape) is impossible")
                }
                size = product
            }
            guard size == offsets[1] - offsets[0] else {
                throw .invalidTensor(name: name, reason: "\(type) of shape \(shape) does not fill \(offsets)")
            }
        }
        return data.lowerBound + offsets[0]..<data.lowerBound + offsets[1]
    }

    /// Bytes an element. Other types may stand in a file: they are not read, so their size is not checked.
    private static let elementWidth = [
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
    ]
}

/// A value of the header object: a tensor, or the free-form `__metadata__`.
private enum HeaderEntry: Decodable {
    case tensor(type: String, shape: [Int], offsets: [Int])
    case metadata

    private enum Key: String, CodingKey {
        case type = "dtype"
        case shape
        case offsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
        if decoder.codingPath.last?.stringValue == "__metadata__" {
            self = .metadata
            return
        }
        let values = try decoder.container(keyedBy: Key.self)
        self = .tensor(
            type: try values.decode(String.self, forKey: .type),
            shape: try values.decode([Int].self, forKey: .shape),
            offsets: try values.decode([Int].self, forKey: .offsets))
    }
}

extension UnsafeRawBufferPointer {
    /// One of the little-endian integers that fill the buffer. They may be unaligned.
    fileprivate func integer<Bits: FixedWidthInteger & BitwiseCopyable>(_ type: Bits.Type, at index: Int) -> Bits {
        Bits(littleEndian: unsafe loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: type))
    }
}
