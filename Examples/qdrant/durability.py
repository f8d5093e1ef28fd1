#!/usr/bin/env python3
"""Nothing acknowledged is lost on kill -9.

    python durability.py write http://127.0.0.1:6333     then kill -9 the server, start it again
    python durability.py check http://127.0.0.1:6333
"""
import sys

from qdrant_client import QdrantClient, models as m

NAME = "durable"
COUNT = 500


def main():
    client = QdrantClient(sys.argv[2], timeout=30)
    if sys.argv[1] == "write":
        client.delete_collection(NAME)
        client.create_collection(NAME, vectors_config=m.VectorParams(size=2, distance=m.Distance.DOT))
        # As it ships: 64 a batch, without waiting.
        client.upload_collection(NAME, vectors=[[float(n), 1.0] for n in range(COUNT)], ids=range(COUNT))
    else:
        assert client.count(NAME).count == COUNT, client.count(NAME)
        assert client.query_points(NAME, query=[1.0, 0.0], limit=1).points[0].id == COUNT - 1
        client.delete_collection(NAME)


if __name__ == "__main__":
    main()
