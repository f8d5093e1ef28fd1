"""How far each engine's vectors are from float32 PyTorch's.

    accuracy.py WEIGHTS TEXTS OUT NAME=FILE.npy ...
"""

import json
import pathlib
import sys

import numpy as np


def reference(weights, texts):
    """Hugging Face's model in float32, one text at a time: no padding, no batch."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModel.from_pretrained(weights).eval()
    vectors = np.empty((len(texts), 384), np.float32)
    with torch.inference_mode():
        for row, text in enumerate(texts):
            inputs = tokenizer(text, truncation=True, max_length=256, padding=False, return_tensors="pt")
            vector = model(**inputs).last_hidden_state[0].mean(0)
            vectors[row] = torch.nn.functional.normalize(vector, dim=0).numpy()
    return vectors


def ranks(values):
    return np.argsort(np.argsort(values))


def compared(vectors, truth):
    cosines = (vectors * truth).sum(1, dtype=np.float64) / (
        np.linalg.norm(vectors.astype(np.float64), axis=1) * np.linalg.norm(truth.astype(np.float64), axis=1))
    ours, theirs = vectors @ vectors.T, truth @ truth.T
    upper = np.triu_indices(len(truth), 1)
    spearman = np.corrcoef(ranks(ours[upper]), ranks(theirs[upper]))[0, 1]
    np.fill_diagonal(ours, -2)
    np.fill_diagonal(theirs, -2)
    kept = [
        len(set(a) & set(b)) / 10
        for a, b in zip(np.argpartition(-ours, 10)[:, :10], np.argpartition(-theirs, 10)[:, :10])]
    return {
        "mean_cosine": float(cosines.mean()), "worst_cosine": float(cosines.min()), "spearman": float(spearman),
        "top10_kept": float(np.mean(kept)), "largest_difference": float(np.abs(vectors - truth).max()),
    }


def main():
    weights, texts, out, *files = sys.argv[1:]
    truth = reference(weights, pathlib.Path(texts).read_text().splitlines())
    result = {}
    for entry in files:
        name, file = entry.rsplit("=", 1)
        result[name] = compared(np.load(file), truth)
    pathlib.Path(out).write_text(json.dumps(result))


main()
