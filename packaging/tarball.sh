#!/bin/sh
# `make tarball`: build/tro-VERSION.tar.gz, the sources as git knows them, with the file COMMIT; the same commit gives the same bytes.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*TRO_VERSION "\(.*\)".*/\1/p' src/base/version.h)
mkdir -p build
scripts/checkout-tar.sh "tro-$version/" | gzip --best --no-name >"build/tro-$version.tar.gz.new"
mv "build/tro-$version.tar.gz.new" "build/tro-$version.tar.gz"
echo "build/tro-$version.tar.gz"
