#!/bin/sh
# Prints the commit of this tree, with -dirty behind it when files that git tracks were changed. Without git it is what the file COMMIT says, which
# a source tarball, a package and an image have; without that, "unknown".
set -eu
cd "$(dirname "$0")/.."
if [ -f COMMIT ]; then
	cat COMMIT
	exit
fi
# Whoever owns the files: only their state is read.
ask() { git -c safe.directory='*' --no-optional-locks "$@" 2>/dev/null; }
if [ -e .git ] && commit=$(ask rev-parse --verify HEAD); then
	changes=$(ask status --porcelain --untracked-files=no)
	[ -z "$changes" ] || commit=$commit-dirty
else
	commit=unknown
fi
echo "$commit"
