// minilm embed and minilm tokenize: lines in, vectors or ids out.

import Foundation
import MiniLM
import TestSupport
import Testing
import VectorStore

@testable import Server

extension ProgramTests {
    @Suite struct EmbedCommandTests {
        private let folder: ProgramFolder
        init() throws { folder = try ProgramFolder() }

        @Test func `embed writes the vectors of every line, blank ones too, as NumPy reads them`() async throws {
            let input = try folder.write("lines.txt", "Olá mundo\n\nThe last line has no end")
            let output = folder.url.appending(path: "v.npy")
            #expect(try await Program.run(["embed", "--input", input, "--output", output.path]).status == 0)
            let data = try Data(contentsOf: output)
            #expect(data.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
            let header = String(decoding: data[10..<128], as: UTF8.self)
            #expect(
                header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }")
                    && header.hasSuffix("\n"))
            #expect(data.count == 128 + 3 * 384 * 4)
            let expected = try TestServer.encoder().encode(["Olá mundo", "", "The last line has no end"])
            let words = stride(from: 128, to: data.count, by: 4).map { start in
                data[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }
            let floats = words.map { Float(bitPattern: $0) }
            #expect(floats == expected.values)
        }

        @Test func `embed reads JSON lines and says what was cut`() async throws {
            let long = String(repeating: "word ", count: 300)
            let input = try folder.write("in.jsonl", "\"a \\u00e9\"\n\n{\"text\": \"\(long)\", \"other\": 1}\n")
            let result = try await Program.run(["embed", "--input", input, "--output", "-"])
            #expect(result.status == 0)
            let records = try result.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
            #expect(records.map { $0["index"] } == [0, 1])
            #expect(records[0]["embedding"]?.array?.count == 384)
            #expect(records[1]["tokens"] == 256 && records[1]["truncated_tokens"] == 46)
            #expect(result.errors.contains("1 of 2 texts") && result.errors.contains("46 tokens"))
        }

        @Test func `embed in 16 bits is near embed in 32`() async throws {
            let input = "Olá mundo\nthe lamp is lit\n"
            let arguments = ["embed", "--input", "-", "--output", "-"]
            let exact = try await Program.run(arguments, input: input).output
            let fixed = try await Program.run(arguments, input: input, environment: ["PRECISION": "i16"]).output
            #expect(exact != fixed)
            for (a, b) in zip(exact.split(separator: "\n"), fixed.split(separator: "\n")) {
                let x = try #require(JSONValue(parsing: a.utf8)["embedding"]?.array).compactMap(\.number)
                let y = try #require(JSONValue(parsing: b.utf8)["embedding"]?.array).compactMap(\.number)
                let cosine = zip(x, y).reduce(0.0) { sum, pair in sum + pair.0 * pair.1 }
                #expect(x.count == 384 && y.count == 384)
                #expect(cosine >= 0.99998)
            }
        }

        @Test func `tokenize prints an array of ids a line`() async throws {
            let result = try await Program.run(["tokenize", "--input", "-"], input: "Olá, mundo!\n\n")
            #expect(result.output == "[101, 19330, 2050, 1010, 25989, 999, 102]\n[101, 102]\n")
            let cut = try await Program.run(["tokenize", "--input", "-", "--max-tokens", "4"], input: "Olá, mundo!\n")
            #expect(cut.output == "[101, 19330, 2050, 102]\n")
            let whole = try await Program.run(
                ["tokenize", "--input", "-", "--max-tokens", "none"], input: String(repeating: "a ", count: 300)
            )
            #expect(whole.output.split(separator: ",").count == 302)
        }
    }
}
