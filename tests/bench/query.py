"""`chorus query` against DuckDB on a large table of predictions, in one run on the same threads: `query.py CHORUS [MILLIONS]`.

Writes a run's table of 100 million rows (or as many millions as are told) in 200 partitions with pyarrow, as chorus would, into a temporary
folder (about 1.3 GB, which goes afterwards), and asks both the same questions: a filter on site and class, a group by hour and class, the
highest scores, the three best scores of each site, night and class by a window function, the scores of a class smoothed over neighbouring
windows of each recording (a tenth of the rows), a join with the thresholds, and a count of distinct windows. Each answer comes from a process
of its own, in turn; the median of some rounds is told with the peak memory. The start of chorus is counted, that of Python and DuckDB's
import are not. Answers are compared. Then one site's day is asked of a run of 10,000 partitions: chorus should open one file.
"""

import csv
import io
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from results import cores, measured, tell, traced

ROUNDS, THREADS = 3, cores()
# Sites and dates of the large run, and of the one of many partitions, which has few rows in each.
LARGE, MANY = (10, 20), (100, 100)
ROWS_PER_SMALL_PARTITION = 200
CLASSES = ["BOAFAB", "BOALUN", "DENMIN", "ELAMAT", "FICPRI", "LEPLAT", "PHYCUV", "PITAZU", "SCIPER", "SPHSUR"]
HOP_S, WINDOW_S, WINDOWS_PER_RECORDING = 3.0, 3.0, 20
# As chorus_tables::write does.
ROWS_PER_GROUP = 1 << 17

QUESTIONS = {
    "filter": "SELECT date, COUNT(*) AS n, MAX(score) AS best FROM predictions WHERE site = 'SITE03' AND class = 'FICPRI' AND score >= 0.9 GROUP BY date ORDER BY date",
    "group": "SELECT EXTRACT(hour FROM start_utc) AS hour, class, COUNT(*) AS n, AVG(score) AS mean FROM predictions GROUP BY EXTRACT(hour FROM start_utc), class ORDER BY hour, class",
    "top": "SELECT segment_id, class, score FROM predictions ORDER BY score DESC LIMIT 20",
    "window": "SELECT site, date, class, score, place FROM (SELECT site, date, class, score, ROW_NUMBER() OVER (PARTITION BY site, date, class ORDER BY score DESC) AS place "
    "FROM predictions) AS t WHERE place <= 3 ORDER BY site, date, class, place",
    "smooth": "SELECT site, COUNT(*) AS n, MAX(smooth) AS best, AVG(smooth) AS mean FROM (SELECT site, AVG(score) OVER (PARTITION BY recording_id ORDER BY start_s "
    "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS smooth FROM predictions WHERE class = 'FICPRI') AS t GROUP BY site ORDER BY site",
    "join": "SELECT p.site, p.class, COUNT(*) AS n, AVG(p.score) AS mean FROM predictions p JOIN thresholds t ON p.class = t.class "
    "WHERE t.site IS NULL AND p.score >= t.threshold GROUP BY p.site, p.class ORDER BY p.site, p.class",
    "distinct": "SELECT site, COUNT(DISTINCT segment_id) AS windows FROM predictions GROUP BY site ORDER BY site",
}
ONE_DAY = "SELECT class, COUNT(*) AS n, MAX(score) AS best FROM predictions WHERE site = 'SITE07' AND date = '2025-03-05' GROUP BY class ORDER BY class"


def write(run, rows, sites, dates):
    """A table `predictions` of about so many rows in sites * dates partitions, and thresholds of its classes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [
        pa.field("segment_id", pa.string(), False), pa.field("recording_id", pa.string(), False), pa.field("start_utc", pa.timestamp("us", "UTC")),
        pa.field("start_s", pa.float64(), False), pa.field("end_s", pa.float64(), False), pa.field("class", pa.string(), False),
        pa.field("logit", pa.float32(), False), pa.field("score", pa.float32(), False), pa.field("model_id", pa.string(), False),
    ]
    schema = pa.schema(fields, metadata={"chorus.table": "predictions/1"})
    windows = rows // (sites * dates * len(CLASSES))
    row = np.arange(windows * len(CLASSES))
    window, index = row // len(CLASSES), row // len(CLASSES) % WINDOWS_PER_RECORDING
    recording = window // WINDOWS_PER_RECORDING
    start_s = index * HOP_S
    recordings = -(-windows // WINDOWS_PER_RECORDING)
    random = np.random.default_rng(20260105)
    for site in range(sites):
        for day in range(dates):
            ids = sorted(random.bytes(8).hex() for _ in range(recordings))
            segments = pa.array([f"{ids[i // WINDOWS_PER_RECORDING]}-{i % WINDOWS_PER_RECORDING:06}" for i in range(windows)])
            night = date(2025, 3, 1) + timedelta(days=day)
            # Recordings are named by a hash, so their order is not that of time.
            begin = random.permutation(recordings) * 86_400_000_000 // recordings
            midnight = int((night - date(1970, 1, 1)).total_seconds()) * 1_000_000
            logit = random.normal(-4, 2, len(row)).astype(np.float32)
            score = (1 / (1 + np.exp(-logit.astype(np.float64)))).astype(np.float32)
            columns = [
                segments.take(pa.array(window)), pa.array(ids).take(pa.array(recording)),
                pa.array(midnight + begin[recording] + (start_s * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC")), pa.array(start_s), pa.array(start_s + WINDOW_S),
                pa.array(CLASSES).take(pa.array(row % len(CLASSES))), pa.array(logit), pa.array(score), pa.array(["0123456789abcdef"]).take(pa.array(np.zeros(len(row), np.int64))),
            ]
            folder = run / f"tables/predictions/site=SITE{site:02}/date={night}"
            folder.mkdir(parents=True)
            pq.write_table(pa.table(columns, schema=schema), folder / "part-000.parquet", compression="zstd", compression_level=1, row_group_size=ROWS_PER_GROUP)
    write_thresholds(run)


def write_thresholds(run):
    """Thresholds for all sites: the higher, the later the class."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = lambda name, nullable=True: pa.field(name, pa.float64(), nullable)
    fields = [
        pa.field("model_id", pa.string(), False), pa.field("site", pa.string()), pa.field("class", pa.string(), False), number("threshold", False), pa.field("source", pa.string(), False),
        pa.field("usable", pa.bool_(), False), pa.field("why_not", pa.string()),
        number("validation_f1"), number("validation_precision"), number("validation_precision_low"), number("validation_recall"),
        pa.field("validation_positives", pa.int64(), False), pa.field("validation_recordings", pa.int64(), False),
    ]
    schema = pa.schema(fields, metadata={"chorus.table": "thresholds/4"})
    rows = [
        {"model_id": "0123456789abcdef", "class": name, "threshold": 0.05 + 0.05 * i, "source": "own", "usable": True, "validation_positives": 100 + i, "validation_recordings": 10 + i}
        for i, name in enumerate(CLASSES)
    ]
    folder = run / "tables/thresholds"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "part-000.parquet")


def duckdb_side(run, question):
    """Prints the seconds that the question took, then the answer."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    connection.sql("SET TimeZone = 'UTC'")
    begin = time.perf_counter()
    source = f"read_parquet('{run}/tables/predictions/**/*.parquet', hive_partitioning = true, hive_types = {{'site': VARCHAR, 'date': DATE}})"
    connection.sql(f"CREATE VIEW predictions AS SELECT * FROM {source}")
    connection.sql(f"CREATE VIEW thresholds AS SELECT * FROM read_parquet('{run}/tables/thresholds/*.parquet')")
    answer = connection.sql(question).fetchall()
    print(time.perf_counter() - begin)
    csv.writer(sys.stdout).writerows(answer)


def numbers(text):
    """The answer's cells, numbers as such; the names of segments are left out, since equal scores have no order."""
    cell = lambda text: float(text) if text.replace(".", "", 1).replace("e-", "", 1).isdigit() else text
    return [[cell(c) for c in row if len(c) != 23] for row in csv.reader(io.StringIO(text))]


def alike(ours, theirs):
    """Numbers to one part in 10,000: a mean of float32 is float32 here and float64 there."""
    same = lambda a, b: math.isclose(a, b, rel_tol=1e-4) if isinstance(a, float) and isinstance(b, float) else a == b
    return len(ours) == len(theirs) and all(len(a) == len(b) and all(map(same, a, b)) for a, b in zip(ours, theirs))


def rounds(chorus, run, name, question):
    """Asks both in turn, compares the answers, and prints time and memory."""
    measures = {"chorus": [], "duckdb": []}
    for _ in range(ROUNDS):
        own = measured([chorus, "query", "--run", run, "--format", "csv", question])
        measures["chorus"].append((own.seconds, own.mib))
        ours = numbers(own.out)[1:]
        peer = measured([sys.executable, __file__, "duckdb", run, question])
        seconds, text = peer.out.split("\n", 1)
        measures["duckdb"].append((float(seconds), peer.mib))
        theirs = numbers(text)
        assert ours and alike(ours, theirs), f"{name}\nchorus: {ours[:3]}\nduckdb: {theirs[:3]}"
    for side, taken in measures.items():
        print(f"{name:8} {side:7} {statistics.median(s for s, _ in taken):7.2f} s  {max(m for _, m in taken):6.0f} MiB")
    ratio = statistics.median(c / d for (c, _), (d, _) in zip(measures["chorus"], measures["duckdb"]))
    print(f"{name:8} {ratio:.2f} times DuckDB's time", flush=True)
    tell(f"SQL, {name}", statistics.median(s for s, _ in measures["chorus"]), "s", "DuckDB", 1 / ratio)
    memory = {side: max(m for _, m in taken) for side, taken in measures.items()}
    tell(f"SQL, {name}, memory", memory["chorus"], "MiB", "DuckDB", memory["duckdb"] / memory["chorus"])


def opened(chorus, run, question):
    """The Parquet files of predictions that chorus opens for a question; `None` where they cannot be told."""
    log = traced([chorus, "query", "--run", run, "--format", "csv", question], "open,openat", "-qq", "-s", "4096")
    return None if log is None else set(re.findall(r'"([^"]*/predictions/[^"]*\.parquet)", [^)]*\) = \d', log))


def written(folder, name, rows, sites, dates):
    """A run, made in a process of its own: a child's peak memory counts what its parent held when it was started."""
    run = Path(folder, name)
    subprocess.run([sys.executable, __file__, "write", run, str(rows), str(sites), str(dates)], check=True)
    return run


def main(chorus, millions):
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        run = written(folder, "run", millions * 1_000_000, *LARGE)
        files = list(run.glob("tables/predictions/**/*.parquet"))
        print(f"{millions} million rows in {len(files)} partitions, {sum(f.stat().st_size for f in files) / 2**20:.0f} MiB, {THREADS} threads, median of {ROUNDS} rounds", flush=True)
        for name, question in QUESTIONS.items():
            rounds(chorus, run, name, question)
        partitions = MANY[0] * MANY[1]
        many = written(folder, "many", partitions * ROWS_PER_SMALL_PARTITION, *MANY)
        print(f"one site's day of {partitions} partitions", flush=True)
        rounds(chorus, many, "one day", ONE_DAY)
        files = opened(chorus, many, ONE_DAY)
        if files is None:
            print("one day  files opened are not counted: there is no strace that may trace")
        else:
            print(f"one day  chorus  opens {len(files)} of {partitions} files")
            tell(f"SQL, one day of {partitions} partitions", len(files), "files opened")


if __name__ == "__main__":
    if sys.argv[1] == "duckdb":
        duckdb_side(*sys.argv[2:])
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100)
