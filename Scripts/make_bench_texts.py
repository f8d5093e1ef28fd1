#!/usr/bin/env python3
"""Makes the texts that embedding is measured with, from what any Debian machine has.

  small.txt   packages in a line, "name - summary", about 16 tokens
  medium.txt  package descriptions, about 95 tokens, and pieces of documentation as long where there are too few
  large.txt   passages of 256 tokens: documentation where there is any, descriptions one after the other where not
  mixed.txt   some of each, for accuracy

One text a line, no text twice, in an order that a fixed seed decides.

    Scripts/make_bench_texts.py --out Benchmarks/texts
    Scripts/make_bench_texts.py --small 400 --medium 80 --large 32
"""

import argparse
import gzip
import json
import pathlib
import random
import re
import subprocess
import sys
import zlib

SEED = 20240611


def packages():
    """Name, summary and description of every package the machine could install or has. What it could install often comes
    without the description."""
    try:
        text = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True).stdout.decode(errors="replace")
    except (OSError, subprocess.CalledProcessError):
        text = ""
    status = pathlib.Path("/var/lib/dpkg/status")
    if status.exists():
        text += status.read_text(errors="replace")
    for entry in text.split("\n\n"):
        name = re.search(r"^Package: (.*)$", entry, re.MULTILINE)
        match = re.search(r"^Description(?:-en)?: (.*)\n?((?: .*\n?)*)", entry, re.MULTILINE)
        if name and match:
            lines = [line.strip() for line in match[2].splitlines()]
            yield name[1], match[1].strip(), " ".join("" if line == "." else line for line in lines)


def documentation():
    """The words of what is documented on this machine: manual pages and plain-text documents."""
    paths = sorted(pathlib.Path("/usr/share/man").glob("man[1-8]/*.gz")) + sorted(
        path for pattern in ("**/*.txt", "**/*.md", "**/README*", "**/*.txt.gz", "**/NEWS.gz")
        for path in pathlib.Path("/usr/share/doc").glob(pattern)
    ) + sorted(pathlib.Path("/usr/share/common-licenses").glob("*"))
    for path in paths:
        try:
            raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, zlib.error):
            continue
        text = raw[:200_000].decode(errors="replace")
        if path.parts[3] == "man":  # roff: requests and escapes are no prose
            text = "\n".join(line for line in text.splitlines() if not line.startswith((".", "'")))
            text = re.sub(r"\\(f.|\(..|\[[^]]*\]|[-&|^e])", "", text)
        if text.count("\ufffd") * 100 < len(text):
            yield squeezed(text)


def squeezed(text):
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def passages(texts, tokenize, tokens):
    """Cuts texts into pieces that fill `tokens` tokens, [CLS] and [SEP] included, or more, which embedding cuts alike."""
    pieces = []
    for text in texts:
        words = text.split()
        # English has about 1.3 tokens a word, technical prose more: start short and let the count decide.
        pieces += [" ".join(words[i : i + 230]) for i in range(0, len(words) - 230, 230)]
        if len(pieces) >= 12_000:
            break
    return [piece for piece, ids in zip(pieces, tokenize(pieces)) if len(ids) >= tokens]


def tokenizer(program):
    """A function from texts to lists of ids, by the program's own tokenizer."""

    def tokenize(texts):
        lines = "".join(text + "\n" for text in texts)
        result = subprocess.run([program, "tokenize", "--input", "-"], input=lines.encode(), capture_output=True)
        if result.returncode != 0:
            sys.exit(result.stderr.decode(errors="replace"))
        return [json.loads(line) for line in result.stdout.splitlines()]

    return tokenize


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="Benchmarks/texts", type=pathlib.Path)
    parser.add_argument("--minilm", default=".build/release/minilm", help="the program, for its tokenizer")
    parser.add_argument("--small", default=1500, type=int, metavar="N", help="packages in a line (default 1500)")
    parser.add_argument("--medium", default=240, type=int, metavar="N", help="package descriptions (default 240)")
    parser.add_argument("--large", default=120, type=int, metavar="N", help="256-token passages (default 120)")
    parser.add_argument("--mixed", default=2000, type=int, metavar="N", help="mixed texts (default 2000)")
    options = parser.parse_args()
    if not pathlib.Path(options.minilm).exists():
        sys.exit(f"{options.minilm} is not there: run `make build`, or name the program with --minilm")

    rng = random.Random(SEED)
    known = list(packages())
    if not known:
        sys.exit("no package descriptions: neither apt-cache nor /var/lib/dpkg/status has any")
    summaries = sorted({squeezed(f"{name} - {summary}") for name, summary, _ in known if summary})
    descriptions = sorted({squeezed(text) for _, _, text in known if len(text.split()) >= 25})
    documents = list(documentation())
    if len(descriptions) < options.medium + options.mixed // 4:
        print(f"only {len(descriptions)} descriptions here: pieces of documentation fill the set", file=sys.stderr)
        words = [document.split() for document in documents]
        descriptions += [" ".join(part[:65]) for part in words if len(part) >= 65]
    tokenize = tokenizer(options.minilm)
    long = passages((document.split(" ", 65)[-1] for document in documents), tokenize, 256)
    if len(long) < options.large:
        print("little documentation here: descriptions one after the other fill the passages", file=sys.stderr)
        long += passages([" ".join(descriptions)], tokenize, 256)
    rng.shuffle(summaries)
    descriptions = sorted(set(descriptions))
    rng.shuffle(descriptions)
    long = sorted(set(long))
    rng.shuffle(long)
    mixed = summaries[-options.mixed // 2 :] + descriptions[-options.mixed // 4 :] + long[-options.mixed // 4 :]
    rng.shuffle(mixed)
    wanted = {
        "small": (summaries, options.small), "medium": (descriptions, options.medium), "large": (long, options.large),
        "mixed": (mixed, options.mixed),
    }
    for name, (texts, count) in wanted.items():
        if len(texts) < count:
            print(f"this machine has only {len(texts)} of the {count} texts asked for: {name}.txt is shorter", file=sys.stderr)

    options.out.mkdir(parents=True, exist_ok=True)
    for name, (texts, count) in wanted.items():
        texts = texts[:count]
        (options.out / f"{name}.txt").write_text("".join(text + "\n" for text in texts))
        lengths = [min(len(ids), 256) for ids in tokenize(texts)]
        print(f"{options.out / name}.txt: {len(texts)} texts, {sum(lengths) / max(len(texts), 1):.0f} tokens each")


if __name__ == "__main__":
    main()
