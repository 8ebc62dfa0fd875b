"""The tables of a run of Chorus as data frames, its spectrograms and embeddings as arrays, and the command `chorus` itself.

    import chorus_survey
    import polars as pl

    chorus_survey.run("demo", "demo", "--tiny")             # what `chorus demo demo --tiny` does
    run = chorus_survey.Run("runs/demo")
    run.tables()                                            # ['activity', 'annotations', …]
    calls = run.table("detections").filter(pl.col("class") == "FICPRI").collect()
    windows, sound = run.spectrograms(pl.col("site") == "POND01")       # sound: [window, mel, frame], dB

Tables need polars and numpy (`pip install 'polars>=2' numpy`), `pandas` also pandas and pyarrow, `duckdb` DuckDB. `run` needs none of them.
"""

from ._command import ChorusError, program, run
from ._run import Run

__all__ = ["ChorusError", "Run", "program", "run"]


def __getattr__(name: str) -> str:
    # Read when it is asked for: importlib.metadata takes longer to import than all else here.
    if name == "__version__":
        from importlib.metadata import version

        return version("chorus-survey")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
