"""The engines, each as a class with `encode(texts, batch_size)`: texts to unit vectors, tokenisation included.

Every engine gets its texts sorted by length, so that batches pad little, and truncates at 256 tokens.
"""

import collections
import concurrent.futures
import pathlib

import numpy as np

from models import (
    export_ctranslate2, export_gguf, export_onnx, export_onnx_bfloat16, export_onnx_int8, export_onnx_optimised,
    export_openvino_int8)


def pooled(hidden, mask):
    """The mean over real tokens, at length 1, as sentence-transformers does it."""
    mask = mask[..., None].astype(np.float32)
    vectors = (hidden * mask).sum(1) / np.maximum(mask.sum(1), 1e-9)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


class Tokenized:
    """Base of engines that take ids: Hugging Face's Rust tokenizer, batches of similar length."""

    def __init__(self, weights):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(pathlib.Path(weights) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    def batches(self, texts, batch_size):
        encoded = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(texts)), key=lambda i: -len(encoded[i]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield rows, [encoded[i] for i in rows]

    def padded(self, ids):
        length = max(map(len, ids))
        array = np.zeros((len(ids), length), np.int64)
        mask = np.zeros((len(ids), length), np.int64)
        for row, one in enumerate(ids):
            array[row, : len(one)] = one
            mask[row, : len(one)] = 1
        return array, mask

    def encode(self, texts, batch_size):
        vectors = np.empty((len(texts), 384), np.float32)
        for rows, ids in self.batches(texts, batch_size):
            vectors[rows] = self.forward(ids)
        return vectors


class ONNXRuntime(Tokenized):
    """One session on all threads, or a session a thread."""

    def __init__(self, weights, folder, threads, model, sessions=1):
        super().__init__(weights)
        import onnxruntime

        export = {"plain": export_onnx, "optimised": export_onnx_optimised, "int8": export_onnx_int8}[model]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(threads // sessions, 1)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = str(export(weights, folder))
        self.sessions = [
            onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]) for _ in range(sessions)]
        self.pool = concurrent.futures.ThreadPoolExecutor(sessions)

    def forward(self, ids, session=0):
        array, mask = self.padded(ids)
        inputs = {"input_ids": array, "attention_mask": mask, "token_type_ids": np.zeros_like(array)}
        return pooled(self.sessions[session].run(None, inputs)[0], mask)

    def encode(self, texts, batch_size):
        if len(self.sessions) == 1:
            return super().encode(texts, batch_size)
        vectors = np.empty((len(texts), 384), np.float32)
        # Its ends may be taken by several threads, with a global lock in the interpreter or without.
        batches = collections.deque(self.batches(texts, batch_size))

        def work(session):
            while True:
                try:
                    rows, ids = batches.popleft()
                except IndexError:
                    return
                vectors[rows] = self.forward(ids, session)

        list(self.pool.map(work, range(len(self.sessions))))
        return vectors


class OpenVINO(Tokenized):
    """Throughput by several infer requests, as its documentation advises for bulk, or latency by one request on all cores,
    which is what single texts get and what may be faster for long ones: two compiled models, which is what a user who wants
    both has in memory."""

    layouts = ["throughput", "latency"]

    def __init__(self, weights, folder, threads, precision="f32"):
        super().__init__(weights)
        import openvino

        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeError("this processor has no bfloat16 arithmetic: it would compute in float32")
        export = {"f32": export_onnx, "bf16": export_onnx_bfloat16, "int8": export_openvino_int8}[precision]
        model = core.read_model(str(export(weights, folder)))
        config = {
            "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
        self.models = {
            layout: core.compile_model(model, "CPU", config | {"PERFORMANCE_HINT": layout.upper()})
            for layout in self.layouts}
        self.layout = "throughput"

    def inputs(self, ids):
        array, mask = self.padded(ids)
        return {"input_ids": array, "attention_mask": mask, "token_type_ids": np.zeros_like(array)}, mask

    def encode(self, texts, batch_size):
        import openvino

        vectors = np.empty((len(texts), 384), np.float32)
        if len(texts) == 1:
            [(rows, ids)] = self.batches(texts, 1)
            inputs, mask = self.inputs(ids)
            vectors[rows] = pooled(self.models["latency"](inputs)[0], mask)
            return vectors
        queue = openvino.AsyncInferQueue(self.models[self.layout])
        queue.set_callback(
            lambda request, job: vectors.__setitem__(job[0], pooled(request.get_output_tensor(0).data, job[1])))
        for rows, ids in self.batches(texts, batch_size):
            inputs, mask = self.inputs(ids)
            queue.start_async(inputs, (rows, mask))
        queue.wait_all()
        return vectors


class CTranslate2(Tokenized):
    """One encoder on all threads, or one a thread, fed from as many."""

    def __init__(self, weights, folder, threads, compute="float32", replicas=1):
        super().__init__(weights)
        import ctranslate2

        path = export_ctranslate2(weights, folder, compute)
        self.encoder = ctranslate2.Encoder(
            str(path), "cpu", compute_type=compute, inter_threads=replicas, intra_threads=max(threads // replicas, 1))
        self.pool = concurrent.futures.ThreadPoolExecutor(replicas)

    def forward(self, ids):
        hidden = np.array(self.encoder.forward_batch(ids).last_hidden_state)
        mask = np.zeros(hidden.shape[:2])
        for row, one in enumerate(ids):
            mask[row, : len(one)] = 1
        return pooled(hidden, mask)

    def encode(self, texts, batch_size):
        vectors = np.empty((len(texts), 384), np.float32)
        batches = list(self.batches(texts, batch_size))
        for (rows, _), result in zip(batches, self.pool.map(lambda batch: self.forward(batch[1]), batches)):
            vectors[rows] = result
        return vectors


class SentenceTransformers:
    def __init__(self, weights, folder, threads):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.model = SentenceTransformer(str(weights), device="cpu")

    def encode(self, texts, batch_size):
        return self.model.encode(texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False)


class FastEmbed:
    def __init__(self, weights, folder, threads):
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        path = export_onnx(weights, folder)
        TextEmbedding.add_custom_model(
            model="local/minilm", pooling=PoolingType.MEAN, normalization=True, dim=384, model_file="model.onnx",
            sources=ModelSource(url="file://local"))
        self.model = TextEmbedding("local/minilm", specific_model_path=str(path.parent), threads=threads)
        # It takes the limit from tokenizer.json, 128 tokens with fixed padding; the others read 256.
        self.model.model.tokenizer.no_padding()
        self.model.model.tokenizer.enable_truncation(256)
        self.model.model.tokenizer.enable_padding()

    def encode(self, texts, batch_size):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.empty((len(texts), 384), np.float32)
        vectors[order] = list(self.model.embed([texts[i] for i in order], batch_size=batch_size))
        return vectors


class LlamaCpp(Tokenized):
    """llama.cpp by its Python package, with its own tokenizer; texts go into a context's batch until it is full.

    A context's batch is of a fixed size, in tokens: 256 for a batch size of 8, the least in which every text has room.
    """

    batch_sizes = (8, 16, 32, 64, 128)

    def __init__(self, weights, folder, threads, precision):
        super().__init__(weights)
        self.path, self.threads = str(export_gguf(weights, folder, precision)), threads
        self.tokens, self.model = 0, None

    def load(self, tokens):
        """Makes a context whose batch is of so many tokens, if it is not what there is."""
        if tokens == self.tokens:
            return
        import llama_cpp

        defaults = llama_cpp.llama_context_default_params

        def several():
            # The package has no argument for it, and its default of one text a batch fails with a second one. 64 is the most.
            parameters = defaults()
            parameters.n_seq_max = 64
            return parameters

        llama_cpp.llama_cpp.llama_context_default_params = llama_cpp.llama_context_default_params = several
        self.model = llama_cpp.Llama(
            self.path, embedding=True, n_ctx=tokens, n_batch=tokens, n_ubatch=tokens, n_threads=self.threads,
            n_threads_batch=self.threads, verbose=False)
        llama_cpp.llama_cpp.llama_context_default_params = llama_cpp.llama_context_default_params = defaults
        self.tokens = tokens

    def cut(self, text):
        """What the other engines read of a text: it has no limit of its own but the context's."""
        if len(text) < 250:
            return text
        encoding = self.tokenizer.encode(text)
        return text[: encoding.offsets[-2][1]] if len(encoding.ids) >= 256 else text

    def encode(self, texts, batch_size):
        self.load(256 * max(batch_size // self.batch_sizes[0], 1))
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.empty((len(texts), 384), np.float32)
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            vectors[rows] = self.model.embed([self.cut(texts[i]) for i in rows], normalize=True, truncate=True)
        return vectors


ENGINES = {
    "sentence-transformers": SentenceTransformers,
    "onnxruntime": lambda *a: ONNXRuntime(*a, "plain"),
    "onnxruntime-bert": lambda *a: ONNXRuntime(*a, "optimised"),
    "onnxruntime-bert-sessions": lambda *a: ONNXRuntime(*a, "optimised", sessions=a[2]),
    "openvino": OpenVINO,
    "ctranslate2": CTranslate2,
    "ctranslate2-replicas": lambda *a: CTranslate2(*a, replicas=a[2]),
    "fastembed": FastEmbed,
    "llama.cpp-f32": lambda *a: LlamaCpp(*a, "f32"),
    "llama.cpp-q8_0": lambda *a: LlamaCpp(*a, "q8_0"),
    "onnxruntime-int8": lambda *a: ONNXRuntime(*a, "int8"),
    "onnxruntime-int8-sessions": lambda *a: ONNXRuntime(*a, "int8", sessions=a[2]),
    "openvino-bf16": lambda *a: OpenVINO(*a, "bf16"),
    "openvino-int8": lambda *a: OpenVINO(*a, "int8"),
    "ctranslate2-int8": lambda *a: CTranslate2(*a, "int8"),
    "ctranslate2-replicas-int8": lambda *a: CTranslate2(*a, "int8", replicas=a[2]),
}
