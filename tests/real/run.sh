#!/bin/sh
# The whole pipeline on real recordings, where they are at hand: run.sh CHORUS [FOLDER]. FOLDER (or CHORUS_SHARED, or ../shared/data
# beside the project) holds survey_us and jura_24h, and cases: archives made after public reports. Ends with exit status 1 where a count is
# not as expected.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
chorus=$1
data=${2:-${CHORUS_SHARED:-$here/../../../shared/data}}
"$here/../python.sh" "$here/cases.py" "$chorus" "$data"
if [ ! -d "$data/survey_us" ] || [ ! -d "$data/jura_24h" ]; then
    echo "skipped: no survey_us and jura_24h in $data"
    exit 0
fi
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT

expect() { # RUN SQL ANSWER
    found=$("$chorus" query --run "$runs/$1" --format csv "$2" | tail -n +2 | tr '\n' ' ')
    [ "$found" = "$3 " ] || { echo "$1: $2: found $found, expected $3" >&2; exit 1; }
    echo "$1: $2: $found"
}

"$chorus" run -c "$here/survey_us.yaml" --set "archive.path=$data/survey_us" --set "run.path=$runs/survey_us"
expect survey_us "SELECT status, COUNT(*) AS n FROM recordings GROUP BY status" "ok,48"
expect survey_us "SELECT COUNT(*) AS n FROM segments" "960"
expect survey_us "SELECT COUNT(*) AS n FROM labels" "17280"
expect survey_us "SELECT COUNT(*) AS n FROM annotations WHERE NOT used AND reason IS NULL" "0"
expect survey_us "SELECT COUNT(*) AS n FROM predictions WHERE score < 0 OR score > 1" "0"
expect survey_us "SELECT SUM(windows) AS n FROM activity" "17280"
"$chorus" run -c "$here/jura_24h.yaml" --set "archive.path=$data/jura_24h" --set "run.path=$runs/jura_24h" --set "model.path=$runs/survey_us/model"
expect jura_24h "SELECT status, COUNT(*) AS n FROM recordings GROUP BY status" "ok,96"
expect jura_24h "SELECT COUNT(*) AS n FROM predictions" "5184"
expect jura_24h "SELECT COUNT(*) AS n FROM (SELECT DISTINCT night, hour FROM activity) AS hours" "24"
if [ -d "$data/esc10" ]; then
    # The archive is read-only: a folder of links takes the list of folds, as docs/comparing.md makes it.
    mkdir "$runs/archive"
    for class in "$data"/esc10/*/; do ln -s "$(realpath "$class")" "$runs/archive/"; done
    (cd "$runs/archive" && (echo filename,fold,source; find -L . -name '*.ogg' | sed -E 's#.*/(([0-9])-([0-9]+)-.*)#\1,\2,\3#' | sort) > folds.csv)
    "$chorus" run ingest segment annotate split featurize -c "$here/../../configs/esc10.yaml" --set "archive.path=$runs/archive" --set "run.path=$runs/esc10"
    expect esc10 "SELECT codec, status, COUNT(*) AS n FROM recordings GROUP BY codec, status" "vorbis,ok,400"
    expect esc10 "SELECT COUNT(*) AS n FROM annotations WHERE used" "400"
    expect esc10 "SELECT COUNT(*) AS n FROM splits WHERE subset = 'test'" "80"
    expect esc10 "SELECT COUNT(*) AS n FROM (SELECT class FROM split_classes WHERE subset = 'test' AND windows_positive > 0) AS c" "10"
fi
"$here/../python.sh" "$here/backbones/check.py" "$chorus" "$data"
"$here/../python.sh" "$here/soundscape/check.py" "$chorus" "$data"
"$here/../python.sh" "$here/../interop/metrics.py" "$runs/survey_us"
"$here/../python.sh" "$here/../interop/browser.py" "$runs/survey_us/report/index.html" "$runs/jura_24h/report/index.html"
for run in survey_us jura_24h; do
    "$here/../python.sh" "$here/../interop/check.py" "$chorus" "$runs/$run"
done
