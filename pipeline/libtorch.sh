#!/bin/sh
# Puts libtorch where the build finds it and prints its folder: that of LIBTORCH, or of PyPI's torch wheel in the user's cache,
# outside of any clone, so that every clone shares it.
#
#   libtorch.sh [auto|cpu|cuda]
#
# cpu:  the wheel and the two CUDA libraries that libtorch_cpu.so itself is linked to, 1.2 GB installed.
# cuda: the wheel with all of its CUDA libraries, 4.7 GB installed.
# auto: cuda where an NVIDIA driver is found, else cpu.
set -eu

version=2.13.0
cuda=13.0

if [ -n "${LIBTORCH:-}" ]; then
    if [ ! -e "$LIBTORCH/lib/libtorch_cpu.so" ]; then
        echo "LIBTORCH=$LIBTORCH: found no lib/libtorch_cpu.so there; name a folder of libtorch $version, or unset it to get one from PyPI" >&2
        exit 2
    fi
    echo "$LIBTORCH"
    exit 0
fi

set_name=$("$(dirname "$0")/set.sh" "${1:-auto}")

if [ "$set_name" = cpu ]; then
    set -- --no-deps "torch==$version" "nvidia-cuda-runtime==$cuda.*" "nvidia-cuda-cupti==$cuda.*"
else
    set -- "torch==$version"
fi
folder=$("$(dirname "$0")/wheel.sh" "libtorch-$version-$set_name" "libtorch $version ($set_name set)" "$@")
echo "$folder/torch"
