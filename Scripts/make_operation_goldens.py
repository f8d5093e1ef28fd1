#!/usr/bin/env python3
"""Makes Tests/VectorStoreTests/Goldens/operations.json: operations on points, and what a collection holds and answers after them.

The oracle is the local mode of qdrant-client 1.20.0.

    python3 -m venv venv && venv/bin/pip install qdrant-client==1.20.0
    venv/bin/python Scripts/make_operation_goldens.py
"""

import json
import pathlib
import random
import uuid
import warnings
from importlib.metadata import version

from qdrant_client import QdrantClient, models

assert version("qdrant-client") == "1.20.0"
warnings.filterwarnings("ignore")
OUT = pathlib.Path(__file__).parent.parent / "Tests/VectorStoreTests/Goldens/operations.json"
chance = random.Random(4)
DENSE = {"left": (4, models.Distance.COSINE), "right": (3, models.Distance.EUCLID), "third": (2, models.Distance.MANHATTAN)}
SPARSE = {"words": None, "rare": models.Modifier.IDF}


def point_id():
    number = chance.randrange(40)
    return str(uuid.UUID(int=number + 1)) if number % 4 == 0 else number


def floats(count):
    # Halves: sums and products of a few are exact in float32, so that no rounding decides an order.
    return [chance.randint(-6, 6) / 2 for _ in range(count)]


def sparse():
    indices = sorted(chance.sample(range(12), chance.randint(0, 5)))
    return {"indices": indices, "values": floats(len(indices))}


def vectors(share=0.7):
    made = {name: floats(size) for name, (size, _) in DENSE.items() if chance.random() < share}
    return made | {name: sparse() for name in SPARSE if chance.random() < share}


def value(depth=2):
    kinds = [1, -7, 2.5, 10.0, "é", "text", True, None, [], {}]
    if depth and chance.random() < 0.5:
        if chance.random() < 0.4:
            return [value(depth - 1) for _ in range(chance.randint(0, 3))]
        return {key: value(depth - 1) for key in chance.sample("abc", chance.randint(0, 3))}
    return chance.choice(kinds)


def payload():
    return {key: value() for key in chance.sample("abcn", chance.randint(0, 4))} | {"k": chance.randrange(4)}


def selector():
    if chance.random() < 0.6:
        return {"points": [point_id() for _ in range(chance.randint(0, 6))]}
    return {"filter": {"must": [{"key": "k", "match": {"value": chance.randrange(4)}}]}}


KEYS = ["a", "b", "a.b", "a.c", "b.a.c", "a[]", "a[].b", "b[0]", "b[0].a", "c[].a", "n", "missing", "a.b[]"]
SET_KEYS = [None, None, None, "a", "a.b", "b.a.c", "a[].b", "b[0].a", "n", "new", "new.deep"]


def operation():
    roll = chance.random()
    if roll < 0.35:
        points = [{"id": point_id(), "vector": vectors(), "payload": payload()} for _ in range(chance.randint(1, 6))]
        return {"upsert": points}
    if roll < 0.42:
        return {"delete": selector()}
    if roll < 0.57:
        return {"set_payload": {"payload": payload(), "key": chance.choice(SET_KEYS), **selector()}}
    if roll < 0.64:
        return {"overwrite_payload": {"payload": payload(), **selector()}}
    if roll < 0.74:
        return {"delete_payload": {"keys": chance.sample(KEYS, chance.randint(1, 3)), **selector()}}
    if roll < 0.78:
        return {"clear_payload": selector()}
    if roll < 0.9:
        return {"update_vectors": [{"id": point_id(), "vector": vectors(0.4)} for _ in range(chance.randint(1, 4))]}
    return {"delete_vectors": {"names": chance.sample([*DENSE, *SPARSE], chance.randint(1, 2)), **selector()}}


def selected(body):
    if "points" in body:
        return models.PointIdsList(points=body["points"])
    return models.FilterSelector(filter=models.Filter.model_validate(body["filter"]))


def parse_vectors(vectors):
    return {name: models.SparseVector(**v) if isinstance(v, dict) else v for name, v in vectors.items()}


def apply(client, name, body):
    if name == "upsert":
        points = [models.PointStruct(**{**p, "vector": parse_vectors(p["vector"])}) for p in body]
        client.upsert("c", points)
    elif name == "delete":
        client.delete("c", selected(body))
    elif name == "set_payload":
        client.set_payload("c", body["payload"], selected(body), key=body["key"])
    elif name == "overwrite_payload":
        client.overwrite_payload("c", body["payload"], selected(body))
    elif name == "delete_payload":
        client.delete_payload("c", body["keys"], selected(body))
    elif name == "clear_payload":
        client.clear_payload("c", selected(body))
    elif name == "update_vectors":
        client.update_vectors("c", [models.PointVectors(id=p["id"], vector=parse_vectors(p["vector"])) for p in body])
    else:
        client.delete_vectors("c", body["names"], selected(body))


def there(client, ids):
    return {record.id for record in client.retrieve("c", list(ids), with_payload=False)}


def plain(vectors):
    return {n: {"indices": v.indices, "values": v.values} if hasattr(v, "indices") else v for n, v in vectors.items()}


def ask(client):
    using = chance.choice([*DENSE, *SPARSE])
    query = floats(DENSE[using][0]) if using in DENSE else sparse()
    if chance.random() < 0.25:
        ids = [record.id for record in client.scroll("c", limit=100, with_vectors=True)[0] if using in record.vector]
        if not ids:
            return None
        query = chance.choice(ids)
    elif using in SPARSE and not query["indices"]:
        return None
    request = {"query": query, "using": using, "limit": chance.randint(1, 12)}
    if chance.random() < 0.5:
        request["filter"] = {"must_not": [{"key": "k", "match": {"value": chance.randrange(4)}}]}
    if chance.random() < 0.3:
        request["score_threshold"] = chance.choice([0, 0.5, 2, 4])
    if chance.random() < 0.3:
        request["offset"] = chance.randint(0, 4)
    selector = chance.choice([None, {"include": chance.sample(KEYS, 2)}, {"exclude": chance.sample(KEYS, 2)}])
    hits = client.query_points(
        "c",
        query=models.SparseVector(**query) if isinstance(query, dict) else query,
        using=using,
        limit=request["limit"],
        offset=request.get("offset"),
        score_threshold=request.get("score_threshold"),
        query_filter=models.Filter.model_validate(request["filter"]) if "filter" in request else None,
        with_payload=models.PayloadSelectorInclude(**selector) if selector and "include" in selector
        else models.PayloadSelectorExclude(**selector) if selector else True,
    ).points
    return {**request, "with_payload": selector, "hits": [{"id": h.id, "score": h.score, "payload": h.payload} for h in hits]}


def main():
    client = QdrantClient(":memory:")
    client.create_collection(
        "c",
        {name: models.VectorParams(size=size, distance=distance) for name, (size, distance) in DENSE.items()},
        sparse_vectors_config={name: models.SparseVectorParams(modifier=modifier) for name, modifier in SPARSE.items()},
    )
    rounds = []
    for number in range(120):
        made = []
        for _ in range(3):
            (name, body), = operation().items()
            if name == "update_vectors":
                # Ids that no point has are another test's: the client stops at them.
                known = there(client, [p["id"] for p in body])
                body = [p for p in body if p["id"] in known]
            elif "points" in body and name != "delete":
                known = there(client, body["points"])
                body["points"] = [p for p in body["points"] if p in known]
            if body == [] or "points" in body and not body["points"]:
                continue
            apply(client, name, body)
            made.append({name: body})
        records, _ = client.scroll("c", limit=1000, with_vectors=True)
        rounds.append({
            "operations": made,
            "queries": [q for q in (ask(client) for _ in range(4)) if q],
            "points": None if number % 10 else
            [{"id": r.id, "payload": r.payload, "vector": plain(r.vector)} for r in records],
        })
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in rounds)
    OUT.write_text(f'{{"rounds": [\n{lines}\n]}}\n')
    print(len(rounds), "rounds,", sum(len(r["queries"]) for r in rounds), "queries")


if __name__ == "__main__":
    main()
