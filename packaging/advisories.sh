#!/bin/sh
# Known faults of dependencies, by cargo-deny or cargo-audit, where one of them is installed and RustSec's database can be had. Says what it
# leaves out, and fails only where something is found.
set -eu
cd "$(dirname "$0")/.."
skipped() { echo "advisories: skipped: $1"; }
if command -v cargo-deny > /dev/null; then
    cargo deny --locked check bans licenses sources
fi
if ! command -v cargo-deny > /dev/null && ! command -v cargo-audit > /dev/null; then
    skipped "neither cargo-deny nor cargo-audit is installed (cargo install cargo-deny)"
elif ! GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote --exit-code https://github.com/RustSec/advisory-db HEAD > /dev/null 2>&1; then
    skipped "the database of advisories cannot be reached"
elif command -v cargo-deny > /dev/null; then
    cargo deny --locked check advisories
else
    cargo audit
fi
