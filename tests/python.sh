#!/bin/sh
# Runs a Python script with what its requirements.txt names, installed from PyPI into the user's cache: python.sh SCRIPT [ARGUMENT…].
# pip's --target works where Debian has neither venv nor leave to install system-wide.
set -eu
folder=$(cd "$(dirname "$1")" && pwd)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/chorus/packages-$(basename "$folder")
if ! cmp -s "$folder/requirements.txt" "$packages/requirements.txt"; then
    rm -rf "$packages"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$packages" -r "$folder/requirements.txt"
    cp "$folder/requirements.txt" "$packages/"
fi
PYTHONPATH=$packages exec python3 "$@"
