// Options that several commands share.

// Public, because public types of MiniLM become arguments at the end of this file.
public import ArgumentParser
import Foundation
public import MiniLM
public import VectorStore

/// Which encoder, and on how many threads.
struct ModelOptions: ParsableArguments {
    @Option(help: "Directory of the embedding model (env WEIGHTS; default: weights/all-MiniLM-L6-v2).")
    var weights: String?

    @Option(help: "Threads for embedding (env THREADS; default: one a core).")
    var threads: Int?

    @Option(
        help:
            "f32, as the reference, i16, faster with half the memory, or i8, the fastest where there is VNNI, with a mean cosine of 0.9998 to f32, the worst 0.9995 over 2,000 texts (env PRECISION; default: f32)."
    )
    var precision: Precision?

    @Option(help: "Who multiplies matrices in f32: swift or openblas (env GEMM; default: swift).")
    var gemm: GEMMBackend?

    /// The directory named, or the default one: beside the working directory, else beside the checkout the program was
    /// built in.
    func directory() throws -> String {
        if let named = try optionalSetting(weights, "WEIGHTS") { return named }
        let relative = "weights/all-MiniLM-L6-v2"
        if FileManager.default.fileExists(atPath: relative) { return relative }
        // .build/<triple>/release/minilm -> the package's folder
        let binary = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let checkout = (0..<4).reduce(binary) { url, _ in url.deletingLastPathComponent() }
        let beside = checkout.appending(path: relative).path
        return FileManager.default.fileExists(atPath: beside) ? beside : relative
    }

    func loadEncoder() throws -> SentenceEncoder {
        let threads = try optionalSetting(threads, "THREADS")
        if let threads, !(1...SentenceEncoder.mostThreads ~= threads) {
            throw ValidationError("--threads must be 1 to \(SentenceEncoder.mostThreads), not \(threads)")
        }
        let precision = try setting(precision, "PRECISION", default: .f32)
        let gemm = try optionalSetting(gemm, "GEMM")
        if precision != .f32, gemm == .openblas {
            throw ValidationError(
                "--gemm openblas multiplies in f32 only; leave it out, or --precision \(precision.rawValue)")
        }
        return try SentenceEncoder(
            modelDirectory: try directory(), threads: threads, precision: precision, gemm: gemm ?? .swift)
    }
}

/// Where documents are kept and how they are split.
struct StoreOptions: ParsableArguments {
    @Option(help: "Directory of the documents (env DATA_DIR; default: data).")
    var dataDir: String?

    @Option(
        help:
            "full: what is stored is synced; relaxed: a power cut may take the last of it (env DURABILITY; default: full)."
    )
    var durability: EmbeddedStore.Options.Durability?

    @Option(help: "Largest passage, in the embedding model's tokens (env CHUNK_TOKENS; default: all it reads, 254).")
    var chunkTokens: Int?

    @Option(help: "Tokens a passage repeats of the one before (env CHUNK_OVERLAP; default: 15 % of a passage).")
    var chunkOverlap: Int?

    func directory() throws -> String { try setting(dataDir, "DATA_DIR", default: "data") }

    func open() throws -> EmbeddedStore {
        var options = EmbeddedStore.Options()
        options.durability = try setting(durability, "DURABILITY", default: options.durability)
        return try EmbeddedStore(directory: try directory(), options: options)
    }

    func chunker(for encoder: SentenceEncoder) throws -> Chunker {
        let longest = encoder.maxTokens - 2  // [CLS] and [SEP]
        let tokens = try setting(chunkTokens, "CHUNK_TOKENS", default: longest)
        guard Chunker.smallestMaxTokens...longest ~= tokens else {
            throw ValidationError("--chunk-tokens must be \(Chunker.smallestMaxTokens) to \(longest), not \(tokens)")
        }
        let overlap = try optionalSetting(chunkOverlap, "CHUNK_OVERLAP")
        if let overlap, !(0...tokens / 2 ~= overlap) {
            throw ValidationError("--chunk-overlap must be 0 to \(tokens / 2), half of a passage, not \(overlap)")
        }
        return Chunker(tokenizer: encoder.tokenizer, maxTokens: tokens, overlap: overlap)
    }
}

/// Which chat model answers, and how.
struct ChatOptions: ParsableArguments {
    @Option(help: "Chat model, any that Ollama has (env MODEL; default: llama3.2).")
    var model: String?

    @Option(help: "Ollama's address (env OLLAMA_HOST; default: 127.0.0.1:11434).")
    var ollamaHost: String?

    @Flag(help: "Keep the chat model off the GPU (env CPU_ONLY=1; default: Ollama decides).")
    var cpu = false

    @Option(help: "Context window asked of the chat model, in tokens (env NUM_CTX; default: 4096).")
    var numCtx: Int?

    @Option(help: "Longest answer, in tokens (env NUM_PREDICT; default: 768).")
    var numPredict: Int?

    @Option(help: "Passages retrieved for a question (env TOP_K; default: 5).")
    var topK: Int?

    @Option(help: "Leave out passages less similar than this, -1 to 1 (env MIN_SCORE; default: 0).")
    var minScore: Float?

    @Option(
        help:
            "Without a reachable Ollama: auto quotes the best sentences, ollama answers 503 (env GENERATOR; default: auto)."
    )
    var generator: Answering.Fallback?

    func modelName() throws -> String { try setting(model, "MODEL", default: "llama3.2") }

    func client() throws -> OllamaClient {
        OllamaClient(endpoint: try OllamaEndpoint(try setting(ollamaHost, "OLLAMA_HOST", default: "")))
    }

    func chatModel() throws -> OllamaChatModel {
        OllamaChatModel(client: try client(), cpuOnly: cpu || Environment.value("CPU_ONLY") == "1")
    }

    func configuration() throws -> Answering.Configuration {
        let limits = ChatLimits(
            contextLength: try setting(numCtx, "NUM_CTX", default: ChatLimits.defaultContextLength),
            maxAnswerTokens: try setting(numPredict, "NUM_PREDICT", default: ChatLimits.defaultMaxAnswerTokens)
        )
        let topK = try setting(topK, "TOP_K", default: 5)
        guard 1...100 ~= topK else { throw ValidationError("--top-k must be 1 to 100, not \(topK)") }
        return Answering.Configuration(
            model: try modelName(), topK: topK, minimumScore: try setting(minScore, "MIN_SCORE", default: 0),
            limits: limits, fallback: try setting(generator, "GENERATOR", default: .auto)
        )
    }
}

extension Answering.Fallback: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension GEMMBackend: ExpressibleByArgument {}
extension EmbeddedStore.Options.Durability: ExpressibleByArgument {}
