// multipart/form-data (RFC 7578): a body's bytes to its parts. Accepts and refuses what python-multipart does, with its
// texts, because FastAPI's clients see them.

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

/// Reads forms.
enum Multipart {
    /// Starlette's limits: a text field, in bytes, and the number of parts.
    static let largestTextField = 1 << 20
    static let mostParts = 1000
    private static let largestHeaders = 16 << 10

    /// The boundary of a `Content-Type`; nil when the type is not multipart/form-data.
    static func boundary(of contentType: String) throws(MultipartError) -> [UInt8]? {
        let (type, parameters) = HeaderValue.parse(contentType)
        guard type == "multipart/form-data" else { return nil }
        guard let boundary = parameters["boundary"], 1...256 ~= boundary.utf8.count else { throw .missingBoundary }
        return Array(boundary.utf8)
    }

    /// The parts of a body.
    ///
    /// - Complexity: linear in the body's length.
    static func parts(of body: [UInt8], boundary: [UInt8]) throws(MultipartError) -> [FormPart] {
        let opening = Array("--".utf8) + boundary
        let delimiter = Array("\r\n".utf8) + opening
        guard !body.isEmpty else { throw .truncated }
        guard body.starts(with: opening) else {
            throw opening.starts(with: body) ? .truncated : .invalid
        }
        let finder = PatternFinder(delimiter)
        var parts: [FormPart] = []
        var index = opening.count
        while true {
            // Behind a boundary: "--" ends the form (what follows is ignored), a line break begins a part.
            let mark = body[index...].prefix(2)
            if mark.elementsEqual("--".utf8) { return parts }
            guard mark.elementsEqual("\r\n".utf8) else { throw mark.count < 2 ? .truncated : .invalid }
            guard parts.count < mostParts else { throw .tooManyParts }
            index += 2
            let disposition = try headers(of: body, at: &index)
            var end = finder.find(in: body, from: index)
            while let candidate = end, !isWhole(body[(candidate + delimiter.count)...]) {
                end = finder.find(in: body, from: candidate + 1)
            }
            guard let end else { throw .truncated }
            parts.append(try part(disposition, body[index..<end]))
            index = end + delimiter.count
        }
    }

    /// Whether a boundary ends before `rest`: a longer line that begins like one is content.
    private static func isWhole(_ rest: ArraySlice<UInt8>) -> Bool {
        let mark = rest.prefix(2)
        return mark.count < 2 || mark.elementsEqual("\r\n".utf8) || mark.elementsEqual("--".utf8)
    }

    private static func part(_ disposition: String?, _ content: ArraySlice<UInt8>) throws(MultipartError) -> FormPart {
        guard let disposition else { throw .missingName }
        let (_, parameters) = HeaderValue.parse(disposition)
        guard let name = parameters["name"] else { throw .missingName }
        guard let fileName = parameters["filename"] else {
            guard content.count <= largestTextField else { throw .partTooLarge }
            return FormPart(name: name, content: Array(content))
        }
        // Old browsers send whole paths; a name is all we want to know of somebody's disk.
        let base = fileName.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        return FormPart(name: name, fileName: base, content: Array(content))
    }

    /// Reads a part's header lines up to the empty one; returns its Content-Disposition.
    private static func headers(of body: [UInt8], at index: inout Int) throws(MultipartError) -> String? {
        var disposition: String?
        let limit = min(body.count, index + largestHeaders)
        while true {
            guard let end = body[index..<limit].firstIndex(of: UInt8(ascii: "\n")) else {
                throw limit == body.count ? .truncated : .invalid
            }
            // A bare line feed ends no header line.
            guard end > index, body[end - 1] == UInt8(ascii: "\r") else { throw .invalid }
            let line = body[index..<end - 1]
            index = end + 1
            if line.isEmpty { return disposition }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .invalid }
            if String(decoding: line[..<colon], as: UTF8.self).lowercased() == "content-disposition" {
                disposition = String(decoding: line[(colon + 1)...], as: UTF8.self)
            }
        }
    }
}

/// A header value with parameters: `form-data; name="file"; filename="a \"b\".txt"` (RFC 9110 §5.6.6).
enum HeaderValue {
    /// The value in lower case and its parameters by lower-case name; of a repeated one the first counts.
    static func parse(_ text: String) -> (value: String, parameters: [String: String]) {
        var rest = text[...]
        let value = take(&rest, until: ";").trimmed.lowercased()
        var parameters: [String: String] = [:]
        while !rest.isEmpty {
            let name = take(&rest, until: "=;")
            guard rest.first != ";" && !name.isEmpty else {
                _ = rest.popFirst()
                continue
            }
            let content = takeValue(&rest)
            let key = name.drop { $0 == ";" }.trimmed.lowercased()
            if !key.isEmpty, parameters[key] == nil { parameters[key] = content }
            _ = take(&rest, until: ";")
        }
        return (value, parameters)
    }

    private static func take(_ rest: inout Substring, until stops: String) -> Substring {
        let scalars = rest.unicodeScalars
        let end = scalars.firstIndex { stops.unicodeScalars.contains($0) } ?? scalars.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// What follows the `=` in `rest`: a token, or a quoted string with `\"` and `\\` for those characters.
    private static func takeValue(_ rest: inout Substring) -> String {
        rest = rest.dropFirst()
        let start = rest.drop { $0 == " " || $0 == "\t" }
        guard start.first == "\"" else { return String(take(&rest, until: ";").trimmed) }
        var scalars = start.unicodeScalars.dropFirst()
        var value = String.UnicodeScalarView()
        while let scalar = scalars.popFirst(), scalar != "\"" {
            // Internet Explorer sent unescaped paths: only these two are escapes.
            if scalar == "\\", let next = scalars.first, next == "\"" || next == "\\" {
                value.append(next)
                scalars.removeFirst()
            } else {
                value.append(scalar)
            }
        }
        rest = Substring(scalars)
        return String(value)
    }
}

/// Finds a pattern, skipping most bytes of a body (Horspool 1980). A boundary has at most 256 bytes, which bounds the worst
/// case.
private struct PatternFinder {
    private let pattern: [UInt8]
    private let shift: [Int]

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
