"""What the benchmarks found: `tell` notes a figure, main.py gathers them into one table and keeps them."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

# The file that main.py reads afterwards; without it a benchmark runs by itself, and only prints.
NOTED = "CHORUS_BENCH_RESULTS"
# Instructions that decide which kernels run.
DECIDING = re.compile(r"^(sse4_[12]|avx|avx2|fma|f16c|avx_vnni|avx512\w*|amx_\w+|asimd\w*|sve\w*|bf16|i8mm)$")


def tell(what, value, unit, beside=None, ratio=None):
    """Notes a figure of Chorus; `beside` names the program that it is compared with, and `ratio` is how many times as fast Chorus is (of
    memory: how many times as little it takes). More is better in all ratios. Units that end in /s are better when there is more of them."""
    place = os.environ.get(NOTED)
    if place:
        with open(place, "a") as file:
            file.write(json.dumps({"what": what, "value": value, "unit": unit, "beside": beside, "ratio": ratio}) + "\n")


def cache():
    """The folder for results of this machine."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "chorus", "bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def first_line(*command):
    """The first line that a command prints; empty where it cannot be run."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[0].strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine():
    """What speed depends on, of this machine."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = sorted(filter(DECIDING.match, fields.get("flags", fields.get("Features", "")).split()))
    graphics = first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": fields.get("model name") or platform.machine(), "cores": cores, "features": flags, "graphics": graphics}


def version(chorus):
    """Version and commit of the program, and its compiler."""
    commit = first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")
    return {"chorus": first_line(chorus, "--version"), "commit": commit, "compiler": first_line("rustc", "-V")}
