/* test_hlc.c: the hybrid logical clock. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>

#include "base/hlc.h"

static void it_follows_the_wall_clock(void **state)
{
	(void)state;
	struct hlc clock = {0};
	assert_int_equal(hlc_milliseconds(hlc_next(&clock, 1000)), 1000);
	assert_int_equal(hlc_milliseconds(hlc_next(&clock, 2000)), 2000);
	assert_int_equal(hlc_from_milliseconds(2000), clock.latest);
}

static void stamps_of_one_millisecond_increase(void **state)
{
	(void)state;
	struct hlc clock = {0};
	uint64_t last = hlc_next(&clock, 1000);
	for (int i = 0; i < 10000; i++) { /* more than the counter has room for: it runs on into the next milliseconds */
		uint64_t next = hlc_next(&clock, 1000);
		assert_true(next > last);
		last = next;
	}
	assert_int_equal(hlc_milliseconds(last), 1002);
}

static void it_never_goes_back(void **state)
{
	(void)state;
	struct hlc clock = {0};
	uint64_t before = hlc_next(&clock, 5000);
	assert_int_equal(hlc_next(&clock, 10), before + 1);
}

static void it_passes_what_it_has_seen(void **state)
{
	(void)state;
	struct hlc clock = {0};
	uint64_t seen = hlc_from_milliseconds(9000) + 3;
	hlc_observe(&clock, seen);
	hlc_observe(&clock, 1);
	assert_int_equal(hlc_next(&clock, 1000), seen + 1);
	assert_int_equal(hlc_next(&clock, 9001), hlc_from_milliseconds(9001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_follows_the_wall_clock),
		cmocka_unit_test(stamps_of_one_millisecond_increase),
		cmocka_unit_test(it_never_goes_back),
		cmocka_unit_test(it_passes_what_it_has_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
