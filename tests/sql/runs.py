"""Runs of made-up rows that `chorus query` reads: `undated`, small and full of odd values, and `many`, ten thousand site-days.

Tables, columns and versions come from data-schemas/*.yaml. Rows of several tables share sites, recordings, windows and classes, so that joins
find something. Keys are unique except for a few whole rows that occur twice, so an order by a table's key leaves ties of equal rows only.
"""

import math
import random
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

SCHEMAS = Path(__file__).resolve().parents[2] / "data-schemas"
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
TYPES = {
    "utf8": pa.string(), "bool": pa.bool_(), "i32": pa.int32(), "i64": pa.int64(), "f32": pa.float32(), "f64": pa.float64(), "date32": pa.date32(),
    "timestamp_us_utc": pa.timestamp("us", "UTC"), "timestamp_us_local": pa.timestamp("us"),
}
SITES = ["POND01", "Rivière du Nord/2", "50% wet", "a=b 'c'", "水塘", "x.y-z_1"]
CLASSES = ["BOAFAB", "BOALUN", "DENMIN", "ELAMAT", "FICPRI", "it's", 'say "x"', ""]
TEXTS = [
    "", "plain", "two words", "it's", 'double "quotes"', "comma, semicolon;", "Grenouille d'été", "水塘 42", "🐸 frog", "100%_sure", "back\\slash",
    "MiXed Case", " padded ", "null", "tab\there",
]
DAYS = [date(2024, 2, 29), date(2024, 12, 31), date(2025, 1, 1), date(2025, 3, 30), date(1970, 1, 1), date(2099, 6, 30), None]
# Rows that a made-up table aims at; a table with few possible keys has fewer.
ROWS = {"recordings": 8, "segments": 20, "predictions": 40, "labels": 30, "detections": 14, "annotations": 12, "reviews": 6}
SINGLE_ROWS = 150


def schemas():
    """Every table of data-schemas whose columns SQL can compare, by name."""
    tables = [yaml.safe_load(file.read_text()) for file in sorted(SCHEMAS.glob("*.yaml"))]
    return {t["table"]: t for t in tables if all(c["type"] in TYPES for c in t["columns"])}


def arrow_schema(table):
    fields = [pa.field(c["name"], TYPES[c["type"]], c.get("nullable", False)) for c in table["columns"]]
    return pa.schema(fields, metadata={"chorus.table": f"{table['table']}/{table['version']}"})


def value(column, day, pick):
    """A value that the column allows; nulls and extreme numbers are common."""
    kind, name = column["type"], column["name"]
    if column.get("nullable") and pick.random() < 0.15:
        return None
    if "allowed" in column:
        return pick.choice(column["allowed"])
    if kind == "utf8":
        return {"model_id": "0123456789abcdef"}.get(name) or pick.choice(CLASSES if name in ("class", "taken_for") else SITES if name == "site" else TEXTS)
    if kind == "bool":
        return pick.random() < 0.5
    if kind == "date32":
        return pick.choice([d for d in DAYS if d])
    if kind.startswith("timestamp"):
        base = datetime.combine(day or date(2025, 1, 1), datetime.min.time(), timezone.utc if kind.endswith("utc") else None)
        return base + timedelta(seconds=pick.randrange(86_400), microseconds=pick.choice([0, 0, 0, 1, 999_999]))
    low, high = column.get("min", -1000), column.get("max")
    if kind in ("i32", "i64"):
        top = high if high is not None else pick.choice([3, 30, 3000] if kind == "i32" else [3, 3, 30, 30, 3000, 1 << 40])
        return pick.choice([low, top, *[pick.randint(low, top)] * 8])
    top = high if high is not None else pick.choice([9, 60, 60, 1e6])
    # Whole numbers and halves, so that many values are equal; those of float32 are exact.
    drawn = pick.uniform(low, top)
    return pick.choice([float(low), float(top), *[math.floor(drawn * 64) / 64] * 8])


def ids(site, day):
    """Recordings of a site's day."""
    stem = random.Random(f"{site} {day}")
    return [f"{stem.getrandbits(64):016x}" for _ in range(5)]


def row(table, site, day, pick, pool):
    cells = {c["name"]: value(c, day, pick) for c in table["columns"]}
    recording = pick.choice(ids(site, day)) if table["partitioned"] else pick.choice(pool)
    index = pick.randrange(6)
    given = {"recording_id": recording, "segment_id": f"{recording}-{index:06}"}
    if "start_s" in cells and cells["start_s"] is not None:
        given["start_s"], given["end_s"] = index * 3.0, index * 3.0 + 3
    # A null recording_id of an annotation stays null.
    return cells | {name: v for name, v in given.items() if name in cells and cells[name] is not None}


def rows(table, site, day, count, pick, pool=()):
    """Up to so many rows with different keys, and a few of them twice."""
    made = {}
    for _ in range(3 * count):
        if len(made) < count:
            cells = row(table, site, day, pick, pool)
            made.setdefault(tuple(cells[name] for name in table["key"]), cells)
    again = [cells for cells in made.values() if pick.random() < 0.03]
    return pa.Table.from_pylist([*made.values(), *again], arrow_schema(table))


def write(folder, rows, part=0):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, folder / f"part-{part:03}.parquet", compression="zstd", row_group_size=16)


def partition(site, day):
    return f"site={quote(site, safe='-_.')}/date={day or NULL_PARTITION}"


def undated(run, seed=1):
    """Every table, with sites whose paths are percent-encoded, days that are not known, days of two files and of no rows."""
    pick = random.Random(seed)
    days = [(site, day) for site in SITES for day in pick.sample(DAYS[:-1], 2) + [None] * (pick.random() < 0.7)]
    pool = [i for site, day in days for i in ids(site, day)]
    for name, table in schemas().items():
        folder = run / "tables" / name
        if not table["partitioned"]:
            write(folder, rows(table, None, None, SINGLE_ROWS, pick, pool))
            continue
        for number, (site, day) in enumerate(days):
            count = 0 if number == 3 else ROWS.get(name, 10)
            made = rows(table, site, day, count, pick)
            half = len(made) // 2 if number == 5 else len(made)
            for part, piece in enumerate([made.slice(0, half), made.slice(half)][: 1 + (number == 5)]):
                write(folder / partition(site, day), piece, part)


MANY_TABLES = {"recordings": 2, "predictions": 4, "detections": 2}
# Beside the folder tables of a run: tables of many files once more, in one file each, since DuckDB takes minutes to open them all.
WHOLE = "whole"


def many(run, seed=2):
    """A few rows a site-day in three tables, and the tables of one file: 100 sites, 100 days."""
    pick = random.Random(seed)
    days = [(f"SITE{site:03}", date(2025, 1, 1) + timedelta(days=day)) for site in range(100) for day in range(100)]
    pool = [i for site, day in pick.sample(days, 200) for i in ids(site, day)]
    (run / WHOLE).mkdir(parents=True)
    for name, table in schemas().items():
        folder = run / "tables" / name
        if count := MANY_TABLES.get(name):
            pieces = []
            for site, day in days:
                made = rows(table, site, day, count, pick)
                write(folder / partition(site, day), made)
                same = lambda value, kind: pa.repeat(pa.scalar(value, kind), made.num_rows)
                pieces.append(made.append_column("site", same(site, pa.string())).append_column("date", same(day, pa.date32())))
            pq.write_table(pa.concat_tables(pieces), run / WHOLE / f"{name}.parquet")
        elif not table["partitioned"]:
            write(folder, rows(table, None, None, SINGLE_ROWS, pick, pool))
