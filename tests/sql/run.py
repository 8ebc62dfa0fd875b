"""`chorus query` against DuckDB on the same tables: `run.py CHORUS RUN [--questions N] [--seed S] [--handwritten FOLDER]… [--keep FOLDER]`.

Asks the questions of folders over the tables of RUN, and N generated ones over those, over a made-up run with null dates and odd text, and over
one of ten thousand site-days. Prints how many answers were right, refused, wrong, crashed (a signal, a panic, an error without a message) and
slow (over 30 s), and each that was not right. Ends with exit status 1 when any was wrong or crashed, or too many were refused or slow.
"""

import argparse
import collections
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import compare_test
import runs
from ask import VERDICTS, ask
from generate import questions
from world import World

# Processes of chorus at a time.
WORKERS = 2
# Shares of the generated questions: each of those over `many` reads up to ten thousand files.
SHARES = {"run": 0.45, "undated": 0.5, "many": 0.05}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chorus")
    parser.add_argument("run", type=Path)
    parser.add_argument("--questions", type=int, default=2000, metavar="N", help="generated questions in all (2000)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what questions are generated (1)")
    parser.add_argument("--handwritten", type=Path, action="append", default=[], metavar="FOLDER", help="folder of questions, a file each; may be given again")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where made-up runs stay for the next time, and questions that were not right")
    parser.add_argument("--refused", type=float, default=5, metavar="N", help="so many questions of a folder, and so many percent of generated ones, may be refused (5)")
    return parser.parse_args()


class Test:
    """Asks, prints and counts."""

    def __init__(self, options, keep):
        self.options, self.keep = options, keep
        self.failed = False

    def part(self, title, world, asked, allowed, wanted=""):
        """Asks questions, each with its kind; `allowed` of them may be refused."""
        asked = list(asked)
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(lambda one: ask(self.options.chorus, world, *one, wanted), asked))
        counts = collections.Counter(v.verdict for v in verdicts)
        for number, verdict in enumerate(verdicts):
            if verdict.verdict != "right" and (verdict.verdict != "thrown away" or self.options.keep):
                self.note(title, number, verdict)
        print(f"{title}: {len(asked)} questions: " + ", ".join(f"{counts[v]} {v}" for v in VERDICTS), flush=True)
        for kind in sorted({v.kind for v in verdicts if v.verdict not in ("right", "thrown away")}):
            of = collections.Counter(v.verdict for v in verdicts if v.kind == kind)
            print(f"  {kind}: " + ", ".join(f"{of[v]} {v}" for v in VERDICTS if of[v]))
        unanswered = counts["refused"] + counts["slow"]
        self.failed |= bool(counts["wrong"] or counts["crashed"]) or unanswered > allowed or not counts["right"] and bool(asked)

    def note(self, title, number, verdict):
        if verdict.verdict != "thrown away":
            print(verdict, flush=True)
        if self.options.keep:
            folder = self.keep / verdict.verdict.replace(" ", "-")
            folder.mkdir(parents=True, exist_ok=True)
            comment = "\n".join(f"-- {line}" for line in f"{title}, {number}: {verdict.reason}".splitlines())
            (folder / f"{title.replace(' ', '-')}-{number:04}.sql").write_text(f"-- kind: {verdict.kind}\n{comment}\n{verdict.question}\n")

    def generated(self, name, folder):
        world, seed = World(folder), self.options.seed
        count = round(self.options.questions * SHARES[name])
        self.part(f"generated {name} seed {seed}", world, questions(world, f"{seed} {name}", count), count * self.options.refused / 100)

    def folder(self, folder, world):
        """The questions of a folder. Files name their kind in a comment."""
        files = sorted(folder.glob("*.sql"))
        wanted = world.answer("SELECT class FROM detections GROUP BY class ORDER BY COUNT(*) DESC, class LIMIT 1").to_pylist()[0]["class"]
        self.part(f"folder {folder.name}", world, [(file.stem, file.read_text()) for file in files], self.options.refused, wanted)

    def made(self, name, make):
        """A made-up run, made now unless it was kept."""
        folder = self.keep / "runs" / name
        if not folder.exists():
            make(folder)
        return folder


def main():
    compare_test.check()
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="chorus-sql-") as temporary:
        test = Test(options, options.keep or Path(temporary))
        world = World(options.run)
        for folder in options.handwritten:
            test.folder(folder, world)
        if options.questions:
            test.generated("run", options.run)
            test.generated("undated", test.made("undated", runs.undated))
            test.generated("many", test.made("many", runs.many))
    sys.exit(test.failed)


if __name__ == "__main__":
    main()
