#!/usr/bin/env python3
"""Writes Sources/MiniLM/UnicodeTables.swift: what Hugging Face's BERT normaliser makes of every Unicode scalar.

The tables are probed from the `tokenizers` library itself (pinned in requirements.txt), because its Unicode data comes
from several versions at once (category, decomposition and case tables of different crates) and equals no other's.
Each step of the normaliser is probed alone, so that cased and uncased models come out of the same tables.

Before anything is written, a model in Python of what Sources/MiniLM does with the tables is compared with the library:
every scalar and seeded random strings, in all eight settings of the normaliser.

    python3 -m venv .venv && .venv/bin/pip install -r Scripts/requirements.txt
    .venv/bin/python Scripts/make_unicode_tables.py [STRINGS]
"""

import itertools
import pathlib
import random
import sys
import unicodedata

from tokenizers.normalizers import NFD, BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCALARS = [cp for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic (Unicode §3.12), not by table


def normalizer(clean=False, chinese=False, strip=False, lower=False):
    return BertNormalizer(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)


splitter = BertPreTokenizer()


class Tables:
    def __init__(self):
        clean, chinese = normalizer(clean=True), normalizer(chinese=True)
        strip, lower = normalizer(strip=True), normalizer(lower=True)
        chars = [chr(cp) for cp in SCALARS]
        self.controls = {c for c in chars if clean.normalize_str(c) == ""}
        self.spaces = {c for c in chars if clean.normalize_str(c) == " "}
        self.ideographs = {c for c in chars if chinese.normalize_str(c) == f" {c} "}
        self.marks = {c for c in chars if strip.normalize_str(c) == ""} - self.controls
        self.punctuation = {c for c in chars if splitter.pre_tokenize_str(f"a{c}b")[1:2] == [(c, (1, 2))]}
        self.decomposed = self.changed(strip, chars)
        self.lowercased = self.changed(lower, chars)

    def changed(self, step, chars):
        cleaned = self.controls | self.spaces
        results = {c: step.normalize_str(c) for c in chars if ord(c) not in HANGUL and c not in cleaned}
        return {c: r for c, r in results.items() if r not in ("", c)}

    def words(self, text, chinese, strip, lower):
        """What Sources/MiniLM makes of a text: the transliteration of WordPieceTokenizer's walk."""
        words, word = [], ""
        for c in text:
            if c in self.controls or strip and c in self.marks:
                continue
            if c in self.spaces:
                words, word = words + [word], ""
                continue
            results = (jamo(c) if ord(c) in HANGUL else self.decomposed.get(c, c)) if strip else c
            if lower:
                results = "".join(self.lowercased.get(r, r) for r in results)
            for r in results:
                if chinese and c in self.ideographs or r in self.punctuation:
                    words, word = words + [word, r], ""
                else:
                    word += r
        return [word for word in words + [word] if word]


def jamo(c):
    index = ord(c) - 0xAC00
    trailing = [0x11A7 + index % 28] if index % 28 else []
    return "".join(map(chr, [0x1100 + index // 588, 0x1161 + index % 588 // 28] + trailing))


def check(tables, count):
    """Compares the model with the library. The model leaves out NFD's reordering of combining marks, so words are
    compared in canonical order: `check_reordering` says why that is enough."""
    rng = random.Random(20240101)
    chars = [chr(cp) for cp in SCALARS]
    assigned = [c for c in chars if unicodedata.category(c) not in ("Cn", "Co")]
    combining = [c for c in chars if unicodedata.combining(c)]
    pools = [chars, assigned, assigned[:0x2000], combining + assigned[:0x300], [chr(cp) for cp in range(0x250)]]
    every = [" ".join(f"a{c}b" for c in chars[start : start + 256]) for start in range(0, len(chars), 256)]
    texts = every + ["".join(rng.choices(rng.choice(pools), k=rng.choice([2, 3, 5, 8, 20]))) for _ in range(count)]
    order = NFD().normalize_str
    for chinese, strip, lower in itertools.product((False, True), repeat=3):
        step = normalizer(clean=True, chinese=chinese, strip=strip, lower=lower)
        for text in texts:
            expected = [word for word, _ in splitter.pre_tokenize_str(step.normalize_str(text))]
            words = tables.words(text, chinese, strip, lower)
            if strip and words != expected:
                words = [order(word) for word in words]
            assert words == expected, (ascii(text), words, expected)
    print(f"every scalar and {count} random strings in 8 settings: equal", flush=True)


def check_reordering(tables):
    """Stripping accents decomposes, and decomposing puts combining marks in canonical order. Most marks are then
    stripped; those that are left are missing from BERT's vocabulary, so that a word with one is [UNK] in any order.
    This is what lets the tokenizer work one scalar at a time."""
    known = set((ROOT / "weights/all-MiniLM-L6-v2/vocab.txt").read_text(encoding="utf-8"))
    order = NFD().normalize_str
    changed = tables.marks | tables.controls | tables.decomposed.keys()
    left = [c for c in map(chr, SCALARS) if c not in changed and ord(c) not in HANGUL]
    # U+0334 and U+0345 have the least and the greatest class: what changes places with one of them is combining.
    low, high = "\u0334", "\u0345"
    moved = [c for c in left if order(high + c) != high + order(c) or order(c + low) != order(c) + low]
    assert not known & set(moved)
    print(f"{len(moved)} combining marks survive stripping; none is in the vocabulary", flush=True)


def ranges(chars):
    spans = []
    for cp in sorted(map(ord, chars)):
        if spans and spans[-1][1] == cp - 1:
            spans[-1][1] = cp
        else:
            spans.append([cp, cp])
    return [hexadecimal(a, b) for a, b in spans]


def hexadecimal(first, last):
    return f"{first:X}" if first == last else f"{first:X}-{last:X}"


def mappings(table):
    """`41-5A=61` for a run of scalars that become a run of scalars, `C0=41`, `958=915+93C`."""
    runs = []
    for c, result in sorted(table.items()):
        source, target = ord(c), [ord(r) for r in result]
        if runs and len(target) == 1 == len(runs[-1][2]):
            first, last, start = runs[-1]
            if source == last + 1 and target[0] - start[0] == source - first:
                runs[-1][1] = source
                continue
        runs.append([source, source, target])
    return [hexadecimal(a, b) + "=" + "+".join(f"{value:X}" for value in target) for a, b, target in runs]


def literal(name, doc, words):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 1 > 110:
            lines.append(line)
            line = ""
        line = f"{line} {word}".lstrip()
    body = "\n".join(" " * 8 + line for line in lines + [line])
    return f'    /// {doc}\n    static let {name}: StaticString = """\n{body}\n        """\n'


def main(count):
    tables = Tables()
    check_reordering(tables)
    check(tables, count)
    decomposed, lowercased = mappings(tables.decomposed), mappings(tables.lowercased)
    parts = [
        literal("controls", "Vanish when text is cleaned: control, format, private use.", ranges(tables.controls)),
        literal("spaces", "Become a space when text is cleaned.", ranges(tables.spaces)),
        literal("ideographs", "CJK ideographs: each is a word of its own.", ranges(tables.ideographs)),
        literal("punctuation", "Each of these is a word of its own too.", ranges(tables.punctuation)),
        literal("marks", "Vanish when accents are stripped.", ranges(tables.marks)),
        literal("decomposed", "Decomposed and stripped of accents. Hangul is missing: see its arithmetic.", decomposed),
        literal("lowercased", "In lower case, one scalar at a time: a final sigma is a sigma.", lowercased),
    ]
    target = ROOT / "Sources/MiniLM/UnicodeTables.swift"
    target.write_text(
        f"""// Generated by Scripts/make_unicode_tables.py from the tokenizers library; do not edit.
//
// What each step of BERT's normaliser makes of each Unicode scalar, and which scalars its pre-tokeniser splits off as
// punctuation. Scalars in hexadecimal, ranges inclusive; `41-5A=61` maps a run of scalars to a run, `1D15E=1D157+1D165`
// one scalar to two.

enum UnicodeTables {{
"""
        + "\n".join(parts)
        + "}\n",
        encoding="utf-8",
    )
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
