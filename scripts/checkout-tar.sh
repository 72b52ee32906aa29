#!/bin/sh
# Writes a tar of this tree to standard output: the files that git tracks or would, as they are now.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read 2>/dev/null
