"""The workflow for Snakemake beside a single process: `check.py CHORUS`. Four shares of the demo, planned by workflow/Snakefile with the local
profile, have to leave the tables, the model and the report of one process, byte for byte. A second call has nothing to do, and a new
recording reruns what it must. Ends with exit status 1 and what differs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A small network, and one epoch: the files count, not what it learns.
SETS = ["train.architecture=mobilenet_v3_small", "train.width=0.35", "train.epochs=1", "evaluate.bootstrap=20", "units.keep_free_gib=0"]


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        fail(f"{command}: {done.stdout[-2000:]} {done.stderr[-3000:]}")
    return done.stdout + done.stderr


def results(folder):
    files = [path for part in ("tables", "model", "report") for path in sorted((folder / part).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def main(program):
    program = Path(program).resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run([program, "demo", work / "archive", "--sites", "3", "--nights", "2"])
        sets = [*SETS, f"archive.path={work / 'archive'}"]
        settings = ROOT / "configs/demo.yaml"

        def alone():
            run([program, "run", "-c", settings, *(p for s in [*sets, f"run.path={work / 'alone'}"] for p in ("--set", s))])
            return results(work / "alone")

        def workflow():
            config = [f"settings={settings}", "train_threads=2", "shares=4", f"chorus={program}", f"phases={work / 'phases'}"]
            config.append("set=" + " ".join([*sets, f"run.path={work / 'shared'}"]))
            command = [sys.executable, "-m", "snakemake", "-s", ROOT / "workflow/Snakefile", "--profile", ROOT / "workflow/profiles/local"]
            environment = {**os.environ, "XDG_CACHE_HOME": str(work / "cache"), "CHORUS_TORCH": str(program.with_name("chorus-torch"))}
            said = run([*command, "--cores", "2", "--directory", work, "--config", *config], env=environment)
            return [line.split()[-1].rstrip(":") for line in said.splitlines() if line.startswith(("rule ", "localrule "))], said

        def same(what):
            expected, found = alone(), results(work / "shared")
            differing = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
            if differing or not expected:
                fail(f"{what}: {len(differing)} of {len(expected)} files differ: {', '.join(differing[:8])}")
            print(f"{what}: {len(expected)} files of tables, model and report as from one process")

        jobs, said = workflow()
        if sorted(jobs).count("features") != 4 or jobs.count("predict") != 4 or jobs.count("train") != 1:
            fail(f"jobs {jobs}: {said[-3000:]}")
        same("Snakemake, 4 shares")
        again, said = workflow()
        if [job for job in again if job != "all"]:
            fail(f"a second call runs {again}: {said[-3000:]}")
        print("a second call has nothing to do")
        recording = sorted((work / "archive").rglob("*.wav"))[-1]
        stem, _, time = recording.stem.rpartition("_")
        shutil.copy(recording, recording.with_name(f"{stem}_235900.wav"))
        jobs, said = workflow()
        if "features" not in jobs or "rest" not in jobs:
            fail(f"a new recording runs {jobs}: {said[-3000:]}")
        made = [json.loads(line) for line in (work / "shared/log.jsonl").read_text().splitlines()]
        print(f"a new recording: {len(made)} units were made in all")
        same("after a new recording")


if __name__ == "__main__":
    main(sys.argv[1])
