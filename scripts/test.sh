#!/bin/sh
# Every suite: installs what the tests need, then hands over to scripts/test.py, which says what can be chosen.
set -eu
cd "$(dirname "$0")/.."
scripts/install-deps.sh test
exec python3 -u scripts/test.py
