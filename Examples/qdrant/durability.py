#!/usr/bin/env python3
"""Nothing acknowledged is lost on kill -9, and nothing is stored by halves.

    python durability.py write http://127.0.0.1:6333 PID FILE     kills the server PID in the middle of uploads; then start it again
    python durability.py check http://127.0.0.1:6333 FILE
"""
import json
import os
import signal
import sys
import threading

from qdrant_client import QdrantClient, models as m

NAME = "durable"
WRITERS, BATCHES, BATCH = 4, 500, 16


def ids(writer, batch):
    first = (writer * BATCHES + batch) * BATCH
    return range(first, first + BATCH)


def write(url, pid, file):
    client = QdrantClient(url, timeout=30)
    client.delete_collection(NAME)
    client.create_collection(NAME, vectors_config=m.VectorParams(size=2, distance=m.Distance.DOT))
    # As it ships: 64 a batch, without waiting; answered when it returns.
    client.upload_collection(
        NAME, vectors=[[float(n), 1.0] for n in range(1000)], ids=range(10**6, 10**6 + 1000)
    )
    acknowledged, lock = [], threading.Lock()

    def upload(writer):
        own = QdrantClient(url, timeout=30, check_compatibility=False)
        for batch in range(BATCHES):
            points = [m.PointStruct(id=n, vector=[float(n), 1.0], payload={"n": n}) for n in ids(writer, batch)]
            try:
                own.upsert(NAME, points, wait=batch % 2 == 0)
            except Exception:
                return  # the server is gone
            with lock:
                acknowledged.append([writer, batch])
                # All the others have a batch under way now.
                if len(acknowledged) == 150:
                    os.kill(pid, signal.SIGKILL)

    writers = [threading.Thread(target=upload, args=(n,)) for n in range(WRITERS)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert 150 <= len(acknowledged) < WRITERS * BATCHES, len(acknowledged)
    with open(file, "w") as out:
        json.dump(acknowledged, out)


def check(url, file):
    client = QdrantClient(url, timeout=30)
    with open(file) as lines:
        acknowledged = {tuple(pair) for pair in json.load(lines)}
    earlier = client.retrieve(NAME, list(range(10**6, 10**6 + 1000)), with_payload=False)
    assert len(earlier) == 1000, len(earlier)
    whole = 0
    for writer in range(WRITERS):
        for batch in range(BATCHES):
            found = client.retrieve(NAME, list(ids(writer, batch)), with_vectors=True)
            assert len(found) in (0, BATCH), (writer, batch, len(found))
            assert found or (writer, batch) not in acknowledged, f"acknowledged and lost: {(writer, batch)}"
            assert all(p.payload == {"n": p.id} and p.vector == [float(p.id), 1.0] for p in found)
            whole += bool(found)
    assert client.count(NAME).count == 1000 + whole * BATCH
    print(f"durability: {len(acknowledged)} batches acknowledged, {whole} there, none by halves")
    client.delete_collection(NAME)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        check(sys.argv[2], sys.argv[3])
