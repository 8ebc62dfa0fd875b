"""The licences of all crates that the programs are built from.

licences.py list     prints docs/licences.md
licences.py check    refuses a licence that deny.toml does not allow, a source that is not crates.io, and a docs/licences.md of other crates

The texts of the licences go with the wheels (wheels.py).
Everything comes from `cargo metadata --locked`, which needs no network beyond crates.io.
"""

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
COLUMNS = 110


def metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", str(ROOT / "Cargo.toml")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def crates(data):
    """Foreign crates, by name and version."""
    return sorted((p for p in data["packages"] if p["source"] is not None), key=lambda p: (p["name"], p["version"]))


def tokens(expression):
    # A slash is how OR was written once.
    return re.findall(r"[()]|[\w.+-]+", expression.replace("/", " OR "))


def is_allowed(expression, allowed):
    """Whether an expression of SPDX can be met by allowed licences: all that AND joins, and one of those that OR joins."""
    left = tokens(expression)

    def one():
        if not left:
            raise ValueError("it ends early")
        word = left.pop(0)
        if word == "(":
            met = either()
            if not left or left.pop(0) != ")":
                raise ValueError("a bracket is not closed")
            return met
        if word in (")", "AND", "OR", "WITH"):
            raise ValueError(f"{word} is in the wrong place")
        if left and left[0] == "WITH":
            left.pop(0)
            if not left:
                raise ValueError("it ends early")
            word = f"{word} WITH {left.pop(0)}"
        return word in allowed

    def all_of():
        met = one()
        while left and left[0] == "AND":
            left.pop(0)
            met = one() and met
        return met

    def either():
        met = all_of()
        while left and left[0] == "OR":
            left.pop(0)
            met = all_of() or met
        return met

    met = either()
    if left:
        raise ValueError(f"{left[0]} is in the wrong place")
    return met


def normal(expression):
    """The expression with one way of writing OR, so that crates of the same licences stand together."""
    words = " ".join(tokens(expression)).replace("( ", "(").replace(" )", ")")
    if "AND" not in words and "(" not in words:
        words = " OR ".join(sorted(words.split(" OR ")))
    return words


def page(found):
    by_licence = {}
    for crate in found:
        by_licence.setdefault(normal(crate["license"] or "none"), []).append(f"{crate['name']} {crate['version']}")
    lines = [
        "# Licences",
        "",
        textwrap.fill(
            "Chorus itself is under MIT or Apache-2.0, as you choose. Its programs are built from the crates below, each under its own "
            "licence. The wheels come with the texts of these licences; whoever gives the programs away in another way adds them.", COLUMNS),
        "",
        textwrap.fill(
            "libtorch (BSD-3-Clause) and ONNX Runtime (MIT) are not part of the programs. They are installed beside them, with their "
            "own texts. Models have licences of their own, which their cards and contracts name.", COLUMNS),
        "",
        textwrap.fill("This page is written by packaging/licences.py from Cargo.lock. deny.toml lists the licences that are allowed.", COLUMNS),
    ]
    for licence, names in sorted(by_licence.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += ["", f"## {licence}", "", textwrap.fill(", ".join(names) + ".", COLUMNS, break_long_words=False, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def faults(found):
    allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    for crate in found:
        name = f"{crate['name']} {crate['version']}"
        if crate["source"] != CRATES_IO:
            yield f"{name} comes from {crate['source']}, expected crates.io"
        if not crate["license"]:
            yield f"{name} states no licence; look at its files, and use another crate if they allow nothing"
            continue
        try:
            if not is_allowed(crate["license"], allowed):
                yield f"{name} is under {crate['license']}, which deny.toml does not allow; use another crate, or allow the licence there"
        except ValueError as error:
            yield f"{name}: its licence `{crate['license']}` cannot be read: {error}"


def main(command):
    if command not in ("list", "check"):
        sys.exit(__doc__)
    found = crates(metadata())
    if command == "list":
        print(page(found), end="")
        return
    wrong = list(faults(found))
    if not wrong and PAGE.read_text() != page(found):
        wrong.append("docs/licences.md is of other crates; write it anew: python3 packaging/licences.py list > docs/licences.md")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(found)} crates: all licences are allowed and listed")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
