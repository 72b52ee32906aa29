#!/bin/sh
# Lists the functions of 70 lines and more, signature included; fails when there is one.
# A function is what the layout makes it: a brace alone in the first column opens it, the next one there closes it.
#
#	scripts/lint-functions.sh file.c...
set -eu

awk '
	FNR == 1 { start = 0; in_body = 0 }
	in_body && /^}/ {
		if (FNR - start + 1 >= 70) {
			printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start + 1, signature
			found = 1
		}
		in_body = 0
		next
	}
	in_body { next }
	/^[a-z]/ { start = FNR; signature = $0 }
	/^{/ { in_body = 1 }
	END { exit found }
' "$@"
