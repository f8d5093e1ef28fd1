// Matrices that `minilm bench index` reads, as NumPy writes them and as it does not.

import Foundation
import Testing

@testable import Server

@Suite struct NumPyMatrixTests {
    private func file(
        _ header: String = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", version: UInt8 = 1,
        floats: Int = 6
    ) -> Data {
        var header = Array(header.utf8)
        header.append(UInt8(ascii: "\n"))
        let length = version == 1 ? [UInt8(header.count), 0] : [UInt8(header.count), 0, 0, 0]
        var bytes = [0x93] + Array("NUMPY".utf8) + [version, 0] + length + header
        for value in 0..<floats {
            let bits = Float(value).bitPattern
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) }
        }
        return Data(bytes)
    }

    @Test(arguments: [1, 2, 3]) func `rows and columns are as they were written`(version: UInt8) throws {
        let matrix = try NumPyMatrix(file(version: version), name: "x")
        #expect(matrix.rows == 2 && matrix.columns == 3 && matrix.values == [0, 1, 2, 3, 4, 5])
    }

    @Test(arguments: [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 6, "float32"),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 6, "C order"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 6, "[rows, columns]"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 5, "not 2 × 3"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 6, "floats"),
        ("{'descr': '<f4', 'fortran_order': False }", 6, "shape"),
    ])
    func `what is no float32 matrix is refused with a reason`(header: String, floats: Int, reason: String) {
        let error = #expect(throws: NumPyMatrix.FormatError.self) {
            _ = try NumPyMatrix(file(header, floats: floats), name: "x.npy")
        }
        #expect(error?.description.contains(reason) == true && error?.description.contains("x.npy") == true)
    }

    @Test func `rows get length 1, and those that have it or are zeros stay as they are`() throws {
        // Squares of the last two are no floats: too great, too small.
        let values: [Float] = [3, 4, 0, 0, 0.6, -0.8, 1e38, 1e38, 1e-30, 0]
        let bytes = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        var matrix = try NumPyMatrix(NumPyFile.header(rows: 5, columns: 2) + bytes, name: "x")
        #expect(matrix.normaliseRows() == 3)
        let half = Float(0.5.squareRoot())
        #expect(matrix.values == [0.6, 0.8, 0, 0, 0.6, -0.8, half, half, 1, 0])
        #expect(matrix.normaliseRows() == 0)
    }

    @Test(arguments: [4, 8]) func `integers of both widths are as they were written, negative ones too`(width: Int)
        throws
    {
        let header = "{'descr': '<i\(width)', 'fortran_order': False, 'shape': (2, 2), }\n"
        var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
        for value in [0, 7, -1, 300] {
            bytes += (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let numbers = try NumPyIntegers(Data(bytes), name: "x")
        #expect(numbers.rows == 2 && numbers.columns == 2 && numbers.values == [0, 7, -1, 300])
        #expect(throws: NumPyMatrix.FormatError.self) { try NumPyMatrix(Data(bytes), name: "x") }
        #expect(throws: NumPyMatrix.FormatError.self) { try NumPyIntegers(Data(bytes.dropLast()), name: "x") }
    }

    @Test func `a file cut anywhere, or with any byte of its header changed, gives a matrix or an error`() {
        let whole = file()
        for length in 0..<whole.count { _ = Result { try NumPyMatrix(whole.prefix(length), name: "x") } }
        for position in 0..<80 {
            for value: UInt8 in [0, 0x27, 0x28, 0x29, 0x39, 0xFF] {
                var changed = whole
                changed[position] = value
                _ = Result { try NumPyMatrix(changed, name: "x") }
            }
        }
    }
}
