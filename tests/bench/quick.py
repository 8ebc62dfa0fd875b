"""Instructions of the hot paths, counted: `quick.py CHORUS [--accept 1|gains] [--spread N]`. Takes one to two minutes with valgrind, less with perf.

Log-mel spectrograms, the resampler, a question in SQL, and predictions through the worker. The first three are counted for a small and for a
larger piece of work, and the difference is told, so that what a program does when it starts is left out. Of predictions the whole is told:
libtorch takes most of a minute to start under valgrind, and that is done once.

Counts do not depend on what else the machine does. Of five counts on a loaded machine, the highest was at most 0.05 % over the lowest:
everything works on one thread of one core, with the same files. What is left comes from the seeds of hash tables and from random names.
`--spread N` counts N times, tells that spread for this machine, and compares nothing.

Counts come from `perf stat` where the system allows it, else from valgrind's cachegrind (which counts what callgrind does and is faster; it
shows programs a processor with AVX2 at most). Each is compared with the one that was accepted for the same tool, processor, C library,
compiler and way to compile; these are kept in ~/.cache/chorus/bench/instructions.json, each with the commit that it is of. Where there is
none, today's is accepted. A count that differs by more than MOST is counted again, and the nearer one holds. `--accept 1` accepts today's
counts, whatever they are; `--accept gains`, as CI does in the end, those that are lower by more than MOST. Nothing else moves an accepted
count: neither does luck lower it bit by bit, nor do small losses add up unseen, nor does an experiment that was left hold others to what it
found.

Exit status 1: a count is higher by more than MOST, and was not accepted.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import wave
from pathlib import Path

from results import cache, commit, first_line, machine

# The share of instructions that may come on top of the accepted count: many times the spread of equal work.
MOST = 0.01
SECONDS = 30
SMALL, LARGE = 1, 3
ROWS = 200_000
QUESTION = "SELECT value % 97 AS k, COUNT(*) AS n, AVG(value) AS mean, COUNT(DISTINCT value % 1000) AS d FROM range({rows}) t GROUP BY 1 ORDER BY 1"
# One thread of whatever may start several.
ONE_THREAD = {name: "1" for name in ("RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS", "POLARS_MAX_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
# Progress is told by the clock. Other variables change what is counted, and are not ours.
QUIET = {"CHORUS_QUIET": "1", "GOMP_SPINCOUNT": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
CONFIG = """
archive: {{path: {folder}/{archive}, audio: raw, timezone: UTC}}
run: {{path: {folder}/{run}}}
segment: {{hop_s: 3}}
train: {{threads: 1}}
predict: {{batch_size: 10}}
"""
FEATURES = "featurize: {{sample_rate_hz: {rate}, f_max_hz: {top}}}\n"
# A model needs a few labels; how good it is does not matter.
LABELLED = """
annotate: {format: csv, folder: labels.csv, classes: [HIGH, LOW]}
split: {test_fraction: 0.34, validation_fraction: 0.5}
"""
MODEL = ["train.architecture=mobilenet_v3_small", "train.width=0.25", "train.epochs=1", "train.batch_size=8", "train.mixing=none"]
APPLIED = "model: {{path: {folder}/taught-run/model}}\ndetect: {{threshold: 0.5}}\n"


def recordings(folder, n, rate):
    """Recordings of noise, at a rate."""
    draw = random.Random(1)
    for i in range(n):
        path = folder / "raw" / f"S{i}" / f"S{i}_2025010{i + 1}_200000.wav"
        path.parent.mkdir(parents=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(draw.randbytes(2 * rate * SECONDS))


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
        return subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
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

    @staticmethod
    def programs(chorus, folder):
        """The programs to count."""
        return chorus


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
    def programs(chorus, folder):
        """The programs to count, without their symbols, which valgrind otherwise reads for seconds in each process."""
        if not shutil.which("strip"):
            return chorus
        for program in (chorus, chorus.with_name("chorus-torch")):
            quiet(["strip", "-o", folder / program.name, program])
        return folder / chorus.name


def counts_here(tool, chorus):
    """Whether a tool is installed, and counts what the program does."""
    if not shutil.which(tool.name):
        return False
    done, n = tool.run([chorus, "--version"])
    return done.returncode == 0 and n is not None


def count(tool, command):
    """The instructions of a command. Where it fails, or the tool counts nothing, this program ends with a sentence."""
    done, n = tool.run(command)
    check(command, done, f" under {tool.name}")
    if n is None:
        sys.exit(f"bench-quick: {tool.name} counted no instructions of {in_words(command)}; run it again")
    return n


def quiet(command):
    check(command, run(command))


def prepared(chorus, folder, name, rate, text):
    """The configuration of a run over the archive `name`, whose windows are there."""
    config = folder / f"{name}.yaml"
    config.write_text(CONFIG.format(folder=folder, archive=name, run=f"run-{name}") + text.format(folder=folder, rate=rate, top=rate // 2))
    quiet([chorus, "run", "segment", "--with-upstream", "-c", config])
    return config


def spectrograms(chorus, folder, rate, wanted):
    """Commands that make the spectrograms of fewer and of more recordings."""
    commands = []
    for n in (SMALL, LARGE):
        name = f"{rate}-{n}"
        recordings(folder / name, n, rate)
        config = prepared(chorus, folder, name, wanted, FEATURES)
        commands.append([chorus, "run", "featurize", "--force", "-j", "1", "-c", config])
    return commands


def question(chorus, folder):
    """Commands that ask a question of fewer and of more rows."""
    return [[chorus, "query", "--run", folder / "run-16000-1", "--format", "csv", QUESTION.format(rows=n * ROWS)] for n in (SMALL, LARGE)]


def predictions(chorus, folder):
    """A command that predicts from audio, a recording's windows a batch, in the worker and before it. A model is taught first."""
    recordings(folder / "taught", LARGE, 16_000)
    labels(folder / "taught", LARGE)
    config = folder / "taught.yaml"
    config.write_text(CONFIG.format(folder=folder, archive="taught", run="taught-run") + LABELLED)
    sets = [word for pair in MODEL for word in ("--set", pair)]
    quiet([chorus, "run", "train", "--with-upstream", "-c", config, *sets])
    recordings(folder / "predicted", LARGE, 16_000)
    own = prepared(chorus, folder, "predicted", 16_000, APPLIED)
    return [[chorus, "run", "predict", "--force", "-j", "1", "-c", own]]


def difference(tool, commands):
    """Instructions of the last command that the first one, which does less, does not need; of a single command, all."""
    counts = [count(tool, command) for command in commands]
    return counts[-1] - counts[0] if len(counts) > 1 else counts[0]


def compare(counts, kept, again, today, accepts_gains):
    """Compares counts with those kept, which are accepted ones, and keeps what is new and, where asked, what is clearly lower.

    `again` counts a piece of work again; `today` stands beside what is newly kept. Gives a line for each, and the names of those that are clearly
    higher.
    """
    lines, lost = [], []
    for name, n in counts.items():
        known = kept.get(name)
        words = "the first count"
        if known:
            accepted = known["instructions"]
            share = lambda n: n / accepted - 1
            if abs(share(n)) > MOST:
                n = min(n, again(name), key=lambda n: abs(share(n)))
            words = f"{share(n):+.2%} of {accepted / 1e6:.1f} at commit {known['commit']}, {known['at']}"
            if share(n) > MOST:
                lost.append(name)
            if share(n) < -MOST:
                words += "; accepted" if accepts_gains else "; to hold later ones to it: make bench-quick ACCEPT=1"
        if not known or accepts_gains and share(n) < -MOST:
            kept[name] = {"instructions": n} | today
        lines.append(f"{name:56} {n / 1e6:8.1f} million instructions  {words}")
    return lines, lost


def read(place):
    """The accepted counts of all machines; none where the file is no such thing."""
    try:
        kept = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    is_count = lambda one: isinstance(one, dict) and {"instructions", "commit", "at"} <= one.keys()
    kept = kept.items() if isinstance(kept, dict) else ()
    return {key: {name: one for name, one in counts.items() if is_count(one)} for key, counts in kept if isinstance(counts, dict)}


def write(place, kept):
    """Writes beside the file first: this program may be stopped."""
    new = place.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(kept, indent=1))
    new.replace(place)


def tool_here(chorus):
    """The tool that counts here; none where no tool does."""
    return next((tool for tool in (Perf, Valgrind) if counts_here(tool, chorus)), None)


def key(tool):
    """What a count depends on beside the program and its work."""
    own = machine()
    libc = " ".join(platform.libc_ver())
    # How all is compiled. Another way moves each count, and a loss in a single one could not be told from that.
    manifest = tomllib.loads(Path(__file__).resolve().parents[2].joinpath("Cargo.toml").read_text())
    profile = hashlib.sha256(json.dumps(manifest["profile"]["release"], sort_keys=True).encode()).hexdigest()[:12]
    parts = [first_line(tool.name, "--version"), own["processor"], " ".join(own["features"]), libc, first_line("rustc", "-V"), profile]
    return "; ".join(parts)


def main(chorus, accept, spread):
    os.environ.update(ONE_THREAD | QUIET)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # A program that does not run fails here, and is not taken for a tool that does not count.
    quiet([chorus, "--version"])
    tool = tool_here(chorus)
    if tool is None:
        print("bench-quick: skipped: neither does perf count here, nor is there a valgrind that runs chorus (apt-get install valgrind)")
        return
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as temporary:
        folder = Path(temporary)
        programs = folder / "programs"
        programs.mkdir()
        chorus = tool.programs(chorus, programs)
        seconds = (LARGE - SMALL) * SECONDS
        work = {
            f"log-mel, {seconds} s at 16 kHz": spectrograms(chorus, folder, 16_000, 16_000),
            f"resampled from 44.1 to 32 kHz and log-mel, {seconds} s": spectrograms(chorus, folder, 44_100, 32_000),
            f"SQL: groups of {(LARGE - SMALL) * ROWS} rows": question(chorus, folder),
            f"predictions from audio, {LARGE * SECONDS // 3} windows, with start": predictions(chorus, folder),
        }
        again = lambda name: difference(tool, work[name])
        if spread:
            for name in work:
                found = [again(name) for _ in range(spread)]
                print(f"{name:56} {min(found) / 1e6:8.1f} million instructions, the highest of {spread} counts {max(found) / min(found) - 1:.4%} over the lowest", flush=True)
            return
        place = cache() / "instructions.json"
        kept = read(place)
        own = {} if accept == "1" else kept.get(key(tool), {})
        today = {"commit": commit(), "at": time.strftime("%Y-%m-%d", time.gmtime())}
        lines, lost = compare({name: again(name) for name in work}, own, again, today, accept == "gains")
    # Another one may have ended meanwhile; what it kept of other machines stays.
    write(place, read(place) | {key(tool): own})
    print("\n".join(lines))
    if lost:
        sys.exit(
            f"bench-quick: {', '.join(lost)}: more than {MOST:.0%} over the accepted count. Find out why; "
            "if it is meant, accept today's counts once, and say so in the commit: make bench-quick ACCEPT=1"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chorus", type=lambda path: Path(path).absolute())
    parser.add_argument("--accept", choices=["1", "gains"], help="accept today's counts: whatever they are, or those that are clearly lower")
    parser.add_argument("--spread", type=int, metavar="N", help="count N times, and tell the spread")
    given = parser.parse_args()
    main(given.chorus, given.accept, given.spread)
