"""Cases from public reports of people who do this job: `cases.py CHORUS DATA`.

DATA/cases has a folder for each case: an archive, a configuration, and CASE.md with the source and the right outcome. Each case runs in a
scratch copy, and its tables are read with DuckDB as README.md shows. Ends with exit status 1 and what differs from the right outcome.
A case whose folder is missing is skipped, and said.
"""

import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

HIVE = "hive_partitioning = true, hive_types = {'site': VARCHAR, 'date': DATE}"


def tables(run):
    """A function from SQL to rows, in which the tables of a run are views."""
    connection = duckdb.connect()
    for table in sorted((run / "tables").iterdir()):
        path = str(table / "**/*.parquet").replace("'", "''")
        hive = f", {HIVE}" if any(table.glob("site=*")) else ""
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{path}'{hive})")
    return lambda sql: connection.execute(sql).fetchall()


class Case:
    """A case in a scratch copy. Differences are gathered, so that one run tells all of them."""

    def __init__(self, chorus, folder, scratch):
        self.chorus, self.name, self.folder = chorus, folder.name, scratch / folder.name
        shutil.copytree(folder, self.folder)
        subprocess.run(["chmod", "-R", "u+w", str(self.folder)], check=True)
        self.differences = []

    def call(self, *arguments):
        return subprocess.run([self.chorus, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)

    def run(self, *stages, config="cfg.yaml", folder="runs/case", more=()):
        """Runs stages; returns a function from SQL over the run's tables to rows. None where the run fails."""
        done = self.call("run", *stages, "-c", config, "--set", f"run.path={folder}", *more)
        if done.returncode != 0:
            self.differences.append(f"{config}: chorus run failed: {done.stderr.strip()[-600:]}")
            return None
        return tables(self.folder / folder)

    def expect(self, what, found, right):
        if found != right:
            self.differences.append(f"{what}: found {found!r}, expected {right!r}")

    def that(self, holds, what):
        if not holds:
            self.differences.append(what)


def micros(text):
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def name(path):
    return path.rsplit("/", 1)[-1]


def starts(case, ask, right):
    """Compares start_utc by the file's name."""
    found = {name(path): start for path, start in ask("SELECT path, epoch_us(start_utc) FROM recordings")}
    for file, start in right.items():
        case.expect(f"start of {file}", found.get(file), micros(start))


def coded_silence(case):
    ask = case.run("ingest", "segment", "annotate")
    if not ask:
        return
    [(duration, status, frames)] = ask("SELECT duration_s, status, frames FROM recordings")
    case.expect("duration_s", round(duration, 5), 18.99275)
    case.expect("frames and status", (frames, status), (303_884, "ok"))
    positive = "SELECT s.start_s FROM labels l JOIN segments s USING (segment_id) WHERE l.value = 1 ORDER BY 1"
    case.expect("positive windows", ask(positive), [(0.0,), (12.0,)])
    case.expect("windows", ask("SELECT COUNT(*) FROM segments"), [(6,)])


def start_and_end(case):
    ask = case.run("ingest")
    if not ask:
        return
    right = {
        "S20240815T091156.982648+1000_E20240815T091251.967555+1000_-12.34567+78.98102.wav": "2024-08-14T23:11:56.982648+00:00",
        "S20240815T120346+1000_E20240815T120840+1000_-12.34567+78.98102.wav": "2024-08-15T02:03:46+00:00",
        "S20210205T035946676+1000_E20210205T040446501+1000_-08.0000+000.0000.wav": "2021-02-04T17:59:46.676+00:00",
        "20210617T080000+0000_Rec2_-18.2656+144.5564.wav": "2021-06-17T08:00:00+00:00",
        "33901_BigHarbourA1_20250710T130000-0300.wav": "2025-07-10T16:00:00+00:00",
    }
    starts(case, ask, right)


def minus_zero(case):
    ask = case.run("ingest")
    if not ask:
        return
    right = {
        "MF01-01_SMM119_20251103_161400.wav": "2025-11-03T06:14:00+00:00",
        "FNQ-RBS_20230228_050000.wav": "2023-02-27T19:00:00.340+00:00",
        "AVA__20160517_160000.wav": "2016-05-17T06:00:00+00:00",
    }
    starts(case, ask, right)
    doubted = ask("SELECT path FROM recordings WHERE time_note IS NOT NULL")
    case.expect("recordings with a time_note", [name(path) for (path,) in doubted], ["AVA__20160517_160000.wav"])


def nested_sites(case):
    sites = "SELECT site, COUNT(*) FROM recordings GROUP BY site ORDER BY site"
    right = [("47", 3), ("48", 1), ("49", 2)]
    if ask := case.run("ingest", "segment"):
        case.expect("sites by the sheet", ask(sites), right)
        copies = ask("SELECT a.path, b.path FROM recordings a JOIN recordings b ON a.duplicate_of = b.recording_id")
        copy = ("47/Data/Device 2, 10-14 april/2MM03803_20241116_175200.wav", "47/Data/2MM03803_20241116_175200.wav")
        case.expect("copies", copies, [copy])
        windows = ask("SELECT COUNT(*) FROM segments s JOIN recordings r USING (recording_id) WHERE r.duplicate_of IS NOT NULL")
        case.expect("windows of the copy", windows, [(0,)])
    written = case.call("init", "plain", "-o", "init.yaml")
    case.that(written.returncode == 0, f"chorus init failed: {written.stderr.strip()[-600:]}")
    case.that("47/Data, 48/Data" in written.stdout, f"init says nothing of folders of one name: {written.stdout!r}")
    if written.returncode == 0 and (ask := case.run("ingest", config="init.yaml", folder="runs/init")):
        case.expect("sites by what init wrote", ask(sites), right)


def kaleidoscope(case):
    events = "SELECT path, code, start_s, end_s FROM annotations JOIN recordings USING (recording_id) WHERE used ORDER BY path"
    right = [
        ("Stn01/only1_20240501_210000.wav", "BOAFAB", 4.0, 5.0),
        ("Stn02/clip_20240501_200000.wav", "BOAFAB", 4.0, 5.0),
        ("Stn02/only2_20240501_210000.wav", "DENMIN", 7.0, 8.5),
    ]
    for config in ["cfg.yaml", "cfg_duration.yaml"]:
        if ask := case.run("ingest", "segment", "annotate", config=config, folder=f"runs/{config}"):
            case.expect(f"{config}: events that are used", ask(events), right)
            unused = ask("SELECT line, reason FROM annotations WHERE NOT used")
            case.expect(f"{config}: lines that are not used", unused, [(5, "no label")])
    written = case.call("init", "archive", "-o", "init.yaml")
    found = (case.folder / "init.yaml").read_text() if written.returncode == 0 else written.stderr
    case.that("format: csv" in found and "kscope/cluster.csv" in found, f"init does not propose the table: {found[-600:]}")


def daylight_saving(case):
    ask = case.run("ingest", "segment")
    if not ask:
        return
    right = {
        "VIC01_20210115_210000.wav": ("2021-01-15T10:00:00+00:00", 660, False),
        "VIC01_20210715_210000.wav": ("2021-07-15T11:00:00+00:00", 600, False),
        "VIC01_20210404_023000.wav": ("2021-04-03T15:30:00+00:00", 660, True),
        "VIC01_20211003_023000.wav": ("2021-10-02T16:30:00+00:00", 660, True),
        "VIC01_20210515_235955.wav": ("2021-05-15T13:59:55+00:00", 600, False),
        "VIC02_20171201_060000.wav": ("2017-11-30T19:00:00+00:00", 660, False),
        "VIC02_20171201_060007.wav": ("2017-11-30T19:00:07+00:00", 660, False),
        "VIC03_20200229_235958_500.wav": ("2020-02-29T12:59:58.500+00:00", 660, False),
        "20210403_163000.WAV": ("2021-04-03T16:30:00+00:00", 600, False),
    }
    starts(case, ask, {file: start for file, (start, _, _) in right.items()})
    rows = ask("SELECT path, epoch_us(start_utc), epoch_us(start_local), utc_offset_min, time_note, date FROM recordings")
    for path, utc, local, offset, note, date in rows:
        _, right_offset, is_doubtful = right[name(path)]
        case.expect(f"offset of {path}", offset, right_offset)
        case.expect(f"local time of {path}", local, utc + offset * 60_000_000)
        case.expect(f"whether {path} has a time_note", note is not None, is_doubtful)
        case.expect(f"date of {path}", date, (datetime(1970, 1, 1) + timedelta(microseconds=local)).date())
    last = "SELECT epoch_us(MAX(s.start_utc)) FROM segments s JOIN recordings r USING (recording_id) WHERE r.path LIKE '%20210515_235955.wav'"
    case.expect("last window of the recording over midnight", ask(last), [(micros("2021-05-15T14:00:04+00:00"),)])


def odd_names(case):
    sites = "SELECT DISTINCT site FROM recordings"
    if ask := case.run("ingest"):
        folders = {path.name for path in (case.folder / "archive").iterdir() if path.is_dir()}
        right = folders - {"plain"} | {"AC/DC"}
        case.expect("sites in DuckDB", {site for (site,) in ask(sites)}, right)
        told = case.call("query", "--run", "runs/case", "--format", "json", "SELECT DISTINCT site FROM recordings")
        case.expect("sites in chorus query", texts(told.stdout), right)
    done = case.call("run", "ingest", "segment", "-c", "cfg_long.yaml", "--set", "run.path=runs/long")
    if done.returncode == 0:
        found = tables(case.folder / "runs/long")("SELECT DISTINCT site FROM segments")
        folders = {path.name for path in (case.folder / "archive_long").iterdir()}
        case.expect("long names", {site for (site,) in found}, folders)
    else:
        case.that("File name too long" not in done.stderr, f"a bare message of the system: {done.stderr.strip()[-600:]}")
        case.that("ingest.site_sheet" in done.stderr, f"the refusal says nothing of what to do: {done.stderr.strip()[-600:]}")


def texts(answer):
    import json

    try:
        rows = json.loads(answer)
    except json.JSONDecodeError:
        rows = [json.loads(line) for line in answer.splitlines()]
    return {row["site"] for row in rows}


CASES = {
    "01-audiomoth-twav-silence": coded_silence,
    "02-frontier-start-end-names": start_and_end,
    "04-wamd-zero-offset": minus_zero,
    "16-nested-site-card-date": nested_sites,
    "23-kaleidoscope-as-labels": kaleidoscope,
    "26-dst-midnight-southern": daylight_saving,
    "27-odd-site-names": odd_names,
}


def main():
    chorus, cases = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]) / "cases"
    if not cases.is_dir():
        print(f"skipped: no cases in {cases.parent}")
        return
    is_bad = False
    with tempfile.TemporaryDirectory() as scratch:
        for folder, check in CASES.items():
            if not (cases / folder).is_dir():
                print(f"{folder}: skipped: not in {cases}")
                continue
            case = Case(chorus, cases / folder, Path(scratch))
            check(case)
            is_bad |= bool(case.differences)
            print(f"{folder}: {'as it should be' if not case.differences else ''}")
            for difference in case.differences:
                print(f"  {difference}", file=sys.stderr)
    sys.exit(is_bad)


main()
