// A matrix of 32-bit floats read from NumPy's .npy format.

import Foundation

/// [rows, columns], row-major.
struct NumPyMatrix {
    let rows: Int
    let columns: Int
    let values: [Float]

    struct FormatError: Error, CustomStringConvertible {
        let description: String
    }

    init(path: String) throws {
        try self.init(Data(contentsOf: URL(filePath: path)), name: path)
    }

    /// Versions 1 to 3 of the format, type <f4, C order, two dimensions; anything else is refused.
    init(_ data: Data, name: String) throws {
        func refuse(_ reason: String) -> FormatError { FormatError(description: "\(name): \(reason)") }
        let bytes = [UInt8](data)
        guard bytes.count >= 12, bytes[0] == 0x93, bytes[1..<6].elementsEqual("NUMPY".utf8) else {
            throw refuse("not an .npy file")
        }
        let lengthBytes = bytes[6] == 1 ? 2 : 4
        let headerLength = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        let start = 8 + lengthBytes + headerLength
        guard start <= bytes.count else { throw refuse("it ends within its header") }
        let header = String(decoding: bytes[(8 + lengthBytes)..<start], as: UTF8.self)
        guard header.contains("'<f4'"), header.contains("'fortran_order': False") else {
            throw refuse("only little-endian float32 in C order is read")
        }
        guard let open = header.firstIndex(of: "("), let close = header[open...].firstIndex(of: ")") else {
            throw refuse("it does not say its shape")
        }
        let shape = header[header.index(after: open)..<close].split(separator: ",")
            .compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else { throw refuse("its shape is not [rows, columns]") }
        let (count, overflow) = shape[0].multipliedReportingOverflow(by: shape[1])
        guard !overflow, count <= (bytes.count - start) / 4, bytes.count - start == count * 4 else {
            throw refuse("\(bytes.count - start) bytes are not \(shape[0]) × \(shape[1]) floats")
        }
        rows = shape[0]
        columns = shape[1]
        values = (0..<count).map { i in
            let at = start + 4 * i
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
            return Float(bitPattern: bits)
        }
    }
}
