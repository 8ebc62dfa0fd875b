#!/bin/sh
# Checks chorus on a machine with one NVIDIA GPU, in at most 8 minutes: run.sh [--dry-run] [FOLDER]
#
# FOLDER (default target/release) has the programs chorus and chorus-torch. Rust is not needed. libtorch is the one that LIBTORCH names, or
# the one that chorus-torch finds, or PyPI's wheel, which is downloaded to the user's cache (4.7 GB, before the 8 minutes begin).
#
#   found          chorus device sees a GPU
#   trial          logits, a step and its loss beside the processor's; steps done again; a resume; speeds of training and prediction in
#                  float32 and bfloat16, with features on the GPU and copied there batch by batch
#   pipeline       the synthetic survey, trained on the GPU; the training is interrupted and resumed; predictions of that model on the GPU
#                  beside those of the processor, from features and from sound
#   memory         the most that the GPU and the process held
#
# --dry-run does all of it on the processor, with small batches: it checks everything but the GPU. Ends with exit status 1 at the first
# thing that is wrong. Results go to stdout, and to $OUT/cuda.txt where OUT is set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
device=cuda:0
if [ "${1:-}" = --dry-run ]; then
    device=cpu
    shift
fi
folder=$(cd "${1:-$here/../../target/release}" && pwd)
chorus=$folder/chorus
worker=${CHORUS_TORCH:-$folder/chorus-torch}
for program in "$chorus" "$worker"; do
    [ -x "$program" ] || { echo "$program: there is no such program; build it with \`make build\`, or unpack the wheels of \`make wheel\`" >&2; exit 2; }
done
work=$(mktemp -d)
sampler=
running=
ended() {
    for process in $sampler $running; do kill "$process" 2> /dev/null || true; done
    rm -rf "$work"
}
trap ended EXIT

# The program was linked with a path of the machine that built it; here libtorch lies elsewhere.
if [ -n "${LIBTORCH:-}" ] || ! "$worker" device > /dev/null 2>&1; then
    libtorch=$("$here/../../pipeline/libtorch.sh" "$([ "$device" = cpu ] && echo cpu || echo cuda)")
    LD_LIBRARY_PATH=$libtorch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
fi

began=$(date +%s)
limit=480
left() { echo $((limit - $(date +%s) + began)); }
# Runs a command for as long as there is time.
timed() {
    seconds=$(left)
    [ "$seconds" -gt 0 ] || { echo "the $limit s are over before: $*" >&2; exit 1; }
    timeout "$seconds" "$@"
}
fail() { echo "FAILED: $*" >&2; exit 1; }
tell() { echo "$*"; [ -z "${OUT:-}" ] || echo "$*" >> "$OUT/cuda.txt"; }

tell "== found"
timed "$worker" device > "$work/device.txt" || fail "chorus-torch does not start: $("$worker" device 2>&1 | tail -3)"
tell "$(cat "$work/device.txt")"
if [ "$device" != cpu ]; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader > "$work/gpu.txt" || fail "nvidia-smi finds no GPU"
    tell "GPU           $(cat "$work/gpu.txt")"
    grep -q '^CUDA devices  [1-9]' "$work/device.txt" || fail "libtorch finds no GPU; see the lines above"
    # The most that the GPU holds, looked at five times a second.
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 200 > "$work/memory.txt" 2> /dev/null &
    sampler=$!
fi

tell "== trial"
if [ "$device" = cpu ]; then set -- --batch 8 --steps 2; else set -- --batch 128 --steps 50; fi
threads=$(nproc)
[ "$threads" -le 8 ] || threads=8
timed "$worker" trial --device "$device" --threads "$threads" "$@" > "$work/trial.json" 2> "$work/trial.err" || {
    tell "$(cat "$work/trial.json")"
    fail "$(tail -3 "$work/trial.err")"
}
tell "$(cat "$work/trial.json")"

tell "== pipeline"
"$chorus" demo "$work/archive" --tiny > "$work/demo.txt" 2>&1 || fail "chorus demo: $(tail -3 "$work/demo.txt")"
configuration() {
    cat << END
archive: {path: $work/archive, audio: raw_data, timezone: America/Sao_Paulo}
run: {path: $work/$1}
ingest: {site_sheet: sites.csv}
device: $2
units: {keep_free_gib: 0}
END
}
{
    configuration run "$device"
    cat << END
annotate: {format: anuraset_raw, code_table: species.csv}
split: {source: file, file: subset.csv}
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
train: {architecture: mobilenet_v3_small, width: 0.25, epochs: 200, batch_size: 8, multimix_mixtures: 8, checkpoint_every_s: 0, validate_every: 50}
END
} > "$work/run.yaml"
"$chorus" run train --with-upstream -c "$work/run.yaml" > "$work/first.txt" 2>&1 &
running=$!
# Each step of the training leaves a checkpoint; progress is told too seldom to wait for it.
waited=0
until ls "$work"/run/state/cache/train/checkpoint-* > /dev/null 2>&1 || ! kill -0 "$running" 2> /dev/null; do
    [ "$waited" -lt 1200 ] || fail "there is no checkpoint of a training after 120 s: $(tail -3 "$work/first.txt")"
    waited=$((waited + 1))
    sleep 0.1
done
sleep 1
kill -TERM "$running" 2> /dev/null || true
wait "$running" && interrupted=no || interrupted=yes
running=
[ "$interrupted" = yes ] || tell "the training had ended before it could be interrupted"
# What is left need not take minutes to show a resume.
timed "$chorus" run train -c "$work/run.yaml" > "$work/second.txt" 2>&1 || fail "the resumed training: $(tail -3 "$work/second.txt")"
if [ "$interrupted" = yes ]; then
    again=$(grep -o 'goes on after epoch [0-9]* of 200' "$work/second.txt") || fail "the training began anew after it was interrupted"
    tell "a training that was interrupted $again"
fi
epochs=$("$chorus" query "SELECT COUNT(*) FROM training_log" --run "$work/run" --format csv | tail -1)
[ "$epochs" = 200 ] || fail "the table training_log has $epochs epochs, expected 200"

# Predictions of one model: on this device and on the processor, from sound and from features.
timed "$chorus" run evaluate --with-upstream -c "$work/run.yaml" > "$work/predict.txt" 2>&1 || fail "evaluate: $(tail -3 "$work/predict.txt")"
logits() { "$chorus" query "SELECT logit FROM predictions ORDER BY segment_id, class" --run "$1" --format csv | tail -n +2; }
logits "$work/run" > "$work/run.csv"
for place in "$device" cpu; do
    name=$(echo "$place" | tr -d :)
    { configuration "$name" "$place"; echo "model: {path: $work/run/model}"; } > "$work/$name.yaml"
    timed "$chorus" run predict --with-upstream -c "$work/$name.yaml" > "$work/$name.txt" 2>&1 || fail "predict on $place: $(tail -3 "$work/$name.txt")"
    logits "$work/$name" > "$work/$name.csv"
done
# The largest difference between two columns of numbers.
apart() {
    paste -d , "$1" "$2" | awk -F , 'NF != 2 || $1 == "" || $2 == "" { exit 3 } { d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d }
        END { if (NR == 0) exit 3; printf "%.2e", most }' || fail "the predictions in $1 and $2 have other windows"
}
compare() {
    found=$(apart "$2" "$3")
    tell "$1: logits differ by at most $found"
    awk -v found="$found" -v most="$4" 'BEGIN { exit !(found <= most) }' || fail "$1: logits differ by $found, allowed are $4"
}
compare "from features and from sound on $device" "$work/run.csv" "$work/$(echo "$device" | tr -d :).csv" 1e-4
compare "$device and the processor" "$work/$(echo "$device" | tr -d :).csv" "$work/cpu.csv" "$([ "$device" = cpu ] && echo 0 || echo 0.1)"

tell "== memory"
if [ -z "$sampler" ]; then
    tell "no GPU"
else
    kill "$sampler" 2> /dev/null || true
    sampler=
    tell "on the GPU, all programs: $(sort -n "$work/memory.txt" | tail -1) MiB at most, $(head -1 "$work/memory.txt") MiB before"
fi
took=$(($(date +%s) - began))
tell "== $took s of $limit"
[ "$took" -le "$limit" ] || fail "it took $took s, allowed are $limit"
tell "everything was as expected on $device"
