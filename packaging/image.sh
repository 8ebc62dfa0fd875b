#!/bin/sh
# Installs Chorus in an image of Debian 12, for Containerfile and chorus.def: image.sh WHEELS SET
# WHEELS is the folder that `make wheel` fills; SET is the set of libraries of libtorch: cpu or cuda.
set -eu
wheels=$1 set_name=$2
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates python3 python3-venv
rm -rf /var/lib/apt/lists/*

python3 -m venv /opt/chorus
export PIP_NO_CACHE_DIR=1
# Files and not names, which anybody could take on PyPI.
/opt/chorus/bin/pip install "$(ls "$wheels"/chorus_survey-*.whl)[onnx,python]" "$wheels"/chorus_survey_onnx-*.whl
# Whoever runs the image has another cache than whoever builds it, so the worker gets a name beside chorus.
XDG_CACHE_HOME=/opt/chorus/cache /opt/chorus/bin/chorus torch "$set_name" --wheel "$wheels"/chorus_survey_torch-*.whl
ln -s /opt/chorus/cache/chorus/chorus-torch-*/bin/chorus-torch /opt/chorus/bin/
