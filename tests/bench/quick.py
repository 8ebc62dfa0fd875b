"""Instructions of the hot paths, counted: `quick.py CHORUS [--accept]`. Takes about a minute.

Log-mel spectrograms, the resampler, predictions through the worker, and a question in SQL. Each is counted for a small and for a larger
piece of work, and the difference is told: what a program does when it starts is left out. Counts hardly depend on what else the machine
does, so that a loss of 3 % shows.

Counts come from `perf stat` where the system allows it, else from valgrind's cachegrind (which counts what callgrind does and is faster; it
shows programs a processor with AVX2 at most). The fewest so far are kept in ~/.cache/chorus/bench/instructions.json, for each tool, set of
instructions and compiler. Exit status 1: a count is more than 3 % over the fewest; `--accept` makes today's counts the ones to compare with.
"""

import json
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

from results import cache, first_line, machine

# The share of instructions that may come on top of the fewest so far.
MOST = 0.03
SECONDS = 60
SMALL, LARGE = 1, 3
ROWS = 200_000
QUESTION = "SELECT value % 97 AS k, COUNT(*) AS n, AVG(value) AS mean, COUNT(DISTINCT value % 1000) AS d FROM range({rows}) t GROUP BY 1 ORDER BY 1"
CONFIG = """
archive: {{path: {folder}/{archive}, audio: raw, timezone: UTC}}
run: {{path: {folder}/{run}}}
segment: {{hop_s: 3}}
featurize: {{sample_rate_hz: {rate}, f_max_hz: {top}}}
train: {{threads: 1}}
predict: {{batch_size: 20}}
"""
# A model needs a few labels; how good it is does not matter.
LABELLED = """
annotate: {format: csv, folder: labels.csv, classes: [HIGH, LOW]}
split: {test_fraction: 0.34, validation_fraction: 0.5}
"""
MODEL = ["train.architecture=mobilenet_v3_small", "train.width=0.25", "train.epochs=1", "train.batch_size=8", "train.mixing=none"]


def recordings(folder, n, rate):
    """Recordings of noise with a tone, at a rate."""
    draw = random.Random(1)
    for i in range(n):
        path = folder / "raw" / f"S{i}" / f"S{i}_2025010{i + 1}_200000.wav"
        path.parent.mkdir(parents=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(b"".join(struct.pack("<h", draw.randrange(-8000, 8000)) for _ in range(rate * SECONDS)))


def labels(folder, n):
    rows = ["file,start_s,end_s,label"]
    for i in range(n):
        rows += [f"S{i}_2025010{i + 1}_200000.wav,{3 * w},{3 * w + 2},{'HIGH' if w % 2 else 'LOW'}" for w in range(SECONDS // 3)]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def of_valgrind(log):
    """Instructions of all processes in logs of cachegrind."""
    return sum(int(n.replace(",", "")) for n in re.findall(r"I\s+refs:\s+([\d,]+)", log)) or None


def of_perf(text):
    """Instructions in the fields of `perf stat -x,`; `None` where the processor does not count."""
    found = re.search(r"^(\d+),[^,]*,instructions", text, re.MULTILINE)
    return int(found[1]) if found else None


def run(command):
    """A command that has ended; where it cannot be started, this program ends with a sentence that says so."""
    try:
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace")
    except OSError as error:
        sys.exit(f"bench-quick: {in_words(command)} cannot be started: {error}")


def in_words(command):
    return f"`{' '.join(map(str, command))}`"


def check(command, done, under=""):
    """Ends this program with a sentence where a command failed."""
    if done.returncode != 0:
        said = done.stderr.strip()[-2000:] or "it said nothing"
        sys.exit(f"bench-quick: {in_words(command)} failed{under} with status {done.returncode}: {said}")


class Perf:
    name = "perf"

    @staticmethod
    def run(command):
        """The command that has ended, and its instructions."""
        with tempfile.NamedTemporaryFile("r") as out:
            done = run(["perf", "stat", "-x,", "-e", "instructions:u", "-o", out.name, "--", *command])
            return done, of_perf(out.read())

    @classmethod
    def works(cls):
        if not shutil.which("perf"):
            return False
        done, n = cls.run(["true"])
        return done.returncode == 0 and n is not None


class Valgrind:
    name = "valgrind"

    @staticmethod
    def run(command):
        """The command that has ended, and its instructions."""
        with tempfile.TemporaryDirectory() as folder:
            tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes", "--cachegrind-out-file=/dev/null", f"--log-file={folder}/%p"]
            done = run([*tool, *command])
            return done, of_valgrind("".join(path.read_text(errors="replace") for path in Path(folder).iterdir()))

    @staticmethod
    def works():
        return bool(shutil.which("valgrind"))


def count(tool, command):
    """The instructions of a command. Where it fails, or the tool counts nothing, this program ends with a sentence."""
    done, n = tool.run(command)
    check(command, done, f" under {tool.name}")
    if n is None:
        sys.exit(f"bench-quick: {tool.name} counted no instructions of {in_words(command)}; run it again")
    return n


def quiet(command):
    check(command, run(command))


def spectrograms(chorus, folder, tool, rate, wanted):
    """Instructions for the spectrograms of so many recordings of a minute, by their number."""
    counts = []
    for n in (SMALL, LARGE):
        name = f"{rate}-{n}"
        recordings(folder / name, n, rate)
        config = folder / f"{name}.yaml"
        config.write_text(CONFIG.format(folder=folder, archive=name, run=f"run-{name}", rate=wanted, top=wanted // 2))
        quiet([chorus, "run", "segment", "--with-upstream", "-c", config])
        counts.append(count(tool, [chorus, "run", "featurize", "--force", "-j", "1", "-c", str(config)]))
    return counts[1] - counts[0]


def predictions(chorus, folder, tool):
    """Instructions for predictions from audio, 20 windows a batch, in the worker and before it."""
    recordings(folder / "taught", LARGE, 16_000)
    labels(folder / "taught", LARGE)
    config = folder / "taught.yaml"
    config.write_text(CONFIG.format(folder=folder, archive="taught", run="taught-run", rate=16_000, top=8000) + LABELLED)
    sets = [word for pair in MODEL for word in ("--set", pair)]
    quiet([chorus, "run", "train", "--with-upstream", "-c", config, *sets])
    counts = []
    for n in (SMALL, LARGE):
        name = f"16000-{n}"
        own = folder / f"predict-{n}.yaml"
        own.write_text(f"archive: {{path: {folder}/{name}, audio: raw, timezone: UTC}}\nrun: {{path: {folder}/predict-{n}}}\nmodel: {{path: {folder}/taught-run/model}}\ntrain: {{threads: 1}}\npredict: {{batch_size: 20}}\n")
        quiet([chorus, "run", "segment", "--with-upstream", "-c", own])
        counts.append(count(tool, [chorus, "run", "predict", "--force", "-j", "1", "-c", str(own)]))
    return counts[1] - counts[0]


def question(chorus, folder, tool):
    """Instructions of a question, for so many more rows."""
    ask = lambda rows: count(tool, [chorus, "query", "--run", f"{folder}/run-16000-1", "--format", "csv", QUESTION.format(rows=rows)])
    return ask(LARGE * ROWS) - ask(SMALL * ROWS)


def compare(kept, key, counts):
    """What takes more than it may: names, counts, the fewest. `kept` then has the fewest of each name."""
    fewest = kept.setdefault(key, {})
    lost = [(name, n, fewest[name]) for name, n in counts.items() if name in fewest and n > fewest[name] * (1 + MOST)]
    for name, n in counts.items():
        fewest[name] = min(n, fewest.get(name, n))
    return lost


def main(chorus, accept):
    tool = next((tool for tool in (Perf, Valgrind) if tool.works()), None)
    if tool is None:
        print("bench-quick: skipped: neither does perf count here, nor is valgrind installed (apt-get install valgrind)")
        return
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as temporary:
        folder = Path(temporary)
        counts = {
            "log-mel, 120 s at 16 kHz": spectrograms(chorus, folder, tool, 16_000, 16_000),
            "resampled from 44.1 to 32 kHz and log-mel, 120 s": spectrograms(chorus, folder, tool, 44_100, 32_000),
            "predictions from audio, 40 windows": predictions(chorus, folder, tool),
            f"SQL: groups of {(LARGE - SMALL) * ROWS} rows": question(chorus, folder, tool),
        }
    place = cache() / "instructions.json"
    kept = json.loads(place.read_text()) if place.exists() else {}
    key = "; ".join([tool.name, " ".join(machine()["features"]), first_line("rustc", "-V")])
    if accept:
        kept.pop(key, None)
    known = dict(kept.get(key, {}))
    lost = compare(kept, key, counts)
    for name, n in counts.items():
        since = f"{n / known[name] - 1:+.1%} of the fewest so far" if name in known else "the first count"
        print(f"{name:50} {n / 1e6:10.1f} million instructions  {since}")
    place.write_text(json.dumps(kept, indent=1))
    if lost:
        sys.exit(f"more than {MOST:.0%} lost: {', '.join(name for name, *_ in lost)}; find out why, or accept it: make bench-quick ACCEPT=1")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], "--accept" in sys.argv[2:])
