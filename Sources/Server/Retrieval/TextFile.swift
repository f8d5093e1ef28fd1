// Bytes somebody says are text, to text: UTF-8, or a refusal that says what they look like instead.

/// Decodes uploaded files.
enum TextFile {
    /// The text of a file in UTF-8, byte order mark included where there is one, so that offsets count from the file's
    /// first character.
    ///
    /// - Throws: `RequestError.badRequest` for an empty file, another encoding and binary data; nothing is replaced or
    ///   left out.
    static func decode(_ bytes: [UInt8]) throws(RequestError) -> String {
        guard !bytes.isEmpty else { throw .badRequest("The file is empty.") }
        for (signature, name) in signatures where bytes.starts(with: signature) {
            throw .badRequest("The file is \(name), not text. Extract its text and upload that, as UTF-8.")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw .badRequest("The file is UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 FILE > FILE.utf8")
        }
        if let zero = bytes.firstIndex(of: 0) {
            throw .badRequest("The file is binary: byte \(zero) is zero, which no text contains. Upload UTF-8 text.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badRequest(
                """
                The file is not UTF-8: \(firstInvalidByte(in: bytes)). If it is Latin-1 (Windows), convert it: \
                iconv -f WINDOWS-1252 -t UTF-8 FILE > FILE.utf8
                """
            )
        }
        return text
    }

    private static let signatures: [(bytes: [UInt8], name: String)] = [
        (Array("%PDF-".utf8), "a PDF"),
        ([0x50, 0x4B, 0x03, 0x04], "a ZIP archive (DOCX, XLSX, EPUB, …)"),
        ([0xD0, 0xCF, 0x11, 0xE0], "an old Microsoft Office document"),
        ([0x89, 0x50, 0x4E, 0x47], "a PNG picture"),
        ([0xFF, 0xD8, 0xFF], "a JPEG picture"),
        ([0x1F, 0x8B], "compressed with gzip"),
    ]

    /// "byte 12 (0xE9, line 1) is not valid there", for bytes that are not UTF-8.
    private static func firstInvalidByte(in bytes: [UInt8]) -> String {
        // Repairing replaces what is invalid and nothing else: the first difference is the place.
        let repaired = String(decoding: bytes, as: UTF8.self)
        let valid = zip(bytes, repaired.utf8).prefix { $0 == $1 }.count
        let offset = min(valid, bytes.count - 1)
        let line = bytes[..<offset].count { $0 == 0x0A } + 1
        let byte = String(bytes[offset], radix: 16, uppercase: true)
        return "byte \(offset) (0x\(byte), line \(line)) is not valid there"
    }
}
