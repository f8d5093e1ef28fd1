#!/usr/bin/env python3
"""The libraries people pick today, on the vectors `minilm bench index` was given: recall@10 against queries a second.

    pip install numpy hnswlib usearch faiss-cpu qdrant-edge-py scalable-vs
    python Scripts/bench_index_peers.py --base base.npy --queries queries.npy --minilm .build/release/minilm

Every vector is divided by its length, so that all engines look for the nearest by cosine. Without --queries the last vectors are the
queries and are left out of the indexes.

Same M and efConstruction for all; recall by score, ties counted; one thread, all queries in one call where a library has such
calls, which spares it Python's part; the best of three passes. Each build is made in a process of its own, the engines in turn, as
many rounds as --builds says; medians are printed, with the least and the greatest. A build's time is that of the calls which take
vectors and link them: files, imports and payloads that they need are made ready outside it. Memory and loading, ours as the
others', are those of a new process that opens what was saved: resident memory after 200 queries less that before, the process's own
and pages of mapped files apart: those are the page cache's, which the system may take back, and Linux maps up to fifteen beside one
that is touched. Ours is looked at as it is served, settled; what it counts from sizes, the mapped floats left out, is told beside
it. A filter is an equality on a keyword for Qdrant Edge, which has a second shard with payload indexes for it, a function for
hnswlib, a bitmap for faiss; ef is 64.

--results FILE keeps every build, so that a long measurement can be made in parts with --only, and printed with --builds 0.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import pathlib
import queue
import statistics
import subprocess
import tempfile
import time

import numpy as np

EFS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]
COUNT = 10
SHARES = [0.5, 0.1, 0.01, 0.001]
FILTER_EF = 64


class Clock:
    """Adds up the seconds spent under `with`."""

    def __init__(self):
        self.seconds = 0.0

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.seconds += time.perf_counter() - self.start


def unit_vectors(path, rows=None):
    """The file's vectors, each divided by its length; zeros, which have no direction, stay."""
    vectors = np.load(path, mmap_mode="r")[:rows].astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=vectors, where=lengths > 0)


def last_scores(base, queries):
    """The COUNT-th best score of each query; the worst where there are fewer."""
    last, count = [], min(COUNT, len(base))
    for start in range(0, len(queries), 100):
        scores = queries[start : start + 100] @ base.T
        last.append(np.partition(scores, -count, axis=1)[:, -count])
    return np.concatenate(last)


def recall(base, queries, last, found, wanted=COUNT):
    """`found`: a list of rows for each query; fewer than `wanted` of them count as missed."""
    right = 0
    for query, bound, rows in zip(queries, last, found):
        rows = np.asarray([row for row in rows if 0 <= row < len(base)], dtype=np.int64)
        right += int((base[rows] @ query >= bound - 1e-6).sum())
    return right / (wanted * len(queries))


def members(rows, share):
    """The rows that pass a filter: seeded."""
    return np.sort(np.random.default_rng(int(1 / share)).choice(rows, max(1, round(share * rows)), replace=False))


def field(share):
    """The payload's name for it."""
    return f"one_in_{round(1 / share)}"


class Hnswlib:
    name = module = "hnswlib"

    def build(self, base, args, clock):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(len(base), M=args.m, ef_construction=args.ef_construction)
        with clock:
            self.index.add_items(base, num_threads=args.threads)

    def search(self, queries, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=COUNT, num_threads=1)[0]

    def filtered(self, rows, capacity):
        allowed = np.zeros(capacity, dtype=bool)
        allowed[rows] = True
        allowed = allowed.tolist()
        self.index.set_ef(FILTER_EF)

        def search(query):
            try:
                return self.index.knn_query(query, k=COUNT, num_threads=1, filter=lambda row: allowed[row])[0][0]
            except RuntimeError:  # found fewer than COUNT, and says which none of
                return []

        return search

    def save(self, folder):
        self.index.save_index(f"{folder}/index")

    def load(self, folder, base):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.load_index(f"{folder}/index")


class Usearch:
    module = "usearch.index"

    def __init__(self, dtype):
        self.name = f"usearch {dtype}"
        self.dtype = dtype

    def build(self, base, args, clock):
        from usearch.index import Index

        self.index = Index(
            ndim=base.shape[1], metric="cos", dtype=self.dtype, connectivity=args.m, expansion_add=args.ef_construction)
        rows = np.arange(len(base))
        with clock:
            self.index.add(rows, base, threads=args.threads)

    def search(self, queries, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, COUNT, threads=1).keys

    def save(self, folder):
        self.index.save(f"{folder}/index")

    def load(self, folder, base):
        from usearch.index import Index

        self.index = Index.restore(f"{folder}/index")


class Faiss:
    module = "faiss"

    def __init__(self, kind):
        self.name = f"faiss {kind}"
        self.kind = kind

    def build(self, base, args, clock):
        import faiss

        faiss.omp_set_num_threads(args.threads)
        if self.kind == "HNSW":
            self.graph = faiss.IndexHNSWFlat(base.shape[1], args.m, faiss.METRIC_INNER_PRODUCT)
        else:
            self.graph = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, args.m, faiss.METRIC_INNER_PRODUCT)
            with clock:
                self.graph.train(base)
        self.graph.hnsw.efConstruction = args.ef_construction
        self.index = faiss.IndexRefineFlat(self.graph) if "refine" in self.kind else self.graph
        with clock:
            self.index.add(base)
        faiss.omp_set_num_threads(1)

    def parameters(self, ef, selector=None):
        import faiss

        graph = faiss.SearchParametersHNSW(efSearch=ef, sel=selector)
        # Four times as many candidates as are wanted are compared again by their floats.
        return faiss.IndexRefineSearchParameters(k_factor=4, base_index_params=graph) if "refine" in self.kind else graph

    def search(self, queries, ef):
        return self.index.search(queries, COUNT, params=self.parameters(ef))[1]

    def filtered(self, rows, capacity):
        import faiss

        bits = np.zeros((capacity + 7) // 8 * 8, dtype=bool)
        bits[rows] = True
        self.bitmap = np.packbits(bits, bitorder="little")
        parameters = self.parameters(FILTER_EF, faiss.IDSelectorBitmap(self.bitmap))
        return lambda query: self.index.search(query[None], COUNT, params=parameters)[1][0]

    def save(self, folder):
        import faiss

        faiss.write_index(self.index, f"{folder}/index")

    def load(self, folder, base):
        import faiss

        self.index = faiss.read_index(f"{folder}/index")


class Edge:
    module = "qdrant_edge"

    def __init__(self, kind):
        self.name = f"Qdrant Edge {kind}"
        self.kind = kind

    def build(self, base, args, clock):
        self.folder, self.shard = self.made(base, args, [], clock)
        self.base, self.args, self.indexed = base, args, None

    def made(self, base, args, shares, clock):
        """A shard whose points have a payload, with an index, for each of the shares they belong to."""
        import qdrant_edge as e

        int8 = e.ScalarQuantizationConfig(e.ScalarType.Int8, quantile=0.99, always_ram=True) if self.kind == "int8" else None
        vectors = e.EdgeVectorParams(size=base.shape[1], distance=e.Distance.Dot)
        optimizers = e.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000)
        # It builds with as many threads as it likes.
        graph = e.HnswIndexConfig(m=args.m, ef_construct=args.ef_construction, full_scan_threshold=1000)
        folder = tempfile.TemporaryDirectory()
        shard = e.EdgeShard.create(
            folder.name, e.EdgeConfig(vectors=vectors, quantization_config=int8, optimizers=optimizers, hnsw_config=graph))
        for share in shares:
            shard.update(e.UpdateOperation.create_field_index(field(share), e.PayloadSchemaType.Keyword))
        passing = {share: set(members(len(base), share).tolist()) for share in shares}
        for start in range(0, len(base), 1000):
            points = [
                e.Point(start + i, vector, {field(share): "yes" for share in shares if start + i in passing[share]})
                for i, vector in enumerate(base[start : start + 1000].tolist())
            ]
            with clock:
                shard.update(e.UpdateOperation.upsert_points(points))
        with clock:
            shard.optimize()
        return folder, shard

    @staticmethod
    def ask(shard, query, ef, wanted=None):
        import qdrant_edge as e

        request = e.QueryRequest(
            limit=COUNT, query=e.Query.Nearest(query), filter=wanted, params=e.SearchParams(hnsw_ef=ef))
        return [point.id for point in shard.query(request)]

    def search(self, queries, ef):
        return [self.ask(self.shard, query, ef) for query in queries.tolist()]

    def filtered(self, rows, capacity):
        import qdrant_edge as e

        if self.indexed is None:
            self.indexed = self.made(self.base, self.args, SHARES, Clock())
        share = next(share for share in SHARES if len(rows) == len(members(capacity, share)))
        wanted = e.Filter(must=[e.FieldCondition(field(share), match=e.MatchValue("yes"))])
        return lambda query: self.ask(self.indexed[1], query.tolist(), FILTER_EF, wanted)

    def save(self, folder):
        self.shard.close()
        os.rmdir(folder)
        os.rename(self.folder.name, folder)
        os.mkdir(self.folder.name)

    def load(self, folder, base):
        import qdrant_edge as e

        self.shard = e.EdgeShard.load(folder)


class SVS:
    """Intel's Scalable Vector Search: Vamana, whose degree is HNSW's on layer 0. LVQ4x8: four bits to navigate, eight more to rank."""

    module = "svs"

    def __init__(self, kind):
        self.name = f"SVS Vamana {kind}"
        self.kind = kind

    def build(self, base, args, clock):
        import svs

        parameters = svs.VamanaBuildParameters(alpha=0.95, graph_max_degree=2 * args.m, window_size=args.ef_construction)
        with tempfile.TemporaryDirectory() as folder:
            data = base if self.kind == "f32" else self.compressed(base, folder)
            with clock:
                self.index = svs.Vamana.build(parameters, data, svs.DistanceType.MIP, num_threads=args.threads)
        self.index.num_threads = 1

    def compressed(self, base, folder):
        import svs

        svs.write_vecs(base, f"{folder}/base.fvecs")
        svs.convert_vecs_to_svs(f"{folder}/base.fvecs", f"{folder}/base.svs")
        loader = svs.VectorDataLoader(f"{folder}/base.svs", svs.DataType.float32, dims=base.shape[1])
        primary, residual = (int(bits) for bits in self.kind[3:].split("x"))
        return svs.LVQLoader(loader, primary=primary, residual=residual, padding=32)

    def search(self, queries, ef):
        self.index.search_window_size = ef
        return self.index.search(queries, COUNT)[0]

    def save(self, folder):
        self.index.save(f"{folder}/config", f"{folder}/graph", f"{folder}/data")

    def load(self, folder, base):
        import svs

        saved = f"{folder}/data"
        data = svs.VectorDataLoader(saved, svs.DataType.float32) if self.kind == "f32" else svs.LVQLoader(saved, padding=32)
        self.index = svs.Vamana(f"{folder}/config", svs.GraphLoader(f"{folder}/graph"), data, svs.DistanceType.MIP)
        self.index.num_threads = 1


PEERS = [
    Hnswlib(), Usearch("f32"), Usearch("i8"), Faiss("HNSW"), Faiss("HNSW SQ8"), Faiss("HNSW SQ8 refine"), Edge("f32"), Edge("int8"),
    SVS("f32"), SVS("LVQ8x0"), SVS("LVQ4x8"),
]


def resident():
    """Bytes resident: the process's own, and pages of mapped files."""
    status = pathlib.Path("/proc/self/status").read_text()
    return np.array([int(status.split(field)[1].split()[0]) * 1024 for field in ("RssAnon:", "RssFile:")])


def reopen(name, folder, base_path, queries_path, results):
    """In a process of its own: how long loading takes to the first answer, and what it keeps in memory."""
    peer = next(peer for peer in PEERS if peer.name == name)
    base = np.load(base_path, mmap_mode="r")
    queries = unit_vectors(queries_path, 200)
    importlib.import_module(peer.module)
    before = resident()
    start = time.perf_counter()
    peer.load(folder, base)
    peer.search(queries[:1], FILTER_EF)
    seconds = time.perf_counter() - start
    peer.search(queries, FILTER_EF)
    anonymous, file = ((resident() - before) / len(base)).tolist()
    results.put({"loadSeconds": seconds, "anonymousBytesPerVector": anonymous, "fileBytesPerVector": file})


def measure(peer, args, results):
    """One build, in a process of its own."""
    base, queries = unit_vectors(args.base), unit_vectors(args.queries, args.query_count)
    last, clock = last_scores(base, queries), Clock()
    try:
        peer.build(base, args, clock)
    except ImportError as missing:
        results.put({"name": peer.name, "missing": str(missing)})
        return
    result = {"name": peer.name, "buildSeconds": clock.seconds, "points": [], "filters": []}
    for ef in EFS:
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            found = peer.search(queries, ef)
            best = min(best, time.perf_counter() - start)
        result["points"].append(
            {"ef": ef, "recallAt10": recall(base, queries, last, found), "queriesPerSecond": len(queries) / best})
    for share in SHARES if hasattr(peer, "filtered") else []:
        rows = members(len(base), share)
        search, subset = peer.filtered(rows, len(base)), queries[:100]
        # A first pass warms the caches, as one for recall does in `minilm bench index`.
        for query in subset:
            search(query)
        found, times = [], []
        for query in subset:
            start = time.perf_counter()
            found.append(search(query))
            times.append(time.perf_counter() - start)
        passing = np.zeros(len(base), dtype=bool)
        passing[rows] = True
        found = [[row for row in list(one) if 0 <= row < len(base) and passing[row]] for one in found]
        result["filters"].append({
            "share": share, "p50": statistics.median(times) * 1e6,
            "recallAt10": recall(base, subset, last_scores(base[rows], subset), found, min(COUNT, len(rows)))})
    with tempfile.TemporaryDirectory() as folder:
        saved = f"{folder}/saved"
        os.mkdir(saved)
        peer.save(saved)
        result.update(in_process(reopen, peer.name, saved, args.base, args.queries) or {})
    results.put(result)


def in_process(function, *arguments):
    """What `function(*arguments, queue)` puts into the queue; None when it ends without."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=function, args=(*arguments, results))
    process.start()
    while True:
        try:
            found = results.get(timeout=1)
            process.join()
            return found
        except queue.Empty:
            if not process.is_alive():
                return None


def ours(args):
    command = [
        args.minilm, "bench", "index", "--vectors", args.base, "--queries", args.queries, "--query-count", str(args.query_count),
        "--m", str(args.m), "--ef-construction", str(args.ef_construction), "--threads", str(args.threads), "--json",
    ]
    build = json.loads(subprocess.run(command, check=True, capture_output=True).stdout) | {"name": "minilm"}
    build["countedBytesPerVector"] = build.pop("bytesPerVector")
    if opened := build.get("reopening"):
        build["loadSeconds"] = opened["milliseconds"] / 1000
        if settled := opened.get("settled"):
            build |= {"anonymousBytesPerVector": settled["anonymous"], "fileBytesPerVector": settled["file"]}
    return build


def held_out(args, folder):
    """Without --queries: the last vectors become the queries, the others the base, as in `minilm bench index`."""
    vectors = np.load(args.base, mmap_mode="r")
    held = min(args.query_count, len(vectors) // 10)
    if held == 0:
        raise SystemExit("with fewer than 10 vectors, give --queries")
    np.save(f"{folder}/base.npy", vectors[:-held])
    np.save(f"{folder}/queries.npy", vectors[-held:])
    return f"{folder}/base.npy", f"{folder}/queries.npy"


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


def spread(values, text):
    """The median, with the least and the greatest when there are several."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    middle = text(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({text(min(values))}-{text(max(values))})"


def at_share(build, share, field):
    # Ours says which share of the rows it came to: of 9,800 rows a thousandth are ten, 0.00102.
    return next((point[field] for point in build["filters"] if abs(point["share"] - share) <= 0.1 * share), None)


def tables(builds, args):
    names = list(dict.fromkeys(build["name"] for build in builds))
    yield (
        f"| | builds | build, {args.threads} threads, s | QPS, one thread, at recall@10 .90 | .95 | .99 "
        "| own bytes a vector | mapped | load, s |")
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in names:
        mine = [build for build in builds if build["name"] == name]
        cells = [spread([build["buildSeconds"] for build in mine], lambda s: f"{s:.1f}")]
        for target in (0.90, 0.95, 0.99):
            reached = [at_recall(build["points"], target) for build in mine]
            cells.append("never" if not any(reached) else spread(reached, lambda q: f"{q:,.0f}"))
            if any(reached) and not all(reached):
                cells[-1] += f", {reached.count(None)} × never"
        for kind in ("anonymous", "file"):
            cells.append(spread([build.get(f"{kind}BytesPerVector") for build in mine], lambda b: f"{b:,.0f}"))
        cells.append(spread([build.get("loadSeconds") for build in mine], lambda s: f"{s:.3f}"))
        yield f"| {name} | {len(mine)} | {' | '.join(cells)} |"
    yield ""
    if counted := [build["countedBytesPerVector"] for build in builds if "countedBytesPerVector" in build]:
        yield f"minilm's codes, links and tables, counted from sizes: {statistics.median(counted):,.0f} bytes a vector."
        yield ""
    yield "| p50 µs / recall@10, ef 64, matching | " + " | ".join(f"{share * 100:g} %" for share in SHARES) + " |"
    yield "|---|" + "---|" * len(SHARES)
    for name in names:
        mine = [build for build in builds if build["name"] == name and build["filters"]]
        if not mine:
            continue
        cells = []
        for share in SHARES:
            times = [time for build in mine if (time := at_share(build, share, "p50")) is not None]
            found = [right for build in mine if (right := at_share(build, share, "recallAt10")) is not None]
            cells.append(f"{statistics.median(times):,.0f} / {statistics.median(found):.3f}" if times else "-")
        yield f"| {name} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--queries", help="without it, the last vectors of --base")
    parser.add_argument("--query-count", type=int, default=500)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--builds", type=int, default=3)
    parser.add_argument("--only", help="names of engines, separated by commas: " + ", ".join(["minilm"] + [p.name for p in PEERS]))
    parser.add_argument("--minilm", help="the program, to be measured in the same run")
    parser.add_argument("--results", type=pathlib.Path, help="JSON of all builds: those in it are kept, and printed too")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = f"{args.query_count} queries of {args.queries or 'its end'}, vectors of {args.base}"
        if not args.queries:
            args.base, args.queries = held_out(args, folder)
        run(args, given)


def run(args, given):
    builds = json.loads(args.results.read_text()) if args.results and args.results.exists() else []
    only = args.only.split(",") if args.only else None
    missing = set()
    for _ in range(args.builds):
        for peer in (["minilm"] if args.minilm else []) + PEERS:
            name = peer if isinstance(peer, str) else peer.name
            if name in missing or (only and name not in only):
                continue
            build = ours(args) if isinstance(peer, str) else in_process(measure, peer, args)
            if build is None or "missing" in build:
                print(f"left out: {name} ({build['missing'] if build else 'it ended with an error'})", flush=True)
                missing.add(name)
                continue
            builds.append(build)
            if args.results:
                args.results.write_text(json.dumps(builds, indent=1))
    if args.json:
        print(json.dumps(builds, indent=2))
        return
    print(f"M {args.m}, efConstruction {args.ef_construction}, {given}\n")
    print("\n".join(tables(builds, args)))


if __name__ == "__main__":
    main()
