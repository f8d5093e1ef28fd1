#!/usr/bin/env python3
"""Compares `minilm tokenize` with Hugging Face's tokenizer on random strings, and on files given.

Strings are seeded and drawn from all Unicode scalars, from the assigned ones, from combining marks, and from pieces of
the vocabulary with spaces, controls, accents and special tokens between them. Prints each difference and exits 1 if there
is one.

    python3 -m venv .venv && .venv/bin/pip install -r Scripts/requirements.txt
    .venv/bin/python Scripts/compare_tokenizer.py .build/release/minilm weights/all-MiniLM-L6-v2 --strings 1000000
    .venv/bin/python Scripts/compare_tokenizer.py .build/release/minilm weights/all-MiniLM-L6-v2 --files README.md
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

import transformers

BATCH = 50_000
BETWEEN = list("\t\n\r \u00a0\u2003\u3000\u200b\u200d\ufeff\u0085\u2028\x00\x0b\x7f\u00ad\ufffd.,-'[]")
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[sep]", "[[SEP]]", "[SEP", "SEP]", "[unused3]", "##ing"]


class Generator:
    def __init__(self, seed, vocabulary):
        every = [chr(cp) for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]
        assigned = [c for c in every if unicodedata.category(c) not in ("Cn", "Co")]
        marks = [c for c in every if unicodedata.combining(c)]
        pieces = [token.removeprefix("##") for token in vocabulary]
        letters = sorted(set("".join(pieces)))
        latin = [chr(cp) for cp in range(0x20, 0x250)]
        self.rng = random.Random(seed)
        self.letters = letters
        self.mixtures = [
            [every],
            [assigned],
            [marks, marks, letters],
            [pieces, pieces, BETWEEN, latin],
            [pieces, letters, BETWEEN, marks, SPECIAL, assigned, latin, [piece.upper() for piece in pieces]],
        ]

    def text(self):
        rng = self.rng
        if rng.random() < 0.005:  # around the longest word
            return rng.choice(self.letters) * rng.randrange(97, 104) + rng.choice(self.letters)
        mixture = rng.choice(self.mixtures)
        length = rng.choice([1, 2, 3, 5, 8, 20]) if rng.random() < 0.98 else 150
        return "".join(rng.choice(rng.choice(mixture)) for _ in range(length))


def tokenize(binary, weights, texts):
    """The ids of each text by the program."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write("".join(json.dumps(text) + "\n" for text in texts))
        file.flush()
        command = [binary, "tokenize", "--weights", weights, "--input", file.name, "--max-tokens", "none"]
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    rows = [json.loads(line) for line in output.splitlines()]
    assert len(rows) == len(texts), f"{len(texts)} texts, {len(rows)} lines"
    return rows


def batches(arguments, vocabulary):
    for path in arguments.files:
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
        yield [text] + text.splitlines()
    generator = Generator(arguments.seed, vocabulary)
    for start in range(0, arguments.strings, BATCH):
        yield [generator.text() for _ in range(min(BATCH, arguments.strings - start))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("weights")
    parser.add_argument("--strings", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", nargs="*", default=[])
    arguments = parser.parse_args()

    reference = transformers.BertTokenizerFast.from_pretrained(arguments.weights)._tokenizer
    reference.no_truncation()
    reference.no_padding()
    vocabulary = (pathlib.Path(arguments.weights) / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    texts = differences = 0
    for batch in batches(arguments, vocabulary):
        ours = tokenize(arguments.binary, arguments.weights, batch)
        for text, ids, encoding in zip(batch, ours, reference.encode_batch(batch)):
            texts += 1
            if ids != encoding.ids:
                differences += 1
                print(f"{ascii(text)[:500]}\n  reference {encoding.ids[:100]}\n  ours      {ids[:100]}")
    print(f"{texts} texts, {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
