// Matrices read from NumPy's .npy format.

import Foundation

/// Floats, [rows, columns], row-major.
struct NumPyMatrix {
    let rows: Int
    let columns: Int
    private(set) var values: [Float]

    struct FormatError: Error, CustomStringConvertible {
        let description: String
    }

    init(path: String) throws {
        try self.init(Data(contentsOf: URL(filePath: path)), name: path)
    }

    /// Versions 1 to 3 of the format, type <f4, C order, two dimensions; anything else is refused.
    init(_ data: Data, name: String) throws {
        let file = try NumPyContents(data, name: name, of: "floats", widths: ["<f4": 4], called: "float32")
        rows = file.rows
        columns = file.columns
        values = file.elements(UInt32.self).map { Float(bitPattern: $0) }
    }

    /// One row: [columns].
    subscript(row: Int) -> ArraySlice<Float> { values[row * columns..<(row + 1) * columns] }

    /// Divides each row by its length, as cosine wants it. Rows of zeros, which have no direction, and rows of length 1 to a few units
    /// in the last place, as encoders write them, stay as they are to the bit.
    ///
    /// - Returns: How many were divided.
    mutating func normaliseRows() -> Int {
        var divided = 0
        for row in 0..<rows {
            let elements = row * columns..<(row + 1) * columns
            let square = values[elements].reduce(0.0) { $0 + Double($1) * Double($1) }
            guard square > 0, square.isFinite, abs(square - 1) > 1e-6 else { continue }
            let length = square.squareRoot()
            for element in elements { values[element] = Float(Double(values[element]) / length) }
            divided += 1
        }
        return divided
    }
}

/// Integers, [rows, columns], row-major.
struct NumPyIntegers {
    let rows: Int
    let columns: Int
    let values: [Int]

    init(path: String) throws {
        try self.init(Data(contentsOf: URL(filePath: path)), name: path)
    }

    /// As `NumPyMatrix`, of type <i4 or <i8.
    init(_ data: Data, name: String) throws {
        let file = try NumPyContents(
            data, name: name, of: "integers", widths: ["<i4": 4, "<i8": 8], called: "int32 or int64")
        rows = file.rows
        columns = file.columns
        values = file.width == 4 ? file.elements(Int32.self).map { Int($0) } : file.elements(Int64.self).map { Int($0) }
    }
}

/// An .npy file with a header that was understood and as many bytes as it says.
private struct NumPyContents {
    let rows: Int
    let columns: Int
    /// Bytes of an element.
    let width: Int
    private let bytes: [UInt8]
    private let start: Int

    /// - Parameters:
    ///   - kind, types: What the elements are, and what NumPy calls them: words for errors.
    ///   - widths: Bytes of an element by the type's code in the header.
    init(_ data: Data, name: String, of kind: String, widths: KeyValuePairs<String, Int>, called types: String) throws {
        func refuse(_ reason: String) -> NumPyMatrix.FormatError { .init(description: "\(name): \(reason)") }
        let bytes = [UInt8](data)
        guard bytes.count >= 12, bytes[0] == 0x93, bytes[1..<6].elementsEqual("NUMPY".utf8) else {
            throw refuse("not an .npy file")
        }
        let lengthBytes = bytes[6] == 1 ? 2 : 4
        let headerLength = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        start = 8 + lengthBytes + headerLength
        guard start <= bytes.count else { throw refuse("it ends within its header") }
        let header = String(decoding: bytes[(8 + lengthBytes)..<start], as: UTF8.self)
        guard let width = widths.first(where: { header.contains("'\($0.key)'") })?.value,
            header.contains("'fortran_order': False")
        else { throw refuse("only little-endian \(types) in C order is read") }
        guard let open = header.firstIndex(of: "("), let close = header[open...].firstIndex(of: ")") else {
            throw refuse("it does not say its shape")
        }
        let shape = header[header.index(after: open)..<close].split(separator: ",")
            .compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else { throw refuse("its shape is not [rows, columns]") }
        let (count, overflow) = shape[0].multipliedReportingOverflow(by: shape[1])
        let length = bytes.count - start
        guard !overflow, count <= length / width, length == count * width else {
            throw refuse("\(length) bytes are not \(shape[0]) × \(shape[1]) \(kind)")
        }
        (rows, columns) = (shape[0], shape[1])
        self.bytes = bytes
        self.width = width
    }

    /// All elements, as integers of `width` bytes.
    func elements<Element: FixedWidthInteger & BitwiseCopyable>(_: Element.Type) -> [Element] {
        precondition(MemoryLayout<Element>.size == width)
        return unsafe bytes.withUnsafeBytes { bytes in
            (0..<rows * columns).map { element in
                Element(
                    littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: start + width * element, as: Element.self))
            }
        }
    }
}
