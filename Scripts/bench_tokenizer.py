#!/usr/bin/env python3
"""Measures the tokenizer beside Hugging Face's (Rust), one thread each, in interleaved rounds.

Needs the package `tokenizers` (Scripts/requirements.txt) and the texts of `make bench-texts`.

    .venv/bin/python Scripts/bench_tokenizer.py --rounds 5
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def theirs(tokenizer, texts):
    """MB/s of the median pass of eleven: whole batches, without offsets, which is its fastest way."""
    size = sum(len(text.encode()) for text in texts)
    rates = []
    for _ in range(11):
        begin = time.perf_counter()
        tokenizer.encode_batch_fast(texts)
        rates.append(size / (time.perf_counter() - begin) / 1e6)
    return statistics.median(rates)


def ours(program, weights, path):
    """MB/s as the program measures it, offsets included, which is its only way."""
    command = [program, "bench", "embed", "--texts", str(path), "--rounds", "1", "--no-latency", "--json", "--weights", weights]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["tokenizer_mb_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=pathlib.Path, default=ROOT / "Benchmarks" / "texts")
    parser.add_argument("--weights", default=str(ROOT / "weights" / "all-MiniLM-L6-v2"))
    parser.add_argument("--minilm", default=str(ROOT / ".build" / "release" / "minilm"))
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(f"{options.weights}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    for name in ("small", "medium", "large"):
        path = options.texts / f"{name}.txt"
        texts = path.read_text().splitlines()
        pairs = [(ours(options.minilm, options.weights, path), theirs(tokenizer, texts)) for _ in range(options.rounds)]
        ratios = sorted(a / b for a, b in pairs)
        print(
            f"{name}: {statistics.median(a for a, _ in pairs):.1f} MB/s, Hugging Face's "
            f"{statistics.median(b for _, b in pairs):.2f} MB/s; ratio {statistics.median(ratios):.1f} "
            f"({ratios[0]:.1f}-{ratios[-1]:.1f})")


main()
