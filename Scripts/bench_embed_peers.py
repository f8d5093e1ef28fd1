#!/usr/bin/env python3
"""Measures embedding beside the engines people use, in one run: the same texts, the same truncation, tokenisation included.

A throw-away virtual environment gets the engines from PyPI; their models are exported from the local weights. Each engine
runs in a process of its own, at the batch size that was best for it in a calibration, one text by one included; rounds are
interleaved, and ratios are taken within a round. Nobody is measured cold: ours is a new process for each measurement and
embeds the texts before, a peer's has embedded them all before the rounds and embeds some of them again, untimed. A peer that fails
or does not answer is left out with its reason; where one of ours fails, so does the run.

    make build bench-texts && Scripts/bench_embed_peers.py
    Scripts/bench_embed_peers.py --ours f32,i8 --engines onnxruntime-bert,openvino --sets large --rounds 3
    Scripts/bench_embed_peers.py --venv ~/peers --models ~/peers/models --out Benchmarks/results --no-accuracy
    Scripts/bench_embed_peers.py --accuracy-only --engines openvino-int8
"""

import argparse
import json
import math
import os
import pathlib
import select
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "Scripts" / "peers"
# How to ask for them, what they are called, and what our program is started with.
OURS = {
    "f32": ("minilm f32", ["--precision", "f32", "--gemm", "swift"]),
    "openblas": ("minilm f32, OpenBLAS", ["--precision", "f32", "--gemm", "openblas"]),
    "i16": ("minilm i16", ["--precision", "i16"]),
    "i8": ("minilm i8", ["--precision", "i8"]),
}
FLOAT32 = [
    "sentence-transformers", "onnxruntime", "onnxruntime-bert", "onnxruntime-bert-sessions", "openvino", "ctranslate2",
    "ctranslate2-replicas", "fastembed", "llama.cpp-f32",
]
# Neither exact nor integers: they count among engines of any precision.
BFLOAT16 = ["openvino-bf16"]
INT8 = [
    "onnxruntime-int8", "onnxruntime-int8-sessions", "openvino-int8", "ctranslate2-int8", "ctranslate2-replicas-int8",
    "llama.cpp-q8_0",
]
PEER_NAMES = FLOAT32 + BFLOAT16 + INT8
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
# In a calibration two settings are close when neither takes so many times the other's time; one that takes so many times the
# best's ends the search for a larger size.
CLOSE, HOPELESS = 1.1, 1.5
# Texts of a calibration's comparison, at least; a power of two, as batch sizes are.
LEAST_SAMPLE = 16
# Texts that a peer embeds untimed before it is timed, in a calibration one: it has just embedded others.
WARM_UP = 16
# Seconds that an engine may take for one answer, and for its model's export. 2,000 mixed texts are 240,000 tokens: two
# minutes for an engine that does 2,000 a second.
PATIENCE, EXPORT_PATIENCE = 300, 900
WORDS = "the lamp is lit in old tower by night and day for ships at sea".split()


def text_of(tokens):
    """A text of so many tokens, [CLS] and [SEP] included: each of the words is one. The same as `minilm bench`'s."""
    return " ".join(WORDS[i % len(WORDS)] for i in range(tokens - 2))


class Peer:
    """An engine of another project, in its worker process."""

    def __init__(self, name, options, python, folder):
        self.name, self.threads = name, options.threads
        arguments = [name, str(options.weights), str(folder)]
        noise = subprocess.DEVNULL if options.quiet else None
        threads = str(options.threads)
        # What is set for our BLAS on a processor it does not know must not reach that of another.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")} | {
            "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "OMP_NUM_THREADS": threads,
            "RAYON_NUM_THREADS": threads}
        try:
            made = subprocess.run(
                [python, str(PEERS / "models.py"), *arguments], stdout=noise or sys.stderr, stderr=noise, env=environment,
                timeout=EXPORT_PATIENCE)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"its model was not exported within {EXPORT_PATIENCE} s") from None
        if made.returncode != 0:
            raise RuntimeError(f"its model could not be exported (status {made.returncode})")
        self.settings = {}
        self.unread = b""
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            [python, str(PEERS / "worker.py"), *arguments, threads], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=noise, bufsize=0, env=environment)
        try:
            hello = self.answer("layouts", "batch_sizes")
        except RuntimeError:
            self.close()
            raise
        self.layouts, self.batch_sizes = hello["layouts"], hello["batch_sizes"] or BATCH_SIZES
        self.cold_start = time.perf_counter() - begin

    def line(self):
        """The next line it writes, or why there is none."""
        end = time.monotonic() + PATIENCE
        output = self.process.stdout.fileno()
        while b"\n" not in self.unread:
            if not select.select([output], [], [], max(end - time.monotonic(), 0))[0]:
                self.process.kill()
                raise RuntimeError(f"it did not answer within {PATIENCE} s")
            part = os.read(output, 1 << 16)
            if not part:
                self.close()
                raise RuntimeError(f"it ended with status {self.process.returncode}")
            self.unread += part
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def answer(self, *keys):
        """Its answer, an object that has these keys."""
        line = self.line()
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and "error" in record:
            raise RuntimeError(record["error"])
        if not isinstance(record, dict) or not record.keys() >= set(keys) or self.unread:
            said = b"\n".join([line, self.unread]) if self.unread else line
            raise RuntimeError(f"its answer is not one JSON object with {', '.join(keys)}: {said[:200]!r}")
        self.peak = record.get("peak_bytes")
        return record

    def ask(self, **command):
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
        except BrokenPipeError:
            pass  # it has ended: with which status is what reading finds
        return self.answer("seconds")

    def calibrate(self, name, path, texts):
        """Finds the batch size, and the layout of those the engine has, that is fastest for a set.

        Sizes are tried from the smallest on, each against the best so far, until two in a row were slower, or one by half. Two
        are compared on the same texts: an eighth of the set or more, of which a session a core gets whole batches of either
        size, as many as the others; or all texts, where those are fewer, which is what is measured then. What is close is
        measured again, as is what would end the search at once.
        """
        times = {}

        def seconds(setting, sample, again=False):
            key = (*setting, sample)
            if again or key not in times:
                layout, size = setting
                answer = self.ask(do="encode", texts=str(path), limit=sample, warm_up=1, layout=layout, batch_size=size)
                times[key] = min(answer["seconds"], times.get(key, math.inf))
            return times[key]

        def slowness(one, other, sample):
            """How many times the other's time one takes."""
            ratio = seconds(one, sample) / seconds(other, sample)
            if 1 / CLOSE < ratio < CLOSE:
                ratio = seconds(one, sample, again=True) / seconds(other, sample, again=True)
            elif ratio >= HOPELESS:
                ratio = seconds(one, sample, again=True) / seconds(other, sample)
            return ratio

        def sample_for(size):
            sample = LEAST_SAMPLE
            while sample < max(texts // 8, 2 * size, self.threads * size):
                sample *= 2
            return min(sample, texts)

        # Beyond the set one size is like another.
        sizes = [size for number, size in enumerate(self.batch_sizes) if number == 0 or self.batch_sizes[number - 1] < texts]
        best = None
        for layout in self.layouts:
            champion, slower = (layout, sizes[0]), 0
            for size in sizes[1:]:
                ratio = slowness((layout, size), champion, sample_for(size))
                slower = 0 if ratio < 1 else slower + 1
                if ratio < 1:
                    champion = (layout, size)
                elif slower == 2 or ratio >= HOPELESS:
                    break
            if best is None or slowness(champion, best, sample_for(max(champion[1], best[1]))) < 1:
                best = champion
        self.settings[name] = {"layout": best[0], "batch_size": best[1]}
        # All texts once, untimed, as ours embeds them before it is timed: their lengths are no news to the engine then.
        self.ask(do="encode", texts=str(path), **self.settings[name])

    def seconds(self, name, path):
        return self.ask(do="encode", texts=str(path), warm_up=WARM_UP, **self.settings[name])["seconds"]

    def latencies(self):
        """p50 of single calls by tokens, in seconds."""
        return {
            tokens: statistics.median(self.ask(do="latency", text=text_of(tokens), calls=calls)["seconds"])
            for tokens, calls in ((10, 200), (256, 40))}

    def vectors(self, path, file):
        self.ask(do="encode", texts=str(path), batch_size=32, save=str(file))

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class Ours:
    """This project's program. It is started for every measurement, loads the model, warms up, and times itself."""

    def __init__(self, key, options):
        self.options = options
        self.name, self.arguments = OURS[key]
        self.peak = 0
        self.settings = {}
        self.said = set()
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            self.run("embed", "--input", "-", "--output", "-", input="the lamp is lit\n")
            times.append(time.perf_counter() - begin)
        self.cold_start = statistics.median(times)

    def run(self, *arguments, **keywords):
        command = [
            str(pathlib.Path(self.options.minilm).resolve()), *arguments, "--threads", str(self.options.threads),
            "--weights", str(self.options.weights), *self.arguments]
        try:
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE, **keywords)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{self.name} failed: {' '.join(command)}\n{error.stderr}")
        except (OSError, subprocess.TimeoutExpired) as error:
            sys.exit(f"{self.name} failed: {error}")
        # A warning, such as of a BLAS that does not know this processor; once, however often the program is started.
        if done.stderr and done.stderr not in self.said and not self.options.quiet:
            print(f"{self.name}: {done.stderr.rstrip()}", file=sys.stderr)
        self.said.add(done.stderr)
        return done.stdout

    def bench(self, *arguments):
        record = json.loads(self.run("bench", "embed", "--json", *arguments))
        self.peak = max(self.peak, record["peak_resident_bytes"])
        return record

    def calibrate(self, name, path, texts):
        pass  # it has no batch size

    def seconds(self, name, path):
        return self.bench("--texts", str(path), "--rounds", "1", "--no-latency")["rounds"][0]["seconds"]

    def latencies(self):
        record = self.bench("--latency-only")["latency_ms"]
        return {int(tokens): times["p50"] / 1e3 for tokens, times in record.items()}

    def vectors(self, path, file):
        self.run("embed", "--input", str(path), "--output", str(file))

    def close(self):
        pass


def tokens_of(options, path):
    """Real tokens of a set, as the model reads them, and texts."""
    command = [options.minilm, "tokenize", "--input", str(path), "--weights", str(options.weights)]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    return sum(min(len(json.loads(line)), 256) for line in lines), len(lines)


def environment(options, names):
    """The interpreter of a virtual environment that has the peers."""
    folder = options.venv
    python = folder / "bin" / "python"
    # Written last: an installation that was interrupted is done again.
    complete = folder / "minilm-peers-complete"
    if not complete.exists():
        print(f"making {folder} (some minutes, some gigabytes)", file=sys.stderr)
        make = subprocess.run([sys.executable, "-m", "venv", str(folder)])
        if make.returncode != 0:
            sys.exit("Python cannot make a virtual environment: install its venv module (Debian: python3-venv)")
        install = subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(PEERS / "requirements.txt")])
        if install.returncode != 0:
            sys.exit("the peers could not be installed: what pip says above is the reason")
        complete.touch()
    tried = folder / "minilm-llama-tried"
    if any(name.startswith("llama.cpp") for name in names) and not tried.exists():
        print("building llama.cpp's Python package from its source (ten minutes or more)", file=sys.stderr)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(PEERS / "requirements-llama.txt")])
        tried.touch()  # where it cannot be built it is left out, with what Python says when it is imported
    return str(python)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--engines", default=",".join(PEER_NAMES), help="the peers, comma-separated (default: all)")
    parser.add_argument("--ours", default=",".join(OURS), help="which of ours, comma-separated (default: %(default)s)")
    parser.add_argument("--sets", default="small,medium,large")
    parser.add_argument("--texts", type=pathlib.Path, default=ROOT / "Benchmarks" / "texts")
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "weights" / "all-MiniLM-L6-v2")
    parser.add_argument("--minilm", default=str(ROOT / ".build" / "release" / "minilm"))
    parser.add_argument("--venv", type=pathlib.Path, help="keep the virtual environment here (default: throw it away)")
    parser.add_argument("--models", type=pathlib.Path, help="keep the exported models here (default: throw them away)")
    parser.add_argument("--no-accuracy", action="store_true", help="measure speed only")
    parser.add_argument("--accuracy-only", action="store_true", help="measure accuracy only")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "Benchmarks" / "results")
    parser.add_argument("--quiet", action="store_true", help="leave out what the engines print")
    options = parser.parse_args()
    names, ours = [name for name in options.engines.split(",") if name], [key for key in options.ours.split(",") if key]
    for name, known in [*((name, PEER_NAMES) for name in names), *((key, OURS) for key in ours)]:
        if name not in known:
            parser.error(f"{name} is none of {', '.join(known)}")
    if not ours:
        parser.error("--ours leaves nothing to compare with")
    if options.accuracy_only and options.no_accuracy:
        parser.error("--accuracy-only and --no-accuracy leave nothing to measure")
    if not pathlib.Path(options.minilm).exists():
        sys.exit(f"{options.minilm} is not there: run `make build`")
    if options.accuracy_only:
        options.sets, options.rounds = "", 0
    sets = {name: options.texts / f"{name}.txt" for name in options.sets.split(",") if name}
    for path in [*sets.values(), *([] if options.no_accuracy else [options.texts / "mixed.txt"])]:
        if not path.exists():
            sys.exit(f"{path} is not there: run `make bench-texts`")

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        options.venv = options.venv or folder / "venv"
        options.models = (options.models or folder / "models").resolve()
        options.models.mkdir(parents=True, exist_ok=True)
        python = environment(options, names)
        engines = [Ours(key, options) for key in ours]
        skipped = {}
        for name in names:
            try:
                engines.append(Peer(name, options, python, options.models))
            except RuntimeError as error:
                skipped[name] = str(error)
                print(f"left out: {name}, {error}", file=sys.stderr)
        result = measure(engines, sets, options, folder, skipped)
        result["versions"] = subprocess.run(
            [python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout.split()
        for engine in engines:
            engine.close()
        if not options.no_accuracy:
            vectors = {name: record.pop("file") for name, record in result["engines"].items()}
            subprocess.run(
                [python, str(PEERS / "accuracy.py"), str(options.weights), str(options.texts / "mixed.txt"),
                 str(folder / "accuracy.json"), *[f"{name}={file}" for name, file in vectors.items()]], check=True)
            result["mixed_texts"] = len((options.texts / "mixed.txt").read_text().splitlines())
            accuracy = json.loads((folder / "accuracy.json").read_text())
            for name, record in accuracy.items():
                result["engines"][name]["accuracy"] = record

    sys.path.insert(0, str(PEERS))
    from report import accuracy_table, markdown, svg

    options.out.mkdir(parents=True, exist_ok=True)
    if options.accuracy_only:
        accuracy = {name: record["accuracy"] for name, record in result["engines"].items()}
        lines = accuracy_table(accuracy, result["mixed_texts"])[1:]
        lines += [f"\nLeft out: {name}, {reason}" for name, reason in result["skipped"].items()]
        (options.out / "embed-accuracy.json").write_text(json.dumps(accuracy, indent=1))
        (options.out / "embed-accuracy.md").write_text("\n".join(lines) + "\n")
        print("\n".join(lines))
        return
    (options.out / "embed-peers.json").write_text(json.dumps(result, indent=1))
    (options.out / "embed-peers.md").write_text(markdown(result))
    (options.out / "embed-peers.svg").write_text(svg(result))
    print(markdown(result))


def measure(engines, sets, options, folder, skipped):
    """Calibrates, measures in interleaved rounds, and keeps every engine's vectors of the mixed texts, if they are asked for.

    A peer that fails is taken out of `engines` and noted in `skipped`.
    """
    counts = {name: tokens_of(options, path) for name, path in sets.items()}
    records = {
        engine.name: {"float32": engine.name in FLOAT32 or "f32" in engine.name, "rates": {}, "latency": {}}
        for engine in engines}

    def each(work, first=0):
        for engine in engines[first:] + engines[:first]:
            try:
                work(engine, records[engine.name])
            except (RuntimeError, OSError) as error:
                skipped[engine.name] = str(error)
                print(f"left out: {engine.name}, {error}", file=sys.stderr)
                engines.remove(engine)
                del records[engine.name]
                engine.close()
            # Threads of an engine may spin for a while after its work: let them rest before the next one's.
            time.sleep(0.3)

    def round_trip(name):
        def work(engine, record):
            record["rates"].setdefault(name, []).append(counts[name][0] / engine.seconds(name, sets[name]))

        return work

    def latencies(engine, record):
        for tokens, seconds in engine.latencies().items():
            record["latency"].setdefault(str(tokens), []).append(seconds)

    def finish(engine, record):
        record |= {"cold_start": engine.cold_start, "peak_bytes": engine.peak, "settings": engine.settings}
        if not options.no_accuracy:
            record["file"] = str(folder / f"{len(list(folder.glob('*.npy')))}.npy")
            engine.vectors(options.texts / "mixed.txt", record["file"])

    load = os.getloadavg()[0]
    begin = time.monotonic()

    def told(what):
        print(f"{what}, {time.monotonic() - begin:.0f} s since the start", file=sys.stderr)

    for name, path in sets.items():
        each(lambda engine, _: engine.calibrate(name, path, counts[name][1]))
        told(f"calibrated for the set {name}")
    for number in range(options.rounds):
        # Nobody is always first.
        for name in sets:
            each(round_trip(name), number % len(engines))
        each(latencies, number % len(engines))
        told(f"round {number + 1} of {options.rounds}")
    each(finish)
    return {
        "machine": machine(), "threads": options.threads, "rounds": options.rounds, "load_at_start": load,
        "sets": {name: {"texts": texts, "tokens": tokens} for name, (tokens, texts) in counts.items()},
        "engines": records, "skipped": skipped,
    }


def machine():
    """The processor and the vector instructions that matter, in words."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value for key, value in pairs}
    flags = set(fields.get("flags", "").split())
    known = [flag for flag in ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni") if flag in flags]
    return f"{fields.get('model name', 'unknown').strip()}, {text.count('processor')} cores, {' '.join(known)}"


main()
