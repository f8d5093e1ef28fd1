// NumPy's .npy format, version 1.0 (NEP 1): a magic string, a Python dictionary that says what follows, and the numbers.

import Foundation

/// Writes a row-major matrix of 32-bit floats, a batch of rows at a time.
struct NumPyFile {
    private let handle: FileHandle
    private let rows: Int
    private let columns: Int
    private var written = 0

    /// Creates the file with the header of a float32 matrix [rows, columns].
    init(path: String, rows: Int, columns: Int) throws {
        guard FileManager.default.createFile(atPath: path, contents: Self.header(rows: rows, columns: columns)) else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
        }
        handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.seekToEnd()
        self.rows = rows
        self.columns = columns
    }

    /// The magic string, version and dictionary, padded with blanks to a multiple of 64 bytes.
    static func header(rows: Int, columns: Int) -> Data {
        var dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
        let unpadded = 10 + dictionary.utf8.count + 1
        dictionary += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        let length = UInt16(dictionary.utf8.count)
        return Data(
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(dictionary.utf8))
    }

    /// Appends rows: `values` is [n, columns], row-major.
    mutating func append(_ values: some Collection<Float>) throws {
        precondition(values.count % columns == 0 && written + values.count / columns <= rows)
        var bytes = Data(capacity: values.count * 4)
        for value in values {
            let bits = value.bitPattern
            bytes.append(contentsOf: [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> $0) })
        }
        try handle.write(contentsOf: bytes)
        written += values.count / columns
    }

    consuming func close() throws {
        precondition(written == rows)
        try handle.close()
    }
}
