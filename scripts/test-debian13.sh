#!/bin/sh
# `make test-debian13`: builds and tests this checkout on a minimal Debian 13, in a chroot that is made once and kept.
#
#	TRO_DEBIAN_MIRROR    where Debian's packages come from (the first Debian archive in /etc/apt)
#	TRO_TEST_ONLY        the suites to run, as for `make test` (unit, contract and end to end)
#	XDG_CACHE_HOME       the chroot is its tro/debian13 (~/.cache); remove that folder to begin anew
#
# Needs root, or sudo. The chroot has processes and mounts of its own, which end with the script; the network is the machine's.
set -eu
cd "$(dirname "$0")/.."

system="${XDG_CACHE_HOME:-$HOME/.cache}/tro/debian13"
suites="${TRO_TEST_ONLY:-unit-release,contract-release,contract-postgres,contract-rabbitmq,contract-mongodb,e2e-release}"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"

# debootstrap, then what the repository itself asks for: the installation is tested, too.
make_system() {
	mirror=$(scripts/debian-mirror.sh)
	if [ -z "$mirror" ]; then
		echo "$0: no archive of Debian in /etc/apt; set TRO_DEBIAN_MIRROR" >&2
		exit 1
	fi
	if ! command -v debootstrap >/dev/null; then
		$sudo apt-get -qq update
		$sudo apt-get -qq -y install --no-install-recommends debootstrap >/dev/null
	fi
	echo "Making a Debian 13 in $system"
	mkdir -p "$(dirname "$system")"
	$sudo rm -rf "$system.new"
	$sudo debootstrap --variant=minbase --include=ca-certificates,git,make trixie "$system.new" "$mirror" >"$system.log" 2>&1 || {
		tail -n 20 "$system.log" >&2
		exit 1
	}
	$sudo mv "$system.new" "$system"
}

# What the machine knows of the network and of whom to trust.
copy_network_settings() {
	for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
		[ ! -e "$file" ] || $sudo cp -L "$file" "$system$file"
	done
}

# The files that git tracks or would; build/ in the chroot stays from one run to the next.
copy_checkout() {
	$sudo mkdir -p "$system/tro"
	$sudo find "$system/tro" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
	scripts/checkout-tar.sh | $sudo tar --extract --no-same-owner --directory "$system/tro"
}

run_suites() {
	# shellcheck disable=SC2016 # the inner shell expands them
	$sudo unshare --mount --pid --fork --kill-child sh -euc '
		mount --make-rprivate /
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		mount --rbind /sys "$1/sys"
		mount -t tmpfs tmpfs "$1/run"
		mount -t tmpfs tmpfs "$1/tmp"
		exec chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TRO_TEST_ONLY="$2" http_proxy="${http_proxy:-}" \
			https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" PIP_CERT=/etc/ssl/certs/ca-certificates.crt make -C /tro test
	' - "$system" "$suites"
}

[ -d "$system" ] || make_system
copy_network_settings
copy_checkout
run_suites
