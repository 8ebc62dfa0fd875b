"""The command `chorus`, called from Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class ChorusError(Exception):
    """The command failed. The text is its message; `status` its exit status: 1 when something failed, 2 for wrong usage."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def program() -> Path:
    """The program `chorus` that was installed with this package, else the one on PATH.

    Raises FileNotFoundError where there is none.
    """
    from importlib.metadata import PackageNotFoundError, files

    try:
        recorded = [Path(str(file.locate())) for file in files("chorus-survey") or [] if file.name == "chorus"]
    except PackageNotFoundError:
        recorded = []
    # pip install --target records another place than where it puts programs.
    beside = Path(__file__).resolve().parents[1] / "bin" / "chorus"
    on_path = shutil.which("chorus")
    for path in [*recorded, beside, *([Path(on_path)] if on_path else [])]:
        if path.is_file():
            return path.resolve()
    raise FileNotFoundError("found no program chorus, neither installed with this package nor on PATH; pip install --force-reinstall chorus-survey")


def run(*arguments: str | os.PathLike[str], quiet: bool = False) -> str:
    """Runs `chorus` with these arguments and returns what it prints on stdout.

    Its progress and messages go to Python's stderr as they come; `quiet` leaves them out. The command ends when Python does.

    Raises ChorusError with the message of the command when it fails, and FileNotFoundError where it is not installed.
    """
    command = [os.fspath(program()), *(os.fspath(argument) for argument in arguments)]
    told = []
    # A file takes what is printed while the messages are read: of two pipes, one could fill up.
    with tempfile.TemporaryFile() as printed:
        with subprocess.Popen(command, stdout=printed, stderr=subprocess.PIPE, encoding="utf-8", errors="replace") as child:
            assert child.stderr is not None
            try:
                for line in child.stderr:
                    told.append(line)
                    if not quiet:
                        sys.stderr.write(line)
            except BaseException:
                # Units that are finished stay; the command ends as it does with ctrl-C.
                child.terminate()
                raise
        if child.returncode != 0:
            raise ChorusError(_message(told) or f"chorus ended with exit status {child.returncode} and no message", child.returncode)
        printed.seek(0)
        return printed.read().decode("utf-8", errors="replace")


def _message(told: list[str]) -> str:
    """The error among the lines of messages, which may take several: from the last line that begins with `error: `."""
    starts = [i for i, line in enumerate(told) if line.startswith("error: ")]
    return "".join(told[starts[-1] :]).removeprefix("error: ").strip() if starts else "".join(told[-3:]).strip()
