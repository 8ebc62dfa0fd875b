"""One question to chorus and DuckDB, and the verdict."""

import io
import re
import subprocess
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from compare import difference

SLOW_S = 30
DEFAULT = "-- param "
VERDICTS = ["right", "refused", "wrong", "crashed", "slow", "thrown away"]


@dataclass
class Verdict:
    """One of VERDICTS, and why."""

    kind: str
    question: str
    verdict: str
    reason: str = ""
    ours: pa.Table | None = None
    theirs: pa.Table | None = None

    def __str__(self):
        first = lambda name, table: "" if table is None else f"\n  {name}, the first rows: {str(table.slice(0, 3).to_pylist())[:600]}"
        return f"{self.verdict}: {self.kind}: {self.question}\n  {self.reason}{first('chorus', self.ours)}{first('DuckDB', self.theirs)}"


def params(question, wanted):
    """The table `params` that a file's text asks for, as a SELECT, and what to tell chorus; `wanted` is a class of the run."""
    pairs = dict(line.removeprefix(DEFAULT).split(" = ") for line in question.splitlines() if line.startswith(DEFAULT))
    if "wanted" in pairs:
        pairs["wanted"] = wanted
    literal = lambda value: value if re.fullmatch(r"-?\d+(\.\d+)?", value) else "'" + value.replace("'", "''") + "'"
    select = "SELECT " + ", ".join(f"{literal(value)} AS {name}" for name, value in pairs.items()) if pairs else None
    return select, [f"--param={name}={value}" for name, value in pairs.items()]


def ask(chorus, world, kind, question, wanted=""):
    """Asks both, and compares."""
    parameters, given = params(question, wanted)
    try:
        theirs = world.answer(question, parameters)
    except duckdb.Error as error:
        return Verdict(kind, question, "thrown away", f"DuckDB: {error}")
    try:
        done = subprocess.run([chorus, "query", "--run", world.run, "--format", "arrow", *given, "--", question], capture_output=True, timeout=SLOW_S)
    except subprocess.TimeoutExpired:
        return Verdict(kind, question, "slow", f"over {SLOW_S} s")
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode < 0 or "panicked" in said:
        return Verdict(kind, question, "crashed", f"status {done.returncode}: {said[:600]}")
    if done.returncode > 0:
        clear = done.returncode in (1, 2) and any(line.startswith("error: ") for line in said.splitlines())
        return Verdict(kind, question, "refused" if clear else "crashed", f"status {done.returncode}: {said[:600]}")
    try:
        ours = pa.ipc.open_file(io.BytesIO(done.stdout)).read_all()
    except pa.ArrowException as error:
        return Verdict(kind, question, "crashed", f"the answer is no Arrow file: {error}")
    reason = difference(question, ours, theirs, world.parse)
    return Verdict(kind, question, "wrong", reason, ours, theirs) if reason else Verdict(kind, question, "right")
