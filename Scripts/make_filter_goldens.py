#!/usr/bin/env python3
"""Makes Tests/VectorStoreTests/Goldens/filters.json: points, filters in REST's JSON, and which points pass each.

The oracle is the local mode of qdrant-client 1.20.0, which evaluates filters as Qdrant's server does on fields without an index.

    python3 -m venv venv && venv/bin/pip install qdrant-client==1.20.0
    venv/bin/python Scripts/make_filter_goldens.py
"""

import json
import pathlib
import random
import uuid
from importlib.metadata import version

from qdrant_client import QdrantClient, models

assert version("qdrant-client") == "1.20.0"
OUT = pathlib.Path(__file__).parent.parent / "Tests/VectorStoreTests/Goldens/filters.json"
chance = random.Random(20)

CITIES = ["Faro", "Lagos", "Tavira", "faro", "São Brás", ""]
WORDS = "the lamp is lit at dusk and the Keeper counts ships, one by one; Ω-rays 42 times".split()
TIMES = [
    "2024-02-29T12:00:00Z", "2024-02-29T13:30:00.250+01:30", "2024-02-29 12:00:00", "2024-02-29", "2024-03-01T00:00",
    "2023-12-31T23:59:59.999999-05:00", "2024-02-30T12:00:00Z", "noon", "2024-02-29T12:00:00 UTC", "2024-02-29 12",
    "2024-02-29T12:00:00+02", "  2024-02-29T12:00:00z", "2024-02-29T12:00:00.1234567Z", "2024-1-1", "",
    "2024-02-29T12:00:00 +0100",
]


def sentence():
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 7)))


def place():
    return {"lon": round(chance.uniform(-180, 180), 2), "lat": round(chance.uniform(-80, 80), 2)}


def near_place():
    """A corner of a coarse grid, so that borders are met."""
    return {"lon": chance.choice([-179.5, -10, 0, 10, 179.5]), "lat": chance.choice([-20, 0, 10, 20])}


def scalar():
    return chance.choice(
        [None, True, False, 0, 1, 10, -3, 10.0, 2.5, "10", "a", "Faro", {}, {"a": 1}, [], 9007199254740993]
    )


def several(make, share=0.3):
    return [make() for _ in range(chance.randint(0, 3))] if chance.random() < share else make()


def payload():
    fields = {
        "city": lambda: several(lambda: chance.choice(CITIES + [None])),
        "n": lambda: several(lambda: chance.choice([0, 1, 2, 3, 10, -3, 2.5, 10.0, None, "3", True])),
        "flag": lambda: several(lambda: chance.choice([True, False, None, 0])),
        "when": lambda: several(lambda: chance.choice(TIMES + [None, 1709208000])),
        "at": lambda: several(
            lambda: chance.choice([place(), near_place(), near_place(), {"lon": 1}, {"lon": "1", "lat": 2}, None])
        ),
        "text": lambda: several(sentence),
        "id": lambda: several(lambda: str(uuid.UUID(int=chance.randint(1, 4)))),
        "nested": lambda: {
            "key": scalar(),
            "array": [
                chance.choice([{"name": chance.choice("xyz"), "v": several(lambda: chance.randint(0, 4))}, 7, [], None])
                for _ in range(chance.randint(0, 3))
            ],
        },
        "a.b": scalar,
        "odd": scalar,
        "0": scalar,
    }
    return {name: make() for name, make in fields.items() if chance.random() < 0.75}


KEYS = [
    "city", "n", "flag", "when", "at", "text", "id", "nested", "nested.key", "nested.array", "nested.array[]",
    "nested.array[].name", "nested.array[].v", "nested.array[0].v", "nested.array[1]", "nested.array.name", '"a.b"',
    "a.b", "odd", "odd.a", "odd[]", "missing", "0", "city[]", "city[0]", "n[2]",
]
VALUES = {
    "city": CITIES, "id": [str(uuid.UUID(int=n)) for n in range(1, 6)], "n": [0, 1, 2, 3, 10, -3],
    "flag": [True, False], "text": ["lamp", "the lamp", "Lamp lit", "42 times", "ships", "rays", "Ω", "", "mp i", "one by"],
}


def bounds(make):
    names = chance.sample(["gt", "gte", "lt", "lte"], chance.randint(1, 2))
    return {name: make() for name in names}


def value_for(key):
    kind = key.split("[")[0]
    if key.startswith("nested.array") and key.endswith("name"):
        return chance.choice("xyz")
    if key.startswith("nested.array"):
        return chance.randint(0, 4)
    return chance.choice(VALUES.get(kind, [0, 1, 10, "a", "Faro", True, "10"]))


def field(key=None):
    key = key or chance.choice(KEYS)
    value = value_for(key)
    others = [v for v in VALUES.get(key, [0, 1, 10]) if type(v) is type(value) and not isinstance(v, bool)]
    some = chance.sample(others, min(len(others), chance.randint(0, 3)))
    word = chance.choice(VALUES["text"])
    ring = [near_place() for _ in range(chance.randint(3, 5))]
    lons, lats = sorted(chance.sample([-179.5, -10, 0, 10, 179.5], 2)), sorted(chance.sample([-20, 0, 10, 20], 2))
    if chance.random() < 0.3:
        lons.reverse()
    choices = {
        "value": lambda: {"match": {"value": value}},
        "any": lambda: {"match": {"any": some}},
        "except": lambda: {"match": {"except": some}},
        "text": lambda: {"match": {"text": word}},
        "text_any": lambda: {"match": {"text_any": word}},
        "phrase": lambda: {"match": {"phrase": word}},
        "prefix": lambda: {"match": {"prefix": str(value)[:2]}},
        "substring": lambda: {"match": {"substring": chance.choice(["a", "ar", "mp i", "", "São"])}},
        "range": lambda: {"range": bounds(lambda: chance.choice([-3, 0, 1, 2.5, 3, 10]))},
        "datetime": lambda: {"range": bounds(lambda: chance.choice(
            ["2024-02-29T12:00:00Z", "2024-02-29T00:00:00Z", "2024-01-01T04:59:59.999999Z", "2024-02-29T13:00:00+01:00"]))},
        "radius": lambda: {"geo_radius": {"center": near_place(), "radius": chance.choice([1, 1e6, 1.2e6, 5e6, 2e7])}},
        "box": lambda: {"geo_bounding_box": {
            "top_left": {"lon": lons[0], "lat": lats[1]}, "bottom_right": {"lon": lons[1], "lat": lats[0]}}},
        "polygon": lambda: {"geo_polygon": {"exterior": {"points": ring + ring[:1]}}},
        "count": lambda: {"values_count": bounds(lambda: chance.randint(0, 3))},
        "empty": lambda: {"is_empty": chance.random() < 0.7},
        "null": lambda: {"is_null": chance.random() < 0.7},
    }
    usual = {"when": ["datetime"], "at": ["radius", "box", "polygon"], "text": ["text", "text_any", "phrase", "substring"],
             "city": ["value", "any", "except", "prefix", "substring"], "n": ["range", "value", "any", "except"]}
    names = usual.get(key.split("[")[0], list(choices)) if chance.random() < 0.6 else list(choices)
    return {"key": key, **choices[chance.choice(names)]()}


def condition(depth, nested=False):
    roll = chance.random()
    if roll < 0.70 or depth == 0:
        return field(chance.choice(["name", "v"]) if nested else None)
    if roll < 0.74:
        return {"is_empty": {"key": chance.choice(KEYS)}}
    if roll < 0.78:
        return {"is_null": {"key": chance.choice(KEYS)}}
    if roll < 0.84 and not nested:
        return {"has_id": [random_id() for _ in range(chance.randint(0, 12))]}
    if roll < 0.87 and not nested:
        total = chance.randint(1, 5)
        return {"slice": {"total": total, "index": chance.randrange(total)}}
    if roll < 0.89 and not nested:
        return {"has_vector": chance.choice(["left", "right", ""])}
    if roll < 0.95 and not nested:
        return {"nested": {"key": chance.choice(["nested.array", "nested.array[]", "nested", "odd"]),
                           "filter": clauses(depth - 1, nested=True)}}
    return clauses(depth - 1, nested)


def clauses(depth=2, nested=False):
    made = {}
    for name, share in [("must", 0.5), ("should", 0.35), ("must_not", 0.3)]:
        if chance.random() < share:
            count = chance.choices([0, 1, 2, 3], [1, 6, 3, 1])[0]
            made[name] = [condition(depth, nested) for _ in range(count)]
            if count == 1 and chance.random() < 0.3:
                made[name] = made[name][0]
    if chance.random() < 0.15:
        made["min_should"] = {"conditions": [condition(depth, nested) for _ in range(4)], "min_count": chance.randint(1, 3)}
    return made


def random_id():
    number = chance.randrange(220)
    return str(uuid.UUID(int=number << 64 | number)) if number % 3 == 0 else number


def main():
    client = QdrantClient(":memory:")
    size = {"left": 2, "right": 3}
    client.create_collection(
        "c", {name: models.VectorParams(size=n, distance=models.Distance.DOT) for name, n in size.items()}
    )
    points = []
    for number in range(220):
        point_id = str(uuid.UUID(int=number << 64 | number)) if number % 3 == 0 else number
        vectors = {name: [1.0] * n for name, n in size.items() if chance.random() < 0.6}
        points.append({"id": point_id, "vector": vectors, "payload": payload()})
    client.upsert("c", [models.PointStruct(**point) for point in points])
    cases = []
    while len(cases) < 1000:
        filter_json = clauses() if len(cases) % 2 else {"must": [condition(2)]}
        try:
            parsed = models.Filter.model_validate(filter_json)
            found, _ = client.scroll("c", scroll_filter=parsed, limit=1000, with_payload=False)
        except (ValueError, ZeroDivisionError):
            continue
        places = {str(point["id"]): place for place, point in enumerate(points)}
        cases.append({"filter": filter_json, "points": sorted(places[str(record.id)] for record in found)})
    some = sum(0 < len(case["points"]) < len(points) for case in cases)
    print(f"{len(cases)} filters, {some} of which some points pass and some do not")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(item, ensure_ascii=False) for item in points]
    tests = [json.dumps(item, ensure_ascii=False) for item in cases]
    OUT.write_text('{"points": [\n' + ",\n".join(lines) + '\n], "cases": [\n' + ",\n".join(tests) + "\n]}\n")


if __name__ == "__main__":
    main()
