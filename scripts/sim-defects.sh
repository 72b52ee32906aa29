#!/bin/sh
# Shows that the simulator can fail: builds it with each deliberate defect of src/base/defect.h, one at a time, and sees that it finds it.
# Ends with `N passed, N failed`; exit 1 when a defect was not caught.
#
# SIM_SECONDS   how long each is looked for (15)
# SIM_DEFECTS   only these numbers, separated by spaces
set -eu
cd "$(dirname "$0")/.."

build=build/defects
: "${SIM_SECONDS:=15}"
export SIM_SECONDS
passed=0
failed=0

# An assertion in the way of a defect is a finding too, and needs no core file.
ulimit -c 0

build_with() {
	cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTRO_DEFECT="$1" >/dev/null
	cmake --build "$build" --target tro-sim >/dev/null
}

defects=$(sed -n 's/^\tDEFECT_\([A-Z_]*\) = \([0-9]*\),.*/\2 \1/p' src/base/defect.h)
for number in ${SIM_DEFECTS:-$(echo "$defects" | cut -d ' ' -f 1)}; do
	name=$(echo "$defects" | sed -n "s/^$number //p" | tr 'A-Z_' 'a-z ')
	build_with "$number"
	"$build/tests/tro-sim" >"$build/sim-$number.log" 2>&1 || true
	found=$(sed -n 's/^FAILED seed \([0-9]*\) after \([0-9]*\) operations.*/seed \1 after \2 operations/p' "$build/sim-$number.log")
	if [ -n "$found" ]; then
		echo "ok defect $number ($name): caught by $found"
		passed=$((passed + 1))
	else
		echo "FAILED defect $number ($name): not caught within $SIM_SECONDS s"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
