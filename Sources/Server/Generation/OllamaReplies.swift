// The JSON of Ollama's replies as values. Members that this program does not use are ignored; missing ones are nil,
// because they come and go between Ollama's versions.

import VectorStore

/// A model in Ollama's library (`GET /api/tags`).
struct OllamaModel: Sendable, Equatable {
    /// With its tag, such as `llama3.2:latest`.
    var name: String
    /// Bytes on disk.
    var size: Int64?
    /// Such as "3.2B" and "Q4_K_M".
    var parameterSize: String?
    var quantization: String?

    init?(_ json: JSONValue) {
        guard let name = json["name"]?.string ?? json["model"]?.string else { return nil }
        self.name = name
        size = json["size"]?.integer
        parameterSize = json["details"]?["parameter_size"]?.string
        quantization = json["details"]?["quantization_level"]?.string
    }

    /// Whether two names mean the same model: Ollama reads a name without a tag as `:latest`.
    static func isSame(_ one: String, _ other: String) -> Bool {
        func tagged(_ name: String) -> String {
            let last = name.split(separator: "/").last ?? ""
            return (last.contains(":") ? name : name + ":latest").lowercased()
        }
        return tagged(one) == tagged(other)
    }
}

/// A model in memory (`GET /api/ps`).
struct LoadedModel: Sendable, Equatable {
    var name: String
    var processor: Processor
    /// The window it really runs with, in tokens.
    var contextLength: Int?

    /// Which hardware a model runs on. Ollama does not tell CUDA, Metal, ROCm and Vulkan apart.
    enum Processor: Sendable, Equatable, CustomStringConvertible {
        case cpu
        case gpu
        /// The share of the model in main memory, 0…100.
        case split(cpuPercent: Int)
        case unknown

        /// By the rule of Ollama's own command line (`ollama ps`), in its order.
        init(size: Int64?, sizeVRAM: Int64?) {
            guard let size, let sizeVRAM else {
                self = .unknown
                return
            }
            if sizeVRAM == 0 {
                self = .cpu
            } else if sizeVRAM == size {
                self = .gpu
            } else if sizeVRAM > size || sizeVRAM < 0 {
                self = .unknown
            } else {
                self = .split(cpuPercent: Int((Double(size - sizeVRAM) / Double(size) * 100).rounded()))
            }
        }

        var description: String {
            switch self {
            case .cpu: "100% CPU"
            case .gpu: "100% GPU"
            case .split(let percent): "\(percent)%/\(100 - percent)% CPU/GPU"
            case .unknown: "unknown"
            }
        }
    }

    init?(_ json: JSONValue) {
        guard let name = json["name"]?.string ?? json["model"]?.string else { return nil }
        self.name = name
        processor = Processor(size: json["size"]?.integer, sizeVRAM: json["size_vram"]?.integer)
        contextLength = json["context_length"]?.integer.flatMap(Int.init(exactly:))
    }
}

/// One line of a pull (`POST /api/pull`).
struct PullProgress: Sendable, Equatable {
    /// Such as "pulling manifest", "pulling 1a2b3c…", "verifying sha256 digest", at last "success".
    var status: String
    /// The file the numbers are about; nil for steps without numbers.
    var digest: String?
    /// Bytes of that file.
    var total: Int64?
    var completed: Int64?

    init?(_ json: JSONValue) {
        guard let status = json["status"]?.string else { return nil }
        self.status = status
        digest = json["digest"]?.string
        total = json["total"]?.integer
        // Left out by Ollama while it is zero.
        completed = json["completed"]?.integer ?? (total == nil ? nil : 0)
    }
}

/// One line of a chat (`POST /api/chat`).
struct ChatLine: Sendable, Equatable {
    var content: String
    /// Only the last line has it.
    var usage: ChatUsage?

    init?(_ json: JSONValue) {
        let content = json["message"]?["content"]?.string
        guard content != nil || json["done"]?.bool == true else { return nil }
        self.content = content ?? ""
        guard json["done"]?.bool == true else { return }
        func count(_ key: String) -> Int? { json[key]?.integer.flatMap(Int.init(exactly:)) }
        func seconds(_ key: String) -> Double? { json[key]?.number.map { $0 / 1e9 } }
        usage = ChatUsage(
            promptTokens: count("prompt_eval_count"), answerTokens: count("eval_count"),
            finishReason: json["done_reason"]?.string, loadSeconds: seconds("load_duration"),
            promptSeconds: seconds("prompt_eval_duration"), answerSeconds: seconds("eval_duration"))
    }
}
