#!/usr/bin/env python3
"""The libraries people pick today, on the vectors `minilm bench index` was given: recall@10 against queries a second.

    pip install numpy hnswlib usearch faiss-cpu
    python Scripts/bench_index_peers.py --base base.npy --queries queries.npy [--minilm .build/release/minilm]

Same M and efConstruction for all; recall by score, ties counted; one thread; the best of three rounds. A library that is not
installed is left out, and said to be. Prints Markdown; --json for the figures.
"""

import argparse
import json
import subprocess
import time

import numpy as np

EFS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]
COUNT = 10


def exact_scores(base, queries):
    """The COUNT-th best score of each query."""
    last = []
    for start in range(0, len(queries), 100):
        scores = queries[start : start + 100] @ base.T
        last.append(np.partition(scores, -COUNT, axis=1)[:, -COUNT])
    return np.concatenate(last)


def recall(base, queries, last, found):
    scores = np.einsum("qkd,qd->qk", base[np.asarray(found)], queries)
    return float((scores >= last[:, None] - 1e-6).mean())


class Hnswlib:
    name = "hnswlib"

    def build(self, base, m, ef_construction, threads):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(len(base), M=m, ef_construction=ef_construction)
        self.index.set_num_threads(threads)
        self.index.add_items(base, num_threads=threads)

    def searcher(self, ef):
        self.index.set_ef(ef)
        return lambda query: self.index.knn_query(query, k=COUNT, num_threads=1)[0][0]


class Usearch:
    def __init__(self, dtype):
        self.name = f"usearch {dtype}"
        self.dtype = dtype

    def build(self, base, m, ef_construction, threads):
        from usearch.index import Index

        self.index = Index(
            ndim=base.shape[1], metric="cos", dtype=self.dtype, connectivity=m, expansion_add=ef_construction)
        self.index.add(np.arange(len(base)), base, threads=threads)

    def searcher(self, ef):
        self.index.expansion_search = ef
        return lambda query: self.index.search(query, COUNT, threads=1).keys


class Faiss:
    def __init__(self, kind):
        self.name = f"faiss {kind}"
        self.kind = kind

    def build(self, base, m, ef_construction, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        if self.kind == "HNSW":
            self.index = faiss.IndexHNSWFlat(base.shape[1], m, faiss.METRIC_INNER_PRODUCT)
        else:
            self.index = faiss.IndexHNSWSQ(
                base.shape[1], faiss.ScalarQuantizer.QT_8bit, m, faiss.METRIC_INNER_PRODUCT)
            self.index.train(base)
        self.index.hnsw.efConstruction = ef_construction
        self.index.add(base)
        faiss.omp_set_num_threads(1)

    def searcher(self, ef):
        self.index.hnsw.efSearch = ef
        return lambda query: self.index.search(query[None], COUNT)[1][0]


PEERS = [Hnswlib(), Usearch("f32"), Usearch("i8"), Faiss("HNSW"), Faiss("HNSW SQ8")]


def measure(peer, base, queries, last, args):
    start = time.perf_counter()
    peer.build(base, args.m, args.ef_construction, args.threads)
    build = time.perf_counter() - start
    points = []
    for ef in EFS:
        search = peer.searcher(ef)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            found = [search(query) for query in queries]
            best = min(best, time.perf_counter() - start)
        points.append({"ef": ef, "recallAt10": recall(base, queries, last, found), "queriesPerSecond": len(queries) / best})
    return {"name": peer.name, "buildSeconds": build, "points": points}


def at_recall(points, target):
    """Queries a second at a recall, between the measured points in proportion; None when it is never reached."""
    points = sorted(points, key=lambda p: p["recallAt10"])
    for before, after in zip([None] + points, points):
        if after["recallAt10"] >= target:
            if before is None or after["recallAt10"] == before["recallAt10"]:
                return after["queriesPerSecond"]
            share = (target - before["recallAt10"]) / (after["recallAt10"] - before["recallAt10"])
            return before["queriesPerSecond"] + share * (after["queriesPerSecond"] - before["queriesPerSecond"])
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--query-count", type=int, default=500)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minilm", help="the program, to be measured in the same run, before and after the others")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    base = np.ascontiguousarray(np.load(args.base), dtype=np.float32)
    queries = np.ascontiguousarray(np.load(args.queries)[: args.query_count], dtype=np.float32)
    last = exact_scores(base, queries)

    def ours():
        command = [
            args.minilm, "bench", "index", "--vectors", args.base, "--queries", args.queries, "--query-count",
            str(args.query_count), "--m", str(args.m), "--ef-construction", str(args.ef_construction), "--threads",
            str(args.threads), "--json",
        ]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout) | {"name": "minilm"}

    results = [ours()] if args.minilm else []
    for peer in PEERS:
        try:
            results.append(measure(peer, base, queries, last, args))
        except ImportError as missing:
            print(f"left out: {peer.name} ({missing})")
    if args.minilm:
        results.append(ours())
    if args.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{len(base)} vectors of {base.shape[1]}, M {args.m}, efConstruction {args.ef_construction}\n")
    print(f"| | build, {args.threads} threads | QPS, one thread, at recall@10 .90 | .95 | .99 |\n|---|---|---|---|---|")
    for result in results:
        cells = [at_recall(result["points"], target) for target in (0.90, 0.95, 0.99)]
        cells = " | ".join("never" if cell is None else f"{cell:,.0f}" for cell in cells)
        print(f"| {result['name']} | {result['buildSeconds']:.1f} s | {cells} |")


if __name__ == "__main__":
    main()
