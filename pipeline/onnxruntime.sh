#!/bin/sh
# Puts ONNX Runtime where chorus-onnx finds it, and prints the file of its library: that of CHORUS_ONNXRUNTIME, or of PyPI's wheel in the
# user's cache, outside of any clone. Nothing is linked to it: it is opened when a backbone is.
#
#   onnxruntime.sh [auto|cpu|cuda]      cuda: the wheel for NVIDIA's cards; auto: that where an NVIDIA driver is found
set -eu

version=1.31.1

if [ -n "${CHORUS_ONNXRUNTIME:-}" ]; then
    if [ ! -f "$CHORUS_ONNXRUNTIME" ]; then
        echo "CHORUS_ONNXRUNTIME=$CHORUS_ONNXRUNTIME: there is no such file; name libonnxruntime.so, or unset it to get one from PyPI" >&2
        exit 2
    fi
    echo "$CHORUS_ONNXRUNTIME"
    exit 0
fi

set_name=$("$(dirname "$0")/set.sh" "${1:-auto}")
package=onnxruntime
[ "$set_name" = cpu ] || package=onnxruntime-gpu

folder=$("$(dirname "$0")/wheel.sh" "onnxruntime-$version-$set_name" "ONNX Runtime $version ($set_name)" --no-deps "$package==$version")
ls "$folder"/onnxruntime/capi/libonnxruntime.so.*
