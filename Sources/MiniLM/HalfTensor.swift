// Parameters of 16 bits: they are widened where they are read, a row at a time, and are never in memory as float32 as a whole.

/// A tensor as the model's file has it.
enum Parameter: Sendable {
    case floats(Tensor)
    case halves(HalfTensor)

    var shape: [Int] {
        switch self {
        case .floats(let tensor): tensor.shape
        case .halves(let tensor): tensor.shape
        }
    }

    /// Whether no element is NaN or infinite. Reads them all.
    var isFinite: Bool {
        switch self {
        case .floats(let tensor): tensor.isFinite
        case .halves(let tensor): tensor.isFinite
        }
    }

    /// Elements in row-major order, times `scale`.
    func floats(_ range: Range<Int>, times scale: Float) -> [Float] {
        switch self {
        case .floats(let tensor): unsafe UnsafeBufferPointer(rebasing: tensor.elements[range]).map { $0 * scale }
        case .halves(let tensor): range.map { tensor[$0] * scale }
        }
    }
}

/// An immutable row-major array of 16-bit floats in a mapped file: IEEE 754's halves, or the upper halves of float32 ("brain floats").
@safe struct HalfTensor: Sendable {
    let shape: [Int]
    // Within the file, which is mapped as long as its object lives and which nobody writes.
    nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer
    private let file: MappedFile
    private let isBrainFloat: Bool

    /// `bytes` are within `file`, two for each element that the shape has.
    init(_ bytes: UnsafeRawBufferPointer, of file: MappedFile, shape: [Int], isBrainFloat: Bool) {
        precondition(bytes.count == 2 * shape.reduce(1, *), "\(bytes.count) bytes do not fill \(shape)")
        (self.shape, self.file, self.isBrainFloat) = (shape, file, isBrainFloat)
        unsafe self.bytes = unsafe bytes
    }

    /// An element as float32, which can be every value of either kind.
    subscript(index: Int) -> Float {
        let bits = bits(index)
        return isBrainFloat ? Float(bitPattern: UInt32(bits) << 16) : float(half: bits)
    }

    /// Whether no element is NaN or infinite: these have all digits of the exponent.
    var isFinite: Bool {
        let exponent: UInt16 = isBrainFloat ? 0x7F80 : 0x7C00
        return (0..<shape.reduce(1, *)).allSatisfy { bits($0) & exponent != exponent }
    }

    private func bits(_ index: Int) -> UInt16 {
        UInt16(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
    }
}

/// An IEEE 754 half's value. Swift's `Float16` does not exist on every platform.
private func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF)
    switch magnitude {
    // Steps of 2⁻²⁴.
    case ..<0x0400: return Float(bitPattern: sign | (Float(magnitude) * 0x1p-24).bitPattern)
    // Ten digits of 23, and an exponent that counts from -15 and not from -127.
    case ..<0x7C00: return Float(bitPattern: sign | magnitude << 13 + 112 << 23)
    default: return Float(bitPattern: sign | Float.infinity.bitPattern | magnitude << 13)
    }
}
