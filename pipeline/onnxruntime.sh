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

folder=$("$(dirname "$0")/wheel.sh" "onnxruntime-$version-$set_name" "ONNX Runtime $version ($set_name)" --no-deps "$package==$version")
ls "$folder"/onnxruntime/capi/libonnxruntime.so.*
