"""What it costs to look at a large archive in which nothing is new, beside walking its folders:
`scale.py CHORUS [--recordings 100000] [--units 10000] [--folders day] [--folder F]`.

A made-up archive holds that many WAV files of a few samples, in as many site-days as there are units; with `--folders site` the files of a
site lie in one folder, and otherwise each day has a folder of its own. After one ingest, `find -printf` and the commands that have nothing
to do are measured, each `--rounds` times: the least seconds of processor, and the most memory. `--hard-links` makes all files one, which
needs less room; then each is a copy of the others. `--folder` keeps archive and run there, and a later call goes on with them.
"""

import argparse
import datetime
import os
import struct
import sys
import tempfile
from pathlib import Path

from results import measured, tell

# The most names that one file is given: ext4 takes 65,000.
LINKS = 30_000
DAYS = 200
CONFIG = """
archive: {{path: {archive}, audio: raw, timezone: UTC}}
run: {{path: {run}}}
ingest: {{site_folder: 1}}
annotate: {{format: csv, folder: labels.csv, classes: [DENMIN]}}
units: {{keep_free_gib: 0}}
"""
# What is too much: times of the processor time of find, and MiB.
TIMES, MIB = 3.0, 400.0


def wav(number):
    """A recording of 16 samples, which no other one has."""
    # The number itself, in samples, and a few that are not silent.
    samples = struct.pack("<I14h", number, *range(1000, 15_000, 1000))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16, b"data", len(samples))
    return head + samples


def make_archive(folder, recordings, units, by_day, hard_links):
    """Makes the files. The recordings of a day begin one second after the other, from midnight on."""
    each, rest = divmod(recordings, units)
    if each + 1 > 86_400:
        sys.exit("at most 86,400 recordings of a site-day: ask for more units")
    number, first, rows = 0, None, ["file,start_s,end_s,label"]
    for unit in range(units):
        site, day = divmod(unit, DAYS)
        date = datetime.date(2025, 1, 1) + datetime.timedelta(days=day)
        place = folder / "raw" / f"S{site:05}" / (f"{date}" if by_day else "")
        place.mkdir(parents=True, exist_ok=True)
        for second in range(each + (unit < rest)):
            time_of_day = f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
            path = place / f"S{site:05}_{date:%Y%m%d}_{time_of_day}.wav"
            if hard_links and number % LINKS:
                os.link(first, path)
            else:
                path.write_bytes(wav(number))
                first = path
            number += 1
        if unit == 0:
            rows.append(f"{path.relative_to(folder / 'raw')},0,0.001,DENMIN")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "made").write_text(f"{recordings} {units} {by_day} {hard_links}")


def best(command, rounds, accepted=(0,)):
    """The least seconds of several rounds, and the most memory."""
    found = [measured(command, accepted) for _ in range(rounds)]
    return min(one.seconds for one in found), min(one.processor for one in found), max(one.mib for one in found), found[-1].said


def size(folder):
    """How many files and folders there are below a folder, and their MiB."""
    files, folders, size = 0, 0, 0
    for place, below, names in os.walk(folder):
        files, folders = files + len(names), folders + len(below)
        size += sum(os.lstat(os.path.join(place, name)).st_size for name in names)
    return files, folders, size / 2**20


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("chorus")
    arguments.add_argument("--recordings", type=int, default=100_000)
    arguments.add_argument("--units", type=int, default=10_000)
    arguments.add_argument("--folders", choices=["day", "site"], default="day", help="what has a folder of its own")
    arguments.add_argument("--hard-links", action="store_true", help="all files are one")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--folder", help="keep the archive and the run here")
    given = arguments.parse_args()
    if not 0 < given.units <= given.recordings:
        sys.exit("ask for at least one recording for each unit")
    with tempfile.TemporaryDirectory(prefix="chorus-scale-") as temporary:
        work = Path(given.folder or temporary).absolute()
        archive, run, config = work / "archive", work / "run", work / "scale.yaml"
        asked = f"{given.recordings} {given.units} {given.folders == 'day'} {given.hard_links}"
        made = archive / "made"
        if archive.exists() and (not made.exists() or made.read_text() != asked):
            sys.exit(f"{archive} holds another archive: name another --folder, or remove it")
        if not archive.exists():
            archive.mkdir(parents=True)
            make_archive(archive, given.recordings, given.units, given.folders == "day", given.hard_links)
        config.write_text(CONFIG.format(archive=archive, run=run))
        ingest = [given.chorus, "run", "ingest", "-c", config]
        first = measured(ingest)
        print(f"{given.recordings:,} recordings in {given.units:,} units; first ingest: {first.seconds:.1f} s, {first.processor:.1f} s of processor, {first.mib:.0f} MiB\n")
        walk = ["find", archive / "raw", "-printf", "%p %s %i %C@\\n"]
        steps = (
            ("find -printf", walk, (0,)),
            ("ingest, second run", ingest, (0,)),
            ("ingest, dry run", [*ingest, "--dry-run"], (0,)),
            # What was not made yet makes it end with 1.
            ("status", [given.chorus, "status", "-c", config], (0, 1)),
            ("plan", [given.chorus, "plan", "-c", config], (0,)),
        )
        print(f"{'what':20} {'seconds':>8} {'processor':>9} {'times find':>10} {'us each':>8} {'MiB':>6}")
        found, is_over = {}, []
        for what, command, accepted in steps:
            seconds, processor, memory, said = best(command, given.rounds, accepted)
            if what == "ingest, second run" and "nothing to do" not in said:
                sys.exit(f"the second run had something to do:\n{said[-2000:]}")
            found[what] = processor
            times = processor / max(found["find -printf"], 1e-3)
            each = processor / given.recordings * 1e6
            print(f"{what:20} {seconds:8.2f} {processor:9.2f} {times:10.2f} {each:8.2f} {memory:6.0f}", flush=True)
            if what != "find -printf":
                tell(f"{given.recordings} recordings, {what}", processor, "s of processor", "find", 1 / max(times, 1e-3))
                tell(f"{given.recordings} recordings, {what}, memory", memory, "MiB")
                if times > TIMES or memory > MIB:
                    is_over.append(what)
        print()
        for name in ("state", "tables"):
            files, folders, mib = size(run / name)
            print(f"{name + '/':20} {files:,} files in {folders:,} folders, {mib:.1f} MiB")
        logs = sorted(run.glob("log*.jsonl"))
        print(f"{'log*.jsonl':20} {len(logs)} files, {sum(log.stat().st_size for log in logs) / 2**20:.1f} MiB")
        print(f"\nbounds: {TIMES:.0f} times find, {MIB:.0f} MiB; over them: {', '.join(is_over) or 'nothing'}")


if __name__ == "__main__":
    main()
