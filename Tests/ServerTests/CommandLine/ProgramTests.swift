// What every command has in common: help, mistakes, variables. The commands' own tests are in the suites inside of this one.

import Testing

/// One process after another: two dozen at once on two cores only wait for each other.
@Suite(.serialized) struct ProgramTests {
    @Test(arguments: [
        (["embed", "--input", "/nowhere", "--output", "x.npy"], "Cannot read /nowhere"),
        (["embed", "--input", "-", "--output", "x.csv"], "must end in .npy or .jsonl"),
        (["tokenize", "--input", "-", "--max-tokens", "1"], "at least 2"),
        (["info", "--weights", "/nowhere"], "/nowhere"),
        (["ask", "x", "--server", "http://127.0.0.1:9"], "No minilm server answers"),
        (["ask"], "Give a question"),
        (["serve", "--host", "0.0.0.0", "--data-dir", "/dev/null/x"], "API_KEY"),
        (["serve", "--chunk-tokens", "3", "--data-dir", "/dev/null/x"], "/dev/null/x"),
        (["bench", "embed"], "make bench-texts"),
        (["bench", "embed", "--latency-only", "--no-latency"], "nothing to measure"),
        (["bench", "embed", "--latency-only", "--texts", "x.txt"], "leave out --texts"),
        (["bench", "index", "--vectors", "/nowhere.npy"], "nowhere"),
        (["embed", "--input", "-", "--output", "-", "--precision", "i16", "--gemm", "openblas"], "f32 only"),
        (["embed", "--input", "-", "--output", "-", "--precision", "i4"], "i4"),
        (["embed", "--input", "-", "--output", "-", "--threads", "100000"], "1 to 1024, not 100000"),
        (["frobnicate"], "Usage"),
    ])
    func `mistakes are named on standard error and end with a failure`(arguments: [String], says: String) async throws {
        let result = try await Program.run(arguments)
        #expect(result.status != 0 && result.output.isEmpty)
        #expect((result.errors).contains(says), "\(result.errors)")
    }

    @Test func `every command has help with an example, and every option names its variable`() async throws {
        for command in [
            ["serve"], ["index"], ["ask"], ["embed"], ["tokenize"], ["pull"], ["info"], ["bench", "embed"],
            ["bench", "index"],
        ] {
            let help = try await Program.run(command + ["--help"]).output
            #expect(help.contains("EXAMPLES"), "\(command)")
        }
        let help = try await Program.run(["serve", "--help"]).output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        for variable in [
            "PORT", "LLM_PORT", "QDRANT_PORT", "DATA_DIR", "WEIGHTS", "MODEL", "OLLAMA_HOST", "API_KEY", "CHUNK_TOKENS",
        ] {
            #expect(help.contains("env \(variable)"), "\(variable)")
        }
    }

    @Test func `a variable with a bad value is named`() async throws {
        let result = try await Program.run(["serve", "--data-dir", "/dev/null/x"], environment: ["PORT": "many"])
        #expect(result.status != 0 && result.errors.contains("PORT='many'"))
    }
}
