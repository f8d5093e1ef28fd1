#!/usr/bin/env python3
"""Where a request of the Qdrant API spends its time: perf's samples of the server, by stage.

    pip install numpy
    python Scripts/profile_qdrant.py --minilm .build/release/minilm [--points 100000] [--vectors base.npy] [--seconds 5]

Starts a server, uploads the points over plain HTTP, waits for the graph, then sends the requests of Scripts/bench_qdrant.py over one
connection while `perf record` looks: queries by id and score, filtered ones, ones with payloads, and uploads. A sample counts for the
innermost of the stages below that its stack is in. Needs Linux, perf and swift (which demangles names); shares are of the server's
own processor time, on a machine that does nothing else.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time

from bench_qdrant import BATCH, NAME, Plain, free_port, server, vectors

# By names of functions, innermost first.
STAGES = [
    ("graph: insertions", ["GraphBuilder.", "HNSWIndex.insert"]),
    ("graph: search", ["HNSWIndex.search"]),
    ("search beside the graph", ["DenseField.nearest", "VectorMatrix.nearest"]),
    ("filter", ["FilterPlan."]),
    ("query from memory, the rest", ["EmbeddedStore.queryAtOnce"]),
    ("JSON in", ["JSONValue.init<A>(parsing"]),
    ("JSON out", ["Response.json", "ScoredPoint.qdrant"]),
    ("request as values", ["QdrantRequest.", "QdrantQuery."]),
    ("payload indexes", ["PayloadIndex."]),
    ("writing rows", ["UpdateTransaction.", "VectorsCoding."]),
    ("sync", ["fsync", "fdatasync"]),
    ("commit", ["EmbeddedStore.serve", "inTransaction"]),
    ("reading rows", ["QueryEvaluation."]),
    ("log", ["StreamLogHandler", "Logger."]),
    ("routes and guard", ["RouteTable.", "RequestGuard.", "Route."]),
    ("HTTP and socket, out", ["NIOAsyncWriter", "_didYield"]),
    ("HTTP and socket, in", ["BaseSocketChannel.readable0"]),
    ("waiting for the socket", ["Selector.whenReady0"]),
    ("tasks and threads", ["swift_job_run", "runOneLoopTick", "_dispatch_worker_thread", "ApplicationProtocol.run", "handleHTTP"]),
]


def profile(pid, seconds, work):
    """Stages and their shares, and how many requests there were."""
    data = tempfile.mktemp()
    # Of the whole machine: threads that begin meanwhile are seen, too.
    recorder = subprocess.Popen(
        ["perf", "record", "--quiet", "--all-cpus", "--freq", "2000", "-g", "--output", data, "--", "sleep", str(seconds)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    requests, before = 0, switches(pid)
    while recorder.poll() is None:
        work(requests)
        requests += 1
    changed = switches(pid) - before
    script = subprocess.Popen(["perf", "script", "--input", data, "--pid", str(pid), "--fields", "ip,sym"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = subprocess.run(["swift", "demangle", "--simplified"], stdin=script.stdout, capture_output=True, text=True).stdout
    os.unlink(data)
    counts = collections.Counter()
    for sample in text.split("\n\n"):
        frames = [line.strip().partition(" ")[2] for line in sample.splitlines() if line.strip()]
        if frames:
            stages = (stage for frame in frames for stage, names in STAGES if any(name in frame for name in names))
            counts[next(stages, "no stage: memory, kernel, SQLite")] += 1
    return counts, requests, changed


def switches(pid):
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as lines:
            count += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", default=".build/release/minilm")
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--vectors", help="a .npy of points + queries rows; made up when missing")
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    base, queries = vectors(arguments)

    with tempfile.TemporaryDirectory() as directory, open(os.path.join(directory, "log"), "w") as log:
        port = free_port()
        command = [
            arguments.minilm, "serve", "--data-dir", directory + "/data", "--port", str(free_port()), "--llm-port", "off", "--qdrant-port", str(port)]
        with server(command, port, log) as process:
            plain = Plain(port)

            def points(first):
                rows = enumerate(base[first : first + BATCH].tolist(), first)
                return json.dumps({"points": [{"id": r, "vector": v, "payload": {"tenth": r % 10}} for r, v in rows]})

            def make(name):
                plain.call("PUT", f"/collections/{name}", json.dumps({"vectors": {"size": arguments.size, "distance": "Cosine"}}))
                plain.call("PUT", f"/collections/{name}/index?wait=true", json.dumps({"field_name": "tenth", "field_schema": "integer"}))

            make(NAME)
            for first in range(0, len(base), BATCH):
                plain.call("PUT", f"/collections/{NAME}/points", points(first))
            while json.loads(plain.call("GET", f"/collections/{NAME}", ""))["result"]["indexed_vectors_count"] < len(base):
                time.sleep(0.1)

            bodies = {
                kind: [
                    json.dumps({**json.loads(plain.prepare(query, i % 10 if kind == "filtered queries" else None)), "with_payload": kind == "queries with payloads"})
                    for i, query in enumerate(queries.tolist())]
                for kind in ("queries", "filtered queries", "queries with payloads")}
            uploads = [points(first) for first in range(0, min(len(base), 30_000), BATCH)]

            def ask(kind):
                for body in bodies[kind]:
                    plain.query_prepared(body)
                return lambda i: plain.query_prepared(bodies[kind][i % len(queries)])

            def upload():
                make("other")
                return lambda i: plain.call("PUT", "/collections/other/points", uploads[i % len(uploads)])

            for title, start in [(kind, lambda kind=kind: ask(kind)) for kind in bodies] + [(f"uploads of {BATCH} points", upload)]:
                plain.connect()
                work = start()
                counts, requests, changed = profile(process.pid, arguments.seconds, work)
                print(f"\n{title}: {requests / arguments.seconds:,.0f} a second under perf, {changed / requests:.1f} changes of threads each\n")
                print("| stage | share |\n|---|---|")
                for stage, count in counts.most_common():
                    if count * 100 >= sum(counts.values()):
                        print(f"| {stage} | {100 * count / sum(counts.values()):.0f} % |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
