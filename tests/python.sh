#!/bin/sh
# Runs a Python script with what its requirements.txt names, installed from PyPI into the user's cache: python.sh SCRIPT [ARGUMENT…].
# Scripts can import the modules of this folder. pip's --target works where Debian has neither venv nor leave to install system-wide.
# Where there is a beside-torch.txt too, torch is the wheel that pipeline/libtorch.sh gets, with its CUDA libraries: Python's part of it
# does not load without them.
set -eu
folder=$(cd "$(dirname "$1")" && pwd)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/chorus/packages-$(basename "$folder")
beside="$folder/beside-torch.txt"
wanted=$(cat "$folder/requirements.txt" "$beside" 2> /dev/null || true)
install() { python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$packages" "$@"; }
if [ "$wanted" != "$(cat "$packages/requirements.txt" 2> /dev/null)" ]; then
    rm -rf "$packages"
    install -r "$folder/requirements.txt"
    [ ! -e "$beside" ] || install --no-deps -r "$beside"
    echo "$wanted" > "$packages/requirements.txt"
fi
tests=$(cd "$(dirname "$0")" && pwd)
path=$packages:$tests
if [ -e "$beside" ]; then
    torch=$(unset LIBTORCH && "$tests/../pipeline/libtorch.sh" cuda)
    path=$path:$(dirname "$torch")
fi
PYTHONPATH=$path exec python3 "$@"
