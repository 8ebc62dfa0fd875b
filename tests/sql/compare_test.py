"""Shows that the comparison finds what it is for, and accepts what SQL leaves open: `compare_test.py`, and at the start of run.py."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pyarrow as pa

from compare import difference

NAN = float("nan")
NOON = datetime(2025, 3, 1, 12, tzinfo=timezone.utc)
SUMMER = pa.timestamp("us", "America/Sao_Paulo")
FREE, SORTED = "SELECT x FROM t", "SELECT x FROM t ORDER BY x"


def table(*columns):
    return pa.Table.from_arrays([pa.array(c) if isinstance(c, list) else c for c in columns], names=["x", "y", "z"][: len(columns)])


ALIKE = [
    (FREE, table([1, 2]), table([2, 1])),
    (FREE, table([1.0, None, NAN]), table([NAN, 1.0 + 1e-12, None])),
    (FREE, table([5]), table([Decimal(5)])),
    (FREE, table(pa.array([5], pa.int32())), table([5])),
    ("SELECT AVG(score) FROM t", table([0.25]), table([0.250001])),
    ("SELECT LN(ABS(probability) + 1) FROM speech", table([0.171850264]), table([0.17185028])),
    ("SELECT FLOOR(x) FROM t", table([3]), table([3.0])),
    ("SELECT ROUND(x, 2) FROM t", table([0.26]), table([0.27])),
    (FREE, table([NOON]), table(pa.array([NOON], SUMMER))),
    (FREE, table(pa.array([NOON], SUMMER)), table([NOON.replace(tzinfo=None) - timedelta(hours=3)])),
    (FREE, table(["a", "b"], [1.0, 1.0 + 1e-12]), table(["b", "a"], [1.0 + 1e-12, 1.0])),
    (FREE, table([["a", None], []]), table([[], ["a", None]])),
    (FREE, table([timedelta(days=1)]), table(pa.array([(0, 1, 0)], pa.month_day_nano_interval()))),
    ("SELECT * FROM t ORDER BY x", table([1, 1], ["a", "b"]), table([1, 1], ["b", "a"])),
    ("SELECT * FROM t ORDER BY x, y", table([1.0, 1.0 + 1e-13], ["a", "b"]), table([1.0, 1.0 + 2e-13], ["b", "a"])),
]
APART = [
    (FREE, table([1, 2]), table([1, 3])),
    (FREE, table([1, 1, 2]), table([1, 2, 2])),
    (FREE, table([1]), table([1, 1])),
    (FREE, table([1], [1]), table([1])),
    (FREE, table([None]), table([0])),
    (FREE, table([None]), table([""])),
    (FREE, table([1.0]), table([1.00001])),
    ("SELECT AVG(score) FROM t", table([0.25]), table([0.2501])),
    (FREE, table([1]), table([1.0])),
    (FREE, table([True]), table([1])),
    (FREE, table([NAN]), table([None])),
    (FREE, table([18446744073709551615 - (1 << 64)]), table([Decimal(1)])),
    (FREE, table(["a"]), table(["A"])),
    (FREE, table(["1"]), table([1])),
    (FREE, table([b"a"]), table(["a"])),
    (FREE, table([NOON]), table([NOON + timedelta(microseconds=1)])),
    (FREE, table([["a", "b"]]), table([["b", "a"]])),
    (FREE, table(["a", "b"], [1, 2]), table(["a", "b"], [2, 1])),
    (FREE, table([timedelta(days=1)]), table(pa.array([(1, 0, 0)], pa.month_day_nano_interval()))),
    (SORTED, table([1, 2]), table([2, 1])),
    (SORTED, table([None, 2]), table([2, None])),
    ("SELECT x, y FROM t ORDER BY 2 DESC", table([1, 2], ["b", "a"]), table([1, 2], ["b", "a"]).take([1, 0])),
    ("SELECT x FROM t UNION SELECT 2 ORDER BY ALL", table([1, 2]), table([2, 1])),
    ("WITH t AS (SELECT 1 AS x) SELECT t.x FROM t ORDER BY t.x", table([1, 2]), table([2, 1])),
    ("SELECT * FROM t ORDER BY x, y", table([1.0, 1.0], ["a", "b"]), table([1.0, 1.0], ["b", "a"])),
]


def parser():
    connection = duckdb.connect()
    return lambda question: connection.execute("SELECT json_serialize_sql(?)", [question]).fetchone()[0]


def check():
    parse = parser()
    for question, ours, theirs in ALIKE:
        found = difference(question, ours, theirs, parse)
        assert found is None, f"{question}: {ours.to_pylist()} and {theirs.to_pylist()} are alike: {found}"
    for question, ours, theirs in APART:
        assert difference(question, ours, theirs, parse), f"{question}: {ours.to_pylist()} and {theirs.to_pylist()} differ"
        assert difference(question, theirs, ours, parse), f"{question}: {theirs.to_pylist()} and {ours.to_pylist()} differ"


if __name__ == "__main__":
    check()
    print(f"{len(ALIKE)} pairs are alike and {len(APART)} differ, as they should")
