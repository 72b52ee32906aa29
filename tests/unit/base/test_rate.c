/* test_rate.c: "100/1m" and what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/rate.h"

static void a_rate_is_a_limit_and_a_window(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t limit;
		uint32_t window_s;
	} cases[] = {{"100/1m", 100, 60}, {"1/1s", 1, 1},     {"1000000/1d", 1000000, 86400},
	             {"5/1m30s", 5, 90},  {"7/2000ms", 7, 2}, {"off", 0, 0}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct rate rate;
		assert_true(rate_parse(slice_of(cases[i].text), &rate));
		assert_int_equal(rate.limit, cases[i].limit);
		assert_int_equal(rate.window_s, cases[i].window_s);
	}
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"",        "0",         "100",        "100/",        "/1m",       "0/1m",    "01/1m",
	                                      "+1/1m",   "-1/1m",     "1000001/1m", "99999999/1m", "1.5/1m",    "100/1",   "100/0s",
	                                      "100/m",   "100/500ms", "100/1500ms", "100/25h",     "100/1m/1m", "100 /1m", "100/ 1m",
	                                      " 100/1m", "Off",       "off ",       "100/1m ",     "1e3/1m",    "100/-1m"};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct rate rate = {.limit = 7};
		if (rate_parse(slice_of(refused[i]), &rate))
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(rate.limit, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_a_limit_and_a_window),
		cmocka_unit_test(anything_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
