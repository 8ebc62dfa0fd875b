"""Installs the wheels in a root of Debian, and follows the tutorial there: `root.py WHEELS [RELEASE [MIRROR]]` (as root; bookworm).

Where Python is older than 3.10, as in bullseye, only the command is installed, and works on the demo without a network.

The root is made by debootstrap and has python3, pip and what pip needs for a download, nothing else: no Rust, no compiler, no library of
Chorus. What is installed, and the commands of docs/tutorial.md, see nothing of this machine but its network. Prints the seconds of each step,
what pip downloaded, and what is left after `pip uninstall`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = "python3,python3-pip,ca-certificates"


def enter(root, command, **more):
    """Runs a command of the shell in the root; what it printed."""
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["chroot", root, "bash", "-c", f"cd /root && {command}"], capture_output=True, text=True, env={**variables, **kept}, **more
    )
    if done.returncode != 0:
        sys.exit(f"{command}\nended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr


def timed(what, root, command):
    start = time.monotonic()
    printed = enter(root, command)
    sizes = re.findall(r"Downloading \S+ \(([0-9.]+) (kB|MB|GB)\)", printed)
    megabytes = sum(float(size) * {"kB": 1e-3, "MB": 1, "GB": 1e3}[unit] for size, unit in sizes)
    downloads = f", {megabytes:.0f} MB downloaded" if sizes else ""
    print(f"{time.monotonic() - start:6.1f} s  {what}{downloads}", flush=True)
    return printed


def files(root):
    listed = enter(root, "find / -xdev \\( -path /proc -o -path /tmp -o -path /root -o -path /srv \\) -prune -o -type f -print")
    return {line for line in listed.splitlines() if "__pycache__" not in line}


def main(wheels, release="bookworm", mirror="http://deb.debian.org/debian"):
    wheels = sorted(Path(wheels).glob("*.whl"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        start = time.monotonic()
        ready = os.environ.get("CHORUS_ROOT")
        if ready:
            shutil.copytree(ready, root, symlinks=True, ignore=lambda at, names: names if Path(at).name == "dev" else [])
        else:
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, root, mirror], check=True, stdout=subprocess.DEVNULL)
        print(f"{time.monotonic() - start:6.1f} s  a root of Debian {release}")
        for file in ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"):
            if Path(file).is_file():
                shutil.copy(file, root / file[1:])
        subprocess.run(["mount", "--bind", "/dev", root / "dev"], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", root / "proc"], check=True)
        try:
            place = root / "srv" / "chorus"
            (place / "tests" / "interop").mkdir(parents=True)
            (place / "docs").mkdir()
            shutil.copy(PROJECT / "docs" / "tutorial.md", place / "docs")
            shutil.copy(PROJECT / "tests" / "interop" / "tutorial.py", place / "tests" / "interop")
            for wheel in wheels:
                shutil.copy(wheel, place)
            follow(root, [f"/srv/chorus/{wheel.name}" for wheel in wheels])
        finally:
            for part in ("proc", "dev"):
                subprocess.run(["umount", root / part], check=False)


def follow(root, wheels):
    named = lambda part: next(wheel for wheel in wheels if Path(wheel).name.startswith(f"{part}-"))
    system = "--break-system-packages" if "break-system-packages" in enter(root, "pip install --help") else ""
    # As a variable, which an older pip passes over where it would refuse the option.
    pip = f"PIP_ROOT_USER_ACTION=ignore pip install --no-cache-dir {system}"
    before = files(root)
    timed("pip install of chorus", root, f"{pip} {named('chorus_survey')}")
    if enter(root, "python3 -c 'import sys; print(sys.version_info >= (3, 10))'").strip() != "True":
        print("the workers need Python 3.10 or later, which is not here: without them")
        without_workers(root)
        uninstall(root, system, before, "chorus-survey")
        return
    timed("pip install of the worker for ONNX files", root, f"{pip} {named('chorus_survey_onnx')}")
    timed("chorus torch cpu: the worker and libtorch", root, f"PIP_ROOT_USER_ACTION=ignore chorus torch cpu --wheel {named('chorus_survey_torch')} 2>&1")
    timed("chorus --help", root, "chorus --help")
    timed("import chorus_survey", root, "python3 -c 'import chorus_survey'")
    print(enter(root, "chorus doctor || true"))
    print(timed("the tutorial", root, "python3 /srv/chorus/tests/interop/tutorial.py $(command -v chorus)"), end="")
    libraries = enter(root, "for p in chorus chorus-torch chorus-onnx; do echo $p; LD_TRACE_LOADED_OBJECTS=1 $(command -v $p) | cut -d' ' -f1-3; done")
    print(libraries)
    uninstall(root, system, before, "chorus-survey chorus-survey-torch chorus-survey-onnx")


def without_workers(root):
    """What the command can do by itself, on the demo."""
    timed("chorus --help", root, "chorus --help")
    timed("import chorus_survey", root, "python3 -c 'import chorus_survey; chorus_survey.program()'")
    timed("chorus demo", root, "chorus demo demo --tiny")
    settings = "archive: {path: demo, audio: raw_data}\\ningest: {site_sheet: sites.csv}\\n"
    enter(root, f"printf '{settings}' > tiny.yaml")
    timed("chorus run featurize", root, "chorus run featurize --with-upstream -c tiny.yaml")
    print(enter(root, "chorus query -c tiny.yaml 'SELECT site, COUNT(*) AS windows FROM features GROUP BY site ORDER BY site'"), end="")


def uninstall(root, system, before, packages):
    enter(root, f"pip uninstall --yes {system} {packages}")
    left = sorted(line for line in files(root) - before if "chorus" in line.lower())
    print(f"left after pip uninstall: {left or 'nothing'}")
    if left:
        sys.exit(1)


main(*sys.argv[1:])
