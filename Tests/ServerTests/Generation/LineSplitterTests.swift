import Testing

@testable import Server

@Suite struct LineSplitterTests {
    @Test func `chunks may end anywhere, inside a line or inside a character`() {
        // Oracle: the text split at its line feeds, for every way to cut it in two and byte by byte.
        let bytes = Array("{\"a\":\"é❤️\"}\n\r\nsegunda\r\nlast without its end".utf8)
        let expected = [Array("{\"a\":\"é❤️\"}".utf8), [], Array("segunda".utf8), Array("last without its end".utf8)]
        for cut in 0...bytes.count {
            #expect(lines([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected)
        }
        #expect(lines(bytes.map { [$0] }) == expected)
    }

    @Test func `a line may have the limit's length and no more`() {
        var splitter = LineSplitter(limit: 4)
        #expect(splitter.append(Array("1234\n1234\n".utf8)) == [Array("1234".utf8), Array("1234".utf8)])
        #expect(splitter.append(Array("12345".utf8)) == nil)
    }

    private func lines(_ chunks: [[UInt8]]) -> [[UInt8]] {
        var splitter = LineSplitter(limit: 100)
        var lines: [[UInt8]] = []
        for chunk in chunks { lines += splitter.append(chunk) ?? [] }
        if let last = splitter.finish() { lines.append(last) }
        return lines
    }
}
