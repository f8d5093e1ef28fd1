// Bytes as the network cuts them to lines as the sender wrote them.

/// Collects bytes and hands out whole lines (LF or CRLF, which are left out). Chunks may end anywhere, inside a line or
/// inside a UTF-8 sequence: nothing is decoded before its line is complete.
struct LineSplitter {
    /// The longest line accepted, in bytes.
    let limit: Int
    private var partial: [UInt8] = []

    init(limit: Int) { self.limit = limit }

    /// Takes the next bytes; returns the lines they complete, nil when a line passes the limit.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(takeLine())
            } else {
                guard partial.count < limit else { return nil }
                partial.append(byte)
            }
        }
        return lines
    }

    /// The last line when it came without its line feed; nil when nothing is left.
    mutating func finish() -> [UInt8]? {
        partial.isEmpty ? nil : takeLine()
    }

    private mutating func takeLine() -> [UInt8] {
        defer { partial.removeAll(keepingCapacity: true) }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        return partial
    }
}
