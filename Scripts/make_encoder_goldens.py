#!/usr/bin/env python3
"""Writes Tests/MiniLMTests/Goldens/encoder_*: what the float32 reference makes of some 250 texts.

The reference is Hugging Face's BertModel in PyTorch (versions pinned in requirements.txt), one text at a time so that
nothing is padded, followed by sentence-transformers' Pooling (mean) and Normalize. The same in float64 tells how far the
reference itself is from the exact result; encoder_texts.json records that.

    python3 -m venv .venv && .venv/bin/pip install -r Scripts/requirements.txt
    .venv/bin/python Scripts/make_encoder_goldens.py weights/all-MiniLM-L6-v2
"""

import json
import pathlib
import random
import sys

import numpy as np
import torch
import transformers

MAX_TOKENS = 256
# Short texts whose activations after the embeddings and after each layer are kept: [7, tokens, 384], 11 KB a token.
TRACED = ["", "The lighthouse was built in 1758.", "Olá, mundo! Ação e coração."]

ENGLISH = """the harbour lamp was lit every evening by keeper whose daughter counted ships in a ledger bound with green cloth
while storms came from the north and gulls slept on warm stones near old engine that hummed like distant choir""".split()
PORTUGUESE = """o faroleiro acendia a lâmpada todas as noites e sua filha anotava os navios num caderno de capa verde enquanto
a tempestade vinha do norte e as gaivotas dormiam sobre pedras mornas junto da máquina antiga que zumbia não há informações""".split()
NASTY = [
    " ", "\t\r\n", "\u00a0\u2003\u3000", "\u200b\u200d\ufeff", "\x00\x01\x7f", "\ufffd", "?", "!!!", "...", "[CLS]", "[SEP] [MASK] [PAD]",
    "naïve café résumé", "cafe\u0301 e\u0301te\u0301", "İstanbul ISTANBUL ıstanbul", "Straße STRASSE ẞ", "ﬁnance ﬀ ﬄ",
    "日本語のテキスト", "中文和English混合", "한국어 텍스트", "ภาษาไทย", "हिन्दी पाठ", "العربية والفارسية", "עברית שָׁלוֹם", "Ελληνικά ΣΊΣΥΦΟΣ",
    "русский текст ёЁ", "👍🏽 👩‍👩‍👧‍👦 🇵🇹", "a\u0300\u0301\u0302\u0303\u0304b", "x" * 100, "x" * 101, "antidisestablishmentarianism",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "½ ² ³ ① ㊙", "soft\u00adhyphen", "left\u200fright\u200e", "\u202eabc\u202c", "a\u2028b\u2029c", "line\nbreak\ttab",
    "https://example.org/path?q=1&r=%20", "user@example.org", "C:\\Windows\\system32", "SELECT * FROM t WHERE id = 1;", "{\"a\": [1, 2.5e-3]}",
    "3.14159 1,000,000 -7 +8", "$100 €50 £20 ¥1000", "don't can't won't", "l'œuvre d'été", "ŒUVRE Æther Øre Þing ðat", "ŁÓDŹ źdźbło", "\U000e0001tag",
    "\ue000private\uf8ff", "🧑🏿‍🚀" * 20, "é" * 300, "不" * 300, "a b " * 200, "!" * 400,
]


def texts():
    """Texts of our own making: special cases, then sentences that walk through every length."""
    rng = random.Random(20240101)
    yield from TRACED
    yield from NASTY
    lengths = list(range(1, 40)) + list(range(40, 240, 5)) + [240, 250, 260, 300, 400]
    for words in (ENGLISH, PORTUGUESE):
        for length in lengths:
            drawn = [rng.choice(words) for _ in range(length)]
            text = " ".join(drawn)
            yield (text[0].upper() + text[1:]).replace(" and ", ", and ") + rng.choice([".", "?", "", "!"])
    for number in range(24):
        yield f"{rng.choice(ENGLISH)} {rng.randint(0, 10**6)} {rng.choice(PORTUGUESE)} ({number})"


def embed(model, ids):
    """The unit vector of one text, [384], and the hidden states after the embeddings and each layer, [7, tokens, 384]."""
    with torch.no_grad():
        states = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
        mean = states[-1][0].mean(dim=0)
        return torch.nn.functional.normalize(mean, dim=0).numpy(), torch.cat(states).numpy()


def main(directory):
    goldens = pathlib.Path(__file__).resolve().parent.parent / "Tests/MiniLMTests/Goldens"
    tokenizer = transformers.BertTokenizerFast(vocab_file=f"{directory}/vocab.txt", do_lower_case=True)
    model = transformers.BertModel.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32).eval()
    samples = list(dict.fromkeys(texts()))
    ids = [tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"] for text in samples]

    single = [embed(model, row) for row in ids]
    model = model.double()
    exact = [embed(model, row) for row in ids]
    vectors = np.stack([vector for vector, _ in single])
    traces = [states for _, states in single[: len(TRACED)]]
    vector_error = max(np.abs(a - b).max() for (a, _), (b, _) in zip(single, exact))
    layer_error = np.max([np.abs(a - b).max(axis=(1, 2)) for (_, a), (_, b) in zip(single, exact)], axis=0)

    np.save(goldens / "encoder_vectors.npy", vectors.astype("<f4"))
    np.save(goldens / "encoder_layers.npy", np.concatenate(traces, axis=1).astype("<f4"))
    record = {
        "made_by": f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, float32",
        "reference_error_vectors": float(f"{vector_error:.2g}"),
        "reference_error_layers": [float(f"{error:.2g}") for error in layer_error],
        "traced": len(TRACED),
        "texts": samples,
        "ids": ids,
    }
    # One text a line keeps diffs readable.
    lines = json.dumps(record, ensure_ascii=True, separators=(",", ":")).replace("],[", "],\n[")
    (goldens / "encoder_texts.json").write_text(lines + "\n")
    print({key: record[key] for key in record if key not in ("texts", "ids")}, len(samples), sorted(map(len, ids)))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "weights/all-MiniLM-L6-v2")
