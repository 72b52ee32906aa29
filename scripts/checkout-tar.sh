#!/bin/sh
# checkout-tar.sh [PREFIX]: writes a tar of this tree to standard output: the files that git tracks or would, as they are now, and COMMIT, which names
# the commit (scripts/commit.sh). Without git it has every file but build/. PREFIX goes before every name. The same files give the same bytes.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
scripts/commit.sh >"$folder/COMMIT"
chmod 0644 "$folder/COMMIT"
if [ -e .git ]; then
	git ls-files -z --cached --others --exclude-standard
else
	find . -mindepth 1 -path ./build -prune -o -path ./COMMIT -prune -o ! -type d -printf '%P\0'
fi | LC_ALL=C sort --zero-terminated --unique >"$folder/names"
moment=$(git -c safe.directory='*' log -1 --format=@%ct 2>/dev/null || stat --format=@%Y CHANGELOG.md)
tar --create --null --files-from="$folder/names" --ignore-failed-read --mtime="$moment" --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w \
	--transform="s,^,${1:-},S" --file="$folder/tar" 2>/dev/null
tar --append --mtime="$moment" --owner=0 --group=0 --numeric-owner --transform="s,^,${1:-},S" --file="$folder/tar" --directory="$folder" COMMIT
cat "$folder/tar"
