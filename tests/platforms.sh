#!/bin/sh
# Type-checks and lints pipeline/platform for other systems than this one: platforms.sh. It needs no linker for them, only their standard
# libraries, which rustup gets. A system without one is skipped, and said so.
set -eu
cd "$(dirname "$0")/.."
for target in x86_64-pc-windows-msvc x86_64-pc-windows-gnu aarch64-apple-darwin x86_64-apple-darwin aarch64-unknown-linux-gnu; do
    rustup target list --installed 2> /dev/null | grep -qx "$target" || timeout 180 rustup target add "$target" > /dev/null 2>&1 ||
        { echo "$target: skipped, no standard library"; continue; }
    cargo clippy --quiet --target "$target" -p chorus-platform --all-targets -- --deny warnings
    echo "$target: pipeline/platform is well-typed"
done
