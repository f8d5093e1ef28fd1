#!/usr/bin/env python3
"""Makes one-line texts to measure the index with, from what this machine has installed: lines of changelogs, manuals, documentation
and of Python's and Perl's libraries that read like language. Repetitions stay, as they are in real text.

    Scripts/make_bench_lines.py --lines 200000 --queries 1000 --out Benchmarks/texts
    minilm embed --input Benchmarks/texts/lines.txt --output base.npy
    minilm embed --input Benchmarks/texts/lines-queries.txt --output queries.npy
    make bench-index-peers VECTORS=base.npy QUERIES=queries.npy

`make bench-vectors COUNT=200000` does the first three, and `make bench-index` and `bench-index-peers` do it for themselves.

What is installed differs from machine to machine, and so do the lines; the seed only fixes which are drawn.
"""

import argparse
import gzip
import pathlib
import random
import re
import sys

SOURCES = [
    ("/usr/share/doc", "*/*"), ("/usr/share/man", "man*/*"), ("/usr/lib", "python3*/**/*.py"), ("/usr/share/perl", "**/*.p[lm]"),
]


def texts():
    for folder, pattern in SOURCES:
        for path in sorted(pathlib.Path(folder).glob(pattern)):
            try:
                data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
                yield data.decode()
            except (OSError, EOFError, UnicodeDecodeError):
                continue


def is_language(line):
    letters = sum(character.isalpha() or character == " " for character in line)
    return 25 <= len(line) <= 160 and letters > 0.75 * len(line) and len(re.findall(r"[A-Za-z]{2,}", line)) >= 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    found = []
    for number, text in enumerate(texts()):
        if number % 500 == 0:
            # A line that is written over where somebody watches, one alone where not.
            if sys.stderr.isatty() or number == 0:
                end = "" if sys.stderr.isatty() else "\n"
                print(f"\rreading this machine's texts: {number} files, {len(found)} lines", end=end, file=sys.stderr, flush=True)
        for line in text.splitlines():
            line = " ".join(line.strip(" \t#*-+.\"'").split())
            if is_language(line):
                found.append(line)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    wanted = options.lines + options.queries
    if len(found) < wanted:
        sys.exit(f"only {len(found)} lines on this machine, {wanted} wanted: install more documentation, or ask for fewer (make: COUNT=)")
    drawn = random.Random(2018).sample(found, wanted)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lines.txt").write_text("\n".join(drawn[: options.lines]) + "\n")
    (options.out / "lines-queries.txt").write_text("\n".join(drawn[options.lines :]) + "\n")
    distinct = len(set(drawn[: options.lines]))
    print(f"{options.lines} lines, {distinct} of them distinct, and {options.queries} queries in {options.out}")


if __name__ == "__main__":
    main()
