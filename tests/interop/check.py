"""Opens every table of a run with programs that nobody here wrote: `check.py CHORUS RUN`.

DuckDB, pyarrow and Python polars open each table, with site and date as columns of the right type and no unsigned numbers, and count the
same rows; some questions, every file of configs/queries and every query of the documents have the same answers in `chorus query` and
DuckDB. Ends with exit status 1 and what differs, else prints what was compared.
"""

import csv
import io
import math
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.dataset

HIVE = pyarrow.schema([("site", pyarrow.string()), ("date", pyarrow.date32())])

QUESTIONS = [
    "SELECT site, date, COUNT(*) AS recordings, SUM(duration_s) / 3600 AS hours FROM recordings GROUP BY site, date ORDER BY site, date NULLS LAST",
    "SELECT class, COUNT(*) AS windows, AVG(score) AS mean_score FROM predictions WHERE score >= 0.5 GROUP BY class ORDER BY class",
    "SELECT d.site, d.class, COUNT(*) AS events, MAX(d.peak_score) AS best FROM detections d JOIN recordings r ON d.recording_id = r.recording_id "
    "WHERE r.status <> 'rejected' GROUP BY d.site, d.class ORDER BY d.site, d.class",
    "SELECT hour, SUM(effort_s) AS effort_s, SUM(windows_detected) AS detected FROM activity WHERE hour IS NOT NULL GROUP BY hour ORDER BY hour",
    "WITH best AS (SELECT recording_id, class, MAX(score) AS best_score FROM predictions GROUP BY recording_id, class), "
    "ranked AS (SELECT recording_id, class, best_score, ROW_NUMBER() OVER (PARTITION BY class ORDER BY best_score DESC, recording_id DESC) AS place FROM best) "
    "SELECT class, recording_id, best_score FROM ranked WHERE place = 1 ORDER BY class",
]


ROOT = Path(__file__).resolve().parents[2]
QUERIES = ROOT / "configs" / "queries"
# Functions of chorus that DuckDB does not have, and those that a macro gives it.
OWN = ["minutes_from_sunset"]
MACROS = ["CREATE MACRO night(t) AS CAST(t - INTERVAL 12 HOUR AS DATE)"]
DEFAULT = "-- param "
# Smaller float32 numbers have few digits.
SMALLEST = 1e-37


def params(sql, wanted):
    """The table `params` that the text of a question asks for, as a SELECT, and what to tell chorus; `wanted` is a class of this run."""
    pairs = dict(line.removeprefix(DEFAULT).split(" = ") for line in sql.splitlines() if line.startswith(DEFAULT))
    if "wanted" in pairs:
        pairs["wanted"] = wanted
    select = "SELECT " + ", ".join(f"{literal(value)} AS {name}" for name, value in pairs.items()) if pairs else None
    return select, [f"--param={name}={value}" for name, value in pairs.items()]


def literal(value):
    return value if isinstance(number(value), float) else f"'{value}'"


def documented():
    """The queries of the documents: where they stand, and their text. A blank line divides those of one block."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"```sql\n(.*?)```", path.read_text(), re.DOTALL):
            for i, question in enumerate(block.split("\n\n")):
                yield f"{path.name}: {question.strip().splitlines()[0][:60]}", question.strip()


def tables(run):
    """Name, folder, and whether it is partitioned, of every table."""
    for folder in sorted((run / "tables").iterdir()):
        yield folder.name, folder, not any(folder.glob("*.parquet"))


def check_table(name, folder, partitioned):
    pattern = f"{folder}/**/*.parquet"
    types = ", hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE}" if partitioned else ""
    relation = duckdb.sql(f"SELECT * FROM read_parquet('{pattern}'{types})")
    duck = duckdb.sql("SELECT COUNT(*) FROM relation").fetchone()[0]
    partitioning = pyarrow.dataset.partitioning(HIVE, flavor="hive") if partitioned else None
    arrow = pyarrow.dataset.dataset(folder, partitioning=partitioning)
    frame = polars.scan_parquet(pattern, hive_partitioning=partitioned, hive_schema={"site": polars.String, "date": polars.Date} if partitioned else None)
    counts = {"duckdb": duck, "pyarrow": arrow.to_table(columns=arrow.schema.names[:1]).num_rows, "polars": frame.select(polars.len()).collect().item()}
    assert len(set(counts.values())) == 1, f"{name}: {counts}"
    unsigned = [field.name for field in arrow.schema if pyarrow.types.is_unsigned_integer(field.type)]
    assert not unsigned, f"{name}: differences of {unsigned} wrap round"
    whole = arrow.to_table()
    assert frame.collect().height == whole.num_rows, f"{name}: polars reads other rows"
    if partitioned:
        assert dict(zip(relation.columns, map(str, relation.types)))["date"] == "DATE", f"{name}: {relation.types}"
        assert arrow.schema.field("date").type == pyarrow.date32() and arrow.schema.field("site").type == pyarrow.string(), name
        schema = frame.collect_schema()
        assert schema["date"] == polars.Date and schema["site"] == polars.String, f"{name}: {schema}"
    return duck


def rows(text):
    return [[number(cell) for cell in row] for row in csv.reader(io.StringIO(text))][1:]


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return cell


def alike(ours, theirs):
    """Numbers to one part in a million: chorus takes quantiles of float32 columns as float64, DuckDB as float32."""
    if not (isinstance(ours, float) and isinstance(theirs, float)):
        return ours == theirs
    # Of what a question rounds, a tie (0.2625) goes up in one and down in the other.
    places = max(len(repr(value).partition(".")[2]) for value in (ours, theirs))
    rounded = 1.001 * 10.0**-places if places <= 3 and not ours.is_integer() else 0.0
    return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=max(rounded, SMALLEST))


def duck_rows(run, question, parameters=None):
    connection = duckdb.connect()
    for macro in MACROS:
        connection.sql(macro)
    defaults = dict(re.findall(rf"^{DEFAULT}(\w+) = (.*)$", question, re.MULTILINE))
    question = re.sub(r"\$(\w+)", lambda name: literal(defaults[name[1]]), question)
    if parameters:
        connection.sql(f"CREATE TABLE params AS {parameters}")
    for name, folder, partitioned in tables(run):
        types = ", hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE}" if partitioned else ""
        connection.sql(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/**/*.parquet'{types})")
    answer = connection.sql(question).fetchall()
    # Truth values are written as SQL writes them.
    text = lambda value: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return [[number(text(value)) for value in row] for row in answer]


def compare(chorus, run, question, parameters=None, given=()):
    """How many rows both give, which are alike."""
    output = subprocess.run([chorus, "query", "--run", run, "--format", "csv", *given, "--", question], check=True, capture_output=True, text=True)
    ours, theirs = rows(output.stdout), duck_rows(run, question, parameters)
    if "ORDER BY" not in question:
        ours, theirs = (sorted(answer, key=repr) for answer in (ours, theirs))
    same = len(ours) == len(theirs) and all(len(a) == len(b) and all(map(alike, a, b)) for a, b in zip(ours, theirs))
    apart = [pair for pair in zip(ours, theirs) if not all(map(alike, *pair))]
    assert same, f"{question}\nchorus {len(ours)} rows, duckdb {len(theirs)}; the first that differ: {apart[:3]}"
    return len(ours)


def lacking(run, question):
    """The tables that a question asks and a run without labels does not have."""
    asked = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", question)) - set(re.findall(r"(\w+) AS \(", question)) - {"params"}
    return ", ".join(sorted(asked - {name for name, *_ in tables(run)}))


def main(chorus, run):
    for name, folder, partitioned in tables(run):
        print(f"{name}: {check_table(name, folder, partitioned)} rows in duckdb, pyarrow and polars")
    answered = 0
    for question in QUESTIONS:
        count = compare(chorus, run, question)
        answered += bool(count)
        print(f"{count} rows alike in chorus and duckdb: {question[:70]}…")
    assert answered >= 3, "nearly all answers are empty: nothing was compared"
    most = subprocess.run(
        [chorus, "query", "SELECT class FROM species_by_site ORDER BY windows_detected DESC, class LIMIT 1", "--run", run, "--format", "csv"],
        check=True, capture_output=True, text=True,
    ).stdout.split()[1]
    filled = 0
    for file in sorted(QUERIES.glob("*.sql")):
        question = file.read_text()
        if absent := lacking(run, question):
            print(f"left out, since the run has no {absent}: {file.name}")
            continue
        count = compare(chorus, run, question, *params(question, most))
        filled += bool(count)
        print(f"{count} rows alike in chorus and duckdb: {file.name}")
    assert filled >= 6, "most files of configs/queries have no answer here: little was compared"
    filled = 0
    for place, question in documented():
        if reason := ", ".join([name for name in OWN if name in question]) or lacking(run, question):
            print(f"left out, since DuckDB or the run has no {reason}: {place}")
            continue
        count = compare(chorus, run, question)
        filled += bool(count)
        print(f"{count} rows alike in chorus and duckdb: {place}")
    assert filled >= 8, "most queries of the documents have no answer here: little was compared"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
