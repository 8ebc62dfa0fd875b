#!/bin/sh
# Says which set of libraries to get: set.sh [auto|cpu|cuda] prints cpu or cuda.
#
# auto: cuda where an NVIDIA driver is found, else cpu. The files are those of `has_nvidia_driver` in pipeline/platform/src/machine.rs.
set -eu

case ${1:-auto} in
    auto)
        if [ -e /proc/driver/nvidia/version ] || { [ -e /dev/dxg ] && [ -e /usr/lib/wsl/lib/libcuda.so.1 ]; }; then
            echo cuda
        else
            echo cpu
        fi
        ;;
    cpu | cuda) echo "$1" ;;
    *) echo "found \`$1\`, expected auto, cpu or cuda" >&2; exit 2 ;;
esac
