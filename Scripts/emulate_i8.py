#!/usr/bin/env python3
"""What 8-bit products would cost in accuracy, scheme by scheme: the encoder in PyTorch with every product's operands rounded.

Needs torch, safetensors and tokenizers, which the environment of bench_embed_peers.py has. Prints 1 - cosine to float32, mean
and worst, of every scheme over texts taken evenly from a file.

    ~/peers/bin/python Scripts/emulate_i8.py --texts 80
"""

import argparse
import math
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRODUCTS = ("qkv", "context", "intermediate", "output")
HIDDEN, HEADS = 384, 12


class Encoder:
    def __init__(self, weights):
        p = load_file(weights / "model.safetensors")

        def linear(name):
            return p[f"{name}.weight"], p[f"{name}.bias"]

        self.word = p["embeddings.word_embeddings.weight"]
        self.position = p["embeddings.position_embeddings.weight"]
        self.type = p["embeddings.token_type_embeddings.weight"][0]
        self.norm = linear("embeddings.LayerNorm")
        self.layers = []
        for index in range(6):
            at = f"encoder.layer.{index}"
            scale = 1 / math.sqrt(HIDDEN // HEADS)
            q, k, v = (linear(f"{at}.attention.self.{name}") for name in ("query", "key", "value"))
            self.layers.append({
                "qkv": (torch.cat([q[0] * scale, k[0], v[0]]), torch.cat([q[1] * scale, k[1], v[1]])),
                "context": linear(f"{at}.attention.output.dense"), "intermediate": linear(f"{at}.intermediate.dense"),
                "output": linear(f"{at}.output.dense"), "norm1": linear(f"{at}.attention.output.LayerNorm"),
                "norm2": linear(f"{at}.output.LayerNorm")})

    def forward(self, ids, product):
        """Vectors of all texts, packed; `product(name, x, weight, bias)` multiplies."""
        ends = np.cumsum([len(one) for one in ids])
        spans = list(zip([0, *ends[:-1]], ends))

        def norm(x, parameters):
            return torch.nn.functional.layer_norm(x, (HIDDEN,), *parameters, 1e-12)

        x = norm(torch.cat([self.word[one] + self.type + self.position[: len(one)] for one in ids]), self.norm)
        for layer in self.layers:
            y = product("qkv", x, *layer["qkv"])
            context = torch.empty_like(x)
            for a, b in spans:
                q, k, v = (part.reshape(b - a, HEADS, -1).transpose(0, 1) for part in y[a:b].split(HIDDEN, 1))
                context[a:b] = (torch.softmax(q @ k.transpose(1, 2), -1) @ v).transpose(0, 1).reshape(b - a, HIDDEN)
            x = norm(x + product("context", context, *layer["context"]), layer["norm1"])
            inner = torch.nn.functional.gelu(product("intermediate", x, *layer["intermediate"]))
            x = norm(x + product("output", inner, *layer["output"]), layer["norm2"])
        return torch.nn.functional.normalize(torch.stack([x[a:b].mean(0) for a, b in spans]))


def rounded_weights(w, block, passes=1):
    blocks = w.reshape(len(w), -1, block)
    result = torch.zeros_like(blocks)
    for _ in range(passes):
        rest = blocks - result
        scale = rest.abs().amax(2, keepdim=True) / 127
        result = result + (rest / scale).round() * scale
    return result.reshape(w.shape)


def rounded_activations(x, block, has_zero):
    blocks = x.reshape(len(x), -1, block)
    if has_zero:
        low, high = blocks.amin(2, keepdim=True), blocks.amax(2, keepdim=True)
        scale = ((high - low) / 254).clamp(min=1e-30)
        return (((blocks - low) / scale).round() * scale + low).reshape(x.shape)
    scale = (blocks.abs().amax(2, keepdim=True) / 127).clamp(min=1e-30)
    return ((blocks / scale).round() * scale).reshape(x.shape)


def hadamard(order, stride):
    """Mixes, of `order` · `stride` elements, the `order` that are `stride` apart."""
    h = torch.ones(1, 1)
    while len(h) < order:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return torch.kron(h / math.sqrt(order), torch.eye(stride))


def scheme(block=None, has_zero=True, rotation=None, refined=(), exact=()):
    """A product of rounded operands. `exact` and `refined` name products, or "values" for that part of qkv."""
    kept = {}

    def rotate(x):
        return x if rotation is None else (x.reshape(len(x), -1, len(rotation)) @ rotation).reshape(x.shape)

    def product(name, x, w, b):
        if name in exact:
            return x @ w.T + b
        size = block or w.shape[1]
        if id(w) not in kept:
            rotated = rotate(w)
            weights = rounded_weights(rotated, size, 2 if name in refined else 1)
            if name == "qkv" and "values" in refined:
                weights[2 * HIDDEN :] = rounded_weights(rotated[2 * HIDDEN :], size, 2)
            kept[id(w)] = weights
        y = rounded_activations(rotate(x), size, has_zero) @ kept[id(w)].T + b
        if name == "qkv" and "values" in exact:
            y[:, 2 * HIDDEN :] = (x @ w.T + b)[:, 2 * HIDDEN :]
        return y

    return product


def schemes():
    eight = hadamard(8, 16)
    yield "a scale per token and per channel", scheme(has_zero=False)
    yield "and a zero per token", scheme()
    yield "in blocks of 128", scheme(128)
    yield "in blocks of 64", scheme(64)
    yield "128, eight elements rotated into one another", scheme(128, rotation=eight)
    yield "128, sixteen rotated", scheme(128, rotation=hadamard(16, 8))
    yield "128, 64 rotated", scheme(128, rotation=hadamard(64, 1))
    yield "128, eight rotated, two passes for the values' weights (i8)", scheme(128, rotation=eight, refined=("values",))
    yield "the same, values exact", scheme(128, rotation=eight, exact=("values",))
    for name in PRODUCTS:
        yield f"i8, {name} exact", scheme(128, rotation=eight, refined=("values",), exact=(name,))
    yield "i8, two passes everywhere", scheme(128, rotation=eight, refined=(*PRODUCTS, "values"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "weights" / "all-MiniLM-L6-v2")
    parser.add_argument("--file", type=pathlib.Path, default=ROOT / "Benchmarks" / "texts" / "mixed.txt")
    parser.add_argument("--texts", type=int, default=80)
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.weights / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    lines = options.file.read_text().splitlines()
    chosen = lines[:: max(len(lines) // options.texts, 1)]
    ids = [torch.tensor(encoding.ids) for encoding in tokenizer.encode_batch(chosen)]
    encoder = Encoder(options.weights)
    print(f"{len(ids)} texts\n\n| scheme | 1 - mean cosine | 1 - worst |\n|---|---|---|")
    with torch.inference_mode():
        truth = encoder.forward(ids, lambda name, x, w, b: x @ w.T + b).double()
        for label, product in schemes():
            distances = 1 - (encoder.forward(ids, product).double() * truth).sum(1)
            print(f"| {label} | {distances.mean():.1e} | {distances.max():.1e} |", flush=True)


main()
