"""Whether two answers to a question are the same.

Rows are compared as multisets, since SQL gives them no order, unless the outermost query has ORDER BY: then the columns by which it sorts must
also agree place by place, as far as the answer shows them. Text, bytes, booleans and nulls must be equal, times by instant (or, where only
one side keeps a zone, by the clock). Numbers may differ by rounding; an integer beside a fraction of the same value is another answer, except
where SQL leaves the type to the engine.
"""

import json
import math
import re
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

SCHEMAS = Path(__file__).parents[2] / "data-schemas"


def single_columns():
    """The columns of float32 of all tables."""
    schemas = [yaml.safe_load(path.read_text()) for path in sorted(SCHEMAS.glob("*.yaml"))]
    names = {column["name"] for schema in schemas for column in schema["columns"] if column["type"] == "f32"}
    return sorted(names) or sys.exit(f"found no column of type f32 in {SCHEMAS}")


# What is computed of float32 may be float32 in one engine and float64 in the other.
SINGLE = re.compile(rf"\b({'|'.join(single_columns())})\b", re.I)
# Functions whose type differs among engines: a number of the same value is right.
OPEN_TYPE = re.compile(r"\b(sign|epoch|floor|ceil|round|trunc|power|median|quantile_\w+|percentile_\w+|approx_\w+|dbfs)\b", re.I)
APPROXIMATE = re.compile(r"\bapprox_", re.I)
ROUNDED = re.compile(r"\bround\s*\(", re.I)
DAY_US = 86_400_000_000


class Rule:
    """When two cells of a question's answers are the same."""

    def __init__(self, question):
        self.relative = 0.02 if APPROXIMATE.search(question) else 1e-5 if SINGLE.search(question) else 1e-9
        # Differences of nearly equal numbers keep the rounding of the larger ones.
        self.absolute = 1e-6 if SINGLE.search(question) else 1e-9
        self.rounded = bool(ROUNDED.search(question))
        self.open_type = bool(OPEN_TYPE.search(question))

    def same(self, a, b):
        if isinstance(a, Decimal) or isinstance(b, Decimal):
            # Sums of integers are wider than any integer in DuckDB: any kind of number may stand beside them.
            return is_number(a) and is_number(b) and self.near(a, b)
        if isinstance(a, float) or isinstance(b, float):
            alike = type(a) is type(b) or self.open_type and is_number(a) and is_number(b)
            return alike and self.near(a, b)
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(map(self.same, a, b))
        return type(a) is type(b) and a == b

    def near(self, a, b):
        if isinstance(a, (int, Decimal)) and isinstance(b, (int, Decimal)) and a == b:
            return True
        a, b = float(a), float(b)
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        # Of what a question rounds, a tie (0.2625) goes up in one and down in the other.
        places = max(len(repr(value).partition(".")[2]) for value in (a, b))
        tie = 1.001 * 10.0**-places if self.rounded and places <= 3 else 0.0
        return math.isclose(a, b, rel_tol=self.relative, abs_tol=max(self.absolute, tie))


def is_number(value):
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def cells(column, clock):
    """A column as Python values: times and spans are tuples that name their kind. With `clock`, times with a zone are as their zone's clock shows."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return cells(column.cast(kind.value_type), clock)
    if pa.types.is_timestamp(kind):
        if clock and kind.tz:
            column = pc.local_timestamp(column)
        micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        return [value if value is None else ("time", value) for value in micros.to_pylist()]
    if pa.types.is_date(kind):
        return [value if value is None else ("time", value * DAY_US) for value in column.cast(pa.date32()).cast(pa.int32()).to_pylist()]
    if pa.types.is_duration(kind):
        return [value if value is None else ("span", 0, value) for value in column.cast(pa.duration("us"), safe=False).cast(pa.int64()).to_pylist()]
    if kind == pa.month_day_nano_interval():
        return [value if value is None else ("span", value.months, value.days * DAY_US + value.nanoseconds // 1000) for value in column.to_pylist()]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        return [None if piece is None else cells(piece, clock) for piece in (scalar.values for scalar in column)]
    return column.to_pylist()


def zoned(kind):
    return pa.types.is_timestamp(kind) and kind.tz is not None


def is_time(kind):
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def rows(ours, theirs):
    """The rows of both answers as lists of Python values."""
    both = ([], [])
    for a, b in zip(ours.columns, theirs.columns):
        clock = is_time(a.type) and is_time(b.type) and zoned(a.type) != zoned(b.type)
        for side, column in zip(both, (a, b)):
            side.append(cells(column, clock))
    count = lambda side, table: list(map(list, zip(*side))) if side else [[] for _ in range(table.num_rows)]
    return count(both[0], ours), count(both[1], theirs)


def exact(row):
    """The cells that allow no tolerance, to group rows by."""
    return tuple("number" if isinstance(cell, (float, Decimal, int)) and not isinstance(cell, bool) else repr(cell) for cell in row)


def numbers(row):
    """The cells with tolerance, roughly in order."""
    key = lambda x: (1, 0.0) if math.isnan(x) else (0, x)
    return tuple(key(float(f"{float(cell):.7g}")) for cell in row if is_number(cell))


def multiset(rule, ours, theirs):
    """A row of either side that the other lacks, or None."""
    order = lambda row: (exact(row), numbers(row))
    ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    alike = lambda a, b: all(map(rule.same, a, b))
    if all(map(alike, ours, theirs)):
        return None
    # Numbers that differ by rounding can sort differently: within rows that are otherwise equal, each takes the first that is like it.
    groups = {}
    for row in theirs:
        groups.setdefault(exact(row), []).append(row)
    for row in ours:
        group = groups.get(exact(row), [])
        match = next((i for i, other in enumerate(group) if alike(row, other)), None)
        if match is None:
            return row
        del group[match]
    return None


def sort_columns(parse, question, names):
    """The columns of the answer by which the outermost query sorts, up to the first key that is not one; `parse` gives DuckDB's JSON of the query."""
    node = json.loads(parse(question))["statements"][0]["node"]
    while node["type"] == "CTE_NODE":
        node = node["child"]
    orders = [order["expression"] for modifier in node["modifiers"] if modifier["type"] == "ORDER_MODIFIER" for order in modifier["orders"]]
    lower, found = [name.lower() for name in names], []
    for key in orders:
        if key["class"] == "STAR":
            found += range(len(names))
        elif key["class"] == "CONSTANT" and isinstance(key["value"].get("value"), int):
            found.append(key["value"]["value"] - 1)
        elif key["class"] == "COLUMN_REF" and lower.count(key["column_names"][-1].lower()) == 1:
            found.append(lower.index(key["column_names"][-1].lower()))
        else:
            break
    return found


def misplaced(rule, keys, ours, theirs):
    """The place of the first row whose sort keys differ, or None."""
    for place, (a, b) in enumerate(zip(ours, theirs)):
        for key in keys:
            if not rule.same(a[key], b[key]):
                return place
            if near_tie(rule, key, ours, place) or near_tie(rule, key, theirs, place):
                # The rounding of this key decides here, and later keys follow it.
                break
    return None


def near_tie(rule, key, rows, place):
    """Whether a row beside this one has nearly, but not exactly, the same number."""
    here, beside = rows[place][key], [rows[i][key] for i in (place - 1, place + 1) if 0 <= i < len(rows)]
    return isinstance(here, float) and any(isinstance(value, float) and value != here and rule.near(value, here) for value in beside)


def difference(question, ours, theirs, parse):
    """What differs between two arrow tables, in words, or None."""
    if ours.num_columns != theirs.num_columns:
        return f"{ours.num_columns} columns, DuckDB {theirs.num_columns}"
    if ours.num_rows != theirs.num_rows:
        return f"{ours.num_rows} rows, DuckDB {theirs.num_rows}"
    rule = Rule(question)
    mine, yours = rows(ours, theirs)
    lacking = multiset(rule, mine, yours)
    if lacking is not None:
        return f"DuckDB has no row like {lacking}; types {types(ours)}, DuckDB {types(theirs)}"
    place = misplaced(rule, sort_columns(parse, question, theirs.column_names), mine, yours)
    return None if place is None else f"another order: row {place + 1} is {mine[place]}, DuckDB {yours[place]}"


def types(table):
    return ", ".join(str(kind) for kind in table.schema.types)
