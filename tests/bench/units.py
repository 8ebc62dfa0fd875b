"""What a run of many units costs: `units.py CHORUS [--units 5000,50000] [--each 1] [--old CHORUS]`. A made-up archive has one short recording
for each site-day, or `--each` of them. Measured are a share of 64 and a whole run that have nothing to do: seconds by the clock and of processor, memory, and calls of the
system that ask about or open files (strace). `--old` measures another version of the program on a copy of the run. `--plan 12` measures in place of that
how long each of twelve shares takes to plan ingest, before anything is made.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from results import tell

RATE, SECONDS = 8000, 0.5
CONFIG = """
archive: {{path: {archive}, audio: raw}}
run: {{path: {run}}}
annotate: {{format: csv, folder: labels.csv, classes: [DENMIN, BOAFAB]}}
segment: {{window_s: {seconds}}}
featurize: {{sample_rate_hz: {rate}, n_mels: 8, n_fft: 256, win_length: 256, hop_length: 128, f_max_hz: {top}}}
units: {{keep_free_gib: 0}}
"""
# Calls that ask about or open files and folders.
METADATA = "open,openat,stat,lstat,newfstatat,statx,fstat,access,faccessat2,getdents64,readlink,unlink,rename,renameat2,mkdir,mkdirat,link,linkat"


def make_archive(folder, units, each):
    draw, days = np.random.default_rng(1), 200
    rows = ["file,start_s,end_s,label"]
    for number in range(units):
        site, day = divmod(number, days)
        date = np.datetime64("2025-01-01") + day
        path = folder / "raw" / f"S{site:04}" / f"S{site:04}_{str(date).replace('-', '')}_200000.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = (draw.normal(size=int(RATE * SECONDS)) * 1000).astype("<i2")
        for minute in range(each):
            one = path.with_name(path.name.replace("_200000", f"_{(20 + minute // 60) % 24:02}{minute % 60:02}00"))
            with wave.open(str(one), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                # No two recordings are the same.
                file.writeframes(np.roll(samples, minute).tobytes())
        if day % 20 == 0:
            rows.append(f"{path.relative_to(folder / 'raw')},0,0.4,{'BOAFAB' if site % 2 else 'DENMIN'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def timed(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command}: {said[-2000:]}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def calls(command):
    with tempfile.NamedTemporaryFile() as log:
        subprocess.run(["strace", "-f", "-c", "-e", f"trace={METADATA}", "-o", log.name, *command], check=True, capture_output=True)
        lines = Path(log.name).read_text().splitlines()
    return sum(int(re.split(r"\s+", line.strip())[3]) for line in lines if re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+\d+", line) and "total" not in line)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("chorus")
    arguments.add_argument("--units", default="5000,50000")
    arguments.add_argument("--each", type=int, default=1, help="recordings of a unit, at most 1,440")
    arguments.add_argument("--plan", type=int, help="in how many shares to plan ingest")
    arguments.add_argument("--old")
    arguments.add_argument("--folder", help="keep the archives and runs here")
    given = arguments.parse_args()
    print(f"{'units':>7} {'program':8} {'what':34} {'seconds':>8} {'processor':>9} {'MiB':>6} {'calls':>9}")
    with tempfile.TemporaryDirectory() as temporary:
        for units in map(int, given.units.split(",")):
            work = Path(given.folder or temporary) / str(units)
            archive = work / "archive"
            if not archive.exists():
                make_archive(archive, units, given.each)
            for name, program in (("old", given.old), ("new", given.chorus)):
                if not program:
                    continue
                run, config = work / f"run-{name}", work / f"{name}.yaml"
                config.write_text(CONFIG.format(archive=archive, run=run, rate=RATE, seconds=SECONDS, top=RATE // 2))
                command = [program, "run", "-c", str(config)]
                if given.plan:
                    for share in range(1, given.plan + 1):
                        what = f"plan share {share}/{given.plan} of ingest"
                        seconds, processor, memory, _ = timed([*command, "ingest", "--units", f"{share}/{given.plan}", "--dry-run"])
                        print(f"{units:7} {name:8} {what:34} {seconds:8.1f} {processor:9.1f} {memory:6.0f}", flush=True)
                    continue
                steps = (
                    ("first run, to features and split", [*command, "featurize", "split", "--with-upstream"], False),
                    ("share 3/64 of featurize, no-op", [*command, "featurize", "--units", "3/64"], True),
                    ("share 3/64 with upstream, no-op", [*command, "featurize", "--with-upstream", "--units", "3/64"], True),
                    ("whole run, no-op", [*command, "featurize", "split", "--with-upstream"], True),
                )
                for what, step, counts in steps:
                    seconds, processor, memory, said = timed(step)
                    number = calls(step) if counts and shutil.which("strace") else ""
                    print(f"{units:7} {name:8} {what:34} {seconds:8.1f} {processor:9.1f} {memory:6.0f} {number:>9}", flush=True)
                    if name == "new":
                        tell(f"{units} units, {what}", processor, "s of processor")
                        tell(f"{units} units, {what}, memory", memory, "MiB")


main()
