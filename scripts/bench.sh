#!/bin/sh
# `make bench`: builds what is measured, then hands over to scripts/bench.
set -eu
cd "$(dirname "$0")/.."
scripts/install-deps.sh test
cmake --preset release >/dev/null
cmake --build --preset release --target programs bench_store bench_admission bench_bare_publish bench_seating
exec python3 -u scripts/bench
