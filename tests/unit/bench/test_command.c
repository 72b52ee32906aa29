/* test_command.c: exit codes of `tro bench`. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "bench/command.h"

static const struct bench_defaults defaults = {
	.url = "http://127.0.0.1:1", /* where nothing listens */
	.jwt_secret = SLICE("0123456789abcdef0123456789abcdef"),
	.payment_secret = SLICE("0123456789abcdef0123456789abcdef"),
};

static int run(const struct bench_defaults *with, const char *line)
{
	char text[512] = "bench ";
	char *words[32];
	int count = 0;
	strncat(text, line, sizeof text - 7);
	char *rest = text;
	for (char *word = strsep(&rest, " "); word != NULL && count < 31; word = strsep(&rest, " ")) {
		if (*word != '\0')
			words[count++] = word;
	}
	words[count] = NULL;
	return bench_command(count, words, with);
}

static void help_is_no_failure(void **state)
{
	(void)state;
	assert_int_equal(run(&defaults, "--help"), 0);
}

static void wrong_usage_is_told_apart_from_failure(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"nonsense",
		"holds flow",
		"holds --nonsense",
		"holds --connections",
		"holds --connections 0",
		"holds --connections 1,,2",
		"holds --connections 1,x",
		"holds --connections 20001",
		"holds --duration 10",
		"holds --duration 0s",
		"holds --rate -1",
		"holds --rate 1e3",
		"holds --users 0",
		"holds --seats 1000001",
		"holds --check some",
		"holds --json=yes",
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (run(&defaults, lines[i]) != 2)
			fail_msg("passed: %s", lines[i]);
	}
}

static void secrets_are_needed(void **state)
{
	(void)state;
	struct bench_defaults none = {.url = defaults.url};
	assert_int_equal(run(&none, "holds"), 2);
}

static void a_server_that_is_not_there_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(run(&defaults, "holds --connections 1,2 --check 10 --json"), 1);
	assert_int_equal(run(&defaults, "--verify-journal /nonexistent/journal"), 1);
	assert_int_equal(run(&defaults, "flow --journal /nonexistent/journal"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_is_no_failure),
		cmocka_unit_test(wrong_usage_is_told_apart_from_failure),
		cmocka_unit_test(secrets_are_needed),
		cmocka_unit_test(a_server_that_is_not_there_is_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
