#!/bin/sh
# Installs what is missing from Debian, as root or with sudo. Silent, and without the network, when nothing is missing.
#
#	scripts/install-deps.sh build    what building and running needs
#	scripts/install-deps.sh install  that, and what makes man pages
#	scripts/install-deps.sh deb      that, and what makes Debian packages
#	scripts/install-deps.sh test     that, and what the tests need
set -eu

build="ca-certificates gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libhiredis-dev libmongoc-dev libpq-dev libprotobuf-c-dev librabbitmq-dev libsqlite3-dev libssl-dev protobuf-c-compiler zlib1g-dev"
deb="debhelper fakeroot help2man"
test="$deb bazel-bootstrap buildah debootstrap lintian ccache clang clang-format clang-tidy libclang-rt-dev libcmocka-dev libfaketime libjansson-dev curl haproxy iproute2 nftables nginx-light openssl procps patch postgresql prometheus python3 python3-venv rabbitmq-server redis-server strace"

case "${1:-}" in
build) packages="$build" ;;
install) packages="$build help2man" ;;
deb) packages="$build $deb" ;;
test) packages="$build $test" ;;
*)
	echo "usage: $0 build|install|deb|test" >&2
	exit 2
	;;
esac

if ! command -v apt-get >/dev/null; then
	echo "$0: not a Debian; it has to have: $packages" >&2
	exit 0
fi

missing=""
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
echo "Installing:$missing"
$sudo apt-get -qq -o Acquire::Retries=3 update
# shellcheck disable=SC2086 # a list of words is meant
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
	install --no-install-recommends $missing >/dev/null
