"""Installs the wheels of `make wheel` as users do, and works with them: `check.py WHEELS`.

In an environment of their own, without the source tree and without a variable that names a part of Chorus. Ends with exit status 1 and
what differs, else prints what was checked, with sizes and times.
"""

import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
archive: {path: demo, audio: raw_data}
ingest: {site_sheet: sites.csv}
annotate: {format: anuraset_raw, code_table: species.csv}
split: {source: file, file: subset.csv}
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
train: {architecture: mobilenet_v3_small, width: 0.25, epochs: 2, batch_size: 8, multimix_mixtures: 8, threads: 1}
predict: {batch_size: 16, embeddings: true}
units: {keep_free_gib: 0}
"""
PARTS = {"chorus_survey": "chorus", "chorus_survey_torch": "chorus-torch", "chorus_survey_onnx": "chorus-onnx"}
# What a program may be linked to besides what manylinux allows: the worker's part of torch.
OF_TORCH = {"libtorch_cpu.so", "libc10.so"}
# The glibc that programs may ask for where this machine's is not much newer than what pipeline/platform/glibc knows of: Debian 12's.
OLD = (2, 31) if platform.machine() == "x86_64" and tuple(map(int, platform.libc_ver()[1].split("."))) <= (2, 36) else None


class Place:
    """A folder with an environment of Python, in which commands run."""

    def __init__(self, folder):
        self.folder, self.environment = folder, folder / "environment"
        subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", self.environment], check=True)
        self.bin = self.environment / "bin"
        self.packages = next(self.environment.glob("lib/python3*/site-packages"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHORUS_", "LIBTORCH", "LD_", "ORT_"))}
        # Without the environment on PATH: a program finds its workers by itself.
        self.variables = {**kept, "XDG_CACHE_HOME": str(folder / "cache"), "PIP_CACHE_DIR": pip_cache()}

    def call(self, *command, **more):
        return subprocess.run(list(map(str, command)), cwd=self.folder, capture_output=True, text=True, env={**self.variables, **more})

    def done(self, *command, **more):
        ended = self.call(*command, **more)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def pip(self, *arguments, **more):
        # The packages on PYTHONPATH are for this script, and are not installed in the environment.
        return self.done(self.bin / "python", "-m", "pip", *arguments, PYTHONPATH="", **more)

    def files(self):
        # pip leaves folders that it made, once they are empty.
        found = (path for path in self.environment.rglob("*") if path.is_symlink() or not path.is_dir())
        return {str(path.relative_to(self.environment)) for path in found if "__pycache__" not in path.parts}


def pip_cache():
    return subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True).stdout.strip()


def check_binary(folder):
    """A small program that names a folder and asks for old functions only is made fit for other machines, and still works."""
    sys.path.insert(0, str(ROOT / "packaging"))
    os.environ["PATH"] = os.pathsep.join([*(f"{place}/bin" for place in sys.path if place), os.environ["PATH"]])
    import binary

    code, built, made = folder / "small.cc", folder / "small", folder / "made"
    code.write_text(f"""#include <cmath>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <thread>
struct Made {{ int value; Made() : value(std::strlen(" ")) {{}} }} made;
int main(int count, char **names) {{
    struct stat found;
    std::thread([&] {{ count += made.value + stat(names[0], &found); }}).join();
    printf("%g {folder}/source.rs", hypot(1.5 * count, 2.0 * count));
}}""")
    older = []
    if OLD:
        older = [folder / "glibc.o", folder / "libstdcxx.o"]
        for object_ in older:
            source = ROOT / "pipeline" / "platform" / "glibc" / f"{object_.stem}.c"
            subprocess.run(["cc", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-c", "-o", object_, source], check=True)
    subprocess.run(["c++", "-fno-builtin", "-D_FILE_OFFSET_BITS=64", "-o", built, code, *older, "-pthread"], check=True)
    binary.portable(built, made, ["$ORIGIN/../there"], {str(folder)})
    printed = subprocess.run([made], check=True, capture_output=True, text=True).stdout
    assert printed == "5 ." + "/" * len(str(folder)) + "source.rs", printed
    assert str(folder).encode() not in made.read_bytes()
    assert [str(place) for place in binary.run_path(made)] == ["$ORIGIN/../there"]
    if OLD:
        assert binary.newest_glibc(made) <= OLD, binary.newest_glibc(made)
        loaded = subprocess.run(["readelf", "--wide", "--dynamic", made], check=True, capture_output=True, text=True).stdout
        assert all(f"[{library}]" in loaded for library in binary.SPLIT_OFF), loaded
    # What cannot be taken out is told.
    code.write_text(f'#include <cstdio>\nint main() {{ puts("{folder}"); }}')
    subprocess.run(["c++", "-o", built, code], check=True)
    try:
        binary.portable(built, made, [], {str(folder)})
    except ValueError as error:
        assert str(folder) in str(error)
    else:
        raise AssertionError("a folder is left, and nothing was said")
    print("packaging/binary.py: a small program works with an older glibc and names no folder")


def check_wheel(wheel, program):
    """A wheel's programs suit the machines that its name promises, find nothing of this machine, and hold no library."""
    named, *glibc = re.search(r"manylinux_(\d+)_(\d+)_\w+", wheel.name).group(0, 1, 2)
    newer = "a function that it calls is newer; `objdump -T` shows which, and pipeline/platform/glibc/glibc.c is where to add it"
    assert not OLD or tuple(map(int, glibc)) <= OLD, f"{wheel.name}: expected glibc {OLD}: {newer}"
    judged = subprocess.run([sys.executable, "-m", "auditwheel", "show", "--json", wheel], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    judged = json.loads(judged.stdout)
    # auditwheel cannot know that torch is installed beside it.
    beside = set(judged["external_libs"])
    assert judged["sym_tag"] == named and beside == (OF_TORCH if program == "chorus-torch" else set()), judged
    assert judged["overall_tag"] == (f"linux_{platform.machine()}" if beside else named), judged
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        libraries = [name for name in archive.namelist() if ".so" in name]
        assert not libraries, libraries
        [script] = [name for name in archive.namelist() if "/scripts/" in name]
        assert script.endswith(f"/{program}"), script
        content = archive.read(script)
        licences = archive.read(next(n for n in archive.namelist() if n.endswith("LICENSES-OF-DEPENDENCIES.txt"))).decode()
        assert "clap 4." in licences and "Permission is hereby granted" in licences
    for folder in {str(Path.home()), str(ROOT)} - {"/"}:
        named_here = re.search(re.escape(folder.encode()) + rb"/[^\0]{0,80}", content)
        assert not named_here, f"{wheel.name}: {named_here[0]}"
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {program} {len(content) / 1e6:.0f} MB for {named}")


def check_first_contact(place):
    """What one types first: nothing, `doctor`, TAB, `man`."""
    chorus = place.bin / "chorus"
    assert "chorus demo demo" in place.done(chorus)
    lines = {line["name"]: line for line in json.loads(place.call(chorus, "doctor", "--json").stdout)}
    assert "installed from a wheel" in lines["chorus"]["found"], lines["chorus"]
    assert lines["chorus-torch"]["state"] == "warn" and "chorus torch" in lines["chorus-torch"]["found"], lines["chorus-torch"]
    share = place.environment / "share"
    completions = share / "bash-completion" / "completions" / "chorus"
    asked = f"source {completions}; COMP_WORDS=(chorus do); COMP_CWORD=1; _chorus chorus do chorus; echo ${{COMPREPLY[@]}}"
    assert place.done("bash", "-c", asked).split() == ["doctor"], asked
    pages = {page.stem for page in (share / "man" / "man1").iterdir()}
    assert {"chorus", "chorus-run", "chorus-model-show"} <= pages, pages
    assert (share / "zsh" / "site-functions" / "_chorus").exists() and (share / "fish" / "vendor_completions.d" / "chorus.fish").exists()
    print(f"share/: completions, and {len(pages)} manual pages")


def check_without_torch(place):
    chorus = place.bin / "chorus"
    place.done(chorus, "demo", "demo", "--tiny")
    (place.folder / "tiny.yaml").write_text(SETTINGS)
    missing = place.call(chorus, "run", "-c", "tiny.yaml")
    last = missing.stderr.strip().splitlines()[-1]
    assert missing.returncode == 1 and last.startswith("error: train, predict: the worker chorus-torch"), missing.stderr
    assert "`chorus torch cpu --wheel FILE`" in last, last
    told = place.call(chorus, "device")
    assert told.returncode == 1 and "`chorus torch cpu --wheel FILE`" in told.stderr and len(told.stderr.splitlines()) == 1, told.stderr
    print(f"without torch: {last}")


def libtorch():
    """A folder with torch and the libraries that it needs."""
    variables = {name: value for name, value in os.environ.items() if name != "LIBTORCH"}
    script = ROOT / "pipeline" / "libtorch.sh"
    return Path(subprocess.run([script, "cpu"], check=True, capture_output=True, text=True, env=variables).stdout.strip()).parent


def check_fetched(place, wheels):
    """`chorus torch` gets the worker, and what the worker needs. In place of torch itself, which is large, stand packages of its name."""
    recipe = (ROOT / "pipeline" / "libtorch.sh").read_text()
    version, cuda = (re.search(rf"^{name}=(.+)$", recipe, re.MULTILINE)[1] for name in ("version", "cuda"))
    stand_ins = place.folder / "stand-ins"
    stand_ins.mkdir()
    for name, release in {"torch": version, "nvidia_cuda_runtime": f"{cuda}.1", "nvidia_cuda_cupti": f"{cuda}.1"}.items():
        label = f"{name}-{release}"
        with zipfile.ZipFile(stand_ins / f"{label}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}/stand_in.py", "")
            archive.writestr(f"{label}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
            archive.writestr(f"{label}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{label}.dist-info/RECORD", "")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{wheels} {stand_ins}", "PYTHONPATH": ""}
    nothing = place.call(place.bin / "chorus", "torch", "cpu", **offline)
    assert nothing.returncode == 1 and "found no --wheel" in nothing.stderr, nothing.stderr
    [worker] = Path(wheels).glob("chorus_survey_torch-*.whl")
    ended = place.call(place.bin / "chorus", "torch", "cpu", "--wheel", worker, **offline)
    assert ended.returncode == 1 and "libtorch_cpu.so" in ended.stderr, ended.stderr
    [folder] = (place.folder / "cache" / "chorus").iterdir()
    installed = {path.name for path in folder.iterdir()}
    assert installed >= {"bin", "torch", "nvidia_cuda_runtime", "nvidia_cuda_cupti"}, installed
    shutil.rmtree(folder / "torch")
    for name in ("torch", "nvidia"):
        (folder / name).symlink_to(libtorch() / name)
    report = place.done(place.bin / "chorus", "torch", "cpu")
    assert version in report, report
    place.done(place.bin / "chorus", "run", "train", "-c", "tiny.yaml")
    print(f"chorus torch cpu: {report.splitlines()[0]}")
    shutil.rmtree(folder)


def check_run(place):
    for name in ("torch", "nvidia"):
        (place.packages / name).symlink_to(libtorch() / name)
    assert "libtorch" in place.done(place.bin / "chorus", "device")
    done = place.call(place.bin / "chorus", "run", "-c", "tiny.yaml")
    assert done.returncode == 0 and "report: runs/tiny/report/index.html" in done.stderr, done.stderr
    # pip makes links: where a program lies, and not by which name it was called, says where its workers are.
    link = place.folder / "somewhere"
    link.symlink_to(place.bin / "chorus")
    assert "libtorch" in place.done(link, "device")
    print("chorus run: " + next(line for line in done.stderr.splitlines() if line.startswith("done")))


def check_python(place):
    """What the package reads equals what the command answers."""
    import numpy as np
    import polars as pl
    import pyarrow.parquet as pq

    sys.path.insert(0, str(place.packages))
    os.environ["XDG_CACHE_HOME"] = str(place.folder / "cache")
    import chorus_survey

    assert chorus_survey.program() == (place.bin / "chorus").resolve()
    # A path with all that patterns and partitions are made of.
    odd = place.folder / "a=b" / "we*[i]rd?"
    shutil.copytree(place.folder / "runs" / "tiny", odd)
    run = chorus_survey.Run(odd)
    connection = run.duckdb()
    for table in run.tables():
        count = run.query(f"SELECT COUNT(*) AS n FROM {table}")["n"][0]
        counts = {count, run.table(table).select(pl.len()).collect().item(), connection.sql(f"SELECT COUNT(*) FROM {table}").fetchall()[0][0]}
        assert len(counts) == 1, (table, counts)
        names = run.table(table).collect_schema().names()
        described = [line.split()[0] for line in run.describe(table).split("\n\n", 1)[1].splitlines()[1:]]
        assert set(names) == set(described) == set(connection.table(table).columns), (table, names, described)
    predictions = run.table("predictions")
    schema = predictions.collect_schema()
    assert (schema["site"], schema["date"], schema["score"]) == (pl.String, pl.Date, pl.Float32), schema
    assert len(run.pandas("predictions")) == predictions.collect().height > 0

    windows, sound = run.spectrograms(pl.col("site") == "POND01")
    assert sound.dtype == np.float16 and sound.shape == (windows.height, 32, sound.shape[2]) and windows.height > 0, sound.shape
    assert set(windows["site"]) == {"POND01"} and "logmel" not in windows.columns
    file = sorted(odd.glob("tables/features/site=POND01/*/*.parquet"))[0]
    first = pq.read_table(file, partitioning=None, columns=["segment_id", "logmel"]).slice(0, 1).to_pylist()[0]
    own = sound[windows["segment_id"].to_list().index(first["segment_id"])]
    assert own.tobytes() == first["logmel"]
    windows, values = run.embeddings()
    assert values.shape[0] == windows.height and values.ndim == 2 and np.isfinite(values.astype(float)).all()
    windows, values = run.embeddings(pl.col("site") == "nowhere")
    assert windows.height == 0 and values.shape[0] == 0 and values.shape[1] > 0

    # A part without a date has none in any reader, and no filter on dates takes it.
    undated = odd / "tables/predictions/site=A%C3%A9%20b/date=__HIVE_DEFAULT_PARTITION__"
    undated.mkdir(parents=True)
    shutil.copy(sorted(odd.glob("tables/predictions/site=POND01/*/*.parquet"))[0], undated)
    sites = predictions.filter(pl.col("date") != datetime.date(2000, 1, 1)).select("site").unique().collect()["site"]
    assert set(sites) == {"POND01", "MARSH02"}, sites
    [unknown] = run.table("predictions").filter(pl.col("date").is_null()).select("site").unique().collect()["site"]
    assert unknown == "Aé b"
    assert run.duckdb().sql("SELECT DISTINCT site FROM predictions WHERE date IS NULL").fetchall() == [("Aé b",)]

    for wrong, kind, part in [
        (lambda: run.query("SELECT nonsense FROM metrics"), chorus_survey.ChorusError, "nonsense"),
        (lambda: run.table("nothing"), LookupError, "predictions"),
        (lambda: run.arrays("metrics"), ValueError, "no arrays"),
        (lambda: chorus_survey.Run(place.folder), FileNotFoundError, "tables"),
        (lambda: chorus_survey.run("run", "--nonsense", quiet=True), chorus_survey.ChorusError, "--nonsense"),
    ]:
        try:
            wrong()
        except kind as error:
            assert part in str(error), error
        else:
            raise AssertionError(f"no {kind.__name__}")
    print(f"chorus_survey: {len(run.tables())} tables alike in polars, DuckDB and chorus; spectrograms and embeddings as arrays")


def fastest(place, *command):
    """Milliseconds of the fastest of ten calls."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        place.done(*command)
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main(wheels):
    found = {path.name.split("-")[0]: path for path in sorted(wheels.glob("*.whl"))}
    assert set(found) == set(PARTS), f"{wheels}: found {sorted(found)}, expected a wheel of each of {sorted(PARTS)}"
    for name, program in PARTS.items():
        check_wheel(found[name], program)
    with tempfile.TemporaryDirectory() as folder:
        check_binary(Path(folder).resolve())
        place = Place(Path(folder).resolve())
        before = place.files()
        wanted = place.pip("install", "--dry-run", "--quiet", "--report", "-", "--find-links", wheels, "chorus-survey[torch,onnx,python,pandas,duckdb]")
        packages = {item["metadata"]["name"]: item["metadata"]["version"] for item in json.loads(wanted)["install"]}
        assert {"torch", "onnxruntime", "polars", "numpy", "pandas", "duckdb", *(name.replace("_", "-") for name in PARTS)} <= set(packages), packages
        print(f"chorus-survey[torch] would get torch {packages['torch']}, [onnx] onnxruntime {packages['onnxruntime']}")
        start = time.perf_counter()
        place.pip("install", "--no-deps", found["chorus_survey"])
        print(f"pip install chorus-survey: {time.perf_counter() - start:.1f} s")
        linked = place.done("ldd", place.bin / "chorus")
        assert "not found" not in linked and "torch" not in linked, linked
        print(f"chorus --help: {fastest(place, place.bin / 'chorus', '--help'):.0f} ms", end=", ")
        print(f"import chorus_survey: {fastest(place, place.bin / 'python', '-c', 'import chorus_survey') - fastest(place, place.bin / 'python', '-c', ''):.0f} ms")
        check_first_contact(place)
        check_without_torch(place)
        check_fetched(place, wheels)
        place.pip("install", "--no-deps", found["chorus_survey_torch"], found["chorus_survey_onnx"])
        check_run(place)
        check_python(place)
        for name in ("torch", "nvidia"):
            (place.packages / name).unlink()
        place.pip("uninstall", "--yes", *(name.replace("_", "-") for name in PARTS))
        left = place.files() - before
        assert not left, f"uninstalling leaves {sorted(left)}"
        print("pip uninstall leaves nothing")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
