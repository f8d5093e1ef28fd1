// Header values with parameters, as Content-Type and Content-Disposition have them.

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

extension String {
    /// UTF-8, or Latin-1 where the bytes are not UTF-8: how Starlette reads names and text fields.
    init(utf8OrLatin1 bytes: some Collection<UInt8>) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self = text
        } else {
            self = ""
            unicodeScalars.append(contentsOf: bytes.lazy.map { Unicode.Scalar($0) })
        }
    }
}
