#!/bin/sh
# Checks the tables of a run with DuckDB, pyarrow and polars from PyPI: run.sh CHORUS RUN. They are installed into the user's cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${XDG_CACHE_HOME:-$HOME/.cache}/chorus/interop
if ! cmp -s "$here/requirements.txt" "$python/requirements.txt"; then
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$python/"
fi
exec "$python/bin/python" "$here/check.py" "$1" "$2"
