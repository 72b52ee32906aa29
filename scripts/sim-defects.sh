#!/bin/sh
# Shows that the simulator can fail: builds it with each deliberate defect of tests/sim/defects, one at a time, and sees that it finds it.
# A defect is a patch of a copy of the sources, so that the product's own have none. One that does not apply any more has failed, too.
# Ends with `N passed, N failed`; exit 1 when a defect was not caught.
#
# SIM_SECONDS   how long each is looked for (15)
# SIM_DEFECTS   only these, by name, separated by spaces: "key_not_unique torn_view"
set -eu
cd "$(dirname "$0")/.."

root=$(pwd)
build=build/defects
tree=$build/tree # the copy: what has a defect, and links to the rest
: "${SIM_SECONDS:=15}"
export SIM_SECONDS
passed=0
failed=0

# An assertion in the way of a defect is a finding too, and needs no core file.
ulimit -c 0

copy_sources() {
	mkdir -p "$tree"
	for name in *; do
		case $name in src | build) ;; *) ln -sfn "$root/$name" "$tree/$name" ;; esac
	done
	rm -rf "$tree/src"
	cp -Rp src "$tree/src"
	# Newer than what an earlier run compiled of them with its last defect.
	sed -n "s,^+++ b/,$tree/,p" tests/sim/defects/*.patch | sort -u | xargs touch
}

apply() {
	patch -s -d "$tree" -p1 --no-backup-if-mismatch <"$1" >"$log" 2>&1
}

# The files of a patch as they are in the product, and newer than what was compiled of them.
restore() {
	sed -n 's,^+++ b/,,p' "$1" | while read -r file; do
		cp "$file" "$tree/$file"
	done
}

build_simulator() {
	cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTRO_BIN_DIR="$root/$build/bin" >"$log" 2>&1 &&
		cmake --build "$build" --target tro-sim >>"$log" 2>&1
}

fail() {
	echo "FAILED defect $name: $1"
	failed=$((failed + 1))
}

copy_sources
for name in ${SIM_DEFECTS:-$(basename -s .patch tests/sim/defects/*.patch)}; do
	defect=tests/sim/defects/$name.patch
	log=$root/$build/sim-$name.log
	if apply "$defect" && build_simulator; then
		"$build/tests/tro-sim" >"$log" 2>&1 || true
		found=$(sed -n 's/^FAILED seed \([0-9]*\) after \([0-9]*\) operations.*/seed \1 after \2 operations/p' "$log")
		if [ -n "$found" ]; then
			echo "ok defect $name: caught by $found"
			passed=$((passed + 1))
		else
			fail "not caught within $SIM_SECONDS s"
		fi
	else
		fail "$defect does not apply to the sources, or they do not compile with it; $log"
	fi
	restore "$defect"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
