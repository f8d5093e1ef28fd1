// multipart/form-data (RFC 7578): a body's bytes to its parts, as they arrive. Accepts and refuses what python-multipart
// does, with its texts, because FastAPI's clients see them.

/// One part of a form: a text field, or a file.
struct FormPart: Sendable, Equatable {
    var name: String
    /// The name of the file, its path removed; nil for a text field.
    var fileName: String?
    var content: [UInt8]
}

/// Why a body is not a form. FastAPI answers 400 with the text.
struct MultipartError: Error, Sendable, Equatable {
    let message: String

    static let missingBoundary = MultipartError(message: "Missing boundary in multipart.")
    static let invalid = MultipartError(message: "Invalid multipart data.")
    static let missingName = MultipartError(message: #"The Content-Disposition header field "name" must be provided."#)
    static let tooManyParts = MultipartError(message: "Too many fields. Maximum number of fields is 1000.")
    static let partTooLarge = MultipartError(message: "Part exceeded maximum size of 1024KB.")
    /// python-multipart keeps silent here, and the missing fields become the error; this says what happened.
    static let truncated = MultipartError(
        message: "The multipart body ended before its closing boundary: send it again, whole.")
}

/// Reads a form from its bytes, however they are split.
///
/// ```swift
/// guard var parser = try MultipartParser(contentType: "multipart/form-data; boundary=x") else { … }
/// for try await bytes in body { try parser.append(bytes) }
/// let parts = try parser.finish()
/// ```
///
/// Only a possible boundary, or an unfinished header line, is held back: the content of a part is stored once.
///
/// - Complexity: linear in the body's length.
struct MultipartParser: Sendable {
    /// Starlette's limits: a text field, in bytes, and the number of parts.
    static let largestTextField = 1 << 20
    static let mostParts = 1000
    /// A part's header lines together, in bytes.
    static let largestHeaders = 16 << 10

    /// What the next byte belongs to.
    private enum State {
        /// Before the first boundary. Line breaks are skipped, as python-multipart does; any other byte is an error.
        case opening
        /// Just behind a boundary: `--` ends the form, a line break begins a part.
        case afterBoundary
        case headers
        case content
        /// Behind the closing boundary: ignored (RFC 2046 §5.1.1).
        case epilogue
    }

    private let opening: [UInt8]
    private let delimiter: PatternFinder
    private var state = State.opening
    /// Bytes that arrived and are not understood yet, from `index` on.
    private var pending: [UInt8] = []
    private var index = 0
    private var disposition: String?
    private var headerBytes = 0
    private var part = FormPart(name: "", content: [])
    private var parts: [FormPart] = []

    /// A parser for the boundary of a `Content-Type`; nil when the type is not multipart/form-data.
    init?(contentType: String) throws(MultipartError) {
        let (type, parameters) = HeaderValue.parse(contentType)
        guard type == "multipart/form-data" else { return nil }
        guard let boundary = parameters["boundary"], 1...256 ~= boundary.utf8.count else { throw .missingBoundary }
        opening = Array("--\(boundary)".utf8)
        delimiter = PatternFinder(Array("\r\n".utf8) + opening)
    }

    /// Reads the next bytes of the body.
    mutating func append(_ bytes: some Collection<UInt8>) throws(MultipartError) {
        if state == .epilogue { return }
        pending += bytes
        while try step() {}
        pending.removeSubrange(..<index)
        index = 0
    }

    /// The parts, once the whole body was appended.
    func finish() throws(MultipartError) -> [FormPart] {
        guard state == .epilogue else { throw .truncated }
        return parts
    }

    /// Reads one boundary, header line or piece of content; false when that needs more bytes.
    private mutating func step() throws(MultipartError) -> Bool {
        switch state {
        case .opening: try readOpening()
        case .afterBoundary: try readAfterBoundary()
        case .headers: try readHeader()
        case .content: try readContent()
        case .epilogue: skipEpilogue()
        }
    }

    private mutating func readOpening() throws(MultipartError) -> Bool {
        index = pending[index...].firstIndex { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") } ?? pending.count
        let start = pending[index...].prefix(opening.count)
        guard opening.starts(with: start) else { throw .invalid }
        guard start.count == opening.count else { return false }
        index += opening.count
        state = .afterBoundary
        return true
    }

    private mutating func readAfterBoundary() throws(MultipartError) -> Bool {
        // Padding (RFC 2046 §5.1.1: transport-padding).
        index = pending[index...].firstIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } ?? pending.count
        let mark = pending[index...].prefix(2)
        guard mark.count == 2 else {
            guard mark.allSatisfy({ $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "\r") }) else { throw .invalid }
            return false
        }
        index += 2
        if mark.elementsEqual("--".utf8) {
            state = .epilogue
            return true
        }
        guard mark.elementsEqual("\r\n".utf8) else { throw .invalid }
        guard parts.count < Self.mostParts else { throw .tooManyParts }
        disposition = nil
        headerBytes = 0
        state = .headers
        return true
    }

    private mutating func readHeader() throws(MultipartError) -> Bool {
        let room = Self.largestHeaders - headerBytes
        guard let end = pending[index...].prefix(room).firstIndex(of: UInt8(ascii: "\n")) else {
            guard pending.count - index < room else { throw .invalid }
            return false
        }
        // A bare line feed ends no header line.
        guard end > index, pending[end - 1] == UInt8(ascii: "\r") else { throw .invalid }
        let line = pending[index..<end - 1]
        headerBytes += end + 1 - index
        index = end + 1
        if line.isEmpty {
            try beginContent()
            return true
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .invalid }
        if String(decoding: line[..<colon], as: UTF8.self).lowercased() == "content-disposition" {
            disposition = String(utf8OrLatin1: line[(colon + 1)...])
        }
        return true
    }

    private mutating func beginContent() throws(MultipartError) {
        let parameters = HeaderValue.parse(disposition ?? "").parameters
        guard let name = parameters["name"] else { throw .missingName }
        // Old browsers send whole paths; a name is all we want to know of somebody's disk.
        let fileName = parameters["filename"].map { path in
            path.split { $0 == "/" || $0 == "\\" }.last { $0 != "." && $0 != ".." }.map(String.init) ?? ""
        }
        part = FormPart(name: name, fileName: fileName, content: [])
        state = .content
    }

    private mutating func readContent() throws(MultipartError) -> Bool {
        var search = index
        while let found = delimiter.find(in: pending, from: search) {
            let behind = found + delimiter.count
            guard let isBoundary = isBoundary(before: behind) else {
                try store(upTo: found)
                return false
            }
            if isBoundary {
                try store(upTo: found)
                parts.append(part)
                index = behind
                state = .afterBoundary
                return true
            }
            search = behind
        }
        // The last bytes may be the beginning of a boundary.
        try store(upTo: max(index, pending.count - (delimiter.count - 1)))
        return false
    }

    /// Whether the delimiter that ends before `end` is a boundary; nil when that takes more bytes to say.
    ///
    /// RFC 2046 forbids other lines that begin as a boundary does; python-multipart takes them for content.
    private func isBoundary(before end: Int) -> Bool? {
        let mark = Array(pending[end...].prefix(2))
        guard let first = mark.first else { return nil }
        switch first {
        case UInt8(ascii: " "), UInt8(ascii: "\t"): return true
        case UInt8(ascii: "\r"): return mark.count == 2 ? mark[1] == UInt8(ascii: "\n") : nil
        case UInt8(ascii: "-"): return mark.count == 2 ? mark[1] == UInt8(ascii: "-") : nil
        default: return false
        }
    }

    private mutating func store(upTo end: Int) throws(MultipartError) {
        part.content += pending[index..<end]
        index = end
        guard part.fileName != nil || part.content.count <= Self.largestTextField else { throw .partTooLarge }
    }

    private mutating func skipEpilogue() -> Bool {
        index = pending.count
        return false
    }
}

/// Finds a pattern, skipping most bytes of a body (Horspool 1980). A boundary has at most 256 bytes, which bounds the worst
/// case.
private struct PatternFinder: Sendable {
    private let pattern: [UInt8]
    private let shift: [Int]

    var count: Int { pattern.count }

    init(_ pattern: [UInt8]) {
        self.pattern = pattern
        var shift = [Int](repeating: pattern.count, count: 256)
        for (index, byte) in pattern.dropLast().enumerated() { shift[Int(byte)] = pattern.count - 1 - index }
        self.shift = shift
    }

    func find(in body: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + pattern.count <= body.count {
            var offset = pattern.count - 1
            while body[index + offset] == pattern[offset] {
                if offset == 0 { return index }
                offset -= 1
            }
            index += shift[Int(body[index + pattern.count - 1])]
        }
        return nil
    }
}
