"""A run's tables in DuckDB, and what the generator has to know of them: columns, keys, values, and how many rows a join gives."""

import threading
from dataclasses import dataclass
from pathlib import Path

import duckdb

from runs import WHOLE, schemas

VIEWS = Path(__file__).resolve().parents[2] / "pipeline" / "query" / "views"
KINDS = {
    "VARCHAR": "text", "BIGINT": "int", "INTEGER": "int", "DOUBLE": "real", "FLOAT": "real", "DATE": "date", "TIMESTAMP": "clock",
    "TIMESTAMP WITH TIME ZONE": "time", "BOOLEAN": "bool",
}
HIVE = "hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE}"


@dataclass(frozen=True)
class Column:
    """A column: its `kind` is text, int, real, date, clock (local time), time (UTC) or bool."""

    name: str
    kind: str
    # Some of its values as SQL literals.
    values: tuple
    # Sums do not depend on the order of the rows, beyond rounding: no negative numbers.
    summable: bool

    @property
    def sql(self):
        return f'"{self.name}"' if self.name in ("group", "index") else self.name


@dataclass(frozen=True)
class Table:
    """A table: its `key` tells its rows apart, unless they are equal in every column."""

    name: str
    columns: tuple
    key: tuple
    rows: int

    def of(self, *kinds):
        return [c for c in self.columns if c.kind in kinds]


class World:
    """A run in DuckDB, loaded once."""

    def __init__(self, run):
        self.run = Path(run)
        self.connection = duckdb.connect(config={"autoinstall_known_extensions": False})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.lock, self.fanouts = threading.Lock(), {}
        known = schemas()
        for folder in sorted((self.run / "tables").iterdir()):
            whole = self.run / WHOLE / f"{folder.name}.parquet"
            partitioned = f"'{folder}/**/*.parquet'" + ("" if any(folder.glob("*.parquet")) else f", {HIVE}")
            source = f"'{whole}'" if whole.exists() else partitioned
            self.connection.execute(f"CREATE TABLE {folder.name} AS SELECT * FROM read_parquet({source})")
        # Questions come two at a time, and leave cores to chorus.
        self.connection.execute("SET threads = 1")
        # Tables with columns of bytes are left to questions of people.
        present = [row[0] for row in self.connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()]
        self.tables = [self.table(known[name]) for name in present if name in known]
        self.tables = [table for table in self.tables if table.rows]
        self.views()

    def views(self):
        """The views of chorus, as far as the run has their tables."""
        for file in sorted(VIEWS.glob("*.sql")):
            try:
                self.connection.execute(f"CREATE VIEW {file.stem} AS {file.read_text()}")
            except duckdb.CatalogException:
                pass

    def table(self, schema):
        name = schema["table"]
        columns = tuple(self.column(name, column, kind, schema) for column, kind, *_ in self.connection.execute(f"DESCRIBE {name}").fetchall())
        key = [*schema["key"], *(["site", "date"] if schema["partitioned"] else [])]
        rows = self.connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
        return Table(name, columns, tuple(c for k in key for c in columns if c.name == k), rows)

    def column(self, table, name, kind, schema):
        found = self.connection.execute(
            f'SELECT DISTINCT CAST("{name}" AS VARCHAR) AS v FROM {table} WHERE v IS NOT NULL ORDER BY HASH(v) LIMIT 12').fetchall()
        described = next((c for c in schema["columns"] if c["name"] == name), {})
        return Column(name, KINDS[kind], tuple(literal(KINDS[kind], value) for value, in found), described.get("min", -1) >= 0)

    def answer(self, question, parameters=None):
        """The answer as an arrow table."""
        cursor = self.connection.cursor()
        if parameters:
            cursor.execute(f"CREATE OR REPLACE TEMP TABLE params AS {parameters}")
        return cursor.execute(question).to_arrow_table()

    def parse(self, question):
        return self.connection.cursor().execute("SELECT json_serialize_sql(?)", [question]).fetchone()[0]

    def fanout(self, one, other, names):
        """Rows of an equi-join of two tables."""
        key = (one, other, names)
        with self.lock:
            if key not in self.fanouts:
                count = lambda table: f"(SELECT {', '.join(names)}, COUNT(*) AS n FROM {table} GROUP BY ALL)"
                sql = f"SELECT COALESCE(SUM(a.n * b.n), 0) FROM {count(one)} AS a JOIN {count(other)} AS b USING ({', '.join(names)})"
                self.fanouts[key] = int(self.connection.cursor().execute(sql).fetchone()[0])
        return self.fanouts[key]


def literal(kind, value):
    """A value as SQL, from DuckDB's text of it. Numbers with fractions are moved off the values of the table: equality of such is left to rounding."""
    if kind == "int" or kind == "bool":
        return value
    if kind == "real":
        return f"{float(value) + 0.00137:.5f}" if abs(float(value)) < 1e9 else f"{float(value) * 0.9:.5e}"
    quoted = value.replace("'", "''")
    # UTC's offset is left out: the time zone of both engines is UTC.
    prefix = {"text": "", "date": "DATE ", "clock": "TIMESTAMP ", "time": "TIMESTAMP "}[kind]
    return f"{prefix}'{quoted.removesuffix('+00') if kind == 'time' else quoted}'"
