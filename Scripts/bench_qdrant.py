#!/usr/bin/env python3
"""The Qdrant API under load beside the stores people use instead, in one run.

    pip install numpy qdrant-client==1.20.0 qdrant-edge-py==0.9.0 chromadb
    python Scripts/bench_qdrant.py --minilm .build/release/minilm [--points 100000] [--vectors base.npy] [--json]

Uploads with `QdrantClient.upload_collection` as it ships (64 a batch, one process, wait=False), then queries for ten neighbours, with a
filter that a tenth of the points pass and without, from 1, 8 and 32 clients, each a process of its own. Beside the client's figures
stand those of plain HTTP requests made ready beforehand: what the server does without the client's Python.
A server that reads a request and answers at once with ten points it knows by heart shows what the client alone takes.
Peers: chromadb's server over its own client, qdrant-client's local mode, Qdrant Edge (the last two in-process; 1 client). Local mode stores
about a hundred points a second and compares all of them in every query: it is given the first --local-points only, and its name says so.
Queries of all engines take turns, three rounds of --seconds each; figures are the median round's. Recall is by score against a full scan.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
NAME, COUNT, BATCH = "bench", 10, 64


def vectors(arguments):
    """Unit vectors: those given, or 32 directions of freedom seen through a random matrix, with noise; seeded."""
    need = arguments.points + arguments.queries
    if arguments.vectors:
        base = np.load(arguments.vectors, mmap_mode="r")[:need].astype(np.float32)
        if len(base) < need:
            sys.exit(f"{arguments.vectors} has {len(base)} vectors; {need} are needed")
    else:
        dice = np.random.default_rng(5)
        base = dice.standard_normal((need, 32), np.float32) @ dice.standard_normal((32, arguments.size), np.float32)
        base += dice.standard_normal(base.shape, np.float32)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    return base[: arguments.points], base[arguments.points :]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def server(command, port, log):
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            sys.exit(f"{command[0]} does not listen")
        yield process
    finally:
        process.terminate()
        process.wait()


class MiniLM:
    """minilm serve with qdrant-client."""

    name, clients = "minilm", (1, 8, 32)

    def __init__(self, port):
        from qdrant_client import QdrantClient

        self.port = port
        self.client = QdrantClient(f"http://127.0.0.1:{port}", timeout=600)

    def make(self, size):
        from qdrant_client import models as m

        self.client.create_collection(NAME, vectors_config=m.VectorParams(size=size, distance=m.Distance.COSINE))
        self.client.create_payload_index(NAME, "tenth", m.PayloadSchemaType.INTEGER, wait=True)

    def upload(self, base):
        payload = ({"tenth": number % 10} for number in range(len(base)))
        self.client.upload_collection(NAME, base, payload=payload, ids=range(len(base)))

    def settle(self, count):
        """Until every vector is in the graph."""
        while True:
            info = self.client.get_collection(NAME)
            if (info.indexed_vectors_count or 0) >= count and info.points_count == count:
                return
            time.sleep(0.05)

    def query(self, vector, tenth):
        from qdrant_client import models as m

        wanted = tenth is not None and m.Filter(must=[m.FieldCondition(key="tenth", match=m.MatchValue(value=tenth))])
        points = self.client.query_points(NAME, query=vector, query_filter=wanted or None, limit=COUNT, with_payload=False).points
        return [point.id for point in points]


class Plain(MiniLM):
    """The same server, requests made ready: one connection, kept."""

    name, clients = "minilm, plain HTTP", (1, 8, 32)

    def __init__(self, port):
        self.port = port
        self.connect()

    def connect(self):
        """Anew before each round: a server closes what was idle."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method, path, body):
        self.connection.request(method, path, body, {"content-type": "application/json"})
        response = self.connection.getresponse()
        text = response.read()
        assert response.status == 200, text
        return text

    def prepare(self, vector, tenth):
        body = {"query": vector, "limit": COUNT}
        if tenth is not None:
            body["filter"] = {"must": [{"key": "tenth", "match": {"value": tenth}}]}
        return json.dumps(body)

    def query_prepared(self, body):
        return [p["id"] for p in json.loads(self.call("POST", f"/collections/{NAME}/points/query", body))["result"]["points"]]


class Canned(MiniLM):
    """qdrant-client against nothing: every request gets an answer prepared for it."""

    name = "qdrant-client alone"

    def make(self, size):
        pass

    def settle(self, count):
        pass

    @staticmethod
    def serve(port):
        import asyncio

        points = [{"id": i, "version": 1, "score": 0.5} for i in range(COUNT)]
        answers = {
            b"GET": {"title": "qdrant", "version": "1.19.1", "commit": "0" * 40},
            b"PUT": {"result": {"operation_id": 1, "status": "acknowledged"}, "status": "ok", "time": 0.0},
            b"POST": {"result": {"points": points}, "status": "ok", "time": 0.0},
        }

        async def connection(reader, writer):
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                    if lengths:
                        await reader.readexactly(int(lengths[0]))
                    body = json.dumps(answers[head.split(b" ")[0]]).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                    await writer.drain()
            writer.close()

        async def forever():
            async with await asyncio.start_server(connection, "127.0.0.1", port, limit=1 << 24) as listener:
                await listener.serve_forever()

        asyncio.run(forever())


class Chroma:
    name, clients = "chromadb server", (1, 8, 32)

    def __init__(self, port):
        import chromadb

        self.client = chromadb.HttpClient(host="127.0.0.1", port=port, settings=chromadb.Settings(anonymized_telemetry=False))
        with contextlib.suppress(Exception):
            self.collection = self.client.get_collection(NAME)

    def make(self, size):
        self.collection = self.client.create_collection(NAME, metadata={"hnsw:space": "cosine"})

    def upload(self, base):
        for start in range(0, len(base), BATCH):
            rows = range(start, min(start + BATCH, len(base)))
            self.collection.add(
                ids=[str(r) for r in rows], embeddings=base[start : start + BATCH].tolist(), metadatas=[{"tenth": r % 10} for r in rows])

    def settle(self, count):
        assert self.collection.count() == count

    def query(self, vector, tenth):
        where = {"tenth": tenth} if tenth is not None else None
        found = self.collection.query(query_embeddings=[vector], n_results=COUNT, where=where, include=[])
        return [int(i) for i in found["ids"][0]]


class Local(MiniLM):
    clients = (1,)

    def __init__(self, points):
        from qdrant_client import QdrantClient

        self.client = QdrantClient(":memory:")
        self.points = points
        self.name = f"qdrant-client, local mode, {points:,} points"

    def settle(self, count):
        pass


class Edge:
    name, clients = "Qdrant Edge, in-process", (1,)

    def __init__(self, directory):
        self.directory = directory

    def make(self, size):
        import qdrant_edge as e

        os.makedirs(self.directory)
        self.shard = e.EdgeShard.create(self.directory, e.EdgeConfig(vectors=e.EdgeVectorParams(size=size, distance=e.Distance.Cosine)))
        self.shard.update(e.UpdateOperation.create_field_index("tenth", e.PayloadSchemaType.Integer))

    def upload(self, base):
        import qdrant_edge as e

        for start in range(0, len(base), BATCH):
            points = [e.Point(start + r, v, {"tenth": (start + r) % 10}) for r, v in enumerate(base[start : start + BATCH].tolist())]
            self.shard.update(e.UpdateOperation.upsert_points(points))

    def settle(self, count):
        self.shard.optimize()

    def query(self, vector, tenth):
        import qdrant_edge as e

        wanted = e.Filter(must=[e.FieldCondition("tenth", match=e.MatchValue(tenth))]) if tenth is not None else None
        found = self.shard.query(e.QueryRequest(limit=COUNT, query=e.Query.Nearest(vector), filter=wanted))
        return [point.id for point in found]


def work(kind, port, queries, filtered, first, seconds, start, results):
    """One client: queries from its own place on until the time is over."""
    engine = kind(port)
    results.put(measure(engine, queries, filtered, first, seconds, start))


def measure(engine, queries, filtered, first, seconds, start=None):
    texts = [q.tolist() for q in queries]
    bodies = [engine.prepare(t, i % 10 if filtered else None) for i, t in enumerate(texts)] if hasattr(engine, "prepare") else None
    if bodies:
        engine.connect()
    for i in range(3):
        engine.query_prepared(bodies[i]) if bodies else engine.query(texts[i], 0 if filtered else None)
    if start:
        start.wait()
    times, found = [], {}
    end = time.perf_counter() + seconds
    i = first
    while (begin := time.perf_counter()) < end:
        i = (i + 1) % len(texts)
        found[i] = engine.query_prepared(bodies[i]) if bodies else engine.query(texts[i], i % 10 if filtered else None)
        times.append(time.perf_counter() - begin)
    return times, found


def recall(base, queries, filtered, found):
    hits = total = 0
    for i, ids in found.items():
        rows = np.arange(i % 10, len(base), 10) if filtered else slice(None)
        last = np.partition(base[rows] @ queries[i], -COUNT)[-COUNT]
        hits += int((base[ids] @ queries[i] >= last - 1e-6).sum()) if ids else 0
        total += COUNT
    return hits / total if total else None


def load(engine, port, queries, filtered, clients, seconds):
    if clients == 1:
        return [measure(engine, queries, filtered, 0, seconds)]
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(clients), context.Queue()
    workers = [
        context.Process(target=work, args=(type(engine), port, queries, filtered, n * 31, seconds, start, results)) for n in range(clients)]
    for worker in workers:
        worker.start()
    answers = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", default=".build/release/minilm")
    parser.add_argument("--points", type=int, default=100_000, help="more than 10 MB of vectors: fewer get no graph, which is waited for")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--vectors", help="a .npy of points + queries rows; made up when missing")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--local-points", type=int, default=2000, help="points of qdrant-client's local mode, at most --points")
    parser.add_argument("--engines", default="minilm,client,chromadb,local,edge")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--canned", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.canned:
        Canned.serve(arguments.canned)
    base, queries = vectors(arguments)
    wanted = arguments.engines.split(",")
    directory = tempfile.mkdtemp()
    figures = {}

    def say(text):
        print(text, file=sys.stderr, flush=True)

    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        log = stack.enter_context(open(os.path.join(directory, "log"), "w"))
        engines = []
        if "minilm" in wanted:
            port = free_port()
            stack.enter_context(server(
                [arguments.minilm, "serve", "--data-dir", directory + "/minilm", "--port", str(free_port()), "--llm-port", "off",
                 "--qdrant-port", str(port)], port, log))
            engines.append((MiniLM(port), port))
        if "client" in wanted:
            port = free_port()
            stack.enter_context(server([sys.executable, __file__, "--canned", str(port)], port, log))
            engines.append((Canned(port), port))
        if "chromadb" in wanted:
            port = free_port()
            chroma = os.path.join(os.path.dirname(sys.executable), "chroma")
            stack.enter_context(server([chroma, "run", "--path", directory + "/chroma", "--host", "127.0.0.1", "--port", str(port)], port, log))
            time.sleep(2)
            engines.append((Chroma(port), port))
        if "local" in wanted:
            engines.append((Local(min(arguments.local_points, arguments.points)), None))
        if "edge" in wanted:
            engines.append((Edge(directory + "/edge"), None))

        for engine, port in engines:
            say(f"uploading to {engine.name}")
            engine.make(arguments.size)
            own = base[: getattr(engine, "points", len(base))]
            begin = time.perf_counter()
            engine.upload(own)
            uploaded = time.perf_counter()
            engine.settle(len(own))
            figures[engine.name] = {"points_per_s": len(own) / (uploaded - begin), "indexed_after_s": time.perf_counter() - uploaded}
        if engines and isinstance(engines[0][0], MiniLM) and engines[0][1]:
            plain = Plain(engines[0][1])
            figures[plain.name] = {}
            plain.call("PUT", "/collections/plain", json.dumps({"vectors": {"size": arguments.size, "distance": "Cosine"}}))
            plain.call("PUT", "/collections/plain/index?wait=true", json.dumps({"field_name": "tenth", "field_schema": "integer"}))
            bodies = [
                json.dumps({"points": [
                    {"id": start + r, "vector": v, "payload": {"tenth": (start + r) % 10}} for r, v in enumerate(base[start : start + BATCH].tolist())]})
                for start in range(0, len(base), BATCH)]
            say("uploading over plain HTTP")
            begin = time.perf_counter()
            for body in bodies:
                plain.call("PUT", "/collections/plain/points", body)
            figures[plain.name]["points_per_s"] = len(base) / (time.perf_counter() - begin)
            plain.call("DELETE", "/collections/plain", "")
            engines.insert(1, (plain, engines[0][1]))

        rounds = {}
        for turn in range(3):
            for filtered in (False, True):
                for clients in (1, 8, 32):
                    for engine, port in engines:
                        if clients not in engine.clients:
                            continue
                        say(f"round {turn + 1}: {engine.name}, {clients} clients{', filtered' if filtered else ''}")
                        answers = load(engine, port, queries, filtered, clients, arguments.seconds)
                        times = sorted(t for a in answers for t in a[0])
                        found = {k: v for a in answers for k, v in a[1].items()} if type(engine) is not Canned else {}
                        own = base[: getattr(engine, "points", len(base))]
                        rounds.setdefault((engine.name, filtered, clients), []).append({
                            "qps": sum(len(a[0]) / sum(a[0]) for a in answers if a[0]),
                            "p50_ms": 1e3 * times[len(times) // 2], "p99_ms": 1e3 * times[len(times) * 99 // 100],
                            "recall": recall(own, queries, filtered, found)})
        for (name, filtered, clients), values in rounds.items():
            key = f"{'filtered' if filtered else 'all'} {clients}"
            figures[name][key] = {k: None if values[0][k] is None else statistics.median(v[k] for v in values) for k in values[0]}

    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{len(base):,} points of {arguments.size} dimensions, {BATCH} a batch; {os.cpu_count()} cores, clients on the same ones\n")
    print("| | points/s | clients | QPS | p50 / p99 ms | recall@10 | filtered QPS | p50 / p99 ms | recall@10 |\n|---|---|---|---|---|---|---|---|---|")
    for name, figure in figures.items():
        for clients in (1, 8, 32):
            if f"all {clients}" not in figure:
                continue
            cells = []
            for kind in ("all", "filtered"):
                f = figure[f"{kind} {clients}"]
                cells += [f"{f['qps']:,.0f}", f"{f['p50_ms']:.2f} / {f['p99_ms']:.1f}", "" if f["recall"] is None else f"{f['recall']:.3f}"]
            speed = f"{figure['points_per_s']:,.0f}" if clients == 1 else ""
            print(f"| {name if clients == 1 else ''} | {speed} | {clients} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
