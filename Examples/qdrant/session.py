#!/usr/bin/env python3
"""A session with Qdrant's own Python client against minilm, checked against the client's local mode.

    pip install qdrant-client==1.20.0
    minilm serve &
    python Examples/qdrant/session.py http://127.0.0.1:6333

The same calls go to the server and to `QdrantClient(":memory:")`; every answer must be the same. Ends with status 1 otherwise.
With `--only-server` nothing is compared: older clients' local modes differ from Qdrant in places.
"""
import random
import sys
import uuid

from qdrant_client import QdrantClient, models as m

NAME = "session"
SIZE = 8


def fill(client):
    """A collection with dense, sparse and multiple vectors, 120 points, two payload indexes."""
    if client.collection_exists(NAME):
        client.delete_collection(NAME)
    client.create_collection(
        NAME,
        vectors_config={
            "meaning": m.VectorParams(size=SIZE, distance=m.Distance.COSINE),
            "place": m.VectorParams(size=2, distance=m.Distance.EUCLID),
            "tokens": m.VectorParams(
                size=4, distance=m.Distance.COSINE,
                multivector_config=m.MultiVectorConfig(comparator=m.MultiVectorComparator.MAX_SIM)),
        },
        sparse_vectors_config={"words": m.SparseVectorParams()},
    )
    client.create_payload_index(NAME, "city", m.PayloadSchemaType.KEYWORD, wait=True)
    client.create_payload_index(NAME, "year", m.PayloadSchemaType.INTEGER, wait=True)
    dice = random.Random(7)
    points = [
        m.PointStruct(
            id=number,
            vector={
                "meaning": [dice.gauss(0, 1) for _ in range(SIZE)],
                "place": [dice.gauss(0, 1), dice.gauss(0, 1)],
                "tokens": [[dice.gauss(0, 1) for _ in range(4)] for _ in range(dice.randint(1, 5))],
                "words": m.SparseVector(indices=sorted(dice.sample(range(20), 4)), values=[dice.random() for _ in range(4)]),
            },
            payload={"city": dice.choice(["Faro", "Porto", "Évora"]), "year": 1900 + number % 17, "price": 10.0, "n": 10},
        )
        for number in range(120)
    ]
    client.upsert(NAME, points, wait=True)


def calls(client):
    """Every call with its name: what it gives must be the same of both."""
    dice = random.Random(11)
    dense = [dice.gauss(0, 1) for _ in range(SIZE)]
    words = m.SparseVector(indices=[1, 3, 5, 8], values=[0.5, 1.0, 0.25, 0.7])
    porto = m.Filter(must=[m.FieldCondition(key="city", match=m.MatchValue(value="Porto"))])
    old = m.Filter(must=[m.FieldCondition(key="year", range=m.Range(lt=1905))])
    both = [m.Prefetch(query=dense, using="meaning", limit=20), m.Prefetch(query=words, using="words", limit=20)]

    def query(**arguments):
        return [(p.id, round(p.score, 4), p.payload) for p in client.query_points(NAME, limit=7, **arguments).points]

    yield "nearest", query(query=dense, using="meaning", with_payload=True)
    yield "filtered", query(query=dense, using="meaning", query_filter=porto)
    yield "offset", query(query=dense, using="meaning", offset=5)
    yield "threshold", query(query=dense, using="meaning", score_threshold=0.4)
    yield "include", query(query=dense, using="meaning", with_payload=["year"])
    yield "sparse", query(query=words, using="words")
    yield "by id", query(query=5, using="meaning")
    yield "listing", query(query_filter=old)
    yield "rescored", query(query=dense, using="meaning", prefetch=[m.Prefetch(query=words, using="words", limit=30)])
    yield "rrf", sorted(query(prefetch=both, query=m.FusionQuery(fusion=m.Fusion.RRF)), key=lambda p: (-p[1], p[0]))[:3]
    yield "dbsf", query(prefetch=both, query=m.FusionQuery(fusion=m.Fusion.DBSF))
    yield "mmr", query(query=m.NearestQuery(nearest=dense, mmr=m.Mmr(diversity=0.5, candidates_limit=30)), using="meaning")
    for strategy in m.RecommendStrategy:
        example = m.RecommendInput(positive=[3, 9], negative=[4], strategy=strategy)
        yield f"recommend {strategy}", query(query=m.RecommendQuery(recommend=example), using="meaning")
    pair = m.ContextPair(positive=3, negative=4)
    yield "discover", query(query=m.DiscoverQuery(discover=m.DiscoverInput(target=dense, context=[pair])), using="meaning")
    yield "mmr of distances", query(query=m.NearestQuery(nearest=[0.1, 0.2], mmr=m.Mmr(diversity=0.3)), using="place")
    yield "discover by distance", query(
        query=m.DiscoverQuery(discover=m.DiscoverInput(target=[0.1, 0.2], context=[pair])), using="place")
    tokens = [[dice.gauss(0, 1) for _ in range(4)] for _ in range(3)]
    yield "multivector", query(query=tokens, using="tokens")
    yield "multivector, one row", query(query=tokens[:1], using="tokens", query_filter=porto)
    yield "multivector by id", query(query=5, using="tokens")
    yield "multivector mmr", query(query=m.NearestQuery(nearest=tokens, mmr=m.Mmr(diversity=0.4)), using="tokens")
    yield "multivector discover", query(query=m.DiscoverQuery(discover=m.DiscoverInput(target=3, context=[pair])), using="tokens")
    for strategy in m.RecommendStrategy:
        example = m.RecommendInput(positive=[3, 9], negative=[4], strategy=strategy)
        yield f"multivector recommend {strategy}", query(query=m.RecommendQuery(recommend=example), using="tokens")
    if hasattr(m, "RelevanceFeedbackQuery"):
        items = [m.FeedbackItem(example=4, score=0.9), m.FeedbackItem(example=7, score=0.4), m.FeedbackItem(example=8, score=0.1)]
        naive = m.NaiveFeedbackStrategy(naive=m.NaiveFeedbackStrategyParams(a=0.8, b=1.2, c=0.5))
        judged = m.RelevanceFeedbackInput(target=dense, feedback=items, strategy=naive)
        yield "feedback", query(query=m.RelevanceFeedbackQuery(relevance_feedback=judged), using="meaning")
    boost = m.SumExpression(
        sum=["$score", m.MultExpression(mult=[0.3, m.FieldCondition(key="city", match=m.MatchAny(any=["Faro"]))]),
             m.ExpDecayExpression(exp_decay=m.DecayParamsExpression(x="year", target=1910, scale=5)),
             m.DivExpression(div=m.DivParams(left=1, right="missing", by_zero_default=0)), m.SqrtExpression(sqrt="n")])
    yield "formula", query(prefetch=both, query=m.FormulaQuery(formula=boost, defaults={"missing": 0}))
    groups = client.query_points_groups(NAME, group_by="city", query=dense, using="meaning", limit=3, group_size=2).groups
    yield "groups", [(g.id, [h.id for h in g.hits]) for g in groups]
    other = "session-cities"
    if client.collection_exists(other):
        client.delete_collection(other)
    client.create_collection(other, vectors_config={})
    client.upsert(other, [m.PointStruct(id=n, vector={}, payload={"square": n * n}) for n in range(1900, 1920)], wait=True)
    groups = client.query_points_groups(NAME, group_by="year", query=dense, using="meaning", limit=3, with_lookup=other).groups
    yield "groups with lookup", [(g.id, [h.id for h in g.hits], g.lookup and (g.lookup.id, g.lookup.payload)) for g in groups]
    client.delete_collection(other)
    yield "count", client.count(NAME, count_filter=porto).count
    page, following = client.scroll(NAME, scroll_filter=old, limit=5)
    yield "scroll", ([(p.id, p.payload) for p in page], following)
    yield "scroll on", [p.id for p in client.scroll(NAME, scroll_filter=old, limit=5, offset=following)[0]]
    newest = client.scroll(NAME, limit=200, order_by=m.OrderBy(key="year", direction=m.Direction.DESC, start_from=1910))[0]
    yield "ordered", sorted((p.payload["year"], p.id) for p in newest)
    pairs = client.search_matrix_pairs(NAME, using="meaning", sample=200, limit=1).pairs
    yield "matrix", sorted((p.a, p.b, round(p.score, 4)) for p in pairs)
    yield "retrieve", [(p.id, p.payload) for p in client.retrieve(NAME, [3, 999, 5])]
    vectors = client.retrieve(NAME, [3], with_vectors=["words"])[0].vector["words"]
    yield "sparse vector", (vectors.indices, [round(v, 6) for v in vectors.values])
    yield "multivector read", [[round(v, 5) for v in row] for row in client.retrieve(NAME, [3], with_vectors=["tokens"])[0].vector["tokens"]]
    yield "facet", sorted((h.value, h.count) for h in client.facet(NAME, "city").hits)
    client.set_payload(NAME, {"seen": True}, points=[1, 2], wait=True)
    client.delete_payload(NAME, ["price"], points=[1], wait=True)
    client.overwrite_payload(NAME, {"only": "this"}, points=[7], wait=True)
    client.delete(NAME, points_selector=m.FilterSelector(filter=porto), wait=True)
    client.delete_vectors(NAME, ["words"], points=[2], wait=True)
    name = "aa0e8400-e29b-41d4-a716-446655440000"
    client.upsert(NAME, [m.PointStruct(id=uuid.UUID(name).hex, vector={"meaning": dense}, payload={})], wait=True)
    everything, _ = client.scroll(NAME, limit=1000)
    yield "after changes", [(str(p.id).replace("-", ""), p.payload) for p in everything]
    yield "count after", client.count(NAME).count
    try:
        client.upsert(NAME, [m.PointStruct(id=1000, vector={"meaning": dense}), m.PointStruct(id=1001, vector={"meaning": [1.0]})])
        yield "wrong size", "accepted"
    except Exception:
        yield "wrong size", client.count(NAME).count


def main():
    server = QdrantClient(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:6333", timeout=30)
    fill(server)
    if "--only-server" in sys.argv:
        for name, answer in calls(server):
            assert answer, name
        server.get_collection(NAME)
        server.delete_collection(NAME)
        print("every call answered")
        return
    local = QdrantClient(":memory:")
    fill(local)
    wrong = 0
    for (name, ours), (_, theirs) in zip(calls(server), calls(local), strict=True):
        same = ours == theirs
        wrong += not same
        print(f"{'same' if same else 'DIFFERENT'}  {name}")
        if not same:
            print(f"  server {ours}\n  local  {theirs}")
    info = server.get_collection(NAME)
    assert info.payload_schema["city"].data_type == "keyword" and info.config.params.vectors["meaning"].size == SIZE
    server.delete_collection(NAME)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
