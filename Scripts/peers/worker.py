"""One engine in a process of its own: commands as JSON lines on standard input, answers on standard output.

    worker.py ENGINE WEIGHTS FOLDER THREADS
"""

import json
import os
import pathlib
import sys
import time

# Whatever a library prints must not come between the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402

from engines import ENGINES  # noqa: E402


def peak_memory():
    """The most bytes that were resident."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return None


def main():
    name, weights, folder, threads = sys.argv[1:]
    try:
        engine = ENGINES[name](pathlib.Path(weights), pathlib.Path(folder), int(threads))
        engine.encode(["the lamp is lit"], 1)
    except Exception as error:
        # Whatever it is, the reason is what the report gives for leaving the engine out.
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
        raise
    hello = {"layouts": getattr(engine, "layouts", [None]), "batch_sizes": getattr(engine, "batch_sizes", None)}
    print(json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "encode":
            texts = pathlib.Path(command["texts"]).read_text().splitlines()[: command.get("limit")]
            if command.get("layout") is not None:
                engine.layout = command["layout"]
            if warm_up := command.get("warm_up"):
                engine.encode(texts[:warm_up], command["batch_size"])
            begin = time.perf_counter()
            vectors = engine.encode(texts, command["batch_size"])
            answer = {"seconds": time.perf_counter() - begin}
            if "save" in command:
                np.save(command["save"], vectors)
        elif command["do"] == "latency":
            times = []
            # A tenth before they count, as in `minilm bench embed`.
            for number in range(-(command["calls"] // 10), command["calls"]):
                begin = time.perf_counter()
                engine.encode([command["text"]], 1)
                if number >= 0:
                    times.append(time.perf_counter() - begin)
            answer = {"seconds": sorted(times)}
        answer["peak_bytes"] = peak_memory()
        print(json.dumps(answer), file=answers, flush=True)


main()
