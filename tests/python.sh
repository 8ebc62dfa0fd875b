#!/bin/sh
# Runs a Python script with its requirements.txt installed into an environment in the user's cache: python.sh SCRIPT [ARGUMENT…].
set -eu
folder=$(cd "$(dirname "$1")" && pwd)
python=${XDG_CACHE_HOME:-$HOME/.cache}/chorus/python-$(basename "$folder")
if ! cmp -s "$folder/requirements.txt" "$python/requirements.txt"; then
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check -r "$folder/requirements.txt"
    cp "$folder/requirements.txt" "$python/"
fi
exec "$python/bin/python" "$@"
