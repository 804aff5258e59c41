#!/bin/sh
# Builds the fuzz targets with the stable compiler and runs one: fuzz/run.sh message 1000000
# More words go to libFuzzer as they are. What it finds is kept in fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")"
target=$1
runs=$2
shift 2
# What cargo-fuzz passes, less the sanitizers: counters and comparisons for libFuzzer to learn from.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions"
export RUSTFLAGS
host=$(rustc -vV | sed -n 's/^host: //p')
# Naming the target keeps the flags away from build scripts.
cargo build --quiet --release --target "$host" --bin "$target"
mkdir -p "artifacts/$target"
exec "target/$host/release/$target" "corpus/$target" -runs="$runs" -max_len=4096 \
  -rss_limit_mb=2048 -timeout=60 -print_final_stats=1 -artifact_prefix="artifacts/$target/" "$@"
