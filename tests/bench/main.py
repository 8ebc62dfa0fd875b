"""All benchmarks, one after the other, and one table of what they found: `main.py CHORUS [NAME…]`, as in `main.py target/release/chorus query`.

Each figure is kept in ~/.cache/chorus/bench/results.jsonl (or below $XDG_CACHE_HOME), with the machine, the versions of Chorus and of what it
is compared with, and how long each benchmark took. The table has a column for how each figure changed since it was last found on the same kind
of machine. Ratios are compared where there are some: they depend less on what else the machine was doing. Ends with exit status 1 when a
benchmark failed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import NOTED, cache, machine, version

HERE = Path(__file__).parent
# The benchmarks in their order, with their arguments.
BENCHMARKS = {"featurize": [], "learn": [], "memory": [], "query": [], "search": [], "scale": ["--recordings", "20000", "--units", "2000"], "units": ["--units", "5000"]}
# A smaller difference from the last run is noise.
NOISE = 0.05


def kept(place):
    """Earlier runs, the last one last; what is no run is passed over."""
    runs = []
    for line in place.read_text().splitlines() if place.exists() else []:
        try:
            run = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(run, dict) and {"at", "machine", "version", "figures"} <= run.keys():
            runs.append(run)
    return runs


def before(runs, here):
    """The last figure of each name, of runs on this kind of machine."""
    last = {}
    for run in runs:
        if run["machine"] == here:
            last |= {(figure["what"], figure["beside"]): figure for figure in run["figures"]}
    return last


def newest(runs, here):
    """The last run on this kind of machine; `None` where there is none."""
    return next((run for run in reversed(runs) if run["machine"] == here), None)


def change(now, then):
    """By what share a figure became better; `None` where nothing is known. Less is better, except of ratios and rates."""
    if then is None:
        return None
    if now["ratio"] and then["ratio"]:
        return now["ratio"] / then["ratio"] - 1
    if not now["value"] or not then["value"] or now["unit"] != then["unit"]:
        return None
    more = now["value"] / then["value"]
    return more - 1 if now["unit"].endswith("/s") or now["unit"].endswith("real time") else 1 / more - 1


def in_words(share):
    if share is None:
        return "new"
    if abs(share) < NOISE:
        return "as before"
    return f"{abs(share):.0%} {'better' if share > 0 else 'worse'}"


def table(figures, last):
    rows = [("what", "chorus", "beside", "times as good", "since the last run")]
    for figure in figures:
        value = f"{figure['value']:.4g} {figure['unit']}"
        ratio = f"{figure['ratio']:.2f}" if figure["ratio"] else ""
        since = in_words(change(figure, last.get((figure["what"], figure["beside"]))))
        rows.append((figure["what"], value, figure["beside"] or "", ratio, since))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def described(version):
    """Versions in words; runs of before peers were kept have none."""
    peers = "".join(f", {name} {number}" for name, number in version.get("peers", {}).items())
    return f"{version['chorus']} ({version['commit']}), {version['compiler']}{peers}"


def main(chorus, names):
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; expected some of {', '.join(BENCHMARKS)}")
    failed, figures, took = [], [], {}
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        noted = Path(folder, "results.jsonl")
        for name in names or BENCHMARKS:
            print(f"---- {name}", flush=True)
            start = time.monotonic()
            done = subprocess.run([sys.executable, HERE / f"{name}.py", chorus, *BENCHMARKS[name]], env=os.environ | {NOTED: str(noted)})
            took[name] = round(time.monotonic() - start)
            if done.returncode != 0:
                failed.append(name)
        if noted.exists():
            figures = [json.loads(line) for line in noted.read_text().splitlines()]
    here, made = machine(), version(chorus)
    place = cache() / "results.jsonl"
    runs = kept(place)
    print(f"\n{here['processor']}, {here['cores']} cores, {here['graphics'] or 'no GPU'}; {described(made)}\n")
    print(table(figures, before(runs, here)))
    last = newest(runs, here)
    print(f"\nthe last run on this kind of machine: {last['at']}, {described(last['version'])}" if last else "\nthe first run on this kind of machine")
    print(f"{sum(took.values()) / 60:.0f} minutes: {', '.join(f'{name} {seconds} s' for name, seconds in took.items())}")
    print(f"{len(runs) + 1} runs are kept in {place}")
    with open(place, "a") as file:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        file.write(json.dumps({"at": at, "machine": here, "version": made, "seconds": took, "failed": failed, "figures": figures}) + "\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
