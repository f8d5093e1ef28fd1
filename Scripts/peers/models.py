"""Exports the model to each engine's format, from the local weights alone: nothing is downloaded."""

import pathlib
import shutil


def export_onnx(weights, folder):
    """model.onnx: ids, mask and types in, last hidden states out, as Hugging Face's own exports have it."""
    path = folder / "onnx" / "model.onnx"
    if path.exists():
        return path
    import torch
    from transformers import AutoModel

    path.parent.mkdir(parents=True, exist_ok=True)
    model = AutoModel.from_pretrained(weights, attn_implementation="eager").eval()
    model.config.return_dict = False
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {0: "batch", 1: "length"}
    torch.onnx.export(
        model, tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names), str(path), input_names=names,
        output_names=["last_hidden_state"], opset_version=17, dynamo=False,
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]})
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]:
        if (pathlib.Path(weights) / name).exists():
            shutil.copy(pathlib.Path(weights) / name, path.parent)
    return path


def export_onnx_optimised(weights, folder):
    """The same with ONNX Runtime's BERT fusions: attention, skip + LayerNorm, bias + GELU."""
    path = folder / "onnx" / "optimised.onnx"
    if not path.exists():
        from onnxruntime.transformers import optimizer

        source = export_onnx(weights, folder)
        model = optimizer.optimize_model(str(source), model_type="bert", num_heads=12, hidden_size=384)
        fused = model.get_fused_operator_statistics()
        if fused.get("Attention") != 6:
            raise RuntimeError(f"ONNX Runtime's optimizer did not fuse the six attention layers: {fused}")
        model.save_model_to_file(str(path))
    return path


def export_onnx_bfloat16(weights, folder):
    """The same for arithmetic in bfloat16. The export masks with float32's least number, of which OpenVINO's sums in bfloat16
    make vectors with a cosine of 0.3 to 0.5; with -10,000, whose exponential is zero as well, they have 0.99998."""
    path = folder / "onnx" / "bfloat16.onnx"
    if not path.exists():
        import numpy as np
        import onnx

        model = onnx.load(str(export_onnx(weights, folder)))
        found = 0
        for attribute in (attribute for node in model.graph.node for attribute in node.attribute if attribute.HasField("t")):
            values = onnx.numpy_helper.to_array(attribute.t)
            if values.dtype == np.float32 and values.size and values.min() < -1e30:
                attribute.t.CopyFrom(onnx.numpy_helper.from_array(np.maximum(values, np.float32(-1e4)), attribute.t.name))
                found += 1
        if found == 0:
            raise RuntimeError("the exported model has no constant to mask with")
        onnx.save(model, str(path))
    return path


def export_onnx_int8(weights, folder):
    """The fused graph with dynamically quantised products, a scale per output channel.

    The quantiser's defaults, one scale for a whole matrix, are no faster and far less exact. Mean (worst) cosine to float32
    over 100 mixed texts, on two cores of an Emerald Rapids machine: defaults 0.954 (0.920), unsigned weights 0.979 (0.964),
    per channel 0.9940 (0.989), per channel with embeddings left in float32 0.9944 (0.9901), and with weights of seven bits
    besides (reduce_range) 0.9933 (0.989); the graph without fusions 0.954 (0.923), per channel 0.9945 (0.9904). All of them
    took 1.04 to 1.27 s of processor time for 80 texts of 91 tokens, between which this machine tells no order.
    """
    path = folder / "onnx" / "int8-per-channel.onnx"
    if not path.exists():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        source = export_onnx_optimised(weights, folder)
        # Shape inference does not see through the fused operators, which are all float32.
        options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
        quantize_dynamic(
            str(source), str(path), op_types_to_quantize=["MatMul", "Attention"], per_channel=True,
            weight_type=QuantType.QInt8, extra_options=options)
    return path


def export_openvino_int8(weights, folder):
    """NNCF's 8-bit weights; activations are quantised as they come, which is OpenVINO's default for such a model."""
    path = folder / "openvino" / "int8.xml"
    if not path.exists():
        import nncf
        import openvino

        model = openvino.Core().read_model(str(export_onnx(weights, folder)))
        openvino.save_model(nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM), str(path))
    return path


def export_ctranslate2(weights, folder, quantization):
    """CTranslate2's converter, float32 or int8."""
    path = folder / f"ctranslate2-{quantization}"
    if not path.exists():
        import ctranslate2

        ctranslate2.converters.TransformersConverter(str(weights)).convert(
            str(path), quantization=None if quantization == "float32" else quantization)
    return path


def export_gguf(weights, folder, precision):
    """A GGUF file of llama.cpp's architecture "bert", as its own converter names and types things: f32, f16 or q8_0."""
    path = folder / f"minilm-{precision}.gguf"
    if path.exists():
        return path
    import gguf
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(weights).eval()
    tokenizer = AutoTokenizer.from_pretrained(weights)
    config = model.config
    kind = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16,
            "q8_0": gguf.GGMLQuantizationType.Q8_0}[precision]
    # A file that was not finished must not be taken for one.
    unfinished = path.with_suffix(".unfinished")
    writer = gguf.GGUFWriter(str(unfinished), "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config.type_vocab_size)
    pieces = tokenizer.convert_ids_to_tokens(range(config.vocab_size))
    special = set(tokenizer.all_special_tokens)
    writer.add_tokenizer_model("bert")
    # Pieces that begin a word are marked instead of those that go on with one.
    writer.add_token_list([
        piece if piece.startswith("[") and piece.endswith("]") else piece[2:] if piece.startswith("##") else f"\u2581{piece}"
        for piece in pieces])
    writer.add_token_types([gguf.TokenType.CONTROL if piece in special else gguf.TokenType.NORMAL for piece in pieces])
    writer.add_bos_token_id(tokenizer.cls_token_id)
    writer.add_eos_token_id(tokenizer.sep_token_id)
    writer.add_sep_token_id(tokenizer.sep_token_id)
    writer.add_unk_token_id(tokenizer.unk_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_mask_token_id(tokenizer.mask_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name.startswith("pooler.") or name.endswith("position_ids"):
            continue
        values = tensor.numpy()
        # Vectors and the small tables stay float32, as in llama.cpp's own files.
        small = values.ndim == 1 or "position" in name or "token_type" in name
        target = gguf.GGMLQuantizationType.F32 if small else kind
        writer.add_tensor(
            names.get_name(name, try_suffixes=(".weight", ".bias")), gguf.quants.quantize(values, target), raw_dtype=target)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.rename(path)
    return path


def export(engine, weights, folder):
    """Whatever the engine reads, made beforehand, so that nobody's start or memory includes it."""
    if engine.startswith("onnxruntime-int8"):
        export_onnx_int8(weights, folder)
    elif engine.startswith("onnxruntime-bert"):
        export_onnx_optimised(weights, folder)
    elif engine == "openvino-bf16":
        export_onnx_bfloat16(weights, folder)
    elif engine == "openvino-int8":
        export_openvino_int8(weights, folder)
    elif engine.startswith("ctranslate2"):
        export_ctranslate2(weights, folder, "int8" if engine.endswith("int8") else "float32")
    elif engine.startswith("llama.cpp"):
        export_gguf(weights, folder, engine.removeprefix("llama.cpp-"))
    elif engine != "sentence-transformers":
        export_onnx(weights, folder)


if __name__ == "__main__":
    import sys

    export(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
