"""The tables of a run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _command

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pandas as pd
    import polars as pl

SHAPE = "chorus.shape"
FILE = "chorus.file"


class Run:
    """The tables of a run, as they are in its folder.

    Reads each table when it is asked for. Does not check whether tables are fresh: `chorus status` does.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """The run in a folder, such as runs/demo. Raises FileNotFoundError where the folder holds no tables."""
        self.path = Path(path).absolute()
        if not (self.path / "tables").is_dir():
            raise FileNotFoundError(f"{self.path}: found no folder tables there; expected the folder of a run, such as runs/demo")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def tables(self) -> list[str]:
        """The names of the tables that this run has, in alphabetical order."""
        return sorted(folder.name for folder in (self.path / "tables").iterdir() if _any_file(folder))

    def describe(self, table: str) -> str:
        """The columns of a table with type, unit, range and meaning: what `chorus schema TABLE` prints."""
        return _command.run("schema", table, quiet=True)

    def table(self, name: str) -> pl.LazyFrame:
        """A table as a lazy frame of polars, of which nothing is read before `collect`.

        Columns have the types that `describe` lists. Tables by site and day also have `site` (String) and `date` (Date, null where the
        day of a recording is not known); files that a filter on these rules out are not opened. Arrays are Binary; see `arrays`.

        Raises LookupError where the run has no such table.
        """
        return self._scan(name)

    def pandas(self, name: str) -> pd.DataFrame:
        """A whole table as a data frame of pandas. For a part of a large one: `run.table(name).filter(…).collect().to_pandas()`."""
        return self.table(name).collect().to_pandas()

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A connection of DuckDB in memory with a view for each table, for example
        `run.duckdb().sql("SELECT class, COUNT(*) FROM detections GROUP BY class")`.

        Raises ValueError where the path of the run has a part such as `site=A`, which DuckDB would take for a column.
        """
        try:
            import duckdb
        except ImportError as error:
            raise _lacking("duckdb", "'duckdb>=1.1'") from error
        if taken := [part for part in self.path.parts if part.startswith(("site=", "date="))]:
            raise ValueError(f"{self.path}: DuckDB takes the part {taken[0]} of this path for a column; rename that folder, or use `table`")
        connection = duckdb.connect()
        for name in self.tables():
            columns = ", ".join(f'"{column}"' for column in self.table(name).collect_schema().names())
            pattern = _escaped(str(self._folder(name))).replace("'", "''") + "/**/*.parquet"
            hive = "hive_types = {'site': VARCHAR, 'date': DATE}" if self._is_partitioned(name) else "hive_partitioning = false"
            connection.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM read_parquet('{pattern}', {hive})")
        return connection

    def query(self, sql: str, *, fresh: bool = False) -> pl.DataFrame:
        """The answer of `chorus query` to a question in SQL. It knows views that other engines do not have, such as `nightly`.

        `fresh` makes tables that are stale or incomplete an error, in place of a warning on stderr. Raises ChorusError with the message
        of the command.
        """
        _needs_polars()
        import polars as pl

        with tempfile.TemporaryDirectory() as place:
            answer = Path(place) / "answer.parquet"
            _command.run("query", "--run", self.path, "-o", answer, *(["--fresh"] if fresh else []), "--", sql)
            return pl.read_parquet(answer)

    def arrays(self, table: str, where: pl.Expr | None = None) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.float16]]]:
        """The rows of a table that holds an array for each, without their arrays; and the arrays, in the same order, as one of float16.

        `where` says which rows, by columns of the table. All of these arrays are in memory: a spectrogram of 128 bands over 3 s takes
        some 60 kB, an embedding 2 kB.

        Raises LookupError where the run has no such table, and ValueError where the table has no arrays or they differ in shape.
        """
        _needs_polars()
        import numpy as np
        import polars as pl

        frame = self._scan(table, files=FILE)
        names = [name for name, kind in frame.collect_schema().items() if kind == pl.Binary]
        if len(names) != 1:
            raise ValueError(f"the table {table} holds no arrays; features and embeddings do")
        rows = (frame if where is None else frame.filter(where)).collect()
        # Where no row is wanted, any file tells the shape.
        files = rows[FILE].unique().to_list() or [str(next(self._folder(table).rglob("*.parquet")))]
        shapes = {pl.read_parquet_metadata(file)[SHAPE]: file for file in files}
        if len(shapes) > 1:
            differing = "; ".join(f"{shape} in {file}" for shape, file in shapes.items())
            raise ValueError(f"the arrays of {table} differ in shape ({differing}): ask for those of one shape by `where`")
        shape = tuple(int(length) for length in next(iter(shapes)).split(","))
        values = np.frombuffer(b"".join(rows[names[0]]), dtype="<f2").reshape(-1, *shape)
        return rows.drop(names[0], FILE), values

    def spectrograms(self, where: pl.Expr | None = None) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.float16]]]:
        """The windows of the table `features`, and their log-mel spectrograms: [window, mel, frame], in dB. See `arrays`."""
        return self.arrays("features", where)

    def embeddings(self, where: pl.Expr | None = None) -> tuple[pl.DataFrame, np.ndarray[Any, np.dtype[np.float16]]]:
        """The windows of the table `embeddings`, and their embeddings: [window, value]. See `arrays`."""
        return self.arrays("embeddings", where)

    def _folder(self, table: str) -> Path:
        folder = self.path / "tables" / table
        if table not in self.tables():
            raise LookupError(f"{self.path} has no table {table}; it has {', '.join(self.tables()) or 'none'}")
        return folder

    def _is_partitioned(self, table: str) -> bool:
        return not any(self._folder(table).glob("*.parquet"))

    def _scan(self, table: str, files: str | None = None) -> pl.LazyFrame:
        _needs_polars()
        import polars as pl

        folder = self._folder(table)
        # The path of a run is no pattern, even if it contains `*`, and what stands above the folder is no partition.
        if not self._is_partitioned(table):
            return pl.scan_parquet(folder, hive_partitioning=False, glob=False, include_file_paths=files)
        hive = {"site": pl.String, "date": pl.Date}
        return pl.scan_parquet(folder, hive_partitioning=True, hive_schema=hive, glob=False, include_file_paths=files)


def _any_file(folder: Path) -> bool:
    return next(folder.rglob("*.parquet"), None) is not None


def _escaped(path: str) -> str:
    """A path as a pattern of DuckDB that means this path."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


def _lacking(package: str, wanted: str) -> ImportError:
    return ImportError(f"{package} is not installed; pip install {wanted}")


def _needs_polars() -> None:
    try:
        import polars
    except ImportError as error:
        raise _lacking("polars", "'polars>=2' 'numpy>=1.26'") from error
    # In filters on `date`, polars 1 keeps rows whose date is not known.
    if int(polars.__version__.split(".")[0]) < 2:
        raise ImportError(f"found polars {polars.__version__}, expected 2 or later; pip install --upgrade 'polars>=2'")
