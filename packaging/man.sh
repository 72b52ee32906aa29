#!/bin/sh
# man.sh PROGRAM SECTION NAME PAGE: a man page of what --help says; that of tro has its commands' help, too.
set -eu
more=$(mktemp)
trap 'rm -f "$more"' EXIT
include=""
if [ "$(basename "$1")" = tro ]; then
	include="--include=$more"
	echo '[commands]' >"$more"
	"$1" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' | while read -r command; do
		echo ".SS \"tro $command\""
		echo .nf
		# shellcheck disable=SC2086 # two words are meant
		"$1" $command --help | sed 's/\\/\\e/g; s/^\([.'"'"']\)/\\\&\1/; s/-/\\-/g'
		echo .fi
	done >>"$more"
fi
mkdir -p "$(dirname "$4")"
# shellcheck disable=SC2086 # nothing, or one word
help2man --no-info --section="$2" --name="$3" $include --version-string="$("$1" --version | cut -d " " -f 1,2)" --output="$4" "$1"
