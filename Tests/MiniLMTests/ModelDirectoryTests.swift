// The model directory is data: it decides, and what it lacks or asks too much of is said.

import Foundation
import TestSupport
import Testing

@testable import MiniLM

@Suite struct ModelDirectoryTests {
    /// all-MiniLM-L6-v2's files but for the weights, as sentence-transformers wrote them up to 5.3.
    private static let files = [
        "config.json": """
        {"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "intermediate_size": 1536,
        "num_hidden_layers": 6, "num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "position_embedding_type": "absolute"}
        """,
        "modules.json": """
        [{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
        """,
        "1_Pooling/config.json": """
        {"word_embedding_dimension": 384, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}
        """,
        "sentence_bert_config.json": #"{"max_seq_length": 256, "do_lower_case": false}"#,
    ]

    /// The same model's as sentence-transformers 6.2 and transformers 5.24 write them, shortened in config.json and
    /// tokenizer_config.json.
    private static let newFiles = [
        "config.json": files["config.json", default: ""].replacingOccurrences(
            of: "}", with: #", "dtype": "float32", "tie_word_embeddings": true, "transformers_version": "5.24.0"}"#),
        "modules.json": """
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling",
        "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.base.modules.normalize.Normalize"}]
        """,
        "1_Pooling/config.json": #"{"embedding_dimension": 384, "pooling_mode": "mean", "include_prompt": true}"#,
        "2_Normalize/config.json": """
        {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
        """,
        "sentence_bert_config.json": """
        {"transformer_task": "feature-extraction", "modality_config": {"text": {"method": "forward",
        "method_output_name": "last_hidden_state"}}, "module_output_name": "token_embeddings"}
        """,
        "tokenizer_config.json": """
        {"backend": "tokenizers", "do_lower_case": true, "max_length": 128, "model_max_length": 256,
        "tokenizer_class": "BertTokenizer"}
        """,
    ]

    /// The configuration of `files` with one of them changed or, if `change` gives nil, left out.
    private func configuration(
        _ name: String = "config.json", of files: [String: String] = files, _ change: (String) -> String? = { $0 }
    ) throws -> EncoderConfiguration {
        let folder = try TemporaryFolder()
        for (file, text) in files {
            guard let text = file == name ? change(text) : text else { continue }
            _ = try folder.write(Array(text.utf8), to: file)
        }
        return try EncoderConfiguration(modelDirectory: folder.path)
    }

    private func reason(_ body: () throws -> Void) -> String {
        switch Result(catching: body) {
        case .success: "no error"
        case .failure(let error): "\(error)"
        }
    }

    @Test func `the files decide`() throws {
        let configuration = try configuration()
        #expect(configuration == (try EncoderConfiguration(modelDirectory: Weights.directory)))
        #expect(configuration.headSize == 32 && configuration.layerNormEpsilon == 1e-12)
        #expect(configuration.maxTokens == 256 && configuration.pooling == .mean && configuration.normalizes)
    }

    @Test func `CLS pooling without normalisation and another limit`() throws {
        let pooled = try configuration("1_Pooling/config.json") { _ in
            #"{"word_embedding_dimension": 384, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#
        }
        #expect(pooled.pooling == .cls)
        let plain = try configuration("modules.json") {
            $0.components(separatedBy: ",\n").dropLast().joined(separator: ",") + "]"
        }
        #expect(!plain.normalizes)
        let long = try configuration("sentence_bert_config.json") { $0.replacingOccurrences(of: "256", with: "512") }
        #expect(long.maxTokens == 512)
    }

    // MARK: - Today's layout

    @Test func `the files of sentence-transformers 6 say the same as those of 2`() throws {
        #expect(try configuration(of: Self.newFiles) == configuration())
    }

    /// What SentenceTransformer.save makes of all-MiniLM-L6-v2, but for the weights' file, which has the same tensors.
    @Test func `a model in today's layout has the vectors it had, to the bit`() throws {
        let folder = try TemporaryFolder()
        for (file, text) in Self.newFiles { _ = try folder.write(Array(text.utf8), to: file) }
        for name in ["tokenizer.json", "model.safetensors"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/\(name)", withDestinationPath: "\(Weights.directory)/\(name)")
        }
        let texts = try EncoderGoldens().texts
        let encoder = try SentenceEncoder(modelDirectory: folder.path)
        #expect(encoder.maxTokens == 256)
        #expect(try encoder.encode(texts).values == Weights.encoder.get().encode(texts).values)
    }

    @Test(arguments: [(#""mean""#, Pooling.mean), (#"["mean"]"#, .mean), (#""cls""#, .cls), (#"["cls"]"#, .cls)])
    func `a pooling mode is a name, or a list of one`(mode: String, expected: Pooling) throws {
        let pooled = try configuration("1_Pooling/config.json", of: Self.newFiles) {
            $0.replacingOccurrences(of: #""mean""#, with: mode)
        }
        #expect(pooled.pooling == expected)
    }

    /// sentence-transformers drops the flags where both are there.
    @Test func `a pooling mode wins over the flags of older versions`() throws {
        let both = try configuration("1_Pooling/config.json", of: Self.newFiles) { _ in
            """
            {"embedding_dimension": 384, "word_embedding_dimension": 7, "pooling_mode": "cls",
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}
            """
        }
        #expect(both.pooling == .cls)
    }

    /// Oracle: what `SentenceTransformer(path).max_seq_length` is in sentence-transformers 5.1 and 6.2. The model has 512 positions.
    @Test(arguments: [
        (nil, "256", 256), (nil, "1024", 512), (nil, "1000000000000000019884624838656", 512), (nil, "1e30", 512),
        (nil, "null", 512), (nil, nil, 512), ("{}", "300", 300), (#"{"max_seq_length": null}"#, "300", 300),
        (#"{"max_seq_length": 128}"#, "300", 128), (#"{"max_seq_length": 400}"#, "300", 400),
    ])
    func `where no max_seq_length is written, the tokenizer and the positions limit a text`(
        transformer: String?, tokenizer: String?, expected: Int
    ) throws {
        var files = Self.newFiles
        files["sentence_bert_config.json"] = transformer
        files["tokenizer_config.json"] = tokenizer.map { #"{"model_max_length": \#($0)}"# }
        #expect(try configuration(of: files).maxTokens == expected)
    }

    @Test(arguments: [
        ("1_Pooling/config.json", "384", "768", "embedding_dimension is 768"),
        ("1_Pooling/config.json", "embedding_", "", "word_embedding_dimension is missing"),
        ("1_Pooling/config.json", #""mean""#, #""max""#, #"it pools by ["max"]"#),
        ("1_Pooling/config.json", #""mean""#, #"["cls", "mean"]"#, #"it pools by ["cls", "mean"]"#),
        ("1_Pooling/config.json", #""mean""#, "[]", "it pools by []"),
        ("1_Pooling/config.json", #""mean""#, "7", "pooling_mode is not of type"),
        ("1_Pooling/config.json", #""mean""#, "null", "pooling_mode is null"),
        ("2_Normalize/config.json", "sentence_", "token_", "something else than sentence_embedding"),
        ("sentence_bert_config.json", "feature-extraction", "fill-mask", "transformer_task is fill-mask"),
        ("sentence_bert_config.json", "modality_config", "processing_kwargs", "processing_kwargs are not empty"),
        ("tokenizer_config.json", "256", "1", "model_max_length is 1.0, less than 2"),
        ("tokenizer_config.json", "256", "-1e30", "model_max_length"),
        ("tokenizer_config.json", "256", "\"256\"", "model_max_length is not of type"),
    ])
    func `what is not supported of today's layout is refused with its reason`(
        file: String, old: String, new: String, expected: String
    ) throws {
        let error = reason {
            _ = try configuration(file, of: Self.newFiles) { text in
                #expect(text.contains(old))
                return text.replacingOccurrences(of: old, with: new)
            }
        }
        #expect(error.contains(file) && error.contains(expected), "\(error)")
    }

    // MARK: - What is done in every call

    @Test(arguments: [
        #"{"__version__": {"sentence_transformers": "2.0.0"}}"#,
        #"{"prompts": {"query": "", "document": ""}, "default_prompt_name": null, "similarity_fn_name": "cosine"}"#,
        #"{"prompts": {"query": "query: "}, "default_prompt_name": null}"#,
        #"{"prompts": {"query": "", "document": "passage: "}, "default_prompt_name": "query"}"#,
        #"{"prompts": {"query": null}, "default_prompt_name": "query", "truncate_dim": 384}"#, "{}",
    ])
    func `prompts that no text begins with unless asked for change nothing`(json: String) throws {
        var files = Self.files
        files["config_sentence_transformers.json"] = json
        #expect(try configuration(of: files) == configuration())
    }

    @Test(arguments: [
        (#"{"prompts": {"q": "query: "}, "default_prompt_name": "q"}"#, "every text would begin with “query: ”"),
        (#"{"prompts": {"d": ""}, "default_prompt_name": "q"}"#, "default_prompt_name is q, which prompts lack"),
        (#"{"truncate_dim": 128}"#, "truncate_dim is 128, less than hidden_size 384"),
        (#"{"default_prompt_name": 7}"#, "default_prompt_name is not of type String"), ("", "it is empty"),
        ("[", "not JSON"),
    ])
    func `a prompt before every text, and vectors that are cut, are refused`(json: String, expected: String) {
        var files = Self.files
        files["config_sentence_transformers.json"] = json
        let error = reason { _ = try configuration(of: files) }
        #expect(error.contains("config_sentence_transformers.json") && error.contains(expected), "\(error)")
    }

    // MARK: - Refusals

    @Test(arguments: files.keys.sorted())
    func `a file that is missing, empty or not JSON is named`(name: String) throws {
        if name != "sentence_bert_config.json" {
            #expect(reason { _ = try configuration(name) { _ in nil } }.contains("\(name): No such file"))
        }
        for text in ["", "{", "\u{0}", "[1, 2]", "7"] {
            #expect(reason { _ = try configuration(name) { _ in text } }.contains(name), "\(text)")
        }
    }

    @Test(arguments: [
        ("config.json", "\"gelu\"", "\"gelu_new\"", "hidden_act is gelu_new"),
        ("config.json", "\"bert\"", "\"roberta\"", "model_type is roberta"),
        ("config.json", "\"absolute\"", "\"relative_key\"", "position_embedding_type"),
        ("config.json", "heads\": 12", "heads\": 7", "no multiple of num_attention_heads 7"),
        ("config.json", "heads\": 12", "heads\": 0", "sizes"),
        ("config.json", "\"hidden_size\": 384", "\"hidden_size\": 9223372036854775807", "sizes"),
        ("config.json", "\"hidden_size\": 384,", "", "hidden_size is missing"),
        ("config.json", "1e-12", "0", "layer_norm_eps"),
        ("config.json", "embeddings\": 512", "embeddings\": 1", "max_position_embeddings is 1"),
        ("modules.json", "models.Normalize", "models.Dense", "Dense"),
        ("1_Pooling/config.json", "384", "768", "word_embedding_dimension is 768"),
        ("1_Pooling/config.json", "false", "true", #"["pooling_mode_cls_token", "pooling_mode_mean_tokens"]"#),
        ("1_Pooling/config.json", "pooling_mode_mean_tokens", "pooling_mode_max_tokens", "pooling_mode_max_tokens"),
        ("1_Pooling/config.json", "true", "false", "it pools by []"),
        ("sentence_bert_config.json", "256", "513", "max_seq_length is 513, not 2 to 512"),
        ("sentence_bert_config.json", "256", "1", "max_seq_length is 1, not 2 to 512"),
        ("sentence_bert_config.json", "256", "\"256\"", "max_seq_length is not of type Int"),
    ])
    func `what is not supported is refused with its reason`(
        file: String, old: String, new: String, expected: String
    ) throws {
        let error = reason {
            _ = try configuration(file) { text in
                #expect(text.contains(old))
                return text.replacingOccurrences(of: old, with: new)
            }
        }
        #expect(error.contains(file) && error.contains(expected), "\(error)")
    }

    // MARK: - Files that are no model's

    /// Sparse ones: nothing but their size is there to be looked at.
    @Test(arguments: [("config.json", 64 << 20), ("vocab.txt", (16 << 20) - 4)])
    func `a file larger than any of its kind is refused before it is read`(name: String, most: Int) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([], to: name)
        try #require(FileHandle(forWritingAtPath: path)).truncate(atOffset: UInt64(most + 1))
        let error = reason {
            if name == "vocab.txt" {
                _ = try WordPieceTokenizer(modelDirectory: folder.path)
            } else {
                _ = try EncoderConfiguration(modelDirectory: folder.path)
            }
        }
        #expect(
            error.contains("\(name) is not valid: it has \(most + 1) bytes, and \(most) are read at most"), "\(error)")
    }

    @Test func `a pipe is refused, and nobody waits for it`() throws {
        for name in ["config.json", "vocab.txt"] {
            let folder = try TemporaryFolder()
            let status = unsafe mkfifo("\(folder.path)/\(name)", 0o600)
            try #require(status == 0)
            let error = reason {
                if name == "vocab.txt" {
                    _ = try WordPieceTokenizer(modelDirectory: folder.path)
                } else {
                    _ = try EncoderConfiguration(modelDirectory: folder.path)
                }
            }
            #expect(error.contains("\(name): it is not a file"), "\(error)")
        }
    }

    /// Of the weights the first eight bytes would be the length of a header.
    @Test(arguments: ["config.json", "vocab.txt", "tokenizer.json", "model.safetensors"])
    func `a Git LFS pointer is called one`(name: String) throws {
        let folder = try TemporaryFolder()
        for (file, text) in Self.files { _ = try folder.write(Array(text.utf8), to: file) }
        let digest = String(repeating: "5", count: 64)
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(digest)\nsize 90868376\n"
        let path = try folder.write(Array(pointer.utf8), to: name)
        let error = reason {
            if ["vocab.txt", "tokenizer.json"].contains(name) {
                _ = try WordPieceTokenizer(modelDirectory: folder.path)
            } else {
                _ = try SentenceEncoder(modelDirectory: folder.path)
            }
        }
        #expect(error == "\(path) is not valid: it is a Git LFS pointer; fetch the file itself (git lfs pull)")
    }

    @Test func `a directory without weights, and one that is none, are refused`() throws {
        let folder = try TemporaryFolder()
        for (file, text) in Self.files { _ = try folder.write(Array(text.utf8), to: file) }
        #expect(
            reason { _ = try SentenceEncoder(modelDirectory: folder.path) }
                .contains("model.safetensors: No such file"))
        _ = try folder.write(Array("\u{2}\0\0\0\0\0\0\0{}".utf8), to: "model.safetensors")
        #expect(
            reason { _ = try SentenceEncoder(modelDirectory: folder.path) }
                .contains("tensor embeddings.word_embeddings.weight is missing"))
        #expect(reason { _ = try SentenceEncoder(modelDirectory: "\(folder.path)/none") }.contains("No such file"))
        #expect(reason { _ = try SentenceEncoder(modelDirectory: "") }.contains("No such file"))
    }
}
