"""Makes a program that was built here fit for other machines: stripped, without paths of this one, for older C libraries.

Nothing is compiled again. Works on ELF files of 64 bits, little-endian.
"""

import os
import re
import struct
import subprocess
from pathlib import Path

# Functions that got a second version in a newer glibc, only to set errno less often. The first version is in every glibc since.
# Without this, `hypot` in two dependencies would alone ask for glibc 2.35, and RHEL 9 has 2.34.
OLDER = {("x86_64", "GLIBC_2.35"): ({"hypot", "hypotf"}, "GLIBC_2.2.5")}
VERSION_NEEDS, SYMBOL_VERSIONS, DYNAMIC_SYMBOLS = 0x6FFFFFFE, 0x6FFFFFFF, 11


def portable(source, target, machine, run_path, forbidden):
    """Writes the program `source` to `target`: stripped, linked by `run_path` (a list), and without the folders `forbidden`.

    Raises ValueError where one of these folders is still named afterwards.
    """
    subprocess.run(["strip", "-o", target, source], check=True)
    # Without --force-rpath, patchelf writes RUNPATH, which LD_LIBRARY_PATH goes before. It overwrites the old one.
    if run_path:
        subprocess.run(["patchelf", "--set-rpath", ":".join(run_path), target], check=True)
    data = bytearray(target.read_bytes())
    for version, (symbols, older) in OLDER.items():
        if version[0] == machine:
            ask_for_older(data, version[1], symbols, older)
    # Messages of panics name source files below cargo's folder. Slashes in place of the folder leave all offsets as they are.
    for folder in sorted(map(os.fsencode, forbidden), key=len, reverse=True):
        data = data.replace(folder + b"/", b"." + b"/" * len(folder))
        if found := re.search(re.escape(folder) + rb"(?![\w.-])", data):
            around = data[max(0, found.start() - 80) : found.end() + 80]
            raise ValueError(f"{source.name}: still names {os.fsdecode(folder)}, a folder of this machine, in {bytes(around)}")
    target.write_bytes(data)


def ask_for_older(data, version, symbols, older):
    """Lets a program ask for the version `older` of glibc's functions, where it asks for `version` only because of `symbols`."""
    sections = section_headers(data)
    needs = next((s for s in sections if s["type"] == VERSION_NEEDS), None)
    versions = next((s for s in sections if s["type"] == SYMBOL_VERSIONS), None)
    dynamic = next((s for s in sections if s["type"] == DYNAMIC_SYMBOLS), None)
    if not (needs and versions and dynamic):
        return
    names = sections[dynamic["link"]]
    strings = data[names["offset"] : names["offset"] + names["size"]]
    place_of_older = strings.find(b"\0" + older.encode() + b"\0") + 1
    for entry, index in version_entries(data, needs, strings, version):
        users = set()
        for number in range(versions["size"] // 2):
            if struct.unpack_from("<H", data, versions["offset"] + 2 * number)[0] & 0x7FFF == index:
                (name,) = struct.unpack_from("<I", data, dynamic["offset"] + 24 * number)
                users.add(text(strings, name))
        if users <= symbols and place_of_older:
            struct.pack_into("<I", data, entry, elf_hash(older))
            struct.pack_into("<I", data, entry + 8, place_of_older)


def version_entries(data, needs, strings, version):
    """Where a version stands among those that a program needs of its libraries, with the index that symbols have for it."""
    library = needs["offset"]
    while True:
        _, count, _, first, following = struct.unpack_from("<HHIII", data, library)
        entry = library + first
        for _ in range(count):
            _, _, index, name, after = struct.unpack_from("<IHHII", data, entry)
            if text(strings, name) == version:
                yield entry, index
            entry += after
        if not following:
            return
        library += following


def section_headers(data):
    (start,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    headers = (struct.unpack_from("<IIQQQQIIQQ", data, start + size * number) for number in range(count))
    return [{"type": h[1], "offset": h[4], "size": h[5], "link": h[6]} for h in headers]


def text(strings, start):
    return bytes(strings[start : strings.index(b"\0", start)]).decode()


def elf_hash(name):
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


def run_path(program):
    """The folders in which a program looks for its libraries."""
    listed = subprocess.run(["patchelf", "--print-rpath", program], check=True, capture_output=True, text=True).stdout.strip()
    return [Path(folder) for folder in listed.split(":") if folder]


def newest_glibc(program):
    """The newest version of glibc that a program asks for, such as (2, 34)."""
    listed = subprocess.run(["readelf", "--wide", "--version-info", program], check=True, capture_output=True, text=True).stdout
    return max(tuple(map(int, version.split("."))) for version in re.findall(r"\bGLIBC_(\d+\.\d+)", listed))
