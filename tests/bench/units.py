"""What a run of many units costs: `units.py CHORUS [--units 5000,50000] [--each 1] [--old CHORUS]`.

A made-up archive has one short recording for each site-day, or `--each` of them. Measured are a share of 64 and a whole run that have nothing
to do: seconds by the clock and of processor, memory, and calls of the system that ask about or open files (strace). `--old` measures another
version of the program too, in a run of its own. `--plan 12` measures in place of that how long each of twelve shares takes to plan ingest,
before anything is made.
"""

import argparse
import datetime
import random
import re
import tempfile
import wave
from pathlib import Path

from results import measured, tell, traced

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
    draw, days = random.Random(1), 200
    rows = ["file,start_s,end_s,label"]
    for number in range(units):
        site, day = divmod(number, days)
        date = datetime.date(2025, 1, 1) + datetime.timedelta(days=day)
        path = folder / "raw" / f"S{site:04}" / f"S{site:04}_{date:%Y%m%d}_200000.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = draw.randbytes(2 * int(RATE * SECONDS))
        for minute in range(each):
            one = path.with_name(path.name.replace("_200000", f"_{(20 + minute // 60) % 24:02}{minute % 60:02}00"))
            with wave.open(str(one), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                # No two recordings are the same.
                file.writeframes(samples[2 * minute :] + samples[: 2 * minute])
        if day % 20 == 0:
            rows.append(f"{path.relative_to(folder / 'raw')},0,0.4,{'BOAFAB' if site % 2 else 'DENMIN'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def calls(command):
    """How many calls a command makes that ask about or open files; empty where they cannot be counted."""
    log = traced(command, METADATA, "-c")
    if log is None:
        return ""
    rows = [line for line in log.splitlines() if re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+\d+", line) and "total" not in line]
    return sum(int(line.split()[3]) for line in rows)


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
                        took = measured([*command, "ingest", "--units", f"{share}/{given.plan}", "--dry-run"])
                        print(f"{units:7} {name:8} {what:34} {took.seconds:8.1f} {took.processor:9.1f} {took.mib:6.0f}", flush=True)
                    continue
                steps = (
                    ("first run, to features and split", [*command, "featurize", "split", "--with-upstream"], False),
                    ("share 3/64 of featurize, no-op", [*command, "featurize", "--units", "3/64"], True),
                    ("share 3/64 with upstream, no-op", [*command, "featurize", "--with-upstream", "--units", "3/64"], True),
                    ("whole run, no-op", [*command, "featurize", "split", "--with-upstream"], True),
                )
                for what, step, counts in steps:
                    took = measured(step)
                    number = calls(step) if counts else ""
                    print(f"{units:7} {name:8} {what:34} {took.seconds:8.1f} {took.processor:9.1f} {took.mib:6.0f} {number:>9}", flush=True)
                    if name == "new":
                        tell(f"{units} units, {what}", took.processor, "s of processor")
                        tell(f"{units} units, {what}, memory", took.mib, "MiB")
                        if number != "":
                            tell(f"{units} units, {what}, calls", number, "calls of the system")


if __name__ == "__main__":
    main()
