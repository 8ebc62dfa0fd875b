"""The commands of docs/tutorial.md, as a reader types them: `tutorial.py CHORUS [--pictures FOLDER]`.

Each block of kind `console` is run in a scratch folder, and what its commands print is held against what the page shows. Ends with exit status 1
and the page's line where a command fails or a line of the page is not printed. In a block,

- `$ ` begins a command, and ` \\` at the end of a line continues it;
- `…` alone in a line stands for any number of lines, and within a line for any text;
- `console about` marks a table of figures that follow from a training, which differ from processor to processor: counts may be off by 3
  or a quarter, shares by 0.35. The head is as shown, and so is half of the rows at least: which classes can be told, and how a class is
  found that cannot, is decided by few windows.

A block below `<!-- file: FILE -->` becomes that file. With CHORUS_BLESS=1, blocks that show all of the output are
written anew in the page, and the others are printed, to be mended by hand. With `--pictures docs/figures` the page's pictures are taken anew
of what the commands made, by pictures.py.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
MOST_SECONDS = 600
ANY = "…"


def blocks(lines):
    """The fenced blocks: number of the first line within, kind, lines, and the file that a comment before the block names."""
    target, start = None, None
    for number, line in enumerate(lines):
        if start is None:
            named = re.fullmatch(r"<!-- file: (\S+) -->", line)
            target = named[1] if named else target
            if line.startswith("```"):
                start, kind = number + 1, line[3:].split()
        elif line == "```":
            yield start, kind, lines[start:number], target
            target, start = None, None
    assert start is None, f"{PAGE}:{start}: this block has no end"


def steps(lines):
    """The commands of a block, each with the lines that it is to print and its place within the block."""
    found = []
    continues = False
    for place, line in enumerate(lines):
        if line.startswith("$ "):
            found.append((place, [line[2:]], []))
        elif continues:
            found[-1][1].append(line)
        else:
            assert found, f"the block does not begin with a command: {line}"
            found[-1][2].append(line)
        continues = (line.startswith("$ ") or continues) and line.endswith("\\")
    return [(place, "\n".join(command), printed) for place, command, printed in found]


def number(word):
    try:
        return float(word)
    except ValueError:
        return None


def is_near(shown, printed):
    """Whether two figures of a training are the same within what processors differ by."""
    if shown.is_integer() and printed.is_integer():
        return abs(shown - printed) <= max(3, 0.25 * abs(shown))
    return abs(shown - printed) <= 0.35


def is_shown(shown, printed, about):
    """Whether a line of the page stands for a printed one. Widths of columns are no part of it."""
    if not about:
        pattern = r"\s+".join(".*".join(re.escape(part) for part in word.split(ANY)) for word in shown.split())
        return re.fullmatch(pattern, printed.strip()) is not None
    left, right = shown.split(), printed.split()
    if len(left) != len(right):
        return False
    for a, b in zip(left, right):
        figures = number(a), number(b)
        both = None not in figures
        rule = set(a) == {"─"} and set(b) == {"─"}
        if not (a == b or rule or (both and is_near(*figures))):
            return False
    return True


def missing(shown, printed):
    """The first line of the page that is not printed where it should be, or None."""
    at, is_gap = 0, False
    for line in (line for line in shown if line.strip()):
        if line.strip() == ANY:
            is_gap = True
            continue
        reach = range(at, len(printed) if is_gap else min(at + 1, len(printed)))
        found = next((place for place in reach if is_shown(line, printed[place], False)), None)
        if found is None:
            return line
        at, is_gap = found + 1, False
    return None if is_gap or at == len(printed) else f"(the end, where `{printed[at]}` follows)"


def missing_about(shown, printed):
    """The first line of a table about a training that is not printed though it should be, or None."""
    shown = [line for line in shown if line.strip()]
    is_printed = lambda line: any(is_shown(line, other, True) for other in printed)
    head, rows = shown[:2], shown[2:]
    lacking = [line for line in rows if not is_printed(line)]
    return next((line for line in head if not is_printed(line)), lacking[0] if 2 * len(lacking) > len(rows) else None)


def main(chorus, pictures):
    lines = PAGE.read_text().splitlines()
    environment = {**os.environ, "PATH": f"{chorus.resolve().parent}{os.pathsep}{os.environ['PATH']}"}
    bless = os.environ.get("CHORUS_BLESS") == "1"
    began, wrong, commands, new = time.monotonic(), [], 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for start, kind, block, target in blocks(lines):
            if target:
                (Path(folder) / target).write_text("\n".join([*block, ""]))
            if not kind or kind[0] != "console":
                continue
            for place, command, shown in steps(block):
                done = subprocess.run(
                    ["bash", "-c", command], cwd=folder, env=environment, timeout=MOST_SECONDS, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )
                commands += 1
                where = f"{PAGE.name}:{start + place + 1}: {command}"
                if done.returncode != 0:
                    wrong.append(f"{where}\nended with {done.returncode}:\n{done.stdout}")
                    continue
                printed = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
                lacking = (missing_about if "about" in kind else missing)(shown, printed)
                if lacking is None:
                    continue
                wrong.append(f"{where}\ndid not print: {lacking}\nbut:\n" + "\n".join(printed))
                if not any(ANY in line for line in shown):
                    first = start + place + 1 + command.count("\n")
                    new[first] = (len(shown), printed)
        if pictures and not wrong:
            from pictures import take
            take(Path(folder), pictures, PAGE.read_text())
    if bless:
        for first, (length, printed) in sorted(new.items(), reverse=True):
            blank = lines[first + length - 1 : first + length] if length and not lines[first + length - 1].strip() else []
            lines[first : first + length] = printed + blank
        PAGE.write_text("\n".join(lines) + "\n")
    if wrong:
        sys.exit("\n\n".join(wrong))
    print(f"{PAGE.name}: {commands} commands print what the page shows ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("chorus", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    main(**vars(parser.parse_args()))
