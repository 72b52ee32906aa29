#!/bin/sh
# image-root.sh PROGRAM FOLDER: makes FOLDER what an image of PROGRAM and tro, in build/bin, is: the programs, the libraries that they load,
# the certificates that they trust, the licences, and a bill of materials (usr/share/sbom/PROGRAM.spdx.json).
set -eu
cd "$(dirname "$0")/.."
program=$1
root=$2
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/usr/share/sbom" "$root/usr/share/licenses/tro" "$root/tmp" "$root/data"
for name in "$program" tro; do
	strip -o "$root/usr/bin/$name" "build/bin/$name"
done
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/data"
chmod 0700 "$root/data"
printf 'root:x:0:0::/:/\ntro:x:65532:65532::/data:/\n' >"$root/etc/passwd"
printf 'root:x:0:\ntro:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
cp LICENSE "$root/usr/share/licenses/tro/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# "name => path" of what the loader finds, and the loader itself.
libraries=$(ldd "build/bin/$program" build/bin/tro | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u)
for library in $libraries; do
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
done

packages=$(for file in $libraries; do
	dpkg-query -S "$(realpath "$file")" 2>/dev/null || dpkg-query -S "$file"
done | sed 's/: .*//' | sort -u)
for package in $packages; do
	name=${package%%:*}
	mkdir -p "$root/usr/share/licenses/$name"
	cp -L "/usr/share/doc/$name/copyright" "$root/usr/share/licenses/$name/"
done
# shellcheck disable=SC2086 # a list of words is meant
packaging/sbom.sh "$program" $packages ca-certificates >"$root/usr/share/sbom/$program.spdx.json"
