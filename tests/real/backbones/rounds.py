"""Rounds of listening on survey_us, with the known labels as the listener: `rounds.py CHORUS DATA BACKBONE CONTRACT [ROUNDS [PER_CLASS]]`.

Four train recordings have their labels from the start, and all test recordings. Each round `chorus next` chooses windows of the others, the
known labels give the verdicts, and the sheet goes to the archive. Beside it, the same number of windows and classes is drawn at random.
Prints the mean average precision on the test recordings by number of verdicts.
"""

import csv
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
SEEDED = 4


def chorus(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    return done.stdout


def rows(run, table):
    for path in sorted((run / "tables" / table).rglob("*.parquet")):
        yield from pq.ParquetFile(path).read().to_pylist()


class Survey:
    """An archive whose recordings are links, and in which only some have labels."""

    def __init__(self, program, data, folder, backbone, contract):
        self.program, self.data, self.folder = program, data, folder
        self.archive, self.run = folder / "archive", folder / "run"
        self.sets = {
            "archive.path": self.archive,
            "run.path": self.run,
            "backbone.path": backbone,
            "backbone.contract": contract,
            "split.validation_fraction": 0,
            "annotate.review_sheets": "reviews",
        }
        (self.archive / "reviews").mkdir(parents=True)
        for name in ("raw_data", "species.csv", "subset.csv"):
            (self.archive / name).symlink_to(data / name)

    def label(self, chosen):
        for path in sorted((self.data / "strong_labels").rglob("*.txt")):
            if chosen(path):
                target = self.archive / path.relative_to(self.data)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(path)

    def arguments(self):
        pairs = [text for key, value in self.sets.items() for text in ("--set", f"{key}={value}")]
        return ["-c", HERE.parent / "survey_us.yaml", *pairs]

    def learn(self):
        chorus(self.program, "run", "evaluate", "--with-upstream", *self.arguments())
        question = (
            "SELECT value FROM metrics WHERE subset = 'test' AND metric = 'average_precision' AND class IS NULL AND site IS NULL "
            "AND \"group\" IS NULL"
        )
        return float(chorus(self.program, "query", "--run", self.run, "--format", "csv", question).split()[1])


def judged(sheet, truth):
    """The sheet's rows with verdicts, where the truth is known."""
    with open(sheet, newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    for row in found:
        value = truth.get((row["recording"], round(float(row["start_s"])), row["class"]))
        row["verdict"] = {1: "yes", 0: "no"}.get(value, "unsure")
    return reader.fieldnames, found


def save(path, names, found):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(found)


def main(program, data, backbone, contract, rounds=3, per_class=4):
    data = Path(data).resolve() / "survey_us"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        known = Survey(program, data, folder / "known", backbone, contract)
        known.label(lambda path: True)
        print(f"all labels: mean AP {known.learn():.3f}")
        paths = {row["recording_id"]: row["path"] for row in rows(known.run, "recordings")}
        segments = {row["segment_id"]: (paths[row["recording_id"]], round(row["start_s"])) for row in rows(known.run, "segments")}
        truth = {(*segments[row["segment_id"]], row["class"]): row["value"] for row in rows(known.run, "labels")}
        with open(data / "subset.csv", newline="") as file:
            subset = {Path(next(iter(row.values()))).stem: row for row in csv.DictReader(file)}
        side = {stem: next(value for value in row.values() if value in ("train", "test")) for stem, row in subset.items()}
        seeded = sorted(stem for stem, name in side.items() if name == "train")[:: max(1, sum(v == "train" for v in side.values()) // SEEDED)][:SEEDED]
        is_labelled = lambda path: side.get(path.stem) == "test" or path.stem in seeded
        surveys = {}
        for name in ("next", "random"):
            surveys[name] = Survey(program, data, folder / name, backbone, contract)
            surveys[name].label(is_labelled)
        start = surveys["next"].learn()
        surveys["random"].learn()
        print(f"{SEEDED} recordings with labels: mean AP {start:.3f}")
        draw, verdicts = random.Random(1), 0
        open_windows = sorted({key[:2] for key in truth if side.get(Path(key[0]).stem) == "train" and Path(key[0]).stem not in seeded})
        classes = sorted({key[2] for key in truth})
        for number in range(1, rounds + 1):
            listen = folder / f"round{number}"
            chosen = surveys["next"]
            chorus(program, "next", "--run", chosen.run, "-o", listen, "--per-class", per_class, "--seed", number)
            names, found = judged(listen / "sheet.csv", truth)
            save(chosen.archive / "reviews" / f"round{number}.csv", names, found)
            verdicts += len(found)
            drawn = []
            for row in found:
                path, start_s = draw.choice(open_windows)
                name = draw.choice(classes)
                verdict = {1: "yes", 0: "no"}.get(truth[path, start_s, name], "unsure")
                drawn.append({**row, "class": name, "recording": path, "start_s": start_s, "end_s": start_s + 3, "verdict": verdict})
            save(surveys["random"].archive / "reviews" / f"round{number}.csv", names, drawn)
            yes = sum(row["verdict"] == "yes" for row in found), sum(row["verdict"] == "yes" for row in drawn)
            by_next, by_random = surveys["next"].learn(), surveys["random"].learn()
            print(f"round {number}: {verdicts} verdicts, {yes[0]} and {yes[1]} yes: mean AP {by_next:.3f} by chorus next, {by_random:.3f} at random", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5], *map(int, sys.argv[5:]))
