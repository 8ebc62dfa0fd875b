#!/bin/sh
# Puts ONNX Runtime where chorus-onnx finds it, and prints the file of its library: that of CHORUS_ONNXRUNTIME, or of PyPI's wheel in the
# user's cache, outside of any clone. Nothing is linked to it: it is opened when a backbone is.
#
#   onnxruntime.sh [auto|cpu|cuda]      cuda: the wheel for NVIDIA's cards; auto: that where an NVIDIA driver is found
set -eu

version=1.31.1
set_name=${1:-auto}

if [ -n "${CHORUS_ONNXRUNTIME:-}" ]; then
    if [ ! -f "$CHORUS_ONNXRUNTIME" ]; then
        echo "CHORUS_ONNXRUNTIME=$CHORUS_ONNXRUNTIME: there is no such file; name libonnxruntime.so, or unset it to get one from PyPI" >&2
        exit 2
    fi
    echo "$CHORUS_ONNXRUNTIME"
    exit 0
fi

case $set_name in
    auto) if [ -e /proc/driver/nvidia/version ]; then set_name=cuda; else set_name=cpu; fi ;;
    cpu | cuda) ;;
    *) echo "onnxruntime.sh: found \`$set_name\`, expected auto, cpu or cuda" >&2; exit 2 ;;
esac
package=onnxruntime
[ "$set_name" = cpu ] || package=onnxruntime-gpu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/chorus
folder=$cache/onnxruntime-$version-$set_name
if [ ! -d "$folder" ]; then
    if ! python3 -m pip --version > /dev/null 2>&1; then
        echo "onnxruntime.sh: python3 with pip is needed to get ONNX Runtime from PyPI; on Debian: apt-get install python3-pip" >&2
        exit 2
    fi
    echo "getting ONNX Runtime $version ($set_name) from PyPI into $folder" >&2
    mkdir -p "$cache"
    # Installed beside and moved into place, so that a broken download is never taken for the whole.
    partial=$(mktemp -d "$cache/ort.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --no-deps --target "$partial" \
        "$package==$version" >&2
    chmod 755 "$partial"
    # Another process may have been faster.
    mv -T "$partial" "$folder" 2> /dev/null || [ -d "$folder" ]
fi
ls "$folder"/onnxruntime/capi/libonnxruntime.so.*
