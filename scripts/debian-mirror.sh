#!/bin/sh
# Prints where Debian's packages come from: TRO_DEBIAN_MIRROR, or the first archive of Debian itself in /etc/apt. Nothing when there is none.
[ -z "${TRO_DEBIAN_MIRROR:-}" ] || {
	echo "$TRO_DEBIAN_MIRROR"
	exit 0
}
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	sed -n 's/#.*//; s,^\(URIs:\|deb \).*\(https\?://[^ ]*/debian\)/\?\( .*\)\?$,\2,p' | head -n 1
