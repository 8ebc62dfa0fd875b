"""Makes a program that was built here fit for other machines: stripped, without paths of this one, for older C libraries.

Nothing is compiled again. Which versions of glibc's functions a program asks for was decided when it was built (pipeline/platform/glibc).
"""

import os
import re
import subprocess
from pathlib import Path

# Before 2.34 glibc had threads and dlopen in libraries of their own. Newer ones still have these two, empty.
SPLIT_UNTIL = (2, 34)
SPLIT_OFF = ["libpthread.so.0", "libdl.so.2"]


def portable(source, target, run_path, forbidden):
    """Writes the program `source` to `target`: stripped, linked by `run_path` (a list), and without the folders `forbidden`.

    Raises ValueError where one of these folders is still named afterwards.
    """
    subprocess.run(["strip", "-o", target, source], check=True)
    # Without --force-rpath, patchelf writes RUNPATH, which LD_LIBRARY_PATH goes before. It overwrites the old one.
    if run_path:
        subprocess.run(["patchelf", "--set-rpath", ":".join(run_path), target], check=True)
    if newest_glibc(target) < SPLIT_UNTIL:
        subprocess.run(["patchelf", *(part for library in SPLIT_OFF for part in ("--add-needed", library)), target], check=True)
    data = target.read_bytes()
    # Messages of panics name source files below cargo's folder. Slashes in place of the folder leave all offsets as they are.
    for folder in sorted(map(os.fsencode, forbidden), key=len, reverse=True):
        data = data.replace(folder + b"/", b"." + b"/" * len(folder))
        if found := re.search(re.escape(folder) + rb"(?![\w.-])", data):
            around = data[max(0, found.start() - 80) : found.end() + 80]
            raise ValueError(f"{source.name}: still names {os.fsdecode(folder)}, a folder of this machine, in {bytes(around)}")
    target.write_bytes(data)


def run_path(program):
    """The folders in which a program looks for its libraries."""
    listed = subprocess.run(["patchelf", "--print-rpath", program], check=True, capture_output=True, text=True).stdout.strip()
    return [Path(folder) for folder in listed.split(":") if folder]


def newest_glibc(program):
    """The newest version of glibc that a program asks for, such as (2, 34)."""
    listed = subprocess.run(["readelf", "--wide", "--version-info", program], check=True, capture_output=True, text=True).stdout
    return max(tuple(map(int, version.split("."))) for version in re.findall(r"\bGLIBC_(\d+\.\d+)", listed))
