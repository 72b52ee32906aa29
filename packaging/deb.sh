#!/bin/sh
# The packages tro and tro-tools of what git knows of this tree, in build/. The tree itself is left as it is.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*TRO_VERSION "\(.*\)".*/\1/p' src/base/version.h)
work=build/deb
rm -rf "$work"
mkdir -p "$work/tro-$version"
scripts/checkout-tar.sh | tar --extract --directory "$work/tro-$version"
(cd "$work/tro-$version" && dpkg-buildpackage --build=binary --no-sign --unsigned-source >../build.log 2>&1) || {
	tail -n 40 "$work/build.log" >&2
	exit 1
}
rm -f build/*.deb
find "$work" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' -exec mv {} build/ \;
ls build/*.deb
