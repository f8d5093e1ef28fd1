#!/usr/bin/env python3
"""Compares `minilm embed` with PyTorch on any file of texts, one a line.

    .venv/bin/python Scripts/compare_embeddings.py Examples/faro.md

The reference is sentence-transformers' recipe spelled out: BertModel in float32, mean over the tokens, length one.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

parser = argparse.ArgumentParser(description="Compare minilm's vectors with PyTorch's.")
parser.add_argument("texts", type=pathlib.Path)
parser.add_argument("--minilm", default=".build/release/minilm")
parser.add_argument("--weights", default="weights/all-MiniLM-L6-v2")
arguments = parser.parse_args()

texts = arguments.texts.read_text(encoding="utf-8").split("\n")
if texts[-1] == "":
    texts.pop()

with tempfile.TemporaryDirectory() as directory:
    output = f"{directory}/vectors.npy"
    command = [arguments.minilm, "embed", "--weights", arguments.weights, "--input", arguments.texts, "--output", output]
    subprocess.run(command, check=True)
    ours = np.load(output)

tokenizer = AutoTokenizer.from_pretrained(arguments.weights)
model = AutoModel.from_pretrained(arguments.weights).eval()
reference = []
with torch.inference_mode():
    for text in texts:  # one at a time: padding must not be part of the reference
        encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        mean = model(**encoded).last_hidden_state[0].mean(dim=0)
        reference.append((mean / mean.norm()).numpy())

difference = np.abs(ours - np.stack(reference))
print(f"{len(texts)} texts: largest difference {difference.max():.1e}, in text {difference.max(axis=1).argmax()}")
assert difference.max() <= 2e-6
