"""What the benchmarks share: `measured` runs a command, `tell` notes a figure. main.py gathers the figures into one table and keeps them."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

# The file that main.py reads afterwards; without it a benchmark runs by itself, and only prints.
NOTED = "CHORUS_BENCH_RESULTS"
# Instructions that decide which kernels run.
DECIDING = re.compile(r"^(sse4_[12]|avx|avx2|fma|f16c|avx_vnni|avx512\w*|amx_\w+|asimd\w*|sve\w*|bf16|i8mm)$")

# The packages of Python that do the work of the programs that Chorus is compared with.
PEERS = ("torch", "torchaudio", "librosa", "onnxruntime", "openvino", "duckdb", "faiss-cpu", "pyarrow")


class Measured(NamedTuple):
    """What a command took: seconds by the clock and of processor, MiB of memory at most, and what it printed. Processor and memory are
    those of the command and of what it started and waited for."""

    seconds: float
    processor: float
    mib: float
    out: str
    said: str


def measured(command, accepted=(0,), environment=None):
    """Runs a command; ends this program with what it said where its exit status is not one of those accepted."""
    command = list(map(str, command))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=said, env=os.environ | (environment or {}))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, said):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode not in accepted:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}\n{(texts[1] or texts[0])[-2000:]}")
    # macOS tells bytes, Linux KiB.
    mib = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, mib, *texts)


def traced(command, calls, *options):
    """What strace writes of a command's calls of the system; `None` where it is not installed, or may not trace."""
    if not shutil.which("strace"):
        return None
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        traced = ["strace", "-f", "-e", f"trace={calls}", "-o", log.name, *options, *command]
        done = subprocess.run(list(map(str, traced)), stdin=subprocess.DEVNULL, capture_output=True)
        return log.read() if done.returncode == 0 else None


def tell(what, value, unit, beside=None, ratio=None):
    """Notes a figure of Chorus; `beside` names the program that it is compared with, and `ratio` is how many times as fast Chorus is (of
    memory: how many times as little it takes). More is better in all ratios, and of units that end in `/s` or `real time`; else less is."""
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


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine():
    """What speed depends on, of this machine."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = sorted(filter(DECIDING.match, fields.get("flags", fields.get("Features", "")).split()))
    graphics = first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return {"processor": fields.get("model name") or platform.machine(), "cores": cores(), "features": flags, "graphics": graphics}


def version(chorus):
    """Version and commit of the program, its compiler, and the versions of what it is compared with."""
    return {"chorus": first_line(chorus, "--version"), "commit": commit(), "compiler": first_line("rustc", "-V"), "peers": peers()}


def commit():
    """The commit of the sources beside this file, with `-dirty` where they were changed since."""
    return first_line("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")


def peers():
    """Versions of the programs that Chorus is compared with, of those that are installed."""
    found = {}
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
