#!/bin/bash
# The mechanical gates: one line for each, "ok <gate>" or, below what was found, "FAILED <gate>".
#
#	scripts/lint.sh [gate...]    layout includes words functions structure tidy
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files 'src/*.c' 'cmd/*.c')
mapfile -t headers < <(git ls-files 'src/*.h')
mapfile -t tests < <(git ls-files 'tests/*.c' 'tests/*.h')

gate_layout() {
	clang-format --dry-run --Werror "${sources[@]}" "${headers[@]}" "${tests[@]}" 2>&1 | { grep 'should be clang-formatted' || true; } |
		cut -d: -f1 | uniq -c | awk '{ print $2 ": " $1 " places; make format mends them"; found = 1 } END { exit found }'
}

# The build keeps the modules apart; this keeps each client library in its own, and every path relative to src/.
gate_includes() {
	local allowed='^src/net/tls\.c:.*<openssl|^src/net/poller\.c:.*<sys/epoll|^src/bench/client\.c:.*<sys/epoll|^src/(auth|bench|runtime)/.*<openssl|^src/(runtime|adapters/otlp)/.*<curl|^src/adapters/sqlite/.*<sqlite3|^src/adapters/postgres/.*<libpq|^src/adapters/rabbitmq/amqp_client\.h:.*<(amqp|rabbitmq-c|hiredis)|^src/adapters/rabbitmq/.*<openssl|^src/adapters/redis/.*<(hiredis|openssl)|^src/adapters/(net|postgres)/.*<openssl'
	! grep -EnH '#include (<(sys/epoll|openssl|curl|sqlite3|libpq|amqp|rabbitmq-c|hiredis)|"\.)' "${sources[@]}" "${headers[@]}" | grep -Ev "$allowed"
}

# Functions that are not used; then the words of comments, with figures, also when it passes.
gate_words() {
	! grep -EnH '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|gets) *\(' "${sources[@]}" "${headers[@]}" "${tests[@]}" || return 1
	python3 scripts/lint-words.py
}

gate_functions() {
	scripts/lint-functions.sh "${sources[@]}"
}

# Prints its figures, also when it passes.
gate_structure() {
	python3 scripts/lint-structure.py
}

gate_tidy() {
	[ -e build/asan/compile_commands.json ] || cmake --preset asan >/dev/null
	printf '%s\n' "${sources[@]}" | xargs -n 2 -P "$(nproc)" clang-tidy --quiet -p build/asan 2>&1 |
		{ grep -Ev '^[0-9]+ warnings? generated' || true; }
}

failed=0
for gate in ${*:-layout includes words functions structure tidy}; do
	if (set -e; "gate_$gate"); then
		echo "ok $gate"
	else
		echo "FAILED $gate"
		failed=1
	fi
done
exit $failed
